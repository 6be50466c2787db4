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

const MOST_VARINT_BYTES = 8;

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
    if (this.length === this.#bytes.length) this.#growBy(1);
    this.#bytes[this.length++] = value;
    return this;
  }

  varint(value: number): this {
    if (this.length + MOST_VARINT_BYTES > this.#bytes.length) this.#growBy(MOST_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    if (this.length + bytes.length > this.#bytes.length) this.#growBy(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** A latin1 string, one byte a character, no length before it. */
  latin1(text: string): this {
    if (this.length + text.length > this.#bytes.length) this.#growBy(text.length);
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
    if (this.length === this.#bytes.length) this.#growBy(1);
    return this.length++; // most parts are shorter than 128 bytes; longer ones are moved up when they end
  }

  endSized(at: number): this {
    const bytes = this.length - at - 1;
    if (bytes < 0x80) {
      this.#bytes[at] = bytes;
      return this;
    }
    const extra = varintBytes(bytes) - 1;
    if (extra > 0) {
      if (this.length + extra > this.#bytes.length) this.#growBy(extra);
      this.#bytes.copyWithin(at + 1 + extra, at + 1, this.length);
    }
    const end = this.length + extra;
    this.length = at;
    this.varint(bytes);
    this.length = end;
    return this;
  }

  /** A whole number with its sign in the lowest bit, so that small ones are short either way. */
  signed(value: number): this {
    return this.varint(value < 0 ? -2 * value - 1 : 2 * value);
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

  #growBy(more: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.length + more, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;
  /** Bytes not read so far; the reader alone changes it. */
  left: number;

  /** Of the bytes from `at` up to `end`: no slice is made for a part, of which each frame has several. */
  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.left = end - at;
  }

  u8(): number {
    if (this.left === 0) throw new LinkError("bad-frame", "frame ends inside a field");
    this.left--;
    return this.#bytes[this.#at++] as number;
  }

  varint(): number {
    // As most of them are.
    const only = this.left > 0 ? (this.#bytes[this.#at] as number) : 0x80;
    if (only < 0x80) {
      this.left--;
      this.#at++;
      return only;
    }
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

  signed(): number {
    const written = this.varint();
    return written % 2 === 0 ? written / 2 : -(written + 1) / 2;
  }

  varints(count: number): number[] {
    const values: number[] = [];
    while (values.length < count) values.push(this.varint());
    return values;
  }

  /** The next `count` bytes, as a slice of the message. */
  bytes(count: number): Buffer {
    const from = this.#skip(count);
    return this.#bytes.subarray(from, this.#at);
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  latin1(count: number): string {
    const from = this.#skip(count);
    return this.#bytes.toString("latin1", from, this.#at);
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
    const from = this.#skip(count);
    return new ByteReader(this.#bytes, from, this.#at);
  }

  /** A length and what it counts, as a slice of the message with the length. */
  frameBytes(): Buffer {
    const at = this.#at;
    this.#skip(this.varint());
    return this.#bytes.subarray(at, this.#at);
  }

  /** Returns where the next `count` bytes begin. */
  #skip(count: number): number {
    if (count > this.left)
      throw new LinkError("bad-frame", `frame claims ${count} bytes where ${this.left} are left`);
    const from = this.#at;
    this.#at += count;
    this.left -= count;
    return from;
  }

  /** Every byte must have been read: frames carry no padding. */
  end(): void {
    if (this.left > 0) throw new LinkError("bad-frame", `${this.left} bytes left over at the end of a frame`);
  }
}
