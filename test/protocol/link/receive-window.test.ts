import { describe, expect, it } from "vitest";
import { MOST_WINDOW_BYTES, ReceiveWindow } from "../../../protocol/link/receive-window.ts";
import { QUEUE_MS } from "../../../protocol/pacing/send-budget.ts";

const KIB = 1024;

const windowOf = (bytes: number, path: { rttMs?: number; budget?: number } = {}) => {
  const time = { now: 0, budget: path.budget ?? Number.POSITIVE_INFINITY, asked: 0 };
  const window = new ReceiveWindow(bytes, {
    clock: { now: () => time.now },
    baseRttMs: () => path.rttMs ?? 0,
    mayGrow(more) {
      time.asked++;
      if (more > time.budget) return false;
      time.budget -= more;
      return true;
    },
  });
  /** The peer sends, the reader takes. */
  const pass = (count: number) => {
    window.arrived(count);
    return window.taken(count);
  };
  return { window, time, pass };
};

describe("a receive window", () => {
  it("grants nothing before half of it is taken, then all that is owed", () => {
    const { pass } = windowOf(64 * KIB, { budget: 0 });
    expect(pass(32 * KIB - 1)).toBe(0);
    expect(pass(1)).toBe(32 * KIB);
    expect(pass(40 * KIB)).toBe(40 * KIB);
  });

  it("grants for what was taken, never for what only arrived", () => {
    const { window } = windowOf(64 * KIB, { budget: 0 });
    window.arrived(64 * KIB);
    expect(window.taken(KIB)).toBe(0);
    expect(window.taken(63 * KIB)).toBe(64 * KIB);
  });

  it("takes bytes up to its credit exactly; one more is an overrun", () => {
    windowOf(64 * KIB).window.arrived(64 * KIB);
    const { window } = windowOf(64 * KIB);
    window.arrived(64 * KIB - 1);
    window.arrived(1);
    expect(() => window.arrived(1)).toThrow(expect.objectContaining({ code: "window-overrun" }));
  });

  it("counts a grant as credit", () => {
    const { window, pass } = windowOf(64 * KIB, { budget: 0 });
    expect(pass(64 * KIB)).toBe(64 * KIB);
    window.arrived(64 * KIB);
    expect(() => window.arrived(1)).toThrow();
  });
});

describe("growth", () => {
  it.each([0, 50])(
    "doubles when half of it was used within two round trips of %d ms and our queue's",
    (rttMs) => {
      const { window, time, pass } = windowOf(64 * KIB, { rttMs });
      time.now = 2 * (rttMs + QUEUE_MS) - 1;
      expect(pass(32 * KIB)).toBe(32 * KIB + 64 * KIB);
      expect(window.grownBytes).toBe(64 * KIB);
    },
  );

  it.each([0, 50])("does not when it lasted two round trips of %d ms and our queue's", (rttMs) => {
    const { window, time, pass } = windowOf(64 * KIB, { rttMs });
    time.now = 2 * (rttMs + QUEUE_MS);
    expect(pass(32 * KIB)).toBe(32 * KIB);
    expect(window.grownBytes).toBe(0);
  });

  it("does not without memory, and asks again", () => {
    const { time, pass } = windowOf(64 * KIB, { rttMs: 50, budget: 64 * KIB - 1 });
    expect(pass(32 * KIB)).toBe(32 * KIB);
    time.budget = 64 * KIB;
    expect(pass(32 * KIB)).toBe(96 * KIB);
    expect(time.asked).toBe(2);
  });

  it(`ends at ${MOST_WINDOW_BYTES} bytes, whatever it began with`, () => {
    for (const first of [64 * KIB, 100 * KIB, MOST_WINDOW_BYTES - 1]) {
      const { window, pass } = windowOf(first, { rttMs: 50 });
      for (let i = 0; i < 20; i++) pass(first + window.grownBytes);
      expect(first + window.grownBytes).toBe(MOST_WINDOW_BYTES);
    }
  });

  it("never happens to a window that began above the most", () => {
    const { window, pass } = windowOf(MOST_WINDOW_BYTES * 2, { rttMs: 50 });
    expect(pass(MOST_WINDOW_BYTES)).toBe(MOST_WINDOW_BYTES);
    expect(window.grownBytes).toBe(0);
  });
});
