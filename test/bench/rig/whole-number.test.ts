import { expect, it } from "vitest";
import { wholeNumberFrom } from "../../../bench/rig/whole-number.ts";

it("a whole number is read, both bounds included", () => {
  expect(["1", "99"].map(wholeNumberFrom(1, 99))).toEqual([1, 99]);
});

it.each(["0", "100", "1.5", "x", "", " ", "NaN", "Infinity"])(
  "%j is none from 1 to 99, and it is said what would be",
  (text) => {
    expect(() => wholeNumberFrom(1, 99)(text)).toThrow("must be a whole number from 1 to 99.");
  },
);
