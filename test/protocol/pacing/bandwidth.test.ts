import { describe, expect, it } from "vitest";
import { PathRate, type Point, SPAN_MS, SPANS } from "../../../protocol/pacing/bandwidth.ts";

const at = (bytes: number, sentAt: number, heardAt: number): Point => ({ bytes, sentAt, heardAt });
const START = at(0, 0, 0);

describe("a path's rate", () => {
  it("is the highest, and proven once a round used the path up", () => {
    const rate = new PathRate();
    rate.measured(START, at(1000, 10, 100), false);
    expect(rate.endRound(0)).toBe(false);
    expect([rate.bytesPerMs, rate.verified]).toEqual([10, false]);
    rate.measured(START, at(2000, 10, 100), true);
    rate.measured(START, at(500, 10, 100), true);
    expect(rate.endRound(0)).toBe(true);
    expect([rate.bytesPerMs, rate.verified]).toEqual([20, true]);
  });

  it.each([
    ["of long rounds", SPAN_MS],
    ["of short rounds", SPAN_MS / 4],
  ])(
    `is forgotten after ${SPANS} spans that used up a slower path, and not by rounds that did not: %s`,
    (_, roundMs) => {
      const rate = new PathRate();
      rate.measured(START, at(2000, 10, 100), true);
      rate.endRound(0);
      const until = SPANS * SPAN_MS;
      for (let now = roundMs; now < until; now += roundMs) {
        for (const full of [true, false]) {
          rate.measured(START, at(1000, 10, 100), full);
          rate.endRound(now);
        }
        expect(rate.bytesPerMs).toBe(20);
      }
      rate.measured(START, at(1000, 10, 100), true);
      rate.endRound(until);
      expect(rate.bytesPerMs).toBe(10);
    },
  );

  it("is no higher than that of sending, when word comes late and then all at once", () => {
    const rate = new PathRate();
    rate.measured(at(0, 0, 200), at(1000, 100, 201), true);
    expect(rate.bytesPerMs).toBe(10);
  });

  it("is reckoned over a millisecond when less has passed", () => {
    const rate = new PathRate();
    rate.measured(START, at(1000, 0, 0), true);
    expect(rate.bytesPerMs).toBe(1000);
  });
});
