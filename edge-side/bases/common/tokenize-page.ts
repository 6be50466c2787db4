/**
 * A page as a row of units: what stands between two delimiters, each with the delimiter that ends it. What is said of
 * pages here on is said of whole units, which are equal or not: nothing can tell that two of them are nearly alike. A
 * unit is what a page shows as one value: a text between tags, a quoted string, a line, a parameter of a link. SPEC
 * section "Common bases".
 */
import { isUtf8 } from "node:buffer";

/** Units of any number of pages, by number: equal text, equal number. */
export type UnitNumbers = Map<string, number>;

export interface PageUnits {
  /** The units in order. */
  readonly numbers: Int32Array;
  /** Where each begins, in bytes, and where the last one ends. */
  readonly starts: Int32Array;
}

/** Characters, or units, that are looked at before others get their turn: about a millisecond. */
const CHARS_PER_SLICE = 24 * 1024;
const UNITS_PER_SLICE = 1_024;

const NOTHING = 0;
const ENDS = 1;
const ENTITY = 2;
const REFUSED = 3;

/**
 * Few on purpose. Spaces, commas, semicolons, hyphens and apostrophes stand within values (card numbers, amounts, names,
 * addresses), which could be guessed in parts if they were delimiters.
 */
const KINDS = new Uint8Array(256);
for (let code = 0; code < 0x20; code++) KINDS[code] = REFUSED;
for (const space of "\t\f\r") KINDS[space.charCodeAt(0)] = NOTHING;
for (const delimiter of '\n<>"?') KINDS[delimiter.charCodeAt(0)] = ENDS;
KINDS["&".charCodeAt(0)] = ENTITY;
/** What separates the parameters of a link in HTML; other entities stand within values. */
const AMPERSANDS = ["&amp;", "&#038;", "&#38;"] as const;

/**
 * Cuts a page, in slices. Undefined for what is no text: a character set in which a delimiter's byte may be half a
 * character, or anything with control characters.
 */
export function* unitsOf(page: Buffer, known: UnitNumbers): Generator<void, PageUnits | undefined> {
  if (!isUtf8(page)) return undefined;
  const text = page.toString("latin1"); // one character a byte
  const numbers: number[] = [];
  const starts: number[] = [];
  let start = 0;
  let slice = CHARS_PER_SLICE;
  const cut = (end: number): void => {
    const unit = text.slice(start, end);
    let number = known.get(unit);
    if (number === undefined) {
      number = known.size;
      known.set(unit, number);
    }
    numbers.push(number);
    starts.push(start);
    start = end;
  };
  for (let at = 0; at < text.length; at++) {
    const kind = KINDS[text.charCodeAt(at)];
    if (kind === NOTHING) continue;
    if (kind === REFUSED) return undefined;
    if (kind === ENDS) cut(at + 1);
    else {
      const entity = AMPERSANDS.find((name) => text.startsWith(name, at));
      if (entity === undefined) continue;
      at += entity.length - 1;
      cut(at + 1);
    }
    if (at >= slice || numbers.length % UNITS_PER_SLICE === 0) {
      slice = at + CHARS_PER_SLICE;
      yield;
    }
  }
  if (start < text.length) cut(text.length);
  starts.push(text.length);
  return { numbers: Int32Array.from(numbers), starts: Int32Array.from(starts) };
}
