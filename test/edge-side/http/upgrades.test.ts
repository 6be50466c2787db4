/** Connections that become something else: RFC 9110 section 7.8, RFC 6455 section 4. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn } from "../../kit/raw-visitor.ts";
import { settledWork, stillness, until } from "../../kit/until.ts";
import { type EdgeUnderTest, GET, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest();
});
afterAll(() => edge[Symbol.asyncDispose]());

const UPGRADE = (token = "websocket", ...more: readonly string[]) =>
  GET("/chat?x", "Connection: keep-alive, Upgrade", `Upgrade: ${token}`, "Sec-WebSocket-Key: k", ...more);
const ACCEPTED = [
  "Upgrade",
  "websocket",
  "Sec-WebSocket-Accept",
  "a",
  "Set-Cookie",
  "a=1",
  "Set-Cookie",
  "b=2",
];

const joined = async (token?: string) => {
  const { visitor, exchange } = await edge.ask(UPGRADE(token));
  exchange.answer(101, ACCEPTED);
  expect((await visitor.head()).status).toBe(101);
  return { visitor, exchange };
};

describe("an upgrade", () => {
  it("goes on with its token and open, and 101 comes back as it was, with a Connection of ours", async () => {
    const { visitor, exchange } = await edge.ask(UPGRADE());
    expect(exchange.request.target).toBe("/chat?x");
    expect(exchange.open.ended).toBe(false);
    expect(exchange.field("upgrade")).toBe("websocket");
    expect(exchange.field("connection")).toBeUndefined();
    expect(exchange.field("sec-websocket-key")).toBe("k");
    exchange.answer(101, ACCEPTED);
    const head = await visitor.head();
    expect(head).toMatchObject({ status: 101, reason: "Switching Protocols" });
    expect(head.fields).toEqual([...ACCEPTED.slice(2), "Connection", "Upgrade", "Upgrade", "websocket"]);
  });

  it.each(["websocket", "tls/1.0, IRC/6.9", "anything"])("to %s carries bytes both ways", async (token) => {
    const { visitor, exchange } = await joined(token);
    visitor.send("\x00\xff from the visitor");
    expect((await exchange.bodyReaches(19)).toString("latin1")).toBe("\x00\xff from the visitor");
    exchange.data("\x01 from the origin");
    expect((await visitor.bytes(17)).toString("latin1")).toBe("\x01 from the origin");
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
  });

  it("carries what the visitor sent without waiting for 101", async () => {
    const { visitor, exchange } = await edge.ask(`${UPGRADE()}early`);
    visitor.send(" and more");
    exchange.answer(101, ACCEPTED);
    expect((await exchange.bodyReaches(14)).toString()).toBe("early and more");
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
  });

  it("carries what the origin server sent with its 101, and right after it ended", async () => {
    const { visitor, exchange } = await edge.ask(UPGRADE());
    exchange.answer(101, ACCEPTED, "hello and bye");
    await visitor.head();
    expect(await visitor.rest()).toBe("hello and bye");
    visitor.send("still here").socket.end();
    expect(await exchange.ended).toMatchObject({ how: "complete", body: Buffer.from("still here") });
  });

  it("ends each way by itself", async () => {
    const { visitor, exchange } = await joined();
    visitor.send("last words").socket.end();
    expect(await exchange.ended).toMatchObject({ how: "complete", body: Buffer.from("last words") });
    exchange.data("answer").end();
    expect(await visitor.rest()).toBe("answer");
  });

  it("is cut when the origin server breaks off", async () => {
    const { visitor, exchange } = await joined();
    exchange.fail("truncated");
    expect(await visitor.rest()).toBe("");
  });

  it("is cut when the origin server breaks off after it had ended its half", async () => {
    const { visitor, exchange } = await joined();
    exchange.end();
    await visitor.closed;
    // So far it was the end of a half: the visitor's own is open, and neither end has closed the connection.
    expect([visitor.socket.closed, visitor.socket.writable]).toEqual([false, true]);
    const failed: unknown[] = [];
    visitor.socket.on("error", ({ code }: NodeJS.ErrnoException) => failed.push(code));
    exchange.fail("truncated");
    // A socket that has read to the end hears of a reset when it writes.
    await until(() => visitor.send("?").socket.closed, "the end of the connection");
    expect(["ECONNRESET", "EPIPE"]).toContain(failed[0]);
  });

  it("is reset, and the log says by which limit, when its visitor takes nothing for too long", async () => {
    const clock = new FakeClock();
    const settings = { times: { idle: "5s", keepAlive: "50s", heartbeat: "5m" } };
    await using timed = await startEdgeUnderTest({ clock, settings });
    const { visitor, exchange } = await timed.ask(UPGRADE());
    exchange.answer(101, ACCEPTED);
    await visitor.head();
    visitor.socket.pause();
    let sent = 0;
    const feed = async () => {
      for (; !exchange.over; sent++) await exchange.dataInTurn(Buffer.alloc(64 * 1024));
    };
    const feeding = feed();
    await stillness(() => sent);
    await clock.advance(5_000);
    expect(await exchange.gone).toBe("cancelled");
    await feeding;
    const failed: unknown[] = [];
    visitor.socket.on("error", ({ code }: NodeJS.ErrnoException) => failed.push(code)).resume();
    await until(() => visitor.socket.closed, "the end of the connection");
    expect(failed).toEqual(["ECONNRESET"]);
    expect(timed.troubles.at(-1)).toMatch(/^limit reached .*times\.idle/);
  });

  it("holds back a visitor that is faster than the origin server", async () => {
    const { visitor, exchange } = await joined();
    exchange.takes = false;
    const piece = Buffer.alloc(2 ** 20);
    for (let sent = 0; sent < 32 && visitor.socket.write(piece); sent++);
    await exchange.bodyReaches(128 * 1024);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(exchange.bodyBytes).toBeLessThanOrEqual(256 * 1024);
    exchange.fail("cancelled");
    await visitor.closed;
  });

  it("holds back an origin server that is faster than the visitor", async () => {
    const { visitor, exchange } = await joined();
    visitor.socket.pause();
    let sent = 0;
    const feed = async () => {
      for (; sent < 256 && !exchange.over; sent++) await exchange.dataInTurn(Buffer.alloc(64 * 1024));
    };
    const feeding = feed();
    for (let turn = 0; turn < 400; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBeLessThan(256);
    visitor.leave();
    await feeding;
  });

  it("of a hundred visitors at once", async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => edge.visitor()));
    for (const [index, visitor] of all.entries()) visitor.send(UPGRADE("websocket", `X-Number: ${index}`));
    const exchanges = [];
    for (const _ of all) exchanges.push(await edge.origin.next());
    for (const exchange of exchanges)
      exchange.answer(101, ACCEPTED).data(`you are ${exchange.field("x-number")}.`);
    for (const [index, visitor] of all.entries()) {
      expect((await visitor.head()).status).toBe(101);
      expect(await visitor.until(".")).toBe(`you are ${index}.`);
    }
    for (const visitor of all) visitor.leave();
    expect(await Promise.all(exchanges.map(({ gone }) => gone))).toEqual(exchanges.map(() => "cancelled"));
  });
});

describe("an upgrade that is not to be", () => {
  it.each([
    [403, ["Content-Length", "2"]],
    [200, []],
  ])("gets the origin server's %i, again and again on the connection that it has", async (status, fields) => {
    const warnings: unknown[] = [];
    const warned = (warning: Error) => warnings.push(warning.name);
    process.on("warning", warned);
    const visitor = await edge.visitor();
    // More than the listeners that node takes for a leak.
    for (let turn = 0; turn < 30; turn++) {
      visitor.send(UPGRADE());
      (await edge.origin.next()).answer(status, fields, "no");
      const response = await visitor.response();
      expect([response.status, response.body.toString(), fieldIn(response, "connection")]).toEqual([
        status,
        "no",
        "keep-alive",
      ]);
      visitor.send(request("POST /", ["Content-Length: 4"], "body"));
      const exchange = await edge.origin.next();
      expect((await exchange.ended).body.toString()).toBe("body");
      exchange.answer(200, ["Content-Length", "5"], "plain");
      expect((await visitor.response()).body.toString()).toBe("plain");
    }
    visitor.send(UPGRADE());
    (await edge.origin.next()).answer(101, ACCEPTED);
    expect((await visitor.head()).status).toBe(101);
    visitor.leave();
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });

  it("ends the connection of a visitor that wants it, or has spoken before the answer", async () => {
    for (const [text, early] of [
      [UPGRADE().replace("keep-alive, Upgrade", "close, Upgrade"), ""],
      [UPGRADE(), GET("/chosen-by-another")],
    ] as const) {
      const before = edge.origin.count;
      const { visitor, exchange } = await edge.ask(text + early);
      exchange.answer(403, ["Content-Length", "2"], "no");
      expect((await visitor.response()).body.toString()).toBe("no");
      expect(await visitor.rest()).toBe("");
      expect(edge.origin.count).toBe(before + 1);
    }
  });

  it("leaves a connection that rests as long as others, and then ends without a word", async () => {
    const clock = new FakeClock();
    const settings = { times: { idle: "5s", keepAlive: "50s", heartbeat: "5m" } };
    await using timed = await startEdgeUnderTest({ clock, settings });
    const { visitor, exchange } = await timed.ask(UPGRADE());
    exchange.answer(200, ["Content-Length", "2"], "no");
    await visitor.response();
    await clock.advance(49_999);
    await settledWork();
    expect(visitor.socket.destroyed).toBe(false);
    await clock.advance(1);
    expect(await visitor.rest()).toBe("");
  });

  it("gets an error page where there is no answer", async () => {
    const { visitor, exchange } = await edge.ask(UPGRADE());
    exchange.fail("origin-failed");
    expect((await visitor.response()).status).toBe(502);
    visitor.send(GET());
    (await edge.origin.next()).answer(200, ["Content-Length", "5"], "plain");
    expect((await visitor.response()).body.toString()).toBe("plain");
  });

  it("resets the exchange when the visitor leaves before the answer", async () => {
    const { visitor, exchange } = await edge.ask(UPGRADE());
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
  });

  it("to h2c is ignored: HTTP/1.1 goes on", async () => {
    const { visitor, exchange } = await edge.ask(
      GET("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    );
    expect(exchange.open.ended).toBe(true);
    expect([exchange.field("upgrade"), exchange.field("http2-settings")]).toEqual([undefined, undefined]);
    exchange.answer(200, [], "plain");
    expect((await visitor.response()).body.toString()).toBe("plain");
  });

  it.each([
    ["of HTTP/1.0", UPGRADE().replace("HTTP/1.1", "HTTP/1.0")],
    ["without Connection", GET("/", "Upgrade: websocket")],
  ])("%s is an ordinary request", async (_, text) => {
    const { visitor, exchange } = await edge.ask(text);
    expect(exchange.field("upgrade")).toBeUndefined();
    expect(await exchange.ended).toMatchObject({ how: "complete", body: Buffer.alloc(0) });
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
  });

  it("of an ambiguous request is 400", async () => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    visitor.send(UPGRADE("websocket", "Host: other.example.com"));
    expect((await visitor.response()).status).toBe(400);
    expect(edge.origin.count).toBe(before);
  });
});
