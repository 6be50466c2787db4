import { describe, expect, it } from "vitest";
import { PathRate, type Point, ROUNDS } from "../../../protocol/link/path-rate.ts";

const at = (bytes: number, sentAt: number, heardAt: number): Point => ({ bytes, sentAt, heardAt });
const START = at(0, 0, 0);

describe("a path's rate", () => {
  it("is the highest, and proven once a round used the path up", () => {
    const rate = new PathRate();
    rate.measured(START, at(1000, 10, 100), false);
    expect(rate.endRound()).toBe(false);
    expect([rate.bytesPerMs, rate.proven]).toEqual([10, false]);
    rate.measured(START, at(2000, 10, 100), true);
    rate.measured(START, at(500, 10, 100), true);
    expect(rate.endRound()).toBe(true);
    expect([rate.bytesPerMs, rate.proven]).toEqual([20, true]);
  });

  it(`is forgotten after ${ROUNDS} rounds that used up a slower path, and not by rounds that did not`, () => {
    const rate = new PathRate();
    rate.measured(START, at(2000, 10, 100), true);
    rate.endRound();
    for (let round = 1; round < ROUNDS; round++) {
      for (const full of [true, false]) {
        rate.measured(START, at(1000, 10, 100), full);
        rate.endRound();
      }
    }
    expect(rate.bytesPerMs).toBe(20);
    rate.measured(START, at(1000, 10, 100), true);
    rate.endRound();
    expect(rate.bytesPerMs).toBe(10);
  });

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
