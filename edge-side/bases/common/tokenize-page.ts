/**
 * The units of several pages, numbered in slices so that equal text has an equal number. SPEC section "Units".
 */
import { BETWEEN_PIECES, unitStarts } from "../../../protocol/codec/page-units.ts";

/** Units of any number of pages, by number: equal text, equal number. */
export type UnitNumbers = Map<string, number>;

export interface PageUnits {
  /** The units in order. */
  readonly numbers: Int32Array;
  /** Where each begins, in bytes, and where the last one ends. */
  readonly starts: Int32Array;
}

/** Bytes, or units, that are looked at before others get their turn: about a millisecond. */
const BYTES_PER_SLICE = 24 * 1024;
const UNITS_PER_SLICE = 1_024;

/** Undefined for what has no units, or what separates the pieces of common bases. */
export function* unitsOf(page: Buffer, known: UnitNumbers): Generator<void, PageUnits | undefined> {
  const starts = page.includes(BETWEEN_PIECES) ? undefined : unitStarts(page);
  if (starts === undefined) return undefined;
  const numbers = new Int32Array(starts.length - 1);
  let slice = BYTES_PER_SLICE;
  for (let unit = 0; unit < numbers.length; unit++) {
    const end = starts[unit + 1] ?? 0;
    const text = page.toString("latin1", starts[unit], end);
    const number = known.get(text) ?? known.size;
    known.set(text, number);
    numbers[unit] = number;
    if (end < slice && (unit + 1) % UNITS_PER_SLICE !== 0) continue;
    slice = end + BYTES_PER_SLICE;
    yield;
  }
  return { numbers, starts };
}
