/** Who may take how long: visitors, the web server, and what each holds up. Times are short; nothing here measures them. */
import { describe, expect, it } from "vitest";
import { CUT_MS } from "../../../edge-side/http/http1-visitor.ts";
import { LINGER_MS } from "../../../edge-side/http/linger.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn, RawVisitor } from "../../kit/raw-visitor.ts";
import { GET, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

/** For node's own timers, which no clock of ours drives. */
const SHORT = { idleMs: 150 };
/** More than the idle time of a config (60s), less than what makes a link ask whether its peer lives. */
const MINUTES = 240_000;
const SETTINGS = { times: { heartbeat: "5m", idle: "60s", originAnswer: "1h" } };

/** An edge whose time the test moves. */
const timedEdge = async (originAnswer = "1h") => {
  const clock = new FakeClock();
  const settings = { times: { ...SETTINGS.times, originAnswer } };
  return { clock, edge: await startEdgeUnderTest({ clock, settings }) };
};

/** Turns of the event loop until `count` has stood still for many of them. */
const standsStill = async (count: () => number): Promise<void> => {
  for (let same = 0, last = -1; same < 300; same = count() === last ? same + 1 : 0) {
    last = count();
    await settle();
  }
};

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
    const { clock, edge } = await timedEdge();
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 10"], "12345"));
    await exchange.bodyReaches(5);
    await clock.advance(60_000);
    expect(await exchange.gone).toBe("cancelled");
    expect((await visitor.response()).status).toBe(408);
    expect(await visitor.rest()).toBe("");
    await edge[Symbol.asyncDispose]();
  });

  it("that stops inside its body after an answer has begun is cut", async () => {
    const { clock, edge } = await timedEdge();
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 10"], "12345"));
    exchange.answer(200, []).data("begun");
    await visitor.until("begun");
    await clock.advance(60_000);
    expect(await exchange.gone).toBe("cancelled");
    await clock.advance(CUT_MS);
    expect(await visitor.rest()).not.toContain("0\r\n\r\n");
    await edge[Symbol.asyncDispose]();
  });

  it("that uploads slowly is no fault of the web server's", async () => {
    const { clock, edge } = await timedEdge("60s");
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 4"]));
    for (let sent = 1; sent <= 4; sent++) {
      visitor.send("x");
      await exchange.bodyReaches(sent);
      await clock.advance(50_000);
    }
    expect(await exchange.ended).toMatchObject({ how: "complete" });
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).status).toBe(200);
    await edge[Symbol.asyncDispose]();
  });

  it("may wait for its answer, and for the next of it, for minutes", async () => {
    const { clock, edge } = await timedEdge();
    const { visitor, exchange } = await edge.ask(GET());
    await clock.advance(MINUTES / 2);
    exchange.answer(200, []).data("late ");
    await visitor.until("late ");
    await clock.advance(MINUTES / 2);
    exchange.data("later").end();
    await visitor.until("0\r\n\r\n");
    await edge[Symbol.asyncDispose]();
  });

  it("of a WebSocket may be silent for minutes", async () => {
    const { clock, edge } = await timedEdge();
    const { visitor, exchange } = await edge.ask(GET("/", "Connection: Upgrade", "Upgrade: websocket"));
    exchange.answer(101, ["Upgrade", "websocket"]);
    await visitor.head();
    await clock.advance(MINUTES);
    exchange.data("still there");
    expect((await visitor.bytes(11)).toString()).toBe("still there");
    await edge[Symbol.asyncDispose]();
  });

  it("that goes on with a body nobody wants is let go after a while", async () => {
    const { clock, edge } = await timedEdge();
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 100"], "some"));
    await exchange.bodyReaches(4);
    exchange.answer(403, ["Content-Length", "2"], "no").refuseBody();
    expect((await visitor.response()).status).toBe(403);
    await clock.advance(LINGER_MS - 1);
    visitor.send("more");
    await settle();
    expect(visitor.socket.destroyed).toBe(false);
    await clock.advance(1);
    expect(await visitor.rest()).toBe("");
    await edge[Symbol.asyncDispose]();
  });

  it.each([
    ["an answer", GET(), 200],
    ["a WebSocket", GET("/", "Connection: Upgrade", "Upgrade: websocket"), 101],
  ])(
    "that takes nothing of %s is cut, holds little meanwhile, and holds up nobody",
    async (_, text, status) => {
      const { clock, edge } = await timedEdge();
      const { visitor, exchange } = await edge.ask(text);
      visitor.socket.pause();
      exchange.answer(status, ["Content-Type", "image/png"]);
      let sent = 0;
      const feed = async () => {
        for (; sent < 10_000 && !exchange.over; sent++) await exchange.dataInTurn(Buffer.alloc(64 * 1024));
      };
      const feeding = feed();
      await standsStill(() => sent);
      // What sockets, windows and queues hold; far below what was there to send (640 MB).
      expect(sent * 64 * 1024).toBeLessThan(16 * 2 ** 20);
      const other = await edge.visitor();
      other.send(GET("/other"));
      (await edge.origin.next()).answer(200, ["Content-Length", "5"], "other");
      expect((await other.response()).body.toString()).toBe("other");
      await clock.advance(60_000);
      expect(await exchange.gone).toBe("cancelled");
      await feeding;
      await edge[Symbol.asyncDispose]();
    },
  );
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
    const { clock, edge } = await timedEdge("60s");
    const { visitor, exchange } = await edge.ask(GET());
    for (let word = 0; word < 4; word++) {
      await clock.advance(50_000);
      exchange.interim(102);
      expect((await visitor.head()).status).toBe(102);
    }
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).status).toBe(200);
    await edge[Symbol.asyncDispose]();
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
