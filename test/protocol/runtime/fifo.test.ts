import { describe, expect, it } from "vitest";
import { Fifo } from "../../../protocol/runtime/fifo.ts";
import { Differences } from "../../kit/differences.ts";
import { Random } from "../../kit/random.ts";

describe("a queue at both ends", () => {
  it("gives what an array would give, whatever is done to it", () => {
    const random = new Random(11);
    const queue = new Fifo<number>();
    const model: number[] = [];
    const differences = new Differences();
    for (let step = 0; step < 20_000; step++) {
      // More comes in than goes out for a while, and then the other way round.
      const growing = step % 4_000 < 2_500;
      const chance = random.next();
      if (chance < (growing ? 0.5 : 0.2)) {
        queue.push(step);
        model.push(step);
      } else if (chance < (growing ? 0.6 : 0.25)) {
        queue.unshift(step);
        model.unshift(step);
      } else if (chance < 0.95) differences.check(queue.shift(), model.shift(), step);
      else if (model.length > 0) {
        queue.replaceFirst(-step);
        model[0] = -step;
        queue.replaceLast(step);
        model[model.length - 1] = step;
      }
      differences.check(queue.length, model.length, `length at ${step}`);
      differences.check(queue.first, model[0], `first at ${step}`);
      differences.check(queue.last, model.at(-1), `last at ${step}`);
    }
    expect(differences.found).toEqual([]);
  });

  it("holds nothing after it was cleared, and has nothing to replace", () => {
    const queue = new Fifo<string>();
    for (const item of ["a", "b", "c"]) queue.push(item);
    queue.clear();
    expect([queue.length, queue.first, queue.last, queue.shift()]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
    ]);
    expect(() => queue.replaceFirst("d")).toThrow(RangeError);
    expect(() => queue.replaceLast("d")).toThrow(RangeError);
  });
});
