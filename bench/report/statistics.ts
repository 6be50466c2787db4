/** The figures that the reports are made of: percentiles, median, geometric mean, sum. */

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

/** Undefined of no values, so that a table can say so instead of showing a zero. */
export function percentilesOf(values: readonly number[]): Percentiles | undefined {
  const [p50, p95] = [percentileOf(values, 0.5), percentileOf(values, 0.95)];
  return p50 === undefined || p95 === undefined ? undefined : { p50, p95 };
}

/** Nearest rank; undefined of no values. `share`: above 0, 1 at most. */
export function percentileOf(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)];
}

/** The middle value, or the mean of the two in the middle; undefined of none. */
export function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** Geometric mean of positive values; undefined of none. */
export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** How often each text occurs, the commonest first. */
export function countOf(texts: readonly (string | undefined)[]): Record<string, number> {
  const groups = Map.groupBy(
    texts.filter((text) => text !== undefined),
    (text) => text,
  );
  const counts = [...groups].map(([text, { length }]) => [text, length] as const);
  return Object.fromEntries(counts.sort(([, a], [, b]) => b - a));
}

export const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
