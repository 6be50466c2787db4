/**
 * Header blocks: fields seen before on the link travel as an index into a table that both ends keep, as HPACK does
 * (RFC 7541), but of whole values only, so that a length tells nothing about part of a value. Order, duplicates, case and
 * bytes of names and values survive. A block must be decoded in the order it was encoded, also when nobody wants it any
 * more: each one changes the table. SPEC section "Header blocks".
 */

import { LinkError } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { inParts, outOfParts, type TakenApart } from "./field-parts.ts";
import {
  type AlikeHead,
  AlikeHeads,
  headCost,
  MOST_REMEMBERED,
  mostRememberedCost,
  PlacedHeads,
} from "./head-cache.ts";
import { type FindsGiven, type GivenAt, readChanges, writeChanges } from "./head-diff.ts";
import { HeaderTable, LookupTable } from "./header-table.ts";
import { isIndexed, ruleOf } from "./indexing-rules.ts";
import { readIndex, writeIndex } from "./prefix-integer.ts";

/** First byte of a field: how it is written, and the first bits of an index. */
const FIELD = {
  indexed: 0x80,
  nameIndexed: 0x40,
  nameIndexedOnly: 0x20,
  literal: 0x10,
  literalNameOnly: 0x11,
} as const;

/** What a block does with the place that its low bits name. */
const PLACE = { none: 0x00, full: 0x40, changes: 0x80, number: MOST_REMEMBERED - 1 } as const;
const FORMS_OF_PLACE: ReadonlySet<number> = new Set([PLACE.none, PLACE.full, PLACE.changes]);

export class HeaderEncoder {
  readonly #table: LookupTable;
  readonly #alike = new AlikeHeads();
  readonly #mostCost: number;
  readonly #apart: TakenApart;
  #blocks = 0;

  /** `tableBytes`: the size of the peer's table, from its hello; `apart`: what it takes in parts. */
  constructor(tableBytes: number, apart: TakenApart = {}) {
    this.#apart = apart;
    this.#table = new LookupTable(tableBytes);
    this.#mostCost = mostRememberedCost(tableBytes);
  }

  /**
   * Appends a block: its length, the count, where its head is remembered, the fields. The block must then be sent. `given`: of a
   * request, what answers gave.
   */
  encode(w: ByteWriter, fields: HeaderList, given?: FindsGiven): void {
    const count = (this.#table.inserted + this.#blocks++) % 0x100;
    const at = w.beginSized();
    w.u8(count);
    const same = this.#alike.madeOf(fields);
    if (same === undefined) this.#other(w, fields, given);
    else if (same.mayBeSpelled === undefined) w.u8(PLACE.changes | same.place);
    else this.#changes(w, same.head, same, given);
    w.endSized(at);
  }

  #other(w: ByteWriter, fields: HeaderList, given: FindsGiven | undefined): void {
    const head = inParts(fields, this.#apart);
    const remembers = headCost(head) <= this.#mostCost;
    const alike = remembers ? this.#alike.exchange(head, fields) : undefined;
    if (alike !== undefined) this.#changes(w, head, alike, given);
    else this.#inFull(w.u8(remembers ? PLACE.full | this.#alike.add(head, fields) : PLACE.none), head);
  }

  #changes(w: ByteWriter, head: HeaderList, alike: AlikeHead, given: FindsGiven | undefined): void {
    const { place, head: before, mayBeSpelled } = alike;
    const packed = { sealed: this.#apart.fresh === true, runs: this.#apart.longCookies === true };
    writeChanges(w.u8(PLACE.changes | place), head, {
      before,
      mayBeSpelled,
      table: this.#table,
      given,
      packed,
    });
  }

  #inFull(w: ByteWriter, head: HeaderList): void {
    for (let i = 0; i + 1 < head.length; i += 2) this.#field(w, head[i] as string, head[i + 1] as string);
  }

  #field(w: ByteWriter, name: string, value: string): void {
    const indexed = isIndexed(ruleOf(name, value)) && this.#table.takes(value);
    const whole = indexed ? this.#table.find(name, value) : undefined;
    if (whole !== undefined) {
      writeIndex(w, FIELD.indexed, 7, whole);
      return;
    }
    const named = this.#table.findName(name);
    if (named === undefined) w.u8(indexed ? FIELD.literal : FIELD.literalNameOnly).text(name);
    else if (indexed) writeIndex(w, FIELD.nameIndexed, 6, named);
    else writeIndex(w, FIELD.nameIndexedOnly, 5, named);
    w.text(value);
    if (indexed) this.#table.insert(name, value);
    else if (named === undefined) this.#table.insert(name, "");
  }
}

const isSame = (a: HeaderList, b: HeaderList): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
};

export class HeaderDecoder {
  readonly #table: HeaderTable;
  readonly #placed: PlacedHeads;
  readonly #headBytes: number;
  #blocks = 0;

  /** `tableBytes` and `headBytes`: what our own hello announced. */
  constructor(bounds: { readonly tableBytes: number; readonly headBytes: number }) {
    this.#table = new HeaderTable(bounds.tableBytes);
    this.#placed = new PlacedHeads(bounds.tableBytes);
    this.#headBytes = bounds.headBytes;
  }

  /**
   * A head that is the same as the one before it in its place is the same list. Throws LinkError: a block that cannot be decoded
   * leaves the two tables different, which nothing can mend.
   */
  decode(r: ByteReader, given?: GivenAt): HeaderList {
    const block = r.sized();
    const count = block.u8();
    const ours = (this.#table.inserted + this.#blocks++) % 0x100;
    if (count !== ours)
      throw new LinkError("header-table", `header tables differ: the peer counts ${count}, here ${ours}`);
    const form = block.u8();
    const place = form & PLACE.number;
    if (!FORMS_OF_PLACE.has(form - place) || (form < PLACE.full && place > 0))
      throw new LinkError("bad-frame", `unknown form of a header block 0x${form.toString(16)}`);
    let head: HeaderList;
    if (form < PLACE.changes) head = this.#inFull(block);
    else {
      const before = this.#placed.at(place);
      // Nothing has changed: the very same list, so that whoever has made something of it can tell.
      if (block.left === 0) return before.fields;
      head = this.#checked(readChanges(block, { before: before.head, table: this.#table, given }));
      // As where a value had to be spelled though it stayed, which a Content-Length always has.
      if (isSame(head, before.head)) return before.fields;
    }
    const fields = outOfParts(head);
    // A fresh part may stand in several places of its field.
    if (fields !== head) this.#checked(fields);
    if (form !== PLACE.none) this.#placed.set(place, { head, fields });
    return fields;
  }

  #inFull(block: ByteReader): string[] {
    const head: string[] = [];
    let bytes = 0;
    while (block.left > 0) {
      const [name, value] = this.#field(block);
      bytes += name.length + value.length;
      if (bytes > this.#headBytes) throw this.#tooLarge();
      head.push(name, value);
    }
    return head;
  }

  #checked<Head extends HeaderList>(head: Head): Head {
    let bytes = 0;
    for (const part of head) bytes += part.length;
    if (bytes > this.#headBytes) throw this.#tooLarge();
    return head;
  }

  #tooLarge(): LinkError {
    return new LinkError("too-large", `a head of more than ${this.#headBytes} bytes`);
  }

  #field(block: ByteReader): readonly [string, string] {
    const first = block.u8();
    if (first >= FIELD.indexed) {
      const entry = this.#table.at(readIndex(block, first, 7));
      return [entry.name, entry.value];
    }
    if (first >= FIELD.nameIndexedOnly) {
      const insert = first >= FIELD.nameIndexed;
      const { name } = this.#table.at(readIndex(block, first, insert ? 6 : 5));
      const value = block.text();
      if (insert) this.#table.insert(name, value);
      return [name, value];
    }
    if (first !== FIELD.literal && first !== FIELD.literalNameOnly)
      throw new LinkError("bad-frame", `unknown header field form ${first}`);
    const name = block.text();
    const value = block.text();
    this.#table.insert(name, first === FIELD.literal ? value : "");
    return [name, value];
  }
}
