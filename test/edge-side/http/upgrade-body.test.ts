/** Requests that ask to upgrade and have a body, and what node reads anew: RFC 9110 section 7.8, RFC 9112 section 7.1. */
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MOST_EARLY_BYTES, type UpgradeBody, upgradeBodyOf } from "../../../edge-side/http/upgrade-body.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { type EdgeUnderTest, GET, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest();
});
afterAll(() => edge[Symbol.asyncDispose]());

const upgrade = (framing: string, sent: string, ...more: readonly string[]) =>
  request("POST /", ["Connection: Upgrade", "Upgrade: echo", framing, ...more], sent);
const LENGTH = "Content-Length: 11";
const CHUNKED = "Transfer-Encoding: chunked";
const CHUNKS = "5\r\nhello\r\n006\r\n world\r\n0\r\n\r\n";

describe("the reader of the body", () => {
  const read = (headers: Record<string, string>, sent: string, most?: number): UpgradeBody =>
    upgradeBodyOf(
      { headers, httpVersion: "1.1" } as unknown as IncomingMessage,
      most,
    )(Buffer.from(sent, "latin1"));
  const chunked = { "transfer-encoding": "chunked" };

  it.each([
    ["a size that is none", "x"],
    ["an extension", "5;a=b\r\nhello\r\n0\r\n\r\n"],
    ["a space behind the size", "5 \r\nhello"],
    ["a line that ends in LF alone", "5\nhello\r\n"],
    ["a chunk that is longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
    ["trailers", "0\r\nX-Sum: 1\r\n\r\n"],
    ["more than an edge holds", "10001\r\n"],
    ["less than an edge holds, in very small chunks", "1\r\na\r\n".repeat(MOST_EARLY_BYTES / 6 + 1)],
  ])("leaves %s to node", (_, sent) => {
    expect(read(chunked, sent)).toBe("ordinary");
  });

  it.each([
    [{ "content-length": "65537" }, undefined],
    [{ "content-length": "9" }, 8],
    [{ "transfer-encoding": "gzip, chunked" }, undefined],
    [{ "content-length": "2", expect: "100-continue" }, undefined],
    [{ "content-length": "0", upgrade: "a, H2C" }, undefined],
  ])("leaves %o to node at once", (headers, most) => {
    expect(read(headers, "", most)).toBe("ordinary");
  });

  it("takes chunks however they come", () => {
    const reader = upgradeBodyOf({ headers: chunked, httpVersion: "1.1" } as unknown as IncomingMessage);
    for (let end = 0; end < CHUNKS.length; end++)
      expect(reader(Buffer.from(CHUNKS.slice(0, end)))).toBe("unfinished");
    expect(reader(Buffer.from(`${CHUNKS}more`))).toEqual({
      body: Buffer.from("hello world"),
      behind: Buffer.from("more"),
    });
  });
});

describe("an upgrade with a body", () => {
  it.each([
    ["a length, in one packet", LENGTH, ["hello world"]],
    ["a length, bit by bit", LENGTH, [..."hello world"]],
    ["chunks, in one packet", CHUNKED, [CHUNKS]],
    ["chunks, bit by bit", CHUNKED, [...CHUNKS]],
  ])("of %s goes on with it, and then with the other protocol", async (_, framing, [first = "", ...rest]) => {
    const visitor = await edge.visitor();
    visitor.send(upgrade(framing, first));
    for (const piece of rest) {
      await new Promise((resolve) => setImmediate(resolve));
      visitor.send(piece);
    }
    visitor.send("early");
    const exchange = await edge.origin.next();
    expect([exchange.field("upgrade"), exchange.field("content-length")]).toEqual(["echo", "11"]);
    expect([exchange.field("transfer-encoding"), exchange.open.ended]).toEqual([undefined, false]);
    expect((await exchange.bodyReaches(11)).toString()).toBe("hello world");
    exchange.answer(101, ["Upgrade", "echo"]);
    expect((await visitor.head()).status).toBe(101);
    visitor.send(" and late");
    expect((await exchange.bodyReaches(25)).toString()).toBe("hello worldearly and late");
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
  });

  it("leaves the connection as it was where the answer is another", async () => {
    const visitor = await edge.visitor();
    for (const [framing, sent] of [
      [LENGTH, "hello world"],
      [CHUNKED, CHUNKS],
    ] as const) {
      visitor.send(upgrade(framing, sent));
      const exchange = await edge.origin.next();
      await exchange.bodyReaches(11);
      exchange.answer(200, ["Content-Length", "2"], "ok");
      expect((await visitor.response()).body.toString()).toBe("ok");
    }
    visitor.leave();
  });

  it.each([
    [
      "of more than an edge holds",
      `Content-Length: ${MOST_EARLY_BYTES + 1}`,
      "a".repeat(MOST_EARLY_BYTES + 1),
    ],
    ["of chunks that are no more", CHUNKED, "5;x\r\nhello\r\n0\r\n\r\n"],
    ["with trailers", CHUNKED, "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"],
  ])("%s is an ordinary request, and so is the one behind it", async (_, framing, sent) => {
    const visitor = await edge.visitor();
    visitor.send(upgrade(framing, sent), GET("/next"));
    const exchange = await edge.origin.next();
    expect(exchange.field("upgrade")).toBeUndefined();
    const { body } = await exchange.ended;
    expect(body.length).toBe(sent.startsWith("5") ? 5 : sent.length);
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
    const next = await edge.origin.next();
    expect(next.request.target).toBe("/next");
    next.answer(200, ["Content-Length", "4"], "next");
    expect((await visitor.response()).body.toString()).toBe("next");
    visitor.leave();
  });

  it("that waits for 100 Continue is an ordinary request, and gets it", async () => {
    const { visitor, exchange } = await edge.ask(upgrade(LENGTH, "", "Expect: 100-continue"));
    exchange.interim(100);
    expect((await visitor.head()).status).toBe(100);
    visitor.send("hello world");
    expect((await exchange.ended).body.toString()).toBe("hello world");
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).status).toBe(200);
    visitor.leave();
  });

  it("that is not one is 400, one that does not come 408, and nobody is asked", async () => {
    await using short = await startEdgeUnderTest({ times: { idleMs: 40 } });
    for (const [framing, sent, status] of [
      [CHUNKED, "x\r\n", 400],
      [CHUNKED, "5\r\nhel", 408],
      [LENGTH, "hello", 408],
    ] as const) {
      const visitor = await short.visitor();
      visitor.send(upgrade(framing, sent));
      expect([sent, (await visitor.response()).status]).toEqual([sent, status]);
      expect(await visitor.rest()).toBe("");
    }
  });

  it("ends with its visitor, whose connection is broken off or ended by half in it", async () => {
    const before = edge.origin.count;
    for (const leave of ["leave", "end"] as const) {
      const visitor = await edge.visitor();
      visitor.send(upgrade(LENGTH, "hello"));
      await new Promise((resolve) => setImmediate(resolve));
      if (leave === "leave") visitor.leave();
      else visitor.socket.end();
      await visitor.closed;
    }
    expect(edge.origin.count).toBe(before);
  });
});

describe("an upgrade to h2c, and what comes with it in one packet", () => {
  const h2c = GET(
    "/first",
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABk",
  );

  it.each([
    ["first", ""],
    ["behind a request that still runs", GET("/before")],
  ])("are served one after another: %s, again and again", async (_, before) => {
    const warnings: unknown[] = [];
    const warned = (warning: Error) => warnings.push(warning.name);
    process.on("warning", warned);
    const visitor = await edge.visitor();
    for (let turn = 0; turn < 30; turn++) {
      visitor.send(before + h2c + request("POST /second", ["Content-Length: 4"], "body"));
      for (const target of [...(before === "" ? [] : ["/before"]), "/first", "/second"]) {
        const exchange = await edge.origin.next();
        expect([exchange.request.target, exchange.field("upgrade")]).toEqual([target, undefined]);
        if (target === "/second") expect((await exchange.ended).body.toString()).toBe("body");
        exchange.answer(200, ["Content-Length", String(target.length)], target);
        expect((await visitor.response()).body.toString()).toBe(target);
      }
    }
    visitor.leave();
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });
});
