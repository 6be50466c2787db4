import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DIAL_MS,
  type DialOptions,
  GOOD_LINK_MS,
  JOINED_AFTER_MS,
  KeptLink,
  redialDelayMs,
  SOON_MS,
} from "../../../origin-side/links/dial-edge.ts";
import { LinkBook } from "../../../protocol/link/link-book.ts";
import { helloMaker } from "../../../protocol/link/local-hello.ts";
import type { Timer } from "../../../protocol/runtime/clock.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import type { LinkKey } from "../../../protocol/transport/key.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { freePort, openRawServer } from "../../kit/fake-origin.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { openFrame, PEER_LIMITS, ScriptedPeer } from "../../kit/scripted-peer.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { openTunnel, pskSecurity, type Tunnel } from "../../kit/tunnel.ts";
import { until } from "../../kit/until.ts";

watchLeaks();

describe("the pause before a redial", () => {
  const times = { firstMs: 100, mostMs: 1_000 };

  it.each([
    [0, 100],
    [1, 200],
    [3, 800],
    [4, 1_000],
    [10_000, 1_000],
  ])("number %i is at most %i ms", (attempt, most) => {
    expect(redialDelayMs(attempt, times, () => 1)).toBe(most);
    expect(redialDelayMs(attempt, times, () => 0.25)).toBe(most / 4);
    expect(redialDelayMs(attempt, times, () => 0)).toBe(0);
  });
});

const security = pskSecurity("k");
if (security.dial.mode !== "psk") throw new Error("this test dials with a key");
const key: LinkKey = security.dial.key;

/** Keeps how long each timer was set for; the last one is the pause, when nothing else is under way. */
class RecordingClock extends FakeClock {
  lastSetMs = Number.NaN;

  override after(ms: number, run: () => void): Timer {
    this.lastSetMs = ms;
    return super.after(ms, run);
  }
}

let clock: RecordingClock;
let events: string[];
let kept: KeptLink | undefined;
beforeEach(() => {
  clock = new RecordingClock();
  events = [];
});
afterEach(async () => {
  await kept?.stop(AbortSignal.abort());
  kept = undefined;
  expect(clock.timers, "timers left").toBe(0);
});

const count = (event: string): number => events.filter((each) => each === event).length;
const seen = (event: string, times: number) => until(() => count(event) >= times, `${event} ${times}`);

/** The pause that is under way is this long; it passes. */
const pauseOf = async (ms: number): Promise<void> => {
  await until(() => clock.timers === 1, "the pause");
  expect(clock.lastSetMs).toBe(ms);
  await clock.advance(ms);
};

const keep = (port: number, more: Partial<DialOptions> = {}): KeptLink => {
  const log = {
    ...silentLog,
    info: (event: string) => events.push(event),
    warn: (event: string) => events.push(event),
  };
  kept = new KeptLink({
    edge: { address: { host: "127.0.0.1", port }, key, connections: 1, wire: { mode: "psk" } },
    clock,
    book: new LinkBook(clock),
    chance: () => 1,
    log: { ...log, with: () => ({ ...silentLog, ...log }) },
    redial: () => ({ firstMs: 100, mostMs: 20_000 }),
    heartbeatMs: 120_000,
    memory: new MemoryBudget({ totalBytes: 1e6, shareBytes: 1e6 }),
    hello: helloMaker({ role: "origin", ...PEER_LIMITS }),
    service: {
      serve: () => ({
        opened: () => events.push("opened"),
        pushed() {},
        forget: (host, url) => events.push(`forget ${host} ${url}`),
      }),
    },
    ...more,
  });
  return kept;
};

const edgeAt = async (tunnel: Tunnel): Promise<ScriptedPeer> =>
  new ScriptedPeer(await tunnel.accepted(), "edge");

describe("a kept link", () => {
  it("goes up, and passes on what the edge opens and asks to forget", async () => {
    await using tunnel = await openTunnel(security.listen);
    keep(tunnel.port);
    const edge = await edgeAt(tunnel);
    await seen("link up", 1);
    edge.say({ kind: "forget", host: "www.example.com", url: "/a" }, openFrame(1));
    await seen("opened", 1);
    expect(events).toEqual(["link up", "forget www.example.com /a", "opened"]);
  });

  it("that is lost is dialled again after a pause that doubles", async () => {
    await using tunnel = await openTunnel(security.listen);
    keep(tunnel.port);
    for (let lost = 1; lost <= 3; lost++) {
      const edge = await edgeAt(tunnel);
      await seen("link up", lost);
      edge.cut();
      await seen("link down", lost);
      await pauseOf(100 * 2 ** (lost - 1));
    }
    await edgeAt(tunnel);
    await seen("link up", 4);
  });

  it("that lived for a while begins its pauses anew", async () => {
    await using tunnel = await openTunnel(security.listen);
    keep(tunnel.port);
    for (const [round, livedMs, pauseMs] of [
      [1, 0, 100],
      [2, GOOD_LINK_MS - 1, 200],
      [3, GOOD_LINK_MS, 100],
    ] as const) {
      const edge = await edgeAt(tunnel);
      await seen("link up", round);
      await clock.advance(livedMs);
      edge.cut();
      await seen("link down", round);
      await pauseOf(pauseMs);
    }
    await edgeAt(tunnel);
  });

  it("waits longer and longer for an edge where nobody listens", async () => {
    keep(await freePort());
    for (let tries = 1; tries <= 5; tries++) {
      await seen("edge not reached", tries);
      await pauseOf(100 * 2 ** (tries - 1));
    }
    await seen("edge not reached", 6);
  });

  it("begins another dial beside one that has not got through, and waits longer and longer for an edge that says nothing", async () => {
    let connections = 0;
    await using silent = await openRawServer(() => connections++);
    keep(silent.port);
    await until(() => connections === 1, "a dial");
    await clock.advance(JOINED_AFTER_MS);
    await until(() => connections === 2, "another one beside it");
    await clock.advance(DIAL_MS - JOINED_AFTER_MS);
    for (let tries = 1; tries <= 3; tries++) {
      await seen("edge not reached", tries);
      await pauseOf(100 * 2 ** (tries - 1));
      await until(() => clock.timers === 2, "the next dial");
      await clock.advance(DIAL_MS);
    }
  });

  it("takes the dial that gets through, though the one before it hangs, and lets go of that", async () => {
    await using tunnel = await openTunnel(security.listen);
    const hung = Promise.withResolvers<void>();
    let connections = 0;
    // The first connection gets nowhere; later ones reach the edge.
    await using relay = await openRawServer((socket) => {
      if (++connections === 1) return socket.resume().once("close", () => hung.resolve());
      const edge = connect(tunnel.port, "127.0.0.1");
      for (const each of [socket, edge]) each.on("error", () => {});
      return socket.pipe(edge).pipe(socket);
    });
    keep(relay.port);
    await until(() => connections === 1, "the first dial");
    await clock.advance(JOINED_AFTER_MS);
    await edgeAt(tunnel);
    await seen("link up", 1);
    await hung.promise;
    expect(count("edge not reached")).toBe(0);
  });

  it("is never long away from an edge that had a good link, until that one refuses", async () => {
    const tunnel = await openTunnel(security.listen);
    keep(tunnel.port);
    const edge = await edgeAt(tunnel);
    await seen("link up", 1);
    await clock.advance(GOOD_LINK_MS);
    edge.cut();
    await seen("link down", 1);
    await tunnel[Symbol.asyncDispose]();
    for (const [tries, pauseMs] of [100, 200, 400, SOON_MS, SOON_MS, SOON_MS].entries()) {
      await pauseOf(pauseMs);
      await seen("edge not reached", tries + 1);
    }
    // Somebody else took its port, and is no edge.
    await using _other = await openRawServer(
      (socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"),
      tunnel.port,
    );
    await pauseOf(SOON_MS);
    await seen("edge not reached", 7);
    await pauseOf(100 * 2 ** 7);
  });

  it.each([
    ["5 s", 5_000],
    ["60 s", 60_000],
    ["10 min", 600_000],
  ])(
    "is back within a second after an outage of %s, also where the next links are lost young",
    async (_, awayMs) => {
      await using tunnel = await openTunnel(security.listen);
      let away = false;
      await using relay = await openRawServer((socket) => {
        if (away) return socket.destroy();
        const edge = connect(tunnel.port, "127.0.0.1");
        for (const each of [socket, edge])
          each.on("error", () => {}).once("close", () => [socket, edge].map((other) => other.destroy()));
        return socket.pipe(edge).pipe(socket);
      });
      const link = keep(relay.port);
      const waits = () => until(() => link.status.state === "waiting", "the pause");
      let edge = await edgeAt(tunnel);
      await seen("link up", 1);
      await clock.advance(GOOD_LINK_MS);
      away = true;
      edge.cut();
      for (const back = clock.now() + awayMs; clock.now() < back; await clock.advance(clock.lastSetMs))
        await waits();
      away = false;
      for (let ups = 2; ups <= 5; ups++) {
        await waits();
        expect(link.status.nextMs).toBeLessThanOrEqual(SOON_MS);
        await clock.advance(SOON_MS);
        edge = await edgeAt(tunnel);
        await seen("link up", ups);
        await clock.advance(GOOD_LINK_MS - 1);
        edge.cut();
        await seen("link down", ups);
      }
    },
  );

  it("that is closed with a refusal before it was a good one is away for longer again", async () => {
    await using tunnel = await openTunnel(security.listen);
    keep(tunnel.port);
    const edge = await edgeAt(tunnel);
    await seen("link up", 1);
    await clock.advance(GOOD_LINK_MS);
    edge.cut();
    await seen("link down", 1);
    for (const [tries, pauseMs] of [100, 200, 400, 800, 1_600].entries()) {
      await pauseOf(pauseMs);
      const full = await edgeAt(tunnel);
      await seen("link up", tries + 2);
      const message = "more links than its key may have";
      full.say({ kind: "goAway", lastStreamId: 0, code: "too-large", message, extensions: NO_EXTENSIONS });
      await seen("link down", tries + 2);
    }
    await pauseOf(3_200);
  });

  it("takes its jitter from chance", async () => {
    const chances = [0.5, 0.25];
    keep(await freePort(), { chance: () => chances.shift() ?? 1 });
    await seen("edge not reached", 1);
    await pauseOf(50);
    await seen("edge not reached", 2);
    await pauseOf(50);
    await seen("edge not reached", 3);
  });
});

describe("a kept link that stops", () => {
  it("while it waits to redial dials no more", async () => {
    const link = keep(await freePort());
    await seen("edge not reached", 1);
    await link.stop(new AbortController().signal);
    await clock.advance(100_000);
    expect(count("edge not reached")).toBe(1);
  });

  it("while it dials lets go of the connection", async () => {
    const closed = Promise.withResolvers<void>();
    let connected = false;
    await using silent = await openRawServer((socket) => {
      connected = true;
      socket.resume().once("close", () => closed.resolve());
    });
    const link = keep(silent.port);
    await until(() => connected, "the connection");
    await link.stop(new AbortController().signal);
    await closed.promise;
  });

  it("says go-away, lets what runs finish, and ends then", async () => {
    await using tunnel = await openTunnel(security.listen);
    let finish = () => {};
    const link = keep(tunnel.port, {
      service: {
        serve: () => ({
          opened(stream) {
            finish = () => stream.reset("cancelled");
            events.push("opened");
          },
          pushed() {},
          forget() {},
        }),
      },
    });
    const edge = await edgeAt(tunnel);
    edge.say(openFrame(1));
    await seen("opened", 1);
    let over = false;
    const stopped = link.stop(new AbortController().signal).then(() => {
      over = true;
    });
    expect(await edge.nextOf("goAway")).toMatchObject({ code: "shutting-down", lastStreamId: 1 });
    expect(over).toBe(false);
    finish();
    await stopped;
    await edge.ended;
  });

  it("is cut at the bound, whatever still runs", async () => {
    await using tunnel = await openTunnel(security.listen);
    const link = keep(tunnel.port);
    const edge = await edgeAt(tunnel);
    edge.say(openFrame(1));
    await seen("opened", 1);
    const cut = new AbortController();
    const stopped = link.stop(cut.signal);
    cut.abort();
    await stopped;
    await edge.ended;
  });
});
