/**
 * Counts the fields of each head that a visitor of HTTP/2 sends, in front of node: nghttp2 drops a field whose name is no token or whose
 * value has a control character, and says nothing. A field is one representation of HPACK, however it is coded, so that neither tables nor
 * Huffman codes are needed. RFC 7541 section 6.
 */
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { type BlockReader, HeaderBlocks } from "../../../protocol/http2/header-blocks.ts";

const PREFACE_BYTES = 24;
/** Heads that node has not told of. It tells of them all before it reads on, and refuses more than some hundreds. @internal */
export const MOST_UNTOLD = 1_024;

/** Fields of one stream, as they were sent. */
interface Counts {
  readonly head: number;
  trailers: number;
}

/** What one connection brings. */
export class Http2Fields implements BlockReader {
  readonly #blocks = new HeaderBlocks(this, PREFACE_BYTES);
  /** Of streams that node has not told of, in order of their number. */
  readonly #untold = new Map<number, Counts>();
  /** Of streams whose trailers may come. */
  readonly #open = new Map<number, Counts>();
  #lastStream = 0;
  /** Of the block: fields so far, strings of the field at hand that are to come, and bytes of the one at hand. */
  #fields = 0;
  #strings = 0;
  #stringLeft = 0;
  /** The integer at hand; its next byte counts `#unit` times, 0 outside of one. */
  #integer = 0;
  #unit = 0;
  #isLength = false;

  /** What comes next of the connection. False: more heads than node would ever take, and the connection is to end. */
  read(bytes: Buffer): boolean {
    this.#blocks.read(bytes);
    return this.#untold.size <= MOST_UNTOLD;
  }

  /** Whether `raw`, pseudo fields included, is all that the head of `stream` had; asked once, in order of the streams. */
  isHeadWhole(stream: number, raw: HeaderList, hasBody: boolean): boolean {
    let counts: Counts | undefined;
    for (const [id, counted] of this.#untold) {
      if (id > stream) break;
      // What was in between has been refused.
      this.#untold.delete(id);
      if (id === stream) counts = counted;
    }
    if (counts === undefined) return false;
    if (hasBody) this.#open.set(stream, counts);
    return counts.head * 2 === raw.length;
  }

  /** Whether these are all trailers of a stream with a body, when it has ended. */
  areTrailersWhole(stream: number, trailers: HeaderList): boolean {
    return (this.#open.get(stream)?.trailers ?? 0) * 2 === trailers.length;
  }

  /** A stream with a body has closed. */
  closed(stream: number): void {
    this.#open.delete(stream);
  }

  blockBegins(): void {
    this.#fields = this.#strings = this.#stringLeft = this.#unit = 0;
  }

  blockGoesOn(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#stringLeft > 0) {
        const skipped = Math.min(this.#stringLeft, to - at);
        this.#stringLeft -= skipped;
        at += skipped;
      } else this.#block(bytes[at++] as number);
    }
  }

  blockEnds(stream: number): void {
    if (stream > this.#lastStream) {
      this.#lastStream = stream;
      this.#untold.set(stream, { head: this.#fields, trailers: 0 });
      return;
    }
    const counts = this.#untold.get(stream) ?? this.#open.get(stream);
    if (counts !== undefined) counts.trailers += this.#fields;
  }

  /** A byte of the block outside of its strings. */
  #block(byte: number): void {
    if (this.#unit > 0) {
      this.#integer += (byte & 0x7f) * this.#unit;
      this.#unit = byte < 0x80 ? 0 : this.#unit * 128;
      if (this.#unit === 0 && this.#isLength) this.#stringLeft = this.#integer;
    } else if (this.#strings > 0) {
      this.#strings--;
      this.#integerBegins(byte, 0x7f, true);
    } else if (byte >= 0x80) {
      this.#fields++;
      this.#integerBegins(byte, 0x7f, false);
    } else if (byte >= 0x20 && byte < 0x40) {
      // The size of the dynamic table, which is no field.
      this.#integerBegins(byte, 0x1f, false);
    } else {
      this.#fields++;
      const mask = byte >= 0x40 ? 0x3f : 0x0f;
      // Its name is in a table, or a string like its value.
      this.#strings = (byte & mask) === 0 ? 2 : 1;
      this.#integerBegins(byte, mask, false);
    }
  }

  #integerBegins(byte: number, mask: number, isLength: boolean): void {
    this.#integer = byte & mask;
    this.#isLength = isLength;
    if (this.#integer === mask) this.#unit = 1;
    else if (isLength) this.#stringLeft = this.#integer;
  }
}
