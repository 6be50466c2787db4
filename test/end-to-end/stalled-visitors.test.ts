/**
 * One link for all: a visitor that takes nothing holds its own stream and a bounded part of the memory, and what is small
 * does not wait behind what is large.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ClientHttp2Stream } from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { flood } from "../kit/fake-origin.ts";
import { heldBytes } from "../kit/held-memory.ts";
import { type Http2VisitorSession, openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { LeapingClock } from "../kit/leaping-clock.ts";
import { type MeteredRelay, openMeteredRelay } from "../kit/metered-relay.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { Reading } from "../kit/reading.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { settledWork, stillness } from "../kit/until.ts";
import { begin, finish, visit } from "../kit/visits.ts";

watchLeaks();

const MIB = 1024 * 1024;
const LARGE = 100 * MIB;
/** More than windows, queues and sockets hold; taken to its end. */
const MEDIUM = 24 * MIB;
const SMALL = Buffer.from("<p>small</p>".repeat(20));
/** For each stalled visitor: sockets, windows and queues of both daemons, the visitor and the web server; measured 1 to 2 MiB. */
const MOST_PER_VISITOR = 4 * MIB;

let secure: SecurePair;
/** Bytes that web servers could write, of all large bodies. */
let written: number;
beforeAll(async () => {
  secure = await openSecurePair({ serve() {} });
  secure.pair.web.serve = (request, response) => {
    if (!request.url?.startsWith("/large")) return response.setHeader("Content-Type", "text/html").end(SMALL);
    const bytes = request.url === "/large/medium" ? MEDIUM : LARGE;
    response.writeHead(200, { "Content-Type": "video/mp4", "Content-Length": bytes });
    let before = 0;
    return void flood(response, bytes, (sent) => {
      written += sent - before;
      before = sent;
    }).then(() => response.end());
  };
});
afterAll(() => secure[Symbol.asyncDispose]());
beforeEach(() => {
  written = 0;
});

const patternSum = (bytes: number): string => {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(64 * 1024, "flood ");
  for (let left = bytes; left > 0; left -= piece.length)
    hash.update(piece.subarray(0, Math.min(left, piece.length)));
  return hash.digest("hex");
};

const sumOf = async (body: AsyncIterable<Buffer>): Promise<string> => {
  const hash = createHash("sha256");
  for await (const piece of body) hash.update(piece);
  return hash.digest("hex");
};

describe("visitors that do not take their large answers", () => {
  it("hold bounded memory over HTTP/1.1, and all others on the link are served", async () => {
    const before = heldBytes();
    const stalled = await Promise.all(
      Array.from({ length: 8 }, (_, i) => begin(secure.http, { path: `/large/${i}` })),
    );
    await stillness(() => written);
    expect(written).toBeLessThan(8 * LARGE);
    expect(heldBytes() - before).toBeLessThan(8 * MOST_PER_VISITOR);
    for (let i = 0; i < 50; i++)
      expect((await visit(secure.http, { path: `/${i}` })).body.equals(SMALL)).toBe(true);
    for (const response of stalled) response.destroy();
  });

  it("hold bounded memory on one connection of HTTP/2, whose other streams go on", async () => {
    await using visitor = await openHttp2(secure);
    const before = heldBytes();
    const stalled = await largeOnes(visitor, 8);
    await stillness(() => written);
    expect(written).toBeLessThan(8 * LARGE);
    expect(heldBytes() - before).toBeLessThan(8 * MOST_PER_VISITOR);
    for (let i = 0; i < 50; i++) {
      const { stream } = await visitor.begin({ ":path": `/${i}` });
      expect((await new Reading(stream).end()).equals(SMALL)).toBe(true);
    }
    for (const stream of stalled) stream.destroy();
  });

  it("get all of it when they take it after all, over either HTTP", async () => {
    await using visitor = await openHttp2(secure);
    const { stream } = await visitor.begin({ ":path": "/large/medium" });
    const response = await begin(secure.http, { path: "/large/medium" });
    await stillness(() => written);
    expect(written).toBeLessThan(2 * MEDIUM);
    const sums = await Promise.all([sumOf(stream), sumOf(response)]);
    expect(sums).toEqual([patternSum(MEDIUM), patternSum(MEDIUM)]);
  });
});

const largeOnes = (visitor: Http2VisitorSession, count: number): Promise<ClientHttp2Stream[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const { stream } = await visitor.begin({ ":path": `/large/${i}` });
      return stream;
    }),
  );

describe("on a line that carries no more than it is granted", () => {
  const STEP = 16 * 1024;
  /** By the clock of both daemons: a line of 10 Mbit/s, or less on a machine that takes longer for a step. */
  const STEP_MS = 13;
  /** Of bulk that may be under way before a small answer that comes later: the link's budget, and its messages; measured 64 to 80 KiB. */
  const MOST_AHEAD = 160 * 1024;
  let relay: MeteredRelay;
  let pair: Pair;
  let bulk: IncomingMessage[];
  const clock = new LeapingClock();
  beforeAll(async () => {
    pair = await openPair({
      serve: secure.pair.web.serve,
      clock,
      via: async (port) => {
        relay = await openMeteredRelay(port);
        return relay.port;
      },
    });
  });
  afterAll(async () => {
    await pair[Symbol.asyncDispose]();
    await relay[Symbol.asyncDispose]();
  });

  const step = async (): Promise<void> => {
    clock.leap(STEP_MS);
    relay.grant(STEP);
    await settledWork();
  };

  it("a small answer passes three large ones that are under way", async () => {
    relay.grant(0);
    bulk = [];
    for (const i of [1, 2, 3])
      void begin(pair.port, { path: `/large/${i}` }).then((response) => bulk.push(response.resume()));
    while (bulk.length < 3) await step();
    // The line is full of them.
    for (let steps = 0; steps < 64; steps++) await step();
    relay.grant(0);
    const before = relay.passed;
    let served = false;
    const asked = pair.web.asked.length;
    const small = visit(pair.port, { path: "/small" }).then((visited) => {
      served = true;
      return visited;
    });
    await pair.web.askedReach(asked + 1);
    await settledWork();
    while (!served && relay.passed - before < 64 * MOST_AHEAD) await step();
    expect(relay.passed - before).toBeLessThan(MOST_AHEAD);
    relay.grant(Number.POSITIVE_INFINITY);
    expect((await small).body.equals(SMALL)).toBe(true);
    for (const response of bulk) response.destroy();
  });

  it("an answer that is asked for as urgent is there before a lazy one that was asked for first", async () => {
    relay.grant(0);
    const pictures = Buffer.alloc(300_000, 1);
    const held = pair.web.serve;
    const asked = pair.web.asked.length;
    pair.web.serve = (_, response) => response.setHeader("Content-Type", "image/png").end(pictures);
    const order: string[] = [];
    const ask = async (priority: string) => {
      const visited = await finish(
        await begin(pair.port, { path: `/${priority}`, headers: { Priority: priority } }),
      );
      order.push(priority);
      return visited.body.equals(pictures);
    };
    const lazy = ask("u=7");
    await pair.web.askedReach(asked + 1);
    await settledWork();
    const urgent = ask("u=0");
    await pair.web.askedReach(asked + 2);
    await settledWork();
    while (order.length < 2) await step();
    relay.grant(Number.POSITIVE_INFINITY);
    expect([order, await lazy, await urgent]).toEqual([["u=0", "u=7"], true, true]);
    pair.web.serve = held;
  });
});
