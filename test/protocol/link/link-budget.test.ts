import { describe, expect, it } from "vitest";
import {
  DRAINED_BUDGET_BYTES,
  LEAST_BUDGET_BYTES,
  LinkBudget,
  RTT_PERIOD_MS,
} from "../../../protocol/link/link-budget.ts";

const MESSAGE = 16 * 1024;
const PING = 5;

/**
 * A path with a rate and a round trip, and a sender with always more to send: what it may send under the budget, when it
 * arrives, and when the word of it is back.
 */
class Path {
  readonly budget = new LinkBudget();
  readonly bytesPerMs: number;
  readonly rttMs: number;
  now = 0;
  /** Sent and not arrived, and the longest it took anything to arrive. */
  #sent = 0;
  #lineFreeAt = 0;
  longestMs = 0;
  mostUnderWay = 0;
  #reported = 0;
  readonly #coming: { at: number; token: number; total: number }[] = [];

  constructor(path: { bytesPerMs: number; rttMs: number }) {
    this.bytesPerMs = path.bytesPerMs;
    this.rttMs = path.rttMs;
  }

  /** Sends one message, with a ping if one is due. */
  send(bytes = MESSAGE): void {
    const token = this.budget.pingDue(this.now, bytes);
    this.budget.sent(bytes);
    this.#sent += bytes;
    this.#lineFreeAt = Math.max(this.#lineFreeAt, this.now) + bytes / this.bytesPerMs;
    this.longestMs = Math.max(this.longestMs, this.#lineFreeAt + this.rttMs / 2 - this.now);
    this.mostUnderWay = Math.max(this.mostUnderWay, this.#sent - this.#reported);
    if (token !== undefined)
      this.#coming.push({ at: this.#lineFreeAt + this.rttMs, token, total: this.#sent });
  }

  /** Takes the next pong, at its time. */
  pong(): void {
    const next = this.#coming.shift();
    if (next === undefined) throw new Error("no ping is under way: the link would stand still");
    this.now = Math.max(this.now, next.at);
    this.#reported = next.total;
    this.budget.pong(next.token, next.total, this.now);
  }

  /** As much as the budget allows, `rounds` times over. */
  bulk(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      while (this.budget.room > 0) this.send();
      if (this.#coming.length === 0) this.send(PING); // nothing else may leave: the ping leaves alone
      this.pong();
    }
  }
}

describe("the link budget", () => {
  it("is 64 KiB before anything is known, and whole messages may begin while there is room", () => {
    const path = new Path({ bytesPerMs: 1000, rttMs: 100 });
    while (path.budget.room > 0) path.send();
    expect(path.mostUnderWay).toBe(LEAST_BUDGET_BYTES);
    expect(path.budget.limitBytes).toBe(LEAST_BUDGET_BYTES);
  });

  it("goes over by less than a message", () => {
    const budget = new LinkBudget();
    budget.sent(LEAST_BUDGET_BYTES - 1);
    expect(budget.room).toBe(1);
    budget.sent(MESSAGE);
    expect(budget.room).toBe(1 - MESSAGE);
  });

  it.each([
    ["slow and far", 125, 200],
    ["10 Mbit/s, 80 ms", 1250, 80],
    ["100 Mbit/s, 150 ms", 12_500, 150],
    ["1 Gbit/s, 30 ms", 125_000, 30],
  ])("grows to twice the bandwidth-delay product and stays there: %s", (_, bytesPerMs, rttMs) => {
    const path = new Path({ bytesPerMs, rttMs });
    path.budget.pong(path.budget.startPing(0), 0, rttMs); // the first one, of an idle link
    path.now = rttMs;
    path.bulk(100);
    const wanted = Math.max(LEAST_BUDGET_BYTES, 2 * bytesPerMs * rttMs);
    expect(path.budget.limitBytes).toBeGreaterThan(0.8 * wanted);
    expect(path.budget.limitBytes).toBeLessThan(1.3 * wanted + 2 * MESSAGE);
    expect(path.budget.baseRttMs).toBe(rttMs);
  });

  it("does not take its own queue for the path, however long a transfer lasts", () => {
    const path = new Path({ bytesPerMs: 1250, rttMs: 80 });
    path.budget.pong(path.budget.startPing(0), 0, 80);
    path.now = 80;
    while (path.now < 5 * RTT_PERIOD_MS) {
      path.bulk(1);
      expect(path.budget.limitBytes).toBeLessThan(2 * 1250 * 80 * 1.4 + 2 * MESSAGE);
    }
    expect(path.budget.limitBytes).toBeGreaterThan(1250 * 80);
    expect(path.longestMs).toBeLessThan(3 * 80 + 100);
  });

  it("notices within two periods that the path became longer", () => {
    const short = new Path({ bytesPerMs: 1250, rttMs: 20 });
    short.budget.pong(short.budget.startPing(0), 0, 20);
    for (let now = 1000; now < 3 * RTT_PERIOD_MS; now += 60_000)
      short.budget.pong(short.budget.startPing(now), 0, now + 200);
    expect(short.budget.baseRttMs).toBe(200);
  });

  it("is small again when a period begins under load, until the path is measured without our queue", () => {
    const path = new Path({ bytesPerMs: 12_500, rttMs: 100 });
    path.bulk(40);
    const { limitBytes } = path.budget;
    path.now += RTT_PERIOD_MS;
    path.bulk(1);
    expect(path.budget.limitBytes).toBe(DRAINED_BUDGET_BYTES);
    expect(path.budget.room).toBeLessThan(0);
    path.bulk(6);
    expect(path.budget.limitBytes).toBeGreaterThan(0.8 * limitBytes);
  });

  it("does not grow by what trickled in long before a ping", () => {
    const budget = new LinkBudget();
    let now = 0;
    let total = 0;
    for (let page = 0; page < 500; page++) {
      now += 60_000;
      budget.sent(60_000);
      total += 60_000;
      budget.pong(budget.startPing(now), total, now + 100);
    }
    expect(budget.limitBytes).toBe(LEAST_BUDGET_BYTES);
  });

  it("keeps what it learnt while little is sent", () => {
    const path = new Path({ bytesPerMs: 12_500, rttMs: 100 });
    path.budget.pong(path.budget.startPing(0), 0, 100);
    path.bulk(20);
    const { limitBytes } = path.budget;
    for (let i = 0; i < 100; i++) {
      path.now += 1000;
      path.budget.sent(100);
      path.budget.pong(path.budget.startPing(path.now), 1e12, path.now + 100);
    }
    expect(path.budget.limitBytes).toBe(limitBytes);
  });
});

describe("pings", () => {
  it("are due for each quarter of the budget", () => {
    const budget = new LinkBudget();
    expect(budget.pingDue(0, LEAST_BUDGET_BYTES / 4)).toBeUndefined();
    const first = budget.pingDue(0, LEAST_BUDGET_BYTES / 4 + 1);
    expect(first).toBeGreaterThan(0);
    budget.sent(LEAST_BUDGET_BYTES / 4 + 1);
    expect(budget.pingDue(0, LEAST_BUDGET_BYTES / 4)).toBeUndefined();
    expect(budget.pingDue(0, LEAST_BUDGET_BYTES / 4 + 1)).toBe((first ?? 0) + 1);
  });

  it("under way are eight at most", () => {
    const budget = new LinkBudget();
    const due: (number | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      due.push(budget.pingDue(0, LEAST_BUDGET_BYTES));
      budget.sent(LEAST_BUDGET_BYTES);
    }
    expect(due).toEqual([1, 2, 3, 4, 5, 6, 7, 8, undefined, undefined]);
    budget.pong(3, 0, 5);
    expect(budget.pingDue(0, LEAST_BUDGET_BYTES)).toBe(9);
  });

  it("are due at once when none is under way and the budget is used up: nothing else would bring word", () => {
    const budget = new LinkBudget();
    const token = budget.startPing(0);
    budget.sent(4 * LEAST_BUDGET_BYTES);
    budget.pong(token, 10, 10);
    expect(budget.room).toBeLessThan(0);
    expect(budget.pingDue(10, 0)).toBe(token + 1);
  });

  it("answered with a token of nobody's only report", () => {
    const budget = new LinkBudget();
    budget.sent(1000);
    budget.pong(77, 600, 5);
    expect(budget.baseRttMs).toBe(0);
    expect(budget.room).toBe(LEAST_BUDGET_BYTES - 400);
  });
});

describe("counts of the peer", () => {
  it("that go back or beyond what was sent are ignored", () => {
    const budget = new LinkBudget();
    budget.sent(1000);
    budget.reported(600, 1);
    budget.reported(500, 2);
    budget.reported(1001, 3);
    budget.reported(Number.MAX_SAFE_INTEGER, 4);
    expect(budget.room).toBe(LEAST_BUDGET_BYTES - 400);
    budget.reported(1000, 5);
    expect(budget.room).toBe(LEAST_BUDGET_BYTES);
  });
});
