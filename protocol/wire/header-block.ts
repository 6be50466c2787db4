/**
 * Header blocks: fields seen before on the link travel as an index into a table that both ends keep, as HPACK does
 * (RFC 7541), but of whole values only, so that a length tells nothing about part of a value. Order, duplicates, case and
 * bytes of names and values survive. A block must be decoded in the order it was encoded, also when nobody wants it any
 * more: each one changes the table. SPEC section "Header blocks".
 */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { LinkError } from "./errors.ts";
import { type HeaderTable, newHeaderTable, newLookupTable, type TableLookup } from "./header-table.ts";

/** Names and values in turn, latin1, as node's rawHeaders. Pseudo fields (":method") come first. */
export type HeaderList = readonly string[];

/** First byte of a field: how it is written, and the first bits of an index. */
const FIELD = {
  indexed: 0x80,
  nameIndexed: 0x40,
  nameIndexedOnly: 0x20,
  literal: 0x10,
  literalNameOnly: 0x11,
} as const;

/** Values of fewer bytes could be guessed from hits of the table (RFC 7541 section 7.1), so credentials of that size stay out. */
export const SHORTEST_INDEXED_CREDENTIAL = 16;
/** Longer values would push out too much of the table. */
export const LONGEST_INDEXED_VALUE = 2048;

/** Joins the parts of a Cookie field; it cannot be a field's name. Part of a cookie never travels: its pairs do, whole. */
const CRUMB = "; ";
/**
 * A Cookie of more parts travels in one piece: every part costs some bytes beyond its own, so a visitor could otherwise
 * make a head of separators that takes twice its size, more than the peer accepts in a message.
 */
export const MOST_CRUMBS = 64;

type Indexing = "whole" | "name" | "credential" | "never";

/** Values that change with every message would only churn the table; credentials have their own rules. */
const INDEXING: ReadonlyMap<string, Indexing> = new Map([
  ["authorization", "never"],
  ["proxy-authorization", "never"],
  ["cookie", "credential"],
  [CRUMB, "credential"],
  ["set-cookie", "credential"],
  ["date", "name"],
  ["content-length", "name"],
  ["age", "name"],
  ["expires", "name"],
  ["x-request-id", "name"],
  ["x-runtime", "name"],
  ["server-timing", "name"],
]);

const indexingOf = (name: string, value: string): "whole" | "name" => {
  const rule = INDEXING.get(name.toLowerCase()) ?? "whole";
  if (rule === "never" || rule === "name" || value.length > LONGEST_INDEXED_VALUE) return "name";
  return rule === "credential" && value.length < SHORTEST_INDEXED_CREDENTIAL ? "name" : "whole";
};

const isCookie = (name: string) => name.length === 6 && name.toLowerCase() === "cookie";

export class HeaderEncoder {
  readonly #table: TableLookup;

  /** `tableBytes`: the size of the peer's table, from its hello. */
  constructor(tableBytes: number) {
    this.#table = newLookupTable(tableBytes);
  }

  /** Appends a block: its length, the insert count, the fields. The block must then be sent. */
  encode(w: ByteWriter, fields: HeaderList): void {
    w.sized(() => {
      w.u8(this.#table.inserted % 0x100);
      for (let i = 0; i + 1 < fields.length; i += 2)
        this.#field(w, fields[i] as string, fields[i + 1] as string);
    });
  }

  #field(w: ByteWriter, name: string, value: string): void {
    const [first, ...others] = isCookie(name) ? value.split(CRUMB, MOST_CRUMBS + 1) : [value];
    if (first === undefined || others.length >= MOST_CRUMBS) return this.#plain(w, name, value);
    this.#plain(w, name, first);
    for (const crumb of others) this.#plain(w, CRUMB, crumb);
  }

  #plain(w: ByteWriter, name: string, value: string): void {
    const indexing = indexingOf(name, value);
    const whole = indexing === "whole" ? this.#table.find(name, value) : undefined;
    if (whole !== undefined) {
      writeIndex(w, FIELD.indexed, 7, whole);
      return;
    }
    const named = this.#table.findName(name);
    if (named === undefined) w.u8(indexing === "whole" ? FIELD.literal : FIELD.literalNameOnly).text(name);
    else if (indexing === "whole") writeIndex(w, FIELD.nameIndexed, 6, named);
    else writeIndex(w, FIELD.nameIndexedOnly, 5, named);
    w.text(value);
    if (indexing === "whole") this.#table.insert(name, value);
    else if (named === undefined) this.#table.insert(name, "");
  }
}

export class HeaderDecoder {
  readonly #table: HeaderTable;
  readonly #headBytes: number;

  /** `tableBytes` and `headBytes`: what our own hello announced. */
  constructor(bounds: { readonly tableBytes: number; readonly headBytes: number }) {
    this.#table = newHeaderTable(bounds.tableBytes);
    this.#headBytes = bounds.headBytes;
  }

  /** Throws LinkError: a block that cannot be decoded leaves the two tables different, which nothing can mend. */
  decode(r: ByteReader): string[] {
    const block = r.sized();
    const count = block.u8();
    if (count !== this.#table.inserted % 0x100)
      throw new LinkError(
        "header-table",
        `header tables differ: the peer counts ${count}, here ${this.#table.inserted % 0x100}`,
      );
    const fields: string[] = [];
    let bytes = 0;
    while (block.left > 0) {
      const [name, value] = this.#field(block);
      bytes += name.length + value.length;
      if (bytes > this.#headBytes)
        throw new LinkError("too-large", `a head of more than ${this.#headBytes} bytes`);
      if (name === CRUMB) appendCrumb(fields, value);
      else fields.push(name, value);
    }
    return fields;
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

const appendCrumb = (fields: string[], value: string): void => {
  if (fields.length < 2) throw new LinkError("bad-frame", "a cookie pair without a cookie before it");
  fields[fields.length - 1] += CRUMB + value;
};

/** An integer that begins in the low `bits` of a byte, as in RFC 7541 section 5.1. */
const writeIndex = (w: ByteWriter, form: number, bits: number, index: number): void => {
  const full = (1 << bits) - 1;
  if (index < full) w.u8(form | index);
  else w.u8(form | full).varint(index - full);
};

const readIndex = (r: ByteReader, first: number, bits: number): number => {
  const full = (1 << bits) - 1;
  const low = first & full;
  return low < full ? low : full + r.varint();
};
