/** bench/report/statistics.ts: percentiles by nearest rank, geometric mean, and what they say of nothing. */
import { expect, it } from "vitest";
import { geometricMean, medianOf, percentilesOf, sumOf } from "../../../bench/report/statistics.ts";

it.each([
  { values: [], expected: undefined },
  { values: [7], expected: { p50: 7, p95: 7 } },
  { values: [3, 1, 2], expected: { p50: 2, p95: 3 } },
  { values: Array.from({ length: 100 }, (_, at) => 100 - at), expected: { p50: 50, p95: 95 } },
])("percentiles of $values.length values", ({ values, expected }) =>
  expect(percentilesOf(values)).toEqual(expected),
);

it("the geometric mean weighs ratios alike: a half and a double make one", () => {
  expect(geometricMean([0.5, 2])).toBeCloseTo(1, 12);
  expect(geometricMean([0.01, 0.04])).toBeCloseTo(0.02, 12);
  expect(geometricMean([])).toBeUndefined();
});

it("sums", () => expect(sumOf([1, 2, 3.5])).toBe(6.5));

it.each([
  [[], undefined],
  [[3], 3],
  [[9, 1, 2], 2],
  [[4, 1, 9, 2], 3],
])("the median of %j is %d", (values, median) => {
  expect(medianOf(values)).toBe(median);
});
