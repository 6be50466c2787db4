import { expect, it } from "vitest";
import { EFFORTS, effortAt, leavesUncompared } from "../../../../origin-side/answer/coding/effort.ts";

const LOADS = [0, 0.5, 0.8, 0.81, 0.95, 0.96, 1, 1.01];

it("every load has an effort, and a higher one never takes more bases", () => {
  expect(EFFORTS.at(-1)?.upToLoad).toBe(1);
  const bases = LOADS.map((load) => effortAt(load).bases);
  expect(Math.min(...bases)).toBeGreaterThan(0);
  expect(bases).toEqual([...bases].sort((a, b) => b - a));
});

it("a full link deserves one effort more, as far as there is one", () => {
  const rowsAt = (linkIsFull: boolean) =>
    LOADS.map((load) => EFFORTS.indexOf(effortAt(load, { linkIsFull })));
  expect(rowsAt(false)).toEqual([0, 0, 0, 1, 1, 2, 2, 2]);
  expect(rowsAt(true)).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
});

it.each([
  [32 * 1024, 4_000, true],
  [32 * 1024 - 1, 4_000, false],
  [20_000, 4_001, true],
  [20_000, 4_000, false],
])(
  "of %i bytes of a page's own, of which zstd makes %i, it leaves before both are compared: %s",
  (own, coded, leaves) => {
    expect(leavesUncompared(own, coded)).toBe(leaves);
  },
);
