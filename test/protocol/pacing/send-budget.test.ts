import { describe, expect, it } from "vitest";
import { RTT_PERIOD_MS } from "../../../protocol/pacing/min-rtt.ts";
import {
  FIRST_BUDGET_BYTES,
  LEAST_BUDGET_BYTES,
  LEAST_DRAINED_BYTES,
  QUEUE_MS,
  SendBudget,
} from "../../../protocol/pacing/send-budget.ts";
import { seeded } from "../../kit/random.ts";

const MESSAGE = 4 * 1024;
const PING = 5;

/** The token of a ping that leaves with `more` bytes; undefined where none is due. */
const pingDue = (budget: SendBudget, now: number, more: number): number | undefined =>
  budget.isPingDue(more) ? budget.startPing(now, more) : undefined;

/**
 * A path with a rate and a round trip, and a sender with always more to send: what it may send under the budget, when it
 * arrives, and when the word of it is back, late by as much as `lateMs` says.
 */
class Path {
  readonly budget = new SendBudget();
  bytesPerMs: number;
  rttMs: number;
  readonly #lateMs: () => number;
  now = 0;
  sentBytes = 0;
  /** The longest that anything took to arrive, of late. */
  longestMs = 0;
  #lineFreeAt = 0;
  readonly #coming: { at: number; token: number; total: number }[] = [];

  constructor(path: { bytesPerMs: number; rttMs: number; lateMs?: () => number }) {
    this.bytesPerMs = path.bytesPerMs;
    this.rttMs = path.rttMs;
    this.#lateMs = path.lateMs ?? (() => 0);
  }

  get underWay(): number {
    return this.budget.limitBytes - this.budget.room;
  }

  /** The first ping, of an idle link. */
  begun(): this {
    this.budget.pong(this.budget.startPing(this.now), 0, this.now + this.rttMs);
    this.now += this.rttMs;
    return this;
  }

  /** Sends one message, with a ping if one is due. */
  send(bytes = MESSAGE): void {
    const token = pingDue(this.budget, this.now, bytes);
    this.budget.sent(bytes);
    this.sentBytes += bytes;
    this.#lineFreeAt = Math.max(this.#lineFreeAt, this.now) + bytes / this.bytesPerMs;
    this.longestMs = Math.max(this.longestMs, this.#lineFreeAt + this.rttMs / 2 - this.now);
    if (token === undefined) return;
    const last = this.#coming.at(-1)?.at ?? 0;
    const at = Math.max(last, this.#lineFreeAt + this.rttMs + this.#lateMs());
    this.#coming.push({ at, token, total: this.sentBytes });
  }

  /** As much as the budget allows, for so long. */
  bulk(ms: number): void {
    for (const until = this.now + ms; this.now < until; this.#pong()) {
      while (this.budget.room > 0) this.send();
      if (this.#coming.length === 0) this.send(PING); // nothing else may leave: the ping leaves alone
    }
  }

  /** Nothing is sent for so long. */
  idle(ms: number): void {
    const until = this.now + ms;
    while ((this.#coming[0]?.at ?? until) < until) this.#pong();
    this.now = until;
  }

  /** Share of the path's rate that `bulk` reaches for so long. */
  share(ms: number): number {
    const [from, sent] = [this.now, this.sentBytes];
    this.longestMs = 0;
    this.bulk(ms);
    return (this.sentBytes - sent) / ((this.now - from) * this.bytesPerMs);
  }

  #pong(): void {
    const next = this.#coming.shift();
    if (next === undefined) throw new Error("no ping is under way: the link would stand still");
    this.now = Math.max(this.now, next.at);
    this.budget.pong(next.token, next.total, this.now);
  }
}

describe("the link budget", () => {
  it("is 64 KiB before anything is known, and whole messages may begin while there is room", () => {
    const path = new Path({ bytesPerMs: 1000, rttMs: 100 });
    while (path.budget.room > 0) path.send();
    expect(path.underWay).toBe(FIRST_BUDGET_BYTES);
    expect(path.budget.limitBytes).toBe(FIRST_BUDGET_BYTES);
  });

  it("goes over by less than a message", () => {
    const budget = new SendBudget();
    budget.sent(FIRST_BUDGET_BYTES - 1);
    expect(budget.room).toBe(1);
    budget.sent(MESSAGE);
    expect(budget.room).toBe(1 - MESSAGE);
  });

  it.each([
    ["slow and far", 125, 200],
    ["10 Mbit/s, 100 ms", 1250, 100],
    ["10 Mbit/s, 10 ms", 1250, 10],
    ["100 Mbit/s, 150 ms", 12_500, 150],
    ["1 Gbit/s, 30 ms", 125_000, 30],
    ["10 Gbit/s, next door", 1_250_000, 0.2],
  ])(
    "finds the path's rate and keeps it busy, with a queue of little more than its share: %s",
    (_, bytesPerMs, rttMs) => {
      const path = new Path({ bytesPerMs, rttMs }).begun();
      path.bulk(20 * rttMs + 1000);
      expect(path.share(2000)).toBeGreaterThan(0.97);
      expect(path.budget.bytesPerMs).toBeGreaterThan(0.97 * bytesPerMs);
      expect(path.budget.bytesPerMs).toBeLessThan(1.03 * bytesPerMs);
      expect(path.budget.baseRttMs).toBe(rttMs);
      const queueMs = Math.max(QUEUE_MS, rttMs / 8) + (4 * MESSAGE) / bytesPerMs;
      expect(path.longestMs).toBeLessThan(rttMs / 2 + 1.25 * queueMs + rttMs / 50);
    },
  );

  it("is not below 16 KiB on the slowest of paths", () => {
    const path = new Path({ bytesPerMs: 12.5, rttMs: 10 }).begun();
    path.bulk(20_000);
    expect(path.budget.limitBytes).toBeGreaterThanOrEqual(LEAST_BUDGET_BYTES);
    path.bulk(5000);
    expect(path.longestMs).toBeGreaterThan(0);
  });

  it("doubles each round trip while the path has more to give", () => {
    const path = new Path({ bytesPerMs: 125_000, rttMs: 100 }).begun();
    path.bulk(1200);
    expect(path.budget.limitBytes).toBeGreaterThan(0.9 * 125_000 * 100);
  });

  it("does not take its own queue for the path, however long a transfer lasts", () => {
    const path = new Path({ bytesPerMs: 1250, rttMs: 80 }).begun();
    path.bulk(2000);
    for (let period = 0; period < 20; period++) {
      expect(path.share(RTT_PERIOD_MS)).toBeGreaterThan(0.97);
      expect(path.budget.baseRttMs).toBeLessThan(80 + 10);
      expect(path.longestMs).toBeLessThan(80 / 2 + 60);
    }
  });

  it("takes what the path gives more of, and within seconds", () => {
    const path = new Path({ bytesPerMs: 1250, rttMs: 80 }).begun();
    path.bulk(3000);
    path.bytesPerMs = 12_500;
    path.bulk(4000);
    expect(path.share(2000)).toBeGreaterThan(0.95);
  });

  it("gives way when the path gives less", () => {
    const path = new Path({ bytesPerMs: 12_500, rttMs: 80 }).begun();
    path.bulk(3000);
    path.bytesPerMs = 1250;
    path.bulk(12_000);
    path.longestMs = 0;
    path.bulk(2000);
    expect(path.longestMs).toBeLessThan(40 + 60);
  });

  it("keeps a path busy whose word comes late by chance", () => {
    const random = seeded();
    const path = new Path({ bytesPerMs: 1250, rttMs: 80, lateMs: () => 40 * random.next() ** 2 }).begun();
    path.bulk(3000);
    for (let i = 0; i < 10; i++) expect(path.share(3000)).toBeGreaterThan(0.8);
    expect(path.budget.bytesPerMs).toBeLessThan(1.3 * 1250);
  });

  it("notices within two periods that the path became longer", () => {
    const path = new Path({ bytesPerMs: 1250, rttMs: 20 }).begun();
    path.bulk(3000);
    path.rttMs = 200;
    path.bulk(2 * RTT_PERIOD_MS + 3000);
    expect(path.budget.baseRttMs).toBeGreaterThan(190);
    path.bulk(3000);
    expect(path.share(4000)).toBeGreaterThan(0.9);
  });

  it("is small again when a period begins under load, until the path is measured without our queue", () => {
    const path = new Path({ bytesPerMs: 12_500, rttMs: 100 }).begun();
    path.bulk(4000);
    const path75 = 0.75 * 12_500 * 100;
    expect(path.budget.limitBytes).toBeGreaterThan(12_500 * 100);
    let least = Number.POSITIVE_INFINITY;
    while (path.now < RTT_PERIOD_MS + 2000) {
      path.bulk(5);
      least = Math.min(least, path.budget.limitBytes);
    }
    expect(least).toBeGreaterThan(0.9 * path75);
    expect(least).toBeLessThan(1.1 * path75);
    expect(path.budget.limitBytes).toBeGreaterThan(12_500 * 100);
  });

  it("drains next to nothing of a short path, and not below one message", () => {
    const path = new Path({ bytesPerMs: 1250, rttMs: 1 }).begun();
    path.bulk(2000);
    let least = Number.POSITIVE_INFINITY;
    while (path.now < RTT_PERIOD_MS + 2000) {
      path.bulk(1);
      least = Math.min(least, path.budget.limitBytes);
    }
    expect(least).toBeGreaterThanOrEqual(LEAST_DRAINED_BYTES);
    expect(least).toBeLessThan(LEAST_BUDGET_BYTES);
  });

  it("does not grow by what trickled in long before a ping", () => {
    const budget = new SendBudget();
    let now = 0;
    let total = 0;
    for (let page = 0; page < 500; page++) {
      now += 60_000;
      budget.sent(60_000);
      total += 60_000;
      budget.pong(budget.startPing(now), total, now + 100);
    }
    expect(budget.limitBytes).toBe(FIRST_BUDGET_BYTES);
    expect(budget.bytesPerMs).toBe(0);
  });

  it.each([
    ["small", 400 * 1024],
    ["larger than the budget", 2 * 1024 * 1024],
  ])("keeps what it learnt through pages that come one by one: %s", (_, pageBytes) => {
    const path = new Path({ bytesPerMs: 12_500, rttMs: 100 }).begun();
    path.bulk(3000);
    for (let page = 0; page < 50; page++) {
      for (let sent = 0; sent < pageBytes; sent += MESSAGE) path.send();
      path.idle(3000);
    }
    expect(path.budget.bytesPerMs).toBeGreaterThan(0.97 * 12_500);
    expect(path.budget.bytesPerMs).toBeLessThan(1.03 * 12_500);
  });
});

describe("pings", () => {
  it("are due once a quarter of the budget is unreported, then for each sixteenth", () => {
    const budget = new SendBudget();
    expect(pingDue(budget, 0, FIRST_BUDGET_BYTES / 4)).toBeUndefined();
    expect(pingDue(budget, 0, FIRST_BUDGET_BYTES / 4 + 1)).toBe(1);
    budget.sent(FIRST_BUDGET_BYTES / 4 + 1);
    expect(pingDue(budget, 0, FIRST_BUDGET_BYTES / 16)).toBeUndefined();
    expect(pingDue(budget, 0, FIRST_BUDGET_BYTES / 16 + 1)).toBe(2);
  });

  it("under way are 32 at most", () => {
    const budget = new SendBudget();
    const due: (number | undefined)[] = [];
    for (let i = 0; i < 34; i++) {
      due.push(pingDue(budget, 0, FIRST_BUDGET_BYTES));
      budget.sent(FIRST_BUDGET_BYTES);
    }
    expect(due.slice(30)).toEqual([31, 32, undefined, undefined]);
    budget.pong(3, 0, 5);
    expect(pingDue(budget, 0, FIRST_BUDGET_BYTES)).toBe(33);
  });

  it("are due at once when none is under way and the budget is used up: nothing else would bring word", () => {
    const budget = new SendBudget();
    const token = budget.startPing(0);
    budget.sent(4 * FIRST_BUDGET_BYTES);
    budget.pong(token, 10, 10);
    expect(budget.room).toBeLessThan(0);
    expect(pingDue(budget, 10, 0)).toBe(token + 1);
  });

  it("answered with a token of nobody's only report", () => {
    const budget = new SendBudget();
    budget.sent(1000);
    budget.pong(77, 600, 5);
    expect(budget.baseRttMs).toBe(0);
    expect(budget.room).toBe(FIRST_BUDGET_BYTES - 400);
  });

  it("answered with a count beyond what was sent measure nothing", () => {
    const budget = new SendBudget();
    budget.sent(1000);
    budget.pong(budget.startPing(0), 1e12, 5);
    expect(budget.limitBytes).toBe(FIRST_BUDGET_BYTES);
    expect(budget.room).toBe(FIRST_BUDGET_BYTES - 1000);
  });
});

describe("counts of the peer", () => {
  it("that go back or beyond what was sent are ignored", () => {
    const budget = new SendBudget();
    budget.sent(1000);
    budget.reported(600);
    budget.reported(500);
    budget.reported(1001);
    budget.reported(Number.MAX_SAFE_INTEGER);
    expect(budget.room).toBe(FIRST_BUDGET_BYTES - 400);
    budget.reported(1000);
    expect(budget.room).toBe(FIRST_BUDGET_BYTES);
  });
});
