// The account of a web server's connections: how many there are, which are used again, and when one has to go.
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { BOUND_REST_MS } from "../../../../protocol/upstream/connection-login.ts";
import { BRIEF_REST_MS, ConnectionPool } from "../../../../protocol/upstream/connections/connection-pool.ts";
import { LONG_WAIT_MS } from "../../../../protocol/upstream/connections/lately-used.ts";
import { LOG_EVERY_MS } from "../../../../protocol/upstream/connections/place-log.ts";
import type { PoolOptions } from "../../../../protocol/upstream/connections/pool-options.ts";
import {
  type ConnectionWish,
  type PooledConnection,
  TRUSTED_REST_MS,
} from "../../../../protocol/upstream/connections/pooled-connection.ts";
import { UpstreamDialler } from "../../../../protocol/upstream/dial-upstream.ts";
import { earnedTrust } from "../../../kit/earned-trust.ts";
import { FakeClock, settle } from "../../../kit/fake-clock.ts";
import { watchLeaks } from "../../../kit/leaks.ts";
import { OK, RawOrigin } from "../../../kit/raw-origin.ts";
import { until } from "../../../kit/until.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../../asking.ts";

watchLeaks();

const FREE = { halfOpen: false, boundTo: undefined, logsIn: false };
const ANY = { ...FREE, reuse: "any" } as const;
const TRUSTED = { ...FREE, reuse: "trusted" } as const;
const NEW = { ...FREE, reuse: "none" } as const;

const NEVER = new AbortController().signal;
const WAIT_MS = 1_000;
const REST_MS = 4_000;
const AGE_MS = 60_000;

/** Connections that were in use together for so long are worth keeping. */
const LATELY_MS = 3_000;

/** A pool before a web server that says nothing. */
class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly origin: RawOrigin;
  readonly pool: ConnectionPool;
  readonly lines: unknown[] = [];

  private constructor(origin: RawOrigin, most: number, more: Partial<PoolOptions>) {
    const { clock } = this;
    this.origin = origin;
    this.pool = new ConnectionPool({
      dialler: new UpstreamDialler(routeTo(origin.port), clock),
      clock,
      most,
      mostBeside: 2,
      ageMs: AGE_MS,
      server: "web",
      log: { warn: (event, fields) => this.lines.push({ event, ...fields }) },
      trust: earnedTrust(clock),
      ...more,
    });
  }

  static async open(most: number, more: Partial<PoolOptions> = {}): Promise<Bench> {
    return new Bench(await RawOrigin.listen(), most, more);
  }

  async takeEach(count: number): Promise<PooledConnection[]> {
    const all = [];
    for (let i = 0; i < count; i++) all.push(await this.take(ANY));
    return all;
  }

  async take(wish: ConnectionWish, signal = NEVER): Promise<PooledConnection> {
    return await this.pool.take(wish, WAIT_MS, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pool.close();
    await this.origin[Symbol.asyncDispose]();
  }
}

describe("a connection at rest", () => {
  it("is used again, the one that rested shortest first", async () => {
    await using bench = await Bench.open(4);
    const [first, second] = [await bench.take(ANY), await bench.take(ANY)];
    expect([first.reused, second.reused]).toEqual([false, false]);
    bench.pool.giveBack(first, REST_MS);
    bench.pool.giveBack(second, REST_MS);
    expect(await bench.take(ANY)).toBe(second);
    expect(await bench.take(ANY)).toBe(first);
    expect([first.reused, bench.origin.count, bench.pool.size]).toEqual([true, 2, 2]);
  });

  it("counts: where there is no room, one that will not do is closed before another is made", async () => {
    await using bench = await Bench.open(1);
    const rested = await bench.take(ANY);
    bench.pool.giveBack(rested, REST_MS);
    const order: string[] = [];
    rested.socket.once("close", () => order.push("closed"));
    const other = await bench.take(NEW);
    order.push("made");
    expect(order).toEqual(["closed", "made"]);
    expect(other).not.toBe(rested);
    expect(bench.pool.size).toBe(1);
  });

  it("stays where there is room", async () => {
    await using bench = await Bench.open(2);
    const rested = await bench.take(ANY);
    bench.pool.giveBack(rested, REST_MS);
    await bench.take(NEW);
    expect(rested.socket.destroyed).toBe(false);
    expect(bench.pool.size).toBe(2);
  });

  it(`carries what must not be repeated for ${TRUSTED_REST_MS} ms, and no longer`, async () => {
    await using bench = await Bench.open(2);
    const rested = await bench.take(ANY);
    bench.pool.giveBack(rested, REST_MS);
    await bench.clock.advance(TRUSTED_REST_MS);
    expect(await bench.take(TRUSTED)).toBe(rested);
    bench.pool.giveBack(rested, REST_MS);
    await bench.clock.advance(TRUSTED_REST_MS + 1);
    expect(await bench.take(TRUSTED)).not.toBe(rested);
    expect(await bench.take(ANY)).toBe(rested);
  });

  it("that was held back by a slow visitor rests from then on, for what must not be repeated, until it is used again", async () => {
    await using bench = await Bench.open(2);
    const held = await bench.take(ANY);
    held.heldBack(bench.clock.now());
    await bench.clock.advance(TRUSTED_REST_MS);
    held.heldBack(bench.clock.now());
    bench.pool.giveBack(held, REST_MS);
    expect(await bench.take(TRUSTED)).toBe(held);
    held.heldBack(bench.clock.now());
    await bench.clock.advance(TRUSTED_REST_MS + 1);
    bench.pool.giveBack(held, REST_MS);
    expect(await bench.take(TRUSTED)).not.toBe(held);
    expect(await bench.take(ANY)).toBe(held);
    bench.pool.giveBack(held, REST_MS);
    expect(await bench.take(TRUSTED)).toBe(held);
  });

  it("that is bound is used again for its own name only, before others, and by its logins however long it rested", async () => {
    await using bench = await Bench.open(4);
    const [bound, free] = [await bench.take(ANY), await bench.take(ANY)];
    bound.bind("alice");
    bench.pool.giveBack(bound, BOUND_REST_MS);
    bench.pool.giveBack(free, BOUND_REST_MS);
    const [bob, nobody] = [await bench.take({ ...ANY, boundTo: "bob" }), await bench.take(ANY)];
    expect([bob === free, nobody === bound]).toEqual([true, false]);
    bench.pool.giveBack(bob, BOUND_REST_MS);
    await bench.clock.advance(TRUSTED_REST_MS + 1);
    const other = await bench.take({ ...TRUSTED, boundTo: "alice" });
    expect([bound, free].includes(other)).toBe(false);
    expect(await bench.take({ ...TRUSTED, boundTo: "alice", logsIn: true })).toBe(bound);
  });

  it("that is bound gives way like any other where there is no room", async () => {
    await using bench = await Bench.open(1);
    const bound = await bench.take(ANY);
    bound.bind("alice");
    bench.pool.giveBack(bound, BOUND_REST_MS);
    expect(await bench.take(ANY)).not.toBe(bound);
    expect([bound.socket.destroyed, bench.pool.size]).toEqual([true, 1]);
  });

  it("is closed when its time is over, and not before", async () => {
    await using bench = await Bench.open(2);
    const [short, long] = [await bench.take(ANY), await bench.take(ANY)];
    bench.pool.answered(short);
    bench.pool.answered(long);
    bench.pool.giveBack(short, 1_000);
    bench.pool.giveBack(long, 2_000);
    await bench.clock.advance(999);
    expect([short.socket.destroyed, long.socket.destroyed]).toEqual([false, false]);
    await bench.clock.advance(1);
    expect([short.socket.destroyed, long.socket.destroyed]).toEqual([true, false]);
    await bench.clock.advance(1_000);
    expect([long.socket.destroyed, bench.clock.timers]).toEqual([true, 0]);
  });

  it("on which bytes come that nobody asked for is closed", async () => {
    await using bench = await Bench.open(2);
    const rested = await bench.take(ANY);
    bench.pool.giveBack(rested, REST_MS);
    (await bench.origin.next()).write(OK());
    await once(rested.socket, "close");
    expect(await bench.take(ANY)).not.toBe(rested);
  });

  it("that its web server closes is forgotten", async () => {
    await using bench = await Bench.open(1);
    const rested = await bench.take(ANY);
    bench.pool.giveBack(rested, REST_MS);
    (await bench.origin.next()).end();
    await once(rested.socket, "close");
    expect(bench.pool.size).toBe(0);
    expect(await bench.take(ANY)).not.toBe(rested);
  });
});

describe("connections beyond those lately used", () => {
  it("say that their request is the last one, and are closed", async () => {
    await using bench = await Bench.open(8);
    const crowd = await bench.takeEach(6);
    expect(crowd.map(({ once }) => once)).toEqual([false, false, true, true, true, true]);
    for (const connection of crowd.toReversed()) {
      bench.pool.giveBack(connection, REST_MS);
      await settle();
    }
    expect(crowd.map(({ socket }) => socket.destroyed)).toEqual([false, false, true, true, true, true]);
  });

  it("are kept when they have been in use for some seconds", async () => {
    await using bench = await Bench.open(8);
    for (const connection of await bench.takeEach(2)) bench.pool.answered(connection);
    await bench.clock.advance(LATELY_MS);
    const third = await bench.take(ANY);
    expect(third.once).toBe(false);
  });

  it(`are closed, and rest for ${BRIEF_REST_MS} ms, while what went out on a new one waits for longer than usual: it may wait for them`, async () => {
    await using bench = await Bench.open(8);
    const [rested, held] = await bench.takeEach(3);
    if (rested === undefined || held === undefined) throw new Error("too few");
    for (const answered of [rested, held]) bench.pool.answered(answered);
    await bench.clock.advance(LATELY_MS);
    const unanswered = await bench.take(NEW);
    bench.pool.giveBack(rested, REST_MS);
    await bench.clock.advance(LONG_WAIT_MS - 1);
    expect(rested.socket.destroyed).toBe(false);
    await bench.clock.advance(1);
    expect([rested.socket.destroyed, unanswered.socket.destroyed]).toEqual([true, false]);
    bench.pool.giveBack(held, REST_MS);
    await bench.clock.advance(BRIEF_REST_MS - 1);
    expect(held.socket.destroyed).toBe(false);
    await bench.clock.advance(1);
    expect(held.socket.destroyed).toBe(true);
  });

  it("stay where the web server takes as long as it usually does", async () => {
    await using bench = await Bench.open(8);
    const usualMs = 10 * LONG_WAIT_MS;
    for (let i = 0; i < 20; i++) {
      const served = await bench.take(ANY);
      await bench.clock.advance(usualMs);
      bench.pool.answered(served);
      bench.pool.giveBack(served, REST_MS);
    }
    const [rested] = await bench.takeEach(2);
    if (rested === undefined) throw new Error("none");
    bench.pool.answered(rested);
    bench.pool.giveBack(rested, REST_MS);
    await bench.clock.advance(usualMs);
    expect(rested.socket.destroyed).toBe(false);
  });
});

it("a connection is not used again when it is older than the route's age", async () => {
  await using bench = await Bench.open(2);
  const [old, same] = [await bench.take(ANY), await bench.take(ANY)];
  for (const connection of [old, same]) bench.pool.answered(connection);
  await bench.clock.advance(AGE_MS - 1);
  bench.pool.giveBack(same, REST_MS);
  expect(same.socket.destroyed).toBe(false);
  await bench.clock.advance(1);
  bench.pool.giveBack(old, REST_MS);
  expect([old.socket.destroyed, same.socket.destroyed]).toEqual([true, true]);
});

describe("a network", () => {
  const of = (network: string): ConnectionWish => ({ ...NEW, network });
  it("never holds all places, and others are served at once", async () => {
    await using bench = await Bench.open(8);
    for (let i = 0; i < 6; i++) await bench.take(of("a"));
    const waits = bench.take(of("a"));
    waits.catch(() => {});
    await settle();
    expect([bench.pool.size, bench.lines.length]).toEqual([6, 1]);
    await bench.take(of("b"));
    expect(bench.lines[0]).toMatchObject({
      event: "requests wait for a place",
      connections: 8,
      waiting: 1,
      waited: 1,
    });
    const refused = expect(waits).rejects.toMatchObject({ code: "no-place" });
    await bench.clock.advance(WAIT_MS);
    await refused;
  });

  it("gets no more than half of them while others wait, who take turns", async () => {
    await using bench = await Bench.open(4);
    const held = [
      await bench.take(of("a")),
      await bench.take(of("a")),
      await bench.take(of("a")),
      await bench.take(of("b")),
    ];
    const served: string[] = [];
    for (const network of ["a", "a", "b", "c"])
      void bench.take(of(network)).then(
        () => served.push(network),
        () => {},
      );
    await settle();
    for (const connection of held.slice(0, 3)) {
      connection.socket.destroy();
      await once(connection.socket, "close");
      await until(() => bench.pool.size === 4, "another connection");
    }
    await until(() => served.length >= 3, "the third that is served");
    expect(served).toEqual(["b", "a", "c"]);
  });
});

describe("a connection that leaves its place", () => {
  it("makes room for others, up to a number of its own, which is logged", async () => {
    await using bench = await Bench.open(1);
    const streams = [];
    for (let i = 0; i < 3; i++) {
      const stream = await bench.take(NEW);
      bench.pool.leavePlace(stream);
      streams.push(stream);
    }
    expect(streams.map(({ use }) => use)).toEqual(["beside", "beside", "place"]);
    expect(bench.lines).toMatchObject([
      { event: expect.stringContaining("keep their places"), openStreams: 2 },
    ]);
    const waits = bench.take(NEW);
    streams[2]?.socket.destroy();
    expect((await waits).use).toBe("place");
  });
});

describe("a slow visitor", () => {
  it("is cut when others wait for its place, and one that is fast is not", async () => {
    await using bench = await Bench.open(2);
    const cut: string[] = [];
    for (const [name, isSlow] of [
      ["slow", true],
      ["fast", false],
    ] as const) {
      const connection: PooledConnection = await bench.take({
        ...NEW,
        borrower: {
          isSlow,
          cut: () => {
            cut.push(name);
            connection.socket.destroy();
          },
        },
      });
    }
    expect(cut).toEqual([]);
    await bench.take(NEW);
    expect(cut).toEqual(["slow"]);
  });
});

it("what waits is logged again after a while, with how many waited and were refused", async () => {
  await using bench = await Bench.open(1);
  await bench.take(ANY);
  const wait = async () => {
    const waits = expect(bench.take(ANY)).rejects.toMatchObject({ code: "no-place" });
    await bench.clock.advance(WAIT_MS);
    await waits;
  };
  const lines = (event: string) =>
    (bench.lines as { event: string }[]).filter((line) => line.event === event);
  await wait();
  await wait();
  expect(lines("requests wait for a place").length).toBe(1);
  await bench.clock.advance(LOG_EVERY_MS);
  await wait();
  expect(lines("requests wait for a place")[1]).toMatchObject({ waiting: 1, waited: 2, refused: 2 });
  expect(lines("limit reached").length).toBe(3);
});

describe("the line", () => {
  it("is served in the order of coming, and who leaves it is gone", async () => {
    await using bench = await Bench.open(1);
    const only = await bench.take(ANY);
    const leaving = new AbortController();
    const served: string[] = [];
    const first = bench.take(ANY).then((connection) => {
      served.push("first");
      return connection;
    });
    const left = bench.take(ANY, leaving.signal);
    const second = bench.take(ANY).then(() => served.push("second"));
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    bench.pool.giveBack(only, REST_MS);
    expect(await first).toBe(only);
    await settle();
    expect(served).toEqual(["first"]);
    bench.pool.giveBack(only, REST_MS);
    await second;
    expect([served, bench.origin.count]).toEqual([["first", "second"], 1]);
  });

  it("gets the place of a connection that breaks", async () => {
    await using bench = await Bench.open(1);
    const broken = await bench.take(ANY);
    const waiting = bench.take(ANY);
    await settle();
    expect(bench.origin.count).toBeLessThan(2);
    broken.socket.destroy();
    expect(await waiting).not.toBe(broken);
    expect(bench.pool.size).toBe(1);
  });

  it("ends with the pool", async () => {
    await using bench = await Bench.open(1);
    await bench.take(ANY);
    const waiting = expect(bench.take(ANY)).rejects.toMatchObject({ code: "origin-failed" });
    bench.pool.close();
    await waiting;
    await expect(bench.take(ANY)).rejects.toMatchObject({ code: "origin-failed" });
  });
});

describe("the connections of a route", () => {
  it.each(["GET", "POST"])(
    "are one account for all methods: after %s an upgrade finds no room beside",
    async (method) => {
      await using origin = await RawOrigin.listen();
      await using client = new TestClient(routeTo(origin.port, { connections: 1 }));
      const page = ask(client, method);
      const first = await origin.next();
      await first.head();
      first.write(OK());
      await heard(page);
      await settle();
      const chat = ask(client, "GET", "/", { fields: ["Upgrade", "x"] });
      const second = await origin.next();
      await first.over;
      await second.head();
      second.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
      const upgraded = await chat.response;
      if (upgraded.kind !== "upgraded") throw new Error("not upgraded");
      const waiting = ask(client, method);
      await settle();
      expect(origin.count).toBe(2);
      upgraded.connection.destroy();
      const third = await origin.next();
      await third.head();
      third.end(OK());
      expect((await heard(waiting)).body).toBe("hello");
    },
  );

  it("are not all taken by bodies that come slowly, though their requests come in one moment", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port, { connections: 4 }));
    const slow = Array.from({ length: 4 }, () =>
      ask(client, "POST", "/", { fields: ["Content-Length", "10"], body: new FedBody().piece("1") }),
    );
    const page = ask(client);
    const lines: string[] = [];
    // Those that have a place come in any order.
    for (let n = 0; n < 4; n++) {
      const connection = await origin.next();
      lines.push(...(await connection.head()).slice(0, 1));
      if (lines.at(-1)?.startsWith("GET")) connection.end(OK());
    }
    expect((await heard(page)).body).toBe("hello");
    await settle();
    expect([lines.filter((line) => line.startsWith("POST")).length, origin.count]).toEqual([3, 4]);
    for (const each of slow) {
      each.response.catch(() => undefined);
      each.leave();
    }
  });

  it("are one where there may be one, whatever becomes of those before", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port, { connections: 1 }));
    const asked = ["GET", "POST", "GET", "POST", "GET", "POST"].map((method) => ask(client, method));
    let over = 0;
    let before: Awaited<ReturnType<typeof origin.next>> | undefined;
    for (let done = 0; done < asked.length; done++) {
      const connection = before ?? (await origin.next());
      await connection.head();
      // No other one was made meanwhile: the count of those so far, less those that are over.
      expect(origin.count - over).toBe(1);
      const closes = done % 2 === 0;
      connection.write(OK("hello", closes ? "Connection: close" : "X: y"));
      await heard(asked[done] as (typeof asked)[0]);
      if (closes) {
        await connection.over;
        over++;
      }
      before = closes ? undefined : connection;
    }
  });

  it.each([
    ["Keep-Alive: timeout=3", 2_000],
    ["Keep-Alive: timeout=5, max=100", 4_000],
    ["X: says nothing of it", REST_MS],
  ])("rest as their web server says, a second less: %s", async (field, restMs) => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port), { clock });
    const page = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.write(OK("hello", field));
    await heard(page);
    await settle();
    await clock.advance(restMs - 1);
    const again = ask(client);
    await connection.head();
    connection.write(OK("hello", field));
    await heard(again);
    await settle();
    await clock.advance(restMs);
    expect(await connection.over).toBe("end");
    expect(origin.count).toBe(1);
  });
});
