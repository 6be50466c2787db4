/** Who may take how long: visitors, the web server, and what each holds up. Times are short; nothing here measures them. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../protocol/kit/clock.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { GET, HOST, request, startEdgeUnderTest } from "./edge-under-test.ts";
import { fieldIn, RawVisitor } from "./raw-visitor.ts";

watchLeaks();

const SHORT = { idleMs: 150, originAnswerMs: 60_000 };
/** Longer than SHORT's idle time. */
const aWhile = () => systemClock.sleep(400);

describe("a visitor", () => {
  it("that does not finish its head gets 408", async () => {
    await using edge = await startEdgeUnderTest({ times: SHORT });
    const visitor = await edge.visitor();
    visitor.send("GET / HTTP/1.1\r\nHost: ");
    const response = await visitor.response();
    expect([response.status, fieldIn(response, "connection")]).toEqual([408, "close"]);
    expect(await visitor.rest()).toBe("");
  });

  it("that says nothing at all is let go without a word", async () => {
    await using edge = await startEdgeUnderTest({ times: SHORT });
    expect(await (await edge.visitor()).rest()).toBe("");
  });

  it("that stops inside its body gets 408, and the exchange is reset", async () => {
    await using edge = await startEdgeUnderTest({ times: SHORT });
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 10"], "12345"));
    expect(await exchange.gone).toBe("cancelled");
    expect((await visitor.response()).status).toBe(408);
    expect(await visitor.rest()).toBe("");
  });

  it("that stops inside its body after an answer has begun is cut", async () => {
    await using edge = await startEdgeUnderTest({ times: SHORT });
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 10"], "12345"));
    exchange.answer(200, []).data("begun");
    await visitor.until("begun");
    expect(await exchange.gone).toBe("cancelled");
    expect(await visitor.rest()).not.toContain("0\r\n\r\n");
  });

  it("that uploads slowly is no fault of the web server's", async () => {
    await using edge = await startEdgeUnderTest({ times: { idleMs: 60_000, originAnswerMs: 200 } });
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 3"], "1"));
    await aWhile();
    visitor.send("2");
    await aWhile();
    visitor.send("3");
    expect(await exchange.ended).toMatchObject({ how: "complete" });
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).status).toBe(200);
  });

  it("may wait for its answer longer than it may be idle", async () => {
    await using edge = await startEdgeUnderTest({ times: SHORT });
    const { visitor, exchange } = await edge.ask(GET());
    await aWhile();
    exchange.answer(200, []).data("late ");
    await visitor.until("late ");
    await aWhile();
    exchange.data("later").end();
    await visitor.until("0\r\n\r\n");
  });

  it("of a WebSocket may be silent", async () => {
    await using edge = await startEdgeUnderTest({ times: SHORT });
    const { visitor, exchange } = await edge.ask(GET("/", "Connection: Upgrade", "Upgrade: websocket"));
    exchange.answer(101, ["Upgrade", "websocket"]);
    await visitor.head();
    await aWhile();
    exchange.data("still there");
    expect((await visitor.bytes(11)).toString()).toBe("still there");
  });

  it.each([
    ["an answer", GET(), 200],
    ["a WebSocket", GET("/", "Connection: Upgrade", "Upgrade: websocket"), 101],
  ])("that takes nothing of %s is cut, holds little meanwhile, and holds up nobody", async (_, text, status) => {
    await using edge = await startEdgeUnderTest({ times: { ...SHORT, idleMs: 1_000 } });
    const { visitor, exchange } = await edge.ask(text);
    visitor.socket.pause();
    exchange.answer(status, ["Content-Type", "image/png"]);
    let sent = 0;
    const feed = async () => {
      for (; sent < 10_000 && !exchange.over; sent++) await exchange.dataInTurn(Buffer.alloc(64 * 1024));
    };
    const feeding = feed();
    const other = await edge.visitor();
    other.send(GET("/other"));
    (await edge.origin.next()).answer(200, ["Content-Length", "5"], "other");
    expect((await other.response()).body.toString()).toBe("other");
    expect(await exchange.gone).toBe("cancelled");
    await feeding;
    // What sockets, windows and queues hold; far below what was there to send (640 MB).
    expect(sent * 64 * 1024).toBeLessThan(16 * 2 ** 20);
  });
});

describe("the web server", () => {
  it("that does not answer is 504, and its exchange reset", async () => {
    await using edge = await startEdgeUnderTest({ times: { originAnswerMs: 100 } });
    const { visitor, exchange } = await edge.ask(GET());
    expect((await visitor.response()).status).toBe(504);
    expect(await exchange.gone).toBe("origin-silent");
  });

  it("that does not take a body is 504, too", async () => {
    await using edge = await startEdgeUnderTest({ times: { originAnswerMs: 200 } });
    const visitor = await RawVisitor.connect(edge.port());
    visitor.send(request("POST /", ["Content-Length: 10000000"]), Buffer.alloc(2 ** 20));
    const exchange = await edge.origin.next();
    exchange.takes = false;
    expect((await visitor.response()).status).toBe(504);
    visitor.end();
    expect(await exchange.gone).toBe("origin-silent");
  });

  it("that leaves an expected 100 out is 504", async () => {
    await using edge = await startEdgeUnderTest({ times: { originAnswerMs: 100 } });
    const { visitor } = await edge.ask(request("PUT /", ["Expect: 100-continue", "Content-Length: 3"]));
    expect((await visitor.response()).status).toBe(504);
  });

  it("that says 102 again and again is waited for", async () => {
    await using edge = await startEdgeUnderTest({ times: { originAnswerMs: 600 } });
    const { visitor, exchange } = await edge.ask(GET());
    for (let word = 0; word < 3; word++) {
      await aWhile();
      exchange.interim(102);
    }
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).status).toBe(200);
  });
});

describe("a stop", () => {
  it("lets running requests finish, and keeps no connection for another", async () => {
    const edge = await startEdgeUnderTest();
    const { visitor, exchange } = await edge.ask(GET());
    const idle = await edge.visitor();
    const stopped = edge.daemon.stop();
    expect(await idle.rest()).toBe("");
    exchange.answer(200, ["Content-Length", "2"], "ok");
    const response = await visitor.response();
    expect([response.status, fieldIn(response, "connection")]).toEqual([200, "close"]);
    await stopped;
    await edge[Symbol.asyncDispose]();
  });

  it("is bounded", async () => {
    const edge = await startEdgeUnderTest({ times: { drainMs: 50 } });
    const { visitor } = await edge.ask(GET("/never", `X-Host: ${HOST}`));
    const joined = await edge.ask(GET("/", "Connection: Upgrade", "Upgrade: websocket"));
    joined.exchange.answer(101, []);
    await joined.visitor.head();
    await edge.daemon.stop();
    await Promise.all([visitor.closed, joined.visitor.closed]);
    await edge[Symbol.asyncDispose]();
  });
});
