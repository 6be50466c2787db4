/** How work that can wait gives way: after a millisecond of it, not after each step; and it ends when it is not wanted any more. */
import { expect, it } from "vitest";
import { inSlices, REST_MS, SLICE_MS } from "../../../../edge-side/bases/common/in-slices.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";

/** Time passes while work is done, too. */
class BusyClock extends FakeClock {
  workedMs = 0;
  override now(): number {
    return super.now() + this.workedMs;
  }
}

/** Steps of a quarter of a slice each. */
const working = (steps: number) => {
  const clock = new BusyClock();
  const stopping = new AbortController();
  let done = 0;
  function* work(): Generator<void, string> {
    while (done < steps) {
      done++;
      clock.workedMs += SLICE_MS / 4;
      yield;
    }
    return "all of it";
  }
  const result = inSlices(work(), { clock, signal: stopping.signal });
  return { clock, stopping, result, steps: () => done };
};

it("rests, works for a millisecond whatever a step takes, and so on", async () => {
  const { clock, result, steps } = working(6);
  await clock.advance(REST_MS - 0.5);
  expect(steps()).toBe(0);
  await clock.advance(0.5);
  expect(steps()).toBe(4);
  await clock.advance(REST_MS - 0.5);
  expect(steps()).toBe(4);
  await clock.advance(0.5);
  expect(steps()).toBe(6);
  expect(await result).toBe("all of it");
});

it("is given up where it rests", async () => {
  const { clock, stopping, result, steps } = working(100);
  await clock.advance(REST_MS);
  stopping.abort();
  expect(await result).toBeUndefined();
  expect(steps()).toBe(4);
  expect(clock.timers).toBe(0);
});
