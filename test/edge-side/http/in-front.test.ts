/** What a proxy in front of the edge relies on: early answers arrive, cuts show as cuts, kept connections are not closed on it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LINGER_BYTES, LINGER_MS } from "../../../edge-side/http/linger.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn, type RawVisitor } from "../../kit/raw-visitor.ts";
import { until } from "../../kit/until.ts";
import { type EdgeUnderTest, GET, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest();
});
afterAll(() => edge[Symbol.asyncDispose]());

/** How its connection ended for a visitor: "end", or the code of an error. */
const endOf = (visitor: RawVisitor): Promise<string> =>
  new Promise((resolve) => {
    visitor.socket
      .once("end", () => resolve("end"))
      .once("error", ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
  });

const MEGABYTES = 8 * 2 ** 20;

describe("an early answer to an upload whose connection is to close", () => {
  it.each([
    ["HTTP/1.1", request("POST /", ["Connection: close", `Content-Length: ${MEGABYTES}`])],
    [
      "HTTP/1.0",
      `POST / HTTP/1.0\r\nHost: ${HOST}\r\nConnection: close\r\nContent-Length: ${MEGABYTES}\r\n\r\n`,
    ],
  ])("arrives before the connection ends: %s", async (_, head) => {
    const { visitor, exchange } = await edge.ask(head);
    const ended = endOf(visitor);
    visitor.send(Buffer.alloc(64 * 1024));
    await exchange.bodyReaches(1);
    exchange.answer(413, ["Content-Length", "5"], "large").refuseBody();
    const response = await visitor.response("POST");
    expect([response.status, response.body.toString(), fieldIn(response, "connection")]).toEqual([
      413,
      "large",
      "close",
    ]);
    expect(await ended).toBe("end");
    // As a proxy does that sends on: nothing of it meets a reset.
    visitor.send(Buffer.alloc(MEGABYTES - 64 * 1024));
    let reset: unknown;
    visitor.socket.on("error", (error) => {
      reset = error;
    });
    await until(() => visitor.socket.writableLength === 0, "the rest of the upload");
    visitor.socket.end();
    await until(() => visitor.socket.closed, "the end");
    expect(reset).toBeUndefined();
  });

  it("that is over the limit of bodies, too", async () => {
    await using small = await startEdgeUnderTest({ settings: { limits: { bodyBytes: "1 KiB" } } });
    const visitor = await small.visitor();
    const ended = endOf(visitor);
    visitor.send(request("POST /", ["Connection: close", `Content-Length: ${MEGABYTES}`]));
    expect((await visitor.response("POST")).status).toBe(413);
    expect(await ended).toBe("end");
    visitor.send(Buffer.alloc(MEGABYTES));
    await until(() => visitor.socket.writableLength === 0, "the upload");
    expect(visitor.socket.errored).toBeNull();
  });

  it("is waited for so long and no longer", async () => {
    const clock = new FakeClock();
    await using timed = await startEdgeUnderTest({ clock, settings: { times: { heartbeat: "5m" } } });
    const { visitor, exchange } = await timed.ask(
      request("POST /", ["Connection: close", "Content-Length: 100"], "some"),
    );
    await exchange.bodyReaches(4);
    exchange.answer(413, ["Content-Length", "2"], "no").refuseBody();
    expect((await visitor.response("POST")).status).toBe(413);
    await visitor.closed;
    await clock.advance(LINGER_MS - 1);
    visitor.send("x");
    await settle();
    expect(timed.troubles).toEqual([]);
    await clock.advance(1);
    expect(timed.troubles).toEqual([expect.stringContaining('"limit":"LINGER_MS"')]);
    await until(() => visitor.send("x").socket.destroyed, "the cut");
  });

  it.each([
    [0, []],
    [1, [expect.stringContaining('"limit":"LINGER_BYTES"')]],
  ])("is read to a number of bytes and %i more", async (more, troubles) => {
    await using own = await startEdgeUnderTest();
    const { visitor, exchange } = await own.ask(
      request("POST /", ["Connection: close", `Content-Length: ${LINGER_BYTES + more}`]),
    );
    exchange.answer(413, ["Content-Length", "2"], "no").refuseBody();
    expect((await visitor.response("POST")).status).toBe(413);
    await visitor.closed;
    visitor.send(Buffer.alloc(LINGER_BYTES + more));
    await until(() => visitor.socket.writableLength === 0, "the upload");
    // The edge has closed the connection when it resets what comes.
    await until(() => visitor.send("x").socket.destroyed, "the end");
    expect(own.troubles).toEqual(troubles);
  });
});

describe("a page that breaks off", () => {
  const HTTP10 = `GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`;
  const LENGTH = ["Content-Type", "text/html", "Content-Length", "1000"];
  it.each([
    ["in chunks is reset", GET(), ["Content-Type", "text/html"], "ECONNRESET"],
    ["in chunks and coded is reset", GET("/", "Accept-Encoding: gzip"), LENGTH, "ECONNRESET"],
    ["that ends with its connection is reset", HTTP10, ["Content-Type", "text/html"], "ECONNRESET"],
    ["with a length keeps it, and falls short of it", GET(), LENGTH, "end"],
    ["with a length falls short of it in HTTP/1.0", HTTP10, LENGTH, "end"],
  ])("%s, behind what came", async (_, text, fields, end) => {
    const { visitor, exchange } = await edge.ask(text);
    const ended = endOf(visitor);
    exchange.answer(200, fields).data("what came");
    const head = await visitor.head();
    const coded = fieldIn(head, "content-encoding") !== undefined;
    expect(fieldIn(head, "content-length")).toBe(end === "end" ? "1000" : undefined);
    exchange.fail("truncated");
    expect(await ended).toBe(end);
    const seen = visitor.seen.toString("latin1");
    expect(seen).not.toContain("0\r\n\r\n");
    if (!coded) expect(seen).toContain("what came");
  });
});

describe("a kept connection", () => {
  it("whose time is over while a request lies in it serves that request", async () => {
    await using short = await startEdgeUnderTest({ times: { keepAliveMs: 20 } });
    const { visitor, exchange } = await short.ask(GET("/first"));
    exchange.answer(200, ["Content-Length", "1"], "1");
    await visitor.response();
    visitor.send(GET("/second"));
    // The program does nothing else, past the time and the second that node adds to it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100);
    (await short.origin.next()).answer(200, ["Content-Length", "1"], "2");
    expect((await visitor.response()).body.toString()).toBe("2");
    expect(await visitor.rest()).toBe("");
  });
});

describe("a request that has been at this edge", () => {
  it("is 508 at the first turn, and logged; one of other edges is not", async () => {
    const before = edge.troubles.length;
    const { visitor, exchange } = await edge.ask(GET("/", "Via: 1.1 coilgun-00000000, 1.0 coilgun"));
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
    const via = exchange.field("via") ?? "";
    const again = (await edge.visitor()).send(GET("/turn", `Via: ${via}`, "Via: 1.1 between"));
    expect((await again.response()).status).toBe(508);
    expect(edge.troubles.slice(before)).toEqual([expect.stringMatching(/^request loop .*"\/turn"/)]);
    await using other = await startEdgeUnderTest();
    const { exchange: through } = await other.ask(GET("/", `Via: ${via}`));
    through.answer(204, [], "");
  });
});
