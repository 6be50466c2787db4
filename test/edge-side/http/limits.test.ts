/** Limits of heads, targets, bodies and connections, each at its edge. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn } from "../../kit/raw-visitor.ts";
import { type EdgeUnderTest, GET, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest({
    settings: { limits: { headBytes: "32 KiB", targetBytes: "16 KiB", bodyBytes: "1 KiB", visitors: 20 } },
  });
});
afterAll(() => edge[Symbol.asyncDispose]());

const BODY_BYTES = 1024;

describe("a target", () => {
  it("may be as long as the limit", async () => {
    const target = `/${"a".repeat(16 * 1024 - 1)}`;
    const { visitor, exchange } = await edge.ask(GET(target));
    expect(exchange.request.target).toBe(target);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
    visitor.leave();
  });

  it.each([16 * 1024, 100 * 1024])("of %i bytes more is 414", async (bytes) => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    visitor.send(GET(`/${"a".repeat(bytes)}`));
    const response = await visitor.response();
    expect([response.status, fieldIn(response, "connection")]).toEqual([414, "close"]);
    expect(edge.troubles.at(-1)).toMatch(/^limit reached .*"limits.targetBytes"/);
    expect(edge.origin.count).toBe(before);
  });
});

describe("a head", () => {
  it("larger than the limit is 431", async () => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    visitor.send(GET("/", `X-A: ${"a".repeat(40 * 1024)}`));
    expect((await visitor.response()).status).toBe(431);
    expect(edge.troubles.at(-1)).toMatch(/^limit reached .*limits.headBytes.*"address":"127.0.0.1"/);
    expect(edge.origin.count).toBe(before);
  });

  it.each([
    ["may have 1,000 fields", 1_000, 204],
    ["of 1,001 fields is 431", 1_001, 431],
  ])("%s", async (_, count, status) => {
    // GET has a Host already.
    const head = GET("/", ...Array.from({ length: count - 1 }, () => "X: 1"));
    expect(head.split("\r\n").length - 3).toBe(count);
    if (status === 431) {
      const visitor = await edge.visitor();
      visitor.send(head);
      expect((await visitor.response()).status).toBe(status);
      return;
    }
    const { visitor, exchange } = await edge.ask(head);
    exchange.answer(status, [], "");
    expect((await visitor.response()).status).toBe(status);
    visitor.leave();
  });

  it("of many small fields is 431, too", async () => {
    const visitor = await edge.visitor();
    visitor.send(GET("/", ...Array.from({ length: 5_000 }, (_, i) => `X-${i}: 1`)));
    expect((await visitor.response()).status).toBe(431);
  });
});

describe("a body", () => {
  it("may be as large as the limit", async () => {
    const body = "a".repeat(BODY_BYTES);
    for (const [field, text] of [
      [`Content-Length: ${BODY_BYTES}`, body],
      ["Transfer-Encoding: chunked", `400\r\n${body}\r\n0\r\n\r\n`],
    ] as const) {
      const { visitor, exchange } = await edge.ask(request("POST /", [field], text));
      expect((await exchange.ended).body.length).toBe(BODY_BYTES);
      exchange.answer(200, [], "");
      expect((await visitor.response()).status).toBe(200);
      visitor.leave();
    }
  });

  it("whose length says more is 413 at once, and the connection can go on", async () => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    visitor.send(request("POST /", [`Content-Length: ${BODY_BYTES + 1}`]));
    expect((await visitor.response()).status).toBe(413);
    expect(edge.troubles.at(-1)).toMatch(/^limit reached .*limits.bodyBytes/);
    expect(edge.origin.count).toBe(before);
    visitor.send("a".repeat(BODY_BYTES + 1), GET());
    (await edge.origin.next()).answer(200, [], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
    visitor.leave();
  });

  it("that is expected to be too large is 413, and not sent", async () => {
    const visitor = await edge.visitor();
    visitor.send(request("POST /", ["Expect: 100-continue", `Content-Length: ${BODY_BYTES + 1}`]));
    const interims: number[] = [];
    expect((await visitor.response("POST", interims)).status).toBe(413);
    expect(interims).toEqual([]);
    visitor.leave();
  });

  it("that turns out to be larger is 413, and the exchange is reset", async () => {
    const { visitor, exchange } = await edge.ask(
      request("POST /", ["Transfer-Encoding: chunked"], "1\r\na\r\n"),
    );
    await exchange.bodyReaches(1);
    visitor.send(`400\r\n${"a".repeat(BODY_BYTES)}\r\n`);
    expect(await exchange.gone).toBe("cancelled");
    expect((await visitor.response()).status).toBe(413);
    visitor.send("0\r\n\r\n", GET());
    (await edge.origin.next()).answer(200, [], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
    visitor.leave();
  });
});

it("a connection that sends more requests ahead than may wait is closed, and the log says so", async () => {
  const { visitor, exchange } = await edge.ask(GET());
  visitor.send(GET("/").repeat(300));
  await visitor.closed;
  expect(await exchange.gone).toBe("cancelled");
  expect(edge.troubles.at(-1)).toMatch(
    /^limit reached .*"requests that wait on a connection".*"address":"127.0.0.1"/,
  );
});

describe("one connection more than the limit", () => {
  it("is closed at once while all others are busy, and the log says so", async () => {
    await using few = await startEdgeUnderTest({ limits: { visitors: 3 } });
    const visitors = [await few.visitor(), await few.visitor(), await few.visitor()];
    for (const visitor of visitors) visitor.send(GET());
    const exchanges = [await few.origin.next(), await few.origin.next(), await few.origin.next()];
    expect(await (await few.visitor()).rest()).toBe("");
    expect(few.troubles.join()).toContain("limits.visitors");
    for (const exchange of exchanges) exchange.answer(200, ["Content-Length", "2"], "ok");
    for (const visitor of visitors) expect((await visitor.response()).status).toBe(200);
  });

  it("takes the place of the one that has been without a request for longest", async () => {
    await using few = await startEdgeUnderTest({ limits: { visitors: 3 } });
    const visitors = [await few.visitor(), await few.visitor(), await few.visitor()] as const;
    const [first, second, third] = visitors;
    for (const visitor of [second, first]) {
      visitor.send(GET());
      (await few.origin.next()).answer(200, ["Content-Length", "2"], "ok");
      expect((await visitor.response()).status).toBe(200);
    }
    third.send(GET());
    const exchange = await few.origin.next();
    const fourth = await few.visitor();
    await second.closed;
    fourth.send(GET());
    (await few.origin.next()).answer(200, ["Content-Length", "2"], "ok");
    expect((await fourth.response()).status).toBe(200);
    expect([first.socket.destroyed, third.socket.destroyed]).toEqual([false, false]);
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await third.response()).status).toBe(200);
    for (const visitor of [first, third, fourth]) visitor.leave();
  });
});

it("a visitor's own interim answers and answers of 40 KB of head pass", async () => {
  const { visitor, exchange } = await edge.ask(GET());
  exchange.answer(200, ["X-A", "a".repeat(30_000)], "ok");
  expect(fieldIn(await visitor.response(), "x-a")?.length).toBe(30_000);
});
