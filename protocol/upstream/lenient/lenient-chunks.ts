/**
 * A chunked body as servers of any age write it, made strict on its way: spaces behind a chunk's size, lines that end with LF
 * alone. Extensions are left out, as every recipient may (RFC 9112 section 7.1.1), and small chunks that are here together become
 * one: Node's parser makes an event of each, which costs the same for one byte as for thousands. Large chunks are not copied.
 */
import { SMALL_PIECE_BYTES } from "../../runtime/piece-merger.ts";
import { shown, strictTrailers } from "./lenient-head.ts";

const [TAB, LF, CR, SPACE, SEMICOLON] = [9, 10, 13, 32, 59];
const NOTHING = Buffer.alloc(0);
/** A longer line of a chunk's size is none. */
const MOST_LINE_BYTES = 16 * 1024;

type State =
  | "size"
  | "behindSize"
  | "extension"
  | "sizeLf"
  | "data"
  | "dataEnd"
  | "dataLf"
  | "trailers"
  | "over";

export class LenientChunks {
  readonly #headBytes: number;
  #state: State = "size";
  /** Of the chunk that is under way. */
  #size = 0;
  #left = 0;
  /** Of the line of its size; the line begins at `#lineAt`, and may go on as it is. */
  #lineBytes = 0;
  #lineAt = 0;
  #isPlain = true;
  /** The line of its size ended with LF alone. */
  #isBare = false;
  #lastByte = 0;
  #trailers: string[] = [];
  #trailerBytes = 0;
  /** Of trailers, the line that is under way. */
  #line = "";
  /** What is read now, and what becomes of it. */
  #bytes: Buffer = NOTHING;
  #out: Buffer[] = [];
  /** Goes on as it is, and is not in `#out` yet. */
  #from = 0;
  #to = 0;
  /** Bytes of small chunks; those from `#mergedFrom` on are not in `#out` yet. Behind what goes on as it is, or there is none. */
  #merged: Buffer = NOTHING;
  #mergedFrom = 0;
  #mergedTo = 0;
  /** RFC 9112 does not allow the form that it came in. */
  lenient = false;

  /** `headBytes`: most bytes of trailers. */
  constructor(headBytes: number) {
    this.#headBytes = headBytes;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /**
   * Reads on from `at`; what it makes of the bytes goes into `out`. Returns where it stopped: behind the body, or at the end of the
   * bytes. Throws an Error for what is no chunk; `out` holds what came before it.
   */
  read(bytes: Buffer, at: number, out: Buffer[]): number {
    this.#bytes = bytes;
    this.#out = out;
    this.#from = this.#to = this.#lineAt = at;
    if (this.#lineBytes > 0) this.#isPlain = false;
    let next = at;
    try {
      while (next < bytes.length && this.#state !== "over") {
        if (this.#state === "data") next = this.#data(next);
        else if (this.#state === "trailers") next = this.#readTrailers(next);
        else this.#step(bytes[next] ?? 0, next++);
      }
    } finally {
      this.#handOut();
      this.#bytes = this.#merged = NOTHING;
      this.#mergedFrom = this.#mergedTo = 0;
    }
    return next;
  }

  #step(byte: number, at: number): void {
    switch (this.#state) {
      case "size":
        return this.#sizeDigit(byte, at);
      case "behindSize":
      case "extension":
        return this.#behindSize(byte, at);
      case "sizeLf":
        if (byte !== LF) throw wrong("the line of a chunk's size ends in", byte);
        return this.#sizeIsHere(at);
      case "dataEnd":
        return this.#dataEnd(byte, at);
      default:
        if (byte !== LF) throw wrong("behind a chunk comes", byte);
        this.#chunkIsOver(at);
    }
  }

  #sizeDigit(byte: number, at: number): void {
    const digit = byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
    const isHex = byte <= 0x39 ? digit >= 0 : digit >= 10 && digit <= 15;
    if (!isHex) {
      if (this.#lineBytes === 0) throw wrong("a chunk's size begins with", byte);
      return this.#behindSize(byte, at);
    }
    this.#lineGrows();
    this.#size = this.#size * 16 + digit;
    if (!Number.isSafeInteger(this.#size)) throw new Error("a chunk's size is none: it is too large");
  }

  #behindSize(byte: number, at: number): void {
    if (byte === CR) {
      this.#isBare = false;
      this.#state = "sizeLf";
      return;
    }
    this.#isPlain = false;
    if (byte === LF) {
      this.lenient = this.#isBare = true;
      return this.#sizeIsHere(at);
    }
    this.#lineGrows();
    if (byte === SEMICOLON) this.#state = "extension";
    else if (this.#state === "extension") {
      if ((byte < SPACE && byte !== TAB) || byte === 0x7f) throw wrong("a chunk extension holds", byte);
    } else if (byte === SPACE || byte === TAB) {
      this.#state = "behindSize";
      this.lenient = true;
    } else throw wrong("behind a chunk's size comes", byte);
  }

  #lineGrows(): void {
    if (++this.#lineBytes > MOST_LINE_BYTES) throw new Error("the line of a chunk's size is too long");
  }

  /** `at`: of the LF that ends its line. */
  #sizeIsHere(at: number): void {
    this.#left = this.#size;
    this.#lineBytes = 0;
    this.#state = this.#size === 0 ? "trailers" : "data";
    if (this.#isSmall) return;
    if (this.#isPlain) return this.#asItIs(this.#lineAt, at + 1);
    this.#handOut();
    this.#out.push(sizeLine(this.#size));
  }

  get #isSmall(): boolean {
    return this.#size > 0 && this.#size <= SMALL_PIECE_BYTES;
  }

  #data(at: number): number {
    const end = at + Math.min(this.#left, this.#bytes.length - at);
    this.#left -= end - at;
    this.#lastByte = this.#bytes[end - 1] ?? 0;
    if (this.#left === 0) this.#state = "dataEnd";
    if (this.#isSmall) this.#merge(at, end);
    else this.#asItIs(at, end);
    return end;
  }

  #dataEnd(byte: number, at: number): void {
    if (byte === CR) {
      this.#state = "dataLf";
      if (!this.#isSmall) this.#asItIs(at, at + 1);
      return;
    }
    // CR LF of which the CR was counted: then the size is wrong, not the line's end.
    if (byte !== LF || (this.#lastByte === CR && !this.#isBare)) throw wrong("behind a chunk comes", byte);
    this.lenient = true;
    if (!this.#isSmall) {
      this.#handOut();
      this.#out.push(CRLF.subarray(0, 1));
    }
    this.#chunkIsOver(at);
  }

  /** `at`: of the LF that ends it. */
  #chunkIsOver(at: number): void {
    if (!this.#isSmall) this.#asItIs(at, at + 1);
    this.#state = "size";
    this.#size = 0;
    this.#isPlain = true;
    this.#lineAt = at + 1;
  }

  #asItIs(from: number, to: number): void {
    if (from !== this.#to || this.#mergedTo > this.#mergedFrom) {
      this.#handOut();
      this.#from = from;
    }
    this.#to = to;
  }

  #merge(from: number, to: number): void {
    if (this.#to > this.#from) this.#handOut();
    if (this.#merged.length === 0) this.#merged = Buffer.allocUnsafe(this.#bytes.length - from);
    if (to === from + 1) this.#merged[this.#mergedTo] = this.#lastByte;
    else this.#bytes.copy(this.#merged, this.#mergedTo, from, to);
    this.#mergedTo += to - from;
  }

  #handOut(): void {
    if (this.#to > this.#from) this.#out.push(this.#bytes.subarray(this.#from, this.#to));
    this.#from = this.#to;
    const bytes = this.#mergedTo - this.#mergedFrom;
    if (bytes === 0) return;
    this.#out.push(sizeLine(bytes), this.#merged.subarray(this.#mergedFrom, this.#mergedTo), CRLF);
    this.#mergedFrom = this.#mergedTo;
  }

  #readTrailers(from: number): number {
    this.#handOut();
    const bytes = this.#bytes;
    for (let at = from; at < bytes.length; ) {
      const end = bytes.indexOf(LF, at);
      const stop = end === -1 ? bytes.length : end + 1;
      this.#line += bytes.toString("latin1", at, stop);
      this.#trailerBytes += stop - at;
      if (this.#trailerBytes > this.#headBytes) throw new Error("its trailers are too large");
      at = stop;
      if (end === -1) continue;
      const line = this.#line;
      this.#line = "";
      this.#trailers.push(line);
      if (!/^\r*\n$/.test(line)) continue;
      const { text, lenient } = strictTrailers(this.#trailers.join(""));
      this.lenient ||= lenient;
      this.#out.push(Buffer.from(text, "latin1"));
      this.#trailers = [];
      this.#state = "over";
      return at;
    }
    return bytes.length;
  }
}

const CRLF = Buffer.from("\r\n", "latin1");

const sizeLine = (bytes: number): Buffer => Buffer.from(`${bytes.toString(16)}\r\n`, "latin1");

const wrong = (what: string, byte: number): Error => new Error(`${what} ${shown(String.fromCharCode(byte))}`);
