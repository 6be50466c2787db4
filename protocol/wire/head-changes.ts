/**
 * A head told by what changed since one with the same names: fields that stayed cost nothing, times and numbers travel as
 * differences, tags by their alphabet, all else as an index or as text. A secret is never left to "as before", however
 * often it comes: a hit would tell a guess. SPEC section "Changes".
 */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { LinkError } from "./errors.ts";
import { type FieldRule, isIndexed, isSecret, ruleOf } from "./field-rules.ts";
import type { HeaderList } from "./header-block.ts";
import { readIndex, writeIndex } from "./header-index.ts";
import type { HeaderTable, TableLookup } from "./header-table.ts";
import {
  areShapedAlike,
  NUMBERS,
  readSigned,
  readTag,
  readTagAfter,
  type Scale,
  TIMES,
  tagOf,
  writeSigned,
  writeTag,
  writeTagAfter,
} from "./short-value.ts";

/** How a new value is written, in the high bits; the low ones count the fields since the last change. */
const CHANGE = {
  entry: 0x00,
  inserted: 0x20,
  text: 0x40,
  time: 0x60,
  number: 0x80,
  tag: 0xa0,
  tagAfter: 0xc0,
  tagAfterInserted: 0xe0,
} as const;
const INSERTING: ReadonlySet<number> = new Set([CHANGE.inserted, CHANGE.tag, CHANGE.tagAfterInserted]);
const FORM_BITS = 0xe0;
const SKIP_BITS = 5;

const SCALES: Readonly<Record<"time" | "number", Scale>> = { time: TIMES, number: NUMBERS };

/** Where changes are written to or read from. */
interface Changing<Table extends HeaderTable> {
  /** The remembered head: names and values in turn. */
  readonly before: HeaderList;
  readonly table: Table;
}

/** `head` has the names of `before`, in the same order. */
export const writeChanges = (
  w: ByteWriter,
  head: HeaderList,
  { before, table }: Changing<TableLookup>,
): void => {
  let stayed = 0;
  for (let i = 0; i + 1 < head.length; i += 2) {
    const [name, value] = [head[i] as string, head[i + 1] as string];
    const old = before[i + 1] as string;
    if (value === old && !isSecret(name, value)) stayed++;
    else {
      writeChange(w, stayed, { name, value, old, table });
      stayed = 0;
    }
  }
};

interface Change {
  readonly name: string;
  readonly value: string;
  readonly old: string;
  readonly table: TableLookup;
}

const writeChange = (w: ByteWriter, stayed: number, { name, value, old, table }: Change): void => {
  const begin = (form: number) => writeIndex(w, form, SKIP_BITS, stayed);
  const rule = ruleOf(name, value);
  if (rule === "time" || rule === "number") {
    const difference = SCALES[rule].difference(old, value);
    if (difference !== undefined) {
      begin(CHANGE[rule]);
      return writeSigned(w, difference);
    }
  }
  const index = isIndexed(rule) ? table.find(name, value) : undefined;
  if (index !== undefined) {
    begin(CHANGE.entry);
    w.varint(index);
    return;
  }
  if (!writeNewTag(w, rule, { value, old, begin })) {
    begin(isIndexed(rule) ? CHANGE.inserted : CHANGE.text);
    w.text(value);
  }
  if (isIndexed(rule)) table.insert(name, value);
};

/** Writes a tag as such if that is what it is. An id whose shape is new is text: it comes once. */
const writeNewTag = (
  w: ByteWriter,
  rule: FieldRule,
  {
    value,
    old,
    begin,
  }: { readonly value: string; readonly old: string; readonly begin: (form: number) => void },
): boolean => {
  const tag = rule === "tag" || rule === "id" ? tagOf(value) : undefined;
  if (tag === undefined) return false;
  const before = tagOf(old);
  if (before !== undefined && areShapedAlike(before, tag)) {
    begin(rule === "tag" ? CHANGE.tagAfterInserted : CHANGE.tagAfter);
    writeTagAfter(w, before, tag);
    return true;
  }
  if (rule === "id") return false;
  begin(CHANGE.tag);
  writeTag(w, tag);
  return true;
};

/** The head that `block`, to its end, tells of: a list of its own. Throws LinkError. */
export const readChanges = (block: ByteReader, { before, table }: Changing<HeaderTable>): string[] => {
  const head = [...before];
  let at = -1; // of the value in the list
  while (block.left > 0) {
    const first = block.u8();
    at += 2 * (readIndex(block, first, SKIP_BITS) + 1);
    const [name, old] = [head[at - 1], head[at]];
    if (name === undefined || old === undefined)
      throw new LinkError("bad-frame", "a change of a field that is not there");
    const form = first & FORM_BITS;
    head[at] = readValue(block, form, { old, table });
    if (INSERTING.has(form)) table.insert(name, head[at] as string);
  }
  return head;
};

const readValue = (
  block: ByteReader,
  form: number,
  { old, table }: { readonly old: string; readonly table: HeaderTable },
): string => {
  switch (form) {
    case CHANGE.entry:
      return table.at(block.varint()).value;
    case CHANGE.inserted:
    case CHANGE.text:
      return block.text();
    case CHANGE.time:
      return SCALES.time.after(old, readSigned(block));
    case CHANGE.number:
      return SCALES.number.after(old, readSigned(block));
    case CHANGE.tag:
      return readTag(block);
    default: // tagAfter, inserted or not: three bits have no other value
      return readTagAfter(block, old);
  }
};
