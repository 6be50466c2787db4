/**
 * The header blocks that a peer of HTTP/2 sends, in front of node, whose nghttp2 drops a field that it does not allow
 * and says nothing. What is no HTTP/2 is left for nghttp2 to refuse. RFC 9113 sections 4.1, 6.2, 6.6 and 6.10.
 */

const FRAME_HEADER_BYTES = 9;
const HEADERS = 1;
const PUSH_PROMISE = 5;
const CONTINUATION = 9;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
const PROMISED_BYTES = 4;

/** Told of the blocks of one connection. */
export interface BlockReader {
  blockBegins(): void;
  /** `bytes` from `from` to `to` are what comes next of it. */
  blockGoesOn(bytes: Buffer, from: number, to: number): void;
  /** `stream`: 0 for the request of a push. */
  blockEnds(stream: number): void;
}

export class HeaderBlocks {
  readonly #reader: BlockReader;
  /** The frame: bytes of its header that are there, its fields, and bytes of its payload to come. The preface counts as one. */
  #have = FRAME_HEADER_BYTES;
  #type = -1;
  #flags = 0;
  #stream = 0;
  #left: number;
  /** Of the frame that begins a block: bytes in front of it that are to come, the first of them the padding's length if it is padded. */
  #ahead = 0;
  #isPadLength = false;
  #padding = 0;
  #blockStream = 0;

  /** `prefaceBytes`: ahead of the first frame. */
  constructor(reader: BlockReader, prefaceBytes: number) {
    this.#reader = reader;
    this.#left = prefaceBytes;
    if (prefaceBytes === 0) this.#have = 0;
  }

  /** What comes next of the connection. */
  read(bytes: Buffer): void {
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
  }

  get #isBlock(): boolean {
    return this.#begins || this.#type === CONTINUATION;
  }

  get #begins(): boolean {
    return this.#type === HEADERS || this.#type === PUSH_PROMISE;
  }

  #header(byte: number): void {
    const at = this.#have++;
    if (at === 0) this.#left = this.#stream = 0;
    if (at < 3) this.#left = this.#left * 256 + byte;
    else if (at === 3) this.#type = byte;
    else if (at === 4) this.#flags = byte;
    else this.#stream = this.#stream * 256 + (at === 5 ? byte & 0x7f : byte);
    if (this.#have < FRAME_HEADER_BYTES) return;
    this.#ahead = this.#padding = 0;
    if (this.#begins) this.#blockBegins();
  }

  #blockBegins(): void {
    this.#blockStream = this.#type === HEADERS ? this.#stream : 0;
    this.#isPadLength = (this.#flags & PADDED) !== 0;
    const fixed = this.#type === PUSH_PROMISE ? PROMISED_BYTES : this.#flags & PRIORITY ? PRIORITY_BYTES : 0;
    this.#ahead = (this.#isPadLength ? 1 : 0) + fixed;
    this.#reader.blockBegins();
  }

  #payload(bytes: Buffer, from: number, to: number): void {
    let at = from;
    for (; this.#ahead > 0 && at < to; this.#ahead--, at++) {
      if (this.#isPadLength) this.#padding = bytes[at] as number;
      this.#isPadLength = false;
    }
    const end = Math.min(to, from + this.#left - this.#padding);
    if (at < end) this.#reader.blockGoesOn(bytes, at, end);
  }

  #frameEnds(): void {
    this.#have = 0;
    if (this.#isBlock && (this.#flags & END_HEADERS) !== 0) this.#reader.blockEnds(this.#blockStream);
  }
}
