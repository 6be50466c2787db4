/**
 * A head told by what changed since one with the same names: fields that stayed cost nothing, times, numbers and tags little,
 * all else an index or its text. What could be guessed is never left as it was, however often it comes: a hit would tell
 * the guess. SPEC section "Changes".
 */

import { LinkError } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";
import { secondsOf } from "../http/http-date.ts";
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { HeaderTable, LookupTable } from "./header-table.ts";
import { type FieldRule, isCookiePair, isIndexed, isSpelled, ruleOf } from "./indexing-rules.ts";
import { packedText, type ReadsPacked, readPackedText } from "./packed-text.ts";
import {
  areShapedAlike,
  countedFrom,
  numberOf,
  readNumber,
  readTag,
  readTagAfter,
  readTime,
  type Tag,
  tagOf,
  writeTag,
  writeTagAfter,
} from "./packed-value.ts";
import { readIndex, writeIndex } from "./prefix-integer.ts";

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

/** First bytes of what is written in the place of a tag: no tag begins so. */
const INSTEAD_OF_TAG = { given: 0x20, packed: 0x21 } as const;

/** Which answer gave a pair of a Cookie: how many streams ago, and which of those that it gave. */
type GivenBy = readonly [distance: number, nth: number];
export type FindsGiven = (pair: string) => GivenBy | undefined;
/** The pair again. Throws LinkError. */
export type GivenAt = (by: GivenBy) => string;

/** Where changes are written to or read from. */
interface Changing<Table extends HeaderTable> {
  /** The remembered head: names and values in turn. */
  readonly before: HeaderList;
  readonly table: Table;
}

interface WrittenChanges extends Changing<LookupTable> {
  readonly given: FindsGiven | undefined;
  /** What of packed texts the reader knows. */
  readonly packed: ReadsPacked;
}

/** `head` has the names of `before`, in the same order; `mayBeSpelled` is that of their names. */
export const writeChanges = (
  w: ByteWriter,
  head: HeaderList,
  changing: WrittenChanges & { readonly mayBeSpelled: readonly boolean[] | undefined },
): void => {
  const writer = new ChangeWriter(w, changing);
  const { before, mayBeSpelled } = changing;
  for (let i = 0; i + 1 < head.length; i += 2) {
    const [name, value, old] = [head[i] as string, head[i + 1] as string, before[i + 1] as string];
    const mayHaveStayed = value === old;
    if (mayHaveStayed && mayBeSpelled?.[i / 2] !== true) {
      writer.stayed();
      continue;
    }
    const rule = ruleOf(name, value);
    if (mayHaveStayed && !isSpelled(rule)) writer.stayed();
    else writer.changed(name, value, old, rule);
  }
};

class ChangeWriter {
  readonly #w: ByteWriter;
  readonly #changing: WrittenChanges;
  #stayed = 0;
  /** The last number of this head: what the number in a tag is often equal to. */
  #number = 0;

  constructor(w: ByteWriter, changing: WrittenChanges) {
    this.#w = w;
    this.#changing = changing;
  }

  stayed(): void {
    this.#stayed++;
  }

  changed(name: string, value: string, old: string, rule: FieldRule): void {
    const { table } = this.#changing;
    if (!isIndexed(rule)) return this.#short(rule, value, old) ? undefined : this.#text(CHANGE.text, value);
    if (!table.takes(value)) return this.#text(CHANGE.text, value);
    const index = table.find(name, value);
    if (index !== undefined) return void this.#begin(CHANGE.entry).varint(index);
    if (!this.#given(name, value) && !this.#short(rule, value, old)) this.#text(CHANGE.inserted, value);
    table.insert(name, value);
  }

  #given(name: string, value: string): boolean {
    const by = isCookiePair(name) ? this.#changing.given?.(value) : undefined;
    if (by === undefined) return false;
    this.#begin(CHANGE.tag).u8(INSTEAD_OF_TAG.given).varint(by[0]).varint(by[1]);
    return true;
  }

  /** Writes the value in fewer bytes than its text, if it is of such a kind. */
  #short(rule: FieldRule, value: string, old: string): boolean {
    switch (rule) {
      case "time":
        return this.#time(secondsOf(value));
      case "number":
        return this.#shortNumber(numberOf(value));
      case "tag":
      case "id":
        return this.#tag(rule, tagOf(value), tagOf(old));
      case "cookie":
        return this.#packed(value, packedText(value, this.#changing.packed));
      case "token":
        return (
          this.#changing.packed.sealed === true &&
          this.#packed(value, packedText(value, this.#changing.packed))
        );
      default:
        return false;
    }
  }

  #time(seconds: number | undefined): boolean {
    if (seconds === undefined) return false;
    this.#begin(CHANGE.time).signed(seconds - countedFrom(this.#changing.before));
    return true;
  }

  #shortNumber(number: number | undefined): boolean {
    if (number === undefined) return false;
    this.#begin(CHANGE.number).varint(number);
    this.#number = number;
    return true;
  }

  /** An id of a new shape is text: that comes once. */
  #tag(rule: "tag" | "id", tag: Tag | undefined, old: Tag | undefined): boolean {
    if (tag === undefined) return false;
    if (old !== undefined && areShapedAlike(old, tag)) {
      const form = rule === "tag" ? CHANGE.tagAfterInserted : CHANGE.tagAfter;
      writeTagAfter(this.#begin(form), tag, this.#number);
      return true;
    }
    if (rule === "id") return false;
    writeTag(this.#begin(CHANGE.tag), tag);
    return true;
  }

  #packed(text: string, packed: Buffer | undefined): boolean {
    if (packed === undefined || packed.length >= text.length) return false;
    this.#begin(CHANGE.tag).u8(INSTEAD_OF_TAG.packed).bytes(packed);
    return true;
  }

  #text(form: number, value: string): void {
    this.#begin(form).text(value);
  }

  #begin(form: number): ByteWriter {
    writeIndex(this.#w, form, SKIP_BITS, this.#stayed);
    this.#stayed = 0;
    return this.#w;
  }
}

interface ReadChanges extends Changing<HeaderTable> {
  readonly given: GivenAt | undefined;
}

/** The head that `block`, to its end, tells of: a list of its own. Throws LinkError. */
export const readChanges = (block: ByteReader, changing: ReadChanges): string[] => {
  const { before, table } = changing;
  const head = [...before];
  let number = 0;
  let at = -1; // of the value in the list
  while (block.left > 0) {
    const first = block.u8();
    at += 2 * (readIndex(block, first, SKIP_BITS) + 1);
    const [name, old] = [head[at - 1], head[at]];
    if (name === undefined || old === undefined)
      throw new LinkError("bad-frame", "a change of a field that is not there");
    const form = first & FORM_BITS;
    if (form === CHANGE.number) {
      number = readNumber(block);
      head[at] = String(number);
    } else head[at] = readValue(block, { form, old, number }, changing);
    if (INSERTING.has(form)) table.insert(name, head[at] as string);
  }
  return head;
};

const readValue = (
  block: ByteReader,
  { form, old, number }: { readonly form: number; readonly old: string; readonly number: number },
  { before, table, given }: ReadChanges,
): string => {
  switch (form) {
    case CHANGE.entry:
      return table.at(block.varint()).value;
    case CHANGE.inserted:
    case CHANGE.text:
      return block.text();
    case CHANGE.time:
      return readTime(block, countedFrom(before));
    case CHANGE.tag:
      return readTagOr(block, given);
    default: // tagAfter, inserted or not: three bits have no other value
      return readTagAfter(block, old, number);
  }
};

const readTagOr = (block: ByteReader, given: GivenAt | undefined): string => {
  const first = block.u8();
  if (first === INSTEAD_OF_TAG.packed) return readPackedText(block);
  if (first !== INSTEAD_OF_TAG.given) return readTag(block, first);
  if (given === undefined) throw new LinkError("bad-frame", "a given cookie in what is no request");
  return given([block.varint(), block.varint()]);
};
