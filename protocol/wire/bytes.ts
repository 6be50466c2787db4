/**
 * Cursors over bytes. The writer grows as needed; the reader checks every step against the end of its slice and throws
 * LinkError("bad-frame"), so a frame that lies about its size is refused before anything is allocated for it.
 * Integers are varints: base 128, least significant group first, in as few bytes as the value needs, at most 2^53 - 1. SPEC
 * section "Notation".
 */
import { LinkError } from "../errors.ts";

const FIRST_CAPACITY = 20 * 1024;
/** From here on new memory costs less than a copy, and little of it is wasted. @internal */
export const GIVEN_AWAY_BYTES = 12 * 1024;

/** Bytes a varint takes. */
export const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
};

export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  /** Bytes written so far; the writer alone changes it. */
  length = 0;

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
    return this;
  }

  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** A latin1 string, one byte a character, no length before it. */
  latin1(text: string): this {
    this.#reserve(text.length);
    this.length += this.#bytes.write(text, this.length, "latin1");
    return this;
  }

  /** A latin1 string after its length. */
  text(text: string): this {
    return this.varint(text.length).latin1(text);
  }

  /** Writes what `content` writes, with its length in bytes before it. */
  sized(content: () => void): this {
    const at = this.beginSized();
    content();
    return this.endSized(at);
  }

  /** Begins a part that has its length in bytes before it, and ends with `endSized` of what this returns. */
  beginSized(): number {
    this.#reserve(1);
    return this.length++; // most parts are shorter than 128 bytes; longer ones are moved up when they end
  }

  endSized(at: number): this {
    const bytes = this.length - at - 1;
    const extra = varintBytes(bytes) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(at + 1 + extra, at + 1, this.length);
    }
    const end = this.length + extra;
    this.length = at;
    this.varint(bytes);
    this.length = end;
    return this;
  }

  varints(values: readonly number[]): this {
    for (const value of values) this.varint(value);
    return this;
  }

  /** What was written, as a buffer of the caller's own; the writer is empty again. */
  take(): Buffer {
    const written = this.#bytes.subarray(0, this.length);
    this.length = 0;
    // A full message is not copied: it gets the writer's memory, and the writer new memory.
    if (written.length < GIVEN_AWAY_BYTES) return Buffer.from(written);
    this.#bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
    return written;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new LinkError("bad-frame", "frame ends inside a field");
    this.#at++;
    return value;
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (value > Number.MAX_SAFE_INTEGER) throw new LinkError("bad-frame", "integer above 2^53 - 1");
      // One way to write each number: what a frame took can then be told from its fields alone.
      if (byte === 0 && unit > 1) throw new LinkError("bad-frame", "integer written longer than it is");
      if (byte < 0x80) return value;
      unit *= 0x80;
      if (unit > 2 ** 49) throw new LinkError("bad-frame", "integer longer than 8 bytes");
    }
  }

  varints(count: number): number[] {
    const values: number[] = [];
    while (values.length < count) values.push(this.varint());
    return values;
  }

  /** The next `count` bytes, as a slice of the message. */
  bytes(count: number): Buffer {
    if (count > this.left)
      throw new LinkError("bad-frame", `frame claims ${count} bytes where ${this.left} are left`);
    const slice = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return slice;
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  latin1(count: number): string {
    if (count > this.left)
      throw new LinkError("bad-frame", `frame claims ${count} bytes where ${this.left} are left`);
    this.#at += count;
    return this.#bytes.toString("latin1", this.#at - count, this.#at);
  }

  /** A latin1 string with its length before it. */
  text(): string {
    return this.latin1(this.varint());
  }

  /** A reader over the next part, whose length stands before it. */
  sized(): ByteReader {
    return this.part(this.varint());
  }

  /** A reader over the next `count` bytes. */
  part(count: number): ByteReader {
    return new ByteReader(this.bytes(count));
  }

  /** A length and what it counts, as a slice of the message with the length. */
  frameBytes(): Buffer {
    const at = this.#at;
    this.bytes(this.varint());
    return this.#bytes.subarray(at, this.#at);
  }

  /** Every byte must have been read: frames carry no padding. */
  end(): void {
    if (this.left > 0) throw new LinkError("bad-frame", `${this.left} bytes left over at the end of a frame`);
  }
}
