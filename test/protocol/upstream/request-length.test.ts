// A small body without a length goes on with one, where it ends soon: WSGI servers see no body in chunks.
import { describe, expect, it } from "vitest";
import { LENGTH_PIECE_MS, LENGTH_TOTAL_MS } from "../../../protocol/upstream/upstream-client.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, RawOrigin } from "../../kit/raw-origin.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

const CHUNKED = "Transfer-Encoding: chunked";

describe("a body without a length", () => {
  it("that is here goes on with one", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const body = new FedBody().piece("bo").piece("dy").end();
    const asked = ask(client, "POST", "/", { body });
    const connection = await origin.next();
    const head = await connection.head();
    expect(head.filter((line) => /^(?:content-length|transfer-encoding)/i.test(line))).toEqual([
      "Content-Length: 4",
    ]);
    expect(await connection.bytes(4)).toBe("body");
    connection.end(OK());
    await heard(asked);
    expect([connection.unread, body.takenBytes]).toEqual(["", 4]);
  });

  it("that comes in time does too, and no timer stays", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port), { clock });
    const body = new FedBody();
    const asked = ask(client, "POST", "/", { body });
    const sent = "abc";
    for (const piece of sent) {
      await clock.advance(LENGTH_PIECE_MS - 1);
      body.piece(piece);
    }
    expect(LENGTH_TOTAL_MS).toBeGreaterThan(3 * (LENGTH_PIECE_MS - 1));
    await clock.advance(LENGTH_TOTAL_MS - 3 * (LENGTH_PIECE_MS - 1) - 1);
    expect(origin.count).toBe(0);
    body.end();
    const connection = await origin.next();
    expect(await connection.head()).toContain("Content-Length: 3");
    expect(await connection.bytes(3)).toBe(sent);
    connection.end(OK("", "Connection: close"));
    await heard(asked);
    client.close();
    expect(clock.timers).toBe(0);
  });

  it.each([
    ["whose visitor falls silent", [LENGTH_PIECE_MS]],
    ["that takes too long", [200, 200, 200, 200, 200]],
  ])("%s goes in chunks, and what comes then as it comes", async (_, pauses) => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port), { clock });
    const body = new FedBody().piece("first");
    const asked = ask(client, "POST", "/", { body });
    for (const [at, ms] of pauses.entries()) {
      if (at > 0) body.piece("m");
      await clock.advance(ms);
    }
    const connection = await origin.next();
    expect(await connection.head()).toContain(CHUNKED);
    const before = `first${"m".repeat(pauses.length - 1)}`;
    expect(await connection.upTo(`${before}\r\n`)).toBe(`${before.length}\r\n${before}\r\n`);
    body.piece("next");
    expect(await connection.upTo("next\r\n")).toBe("4\r\nnext\r\n");
    body.end();
    expect(await connection.upTo("\r\n\r\n")).toBe("0\r\n\r\n");
    connection.end(OK("", "Connection: close"));
    await heard(asked);
    client.close();
    expect([body.takenBytes, clock.timers]).toEqual([before.length + 4, 0]);
  });

  it("of 64 KiB goes in chunks at once", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port), { clock: new FakeClock() });
    const body = new FedBody().piece(Buffer.alloc(64 * 1024, "x"));
    const asked = ask(client, "PUT", "/", { body });
    const connection = await origin.next();
    expect(await connection.head()).toContain(CHUNKED);
    body.end();
    await connection.upTo("\r\n0\r\n\r\n");
    connection.end(OK());
    await heard(asked);
  });

  it.each([
    ["whose visitor waits for 100", ["Expect", "100-continue"]],
    ["that says that it streams", ["Incremental", "?1"]],
    ["that announces trailers", ["Trailer", "X"]],
  ])("%s waits for nothing", async (_, fields) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port), { clock: new FakeClock() });
    const body = new FedBody();
    const asked = ask(client, "POST", "/", { fields, body });
    const connection = await origin.next();
    expect(await connection.head()).toContain(CHUNKED);
    body.piece("hi").end();
    expect(await connection.upTo("0\r\n\r\n")).toBe("2\r\nhi\r\n0\r\n\r\n");
    connection.end(OK());
    await heard(asked);
  });

  it.each([
    ["GET", []],
    ["POST", ["Content-Length: 0"]],
  ])("of no bytes is none: %s", async (method, framing) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client, method, "/", { body: new FedBody().end() });
    const connection = await origin.next();
    const head = await connection.head();
    expect(head.filter((line) => /^(?:content-length|transfer-encoding)/i.test(line))).toEqual(framing);
    connection.end(OK());
    await heard(asked);
    expect(connection.unread).toBe("");
  });

  it("whose visitor leaves meanwhile is never asked, and leaves nothing behind", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port), { clock });
    const asked = ask(client, "POST", "/", { body: new FedBody().piece("hi") });
    await clock.advance(1);
    asked.leave();
    await expect(asked.response).rejects.toThrow("left");
    expect([origin.count, clock.timers]).toEqual([0, 0]);
  });
});
