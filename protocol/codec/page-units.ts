/**
 * A page as a row of units: what stands between two delimiters, each with the delimiter that ends it. What is said of
 * pages here on is said of whole units, which are equal or not: nothing can tell that two of them are nearly alike. A
 * unit is what a page shows as one value: a text between tags, a quoted string, a line, a parameter of a link. SPEC
 * section "Units".
 */
import { isUtf8 } from "node:buffer";

const NOTHING = 0;
const ENDS = 1;
const ENTITY = 2;
const REFUSED = 3;
/** Stands between the pieces of a common base. No page that one is made of has it, so no value of a page can cross it. */
export const BETWEEN_PIECES = 0;

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
 * Where each unit begins, in bytes, and where the last one ends; a megabyte takes some 2 ms. Undefined for what is no
 * text: a character set in which a delimiter's byte may be half a character, or anything with control characters; and
 * for more than `most` units. A zero byte between two units, as common bases have it, is one of its own.
 */
export const unitStarts = (page: Buffer, most = Number.POSITIVE_INFINITY): Int32Array | undefined => {
  if (!isUtf8(page)) return undefined;
  const starts = [0];
  for (let at = 0; at < page.length; at++) {
    const kind = KINDS[page[at] as number];
    if (kind === NOTHING) continue;
    if (kind === REFUSED) {
      if (page[at] !== BETWEEN_PIECES) return undefined;
      // The last piece may end as its page did, without a delimiter.
      if (at === page.length - 1 && starts.at(-1) !== at) starts.push(at);
      if (starts.at(-1) !== at) return undefined;
    }
    if (kind === ENTITY) {
      const text = page.toString("latin1", at, at + 6);
      const entity = AMPERSANDS.find((name) => text.startsWith(name));
      if (entity === undefined) continue;
      at += entity.length - 1;
    }
    if (starts.push(at + 1) > most + 1) return undefined;
  }
  if (starts.at(-1) !== page.length && starts.push(page.length) > most + 1) return undefined;
  return new Int32Array(starts);
};

/**
 * Of a part of a page: where its first whole unit begins, and where its last one ends; undefined where all of it stands within one.
 * `begins`: the part begins with a unit; `ends`: it is the end of the page. Between the two a text is cut into the units that the page has
 * there.
 */
export const wholeUnitsIn = (
  part: Buffer,
  { begins, ends }: { readonly begins: boolean; readonly ends: boolean },
): { readonly from: number; readonly to: number } | undefined => {
  const from = begins ? 0 : part.findIndex(endsUnit) + 1;
  const to = ends ? part.length : part.findLastIndex(endsUnit) + 1;
  return begins || from > 0 ? { from, to } : undefined;
};

const endsUnit = (byte: number): boolean => KINDS[byte] === ENDS;

/** Whether a part of a page may be of a text, as `unitStarts` has it, wherever it was cut. */
export const mayBeText = (part: Buffer): boolean => {
  for (const byte of part) if (KINDS[byte] === REFUSED) return false;
  return true;
};
