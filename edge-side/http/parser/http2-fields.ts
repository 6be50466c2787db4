/**
 * Counts the fields of each head that a visitor of HTTP/2 sends, in front of node: nghttp2 drops a field whose name is no token or whose
 * value has a control character, and says nothing. A field is one representation of HPACK, however it is coded, so that neither tables nor
 * Huffman codes are needed. What is no HTTP/2 is left for nghttp2 to refuse. RFC 9113 sections 4.1, 6.2 and 6.10, RFC 7541 section 6.
 */
import type { HeaderList } from "../../../protocol/http/header-list.ts";

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const HEADERS = 1;
const CONTINUATION = 9;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
/** Heads that node has not told of. It tells of them all before it reads on, and refuses more than some hundreds. @internal */
export const MOST_UNTOLD = 1_024;

/** Fields of one stream, as they were sent. */
interface Counts {
  readonly head: number;
  trailers: number;
}

/** What one connection brings. */
export class Http2Fields {
  /** Of streams that node has not told of, in order of their number. */
  readonly #untold = new Map<number, Counts>();
  /** Of streams whose trailers may come. */
  readonly #open = new Map<number, Counts>();
  #lastStream = 0;
  /** The frame: bytes of its header that are there, its fields, and bytes of its payload to come. The preface counts as one. */
  #have = FRAME_HEADER_BYTES;
  #type = -1;
  #flags = 0;
  #stream = 0;
  #left = PREFACE_BYTES;
  /** Of a HEADERS frame: bytes in front of its block that are to come, the first of them the padding's length if it is padded. */
  #ahead = 0;
  #isPadLength = false;
  #padding = 0;
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
    let at = 0;
    while (at < bytes.length) {
      if (this.#have < FRAME_HEADER_BYTES) this.#header(bytes[at++] as number);
      else {
        const to = Math.min(bytes.length, at + this.#left);
        if (this.#isBlock) this.#payload(bytes, at, to);
        this.#left -= to - at;
        at = to;
      }
      if (this.#have === FRAME_HEADER_BYTES && this.#left === 0) this.#frameEnds();
    }
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

  get #isBlock(): boolean {
    return this.#type === HEADERS || this.#type === CONTINUATION;
  }

  #header(byte: number): void {
    const at = this.#have++;
    if (at === 0) this.#left = this.#stream = 0;
    if (at < 3) this.#left = this.#left * 256 + byte;
    else if (at === 3) this.#type = byte;
    else if (at === 4) this.#flags = byte;
    else this.#stream = this.#stream * 256 + (at === 5 ? byte & 0x7f : byte);
    if (this.#have === FRAME_HEADER_BYTES && this.#isBlock) this.#blockFrameBegins();
  }

  #blockFrameBegins(): void {
    this.#ahead = this.#padding = 0;
    if (this.#type === CONTINUATION) return;
    this.#isPadLength = (this.#flags & PADDED) !== 0;
    this.#ahead = (this.#isPadLength ? 1 : 0) + ((this.#flags & PRIORITY) === 0 ? 0 : PRIORITY_BYTES);
    this.#fields = this.#strings = this.#stringLeft = this.#unit = 0;
  }

  #payload(bytes: Buffer, from: number, to: number): void {
    let at = from;
    for (; this.#ahead > 0 && at < to; this.#ahead--, at++) {
      if (this.#isPadLength) this.#padding = bytes[at] as number;
      this.#isPadLength = false;
    }
    const end = Math.min(to, from + this.#left - this.#padding);
    while (at < end) {
      if (this.#stringLeft > 0) {
        const skipped = Math.min(this.#stringLeft, end - at);
        this.#stringLeft -= skipped;
        at += skipped;
      } else this.#block(bytes[at++] as number);
    }
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

  #frameEnds(): void {
    this.#have = 0;
    if (!this.#isBlock || (this.#flags & END_HEADERS) === 0) return;
    const stream = this.#stream;
    if (stream > this.#lastStream) {
      this.#lastStream = stream;
      this.#untold.set(stream, { head: this.#fields, trailers: 0 });
      return;
    }
    const counts = this.#untold.get(stream) ?? this.#open.get(stream);
    if (counts !== undefined) counts.trailers += this.#fields;
  }
}
