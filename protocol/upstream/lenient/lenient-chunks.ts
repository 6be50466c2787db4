/**
 * A chunked body as servers of any age write it: spaces behind a chunk's size, lines that end with LF alone. Extensions are left out, as
 * every recipient may (RFC 9112 section 7.1.1), and small chunks that are here together become one piece: each costs the same for one
 * byte as for thousands. Large chunks are not copied.
 */
import type { HeaderList } from "../../http/header-list.ts";
import { SMALL_PIECE_BYTES } from "../../runtime/piece-merger.ts";
import { type ResponseSink, shown, strictTrailers } from "./lenient-head.ts";

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
  /** Of the line of its size. */
  #lineBytes = 0;
  /** The line of its size ended with LF alone. */
  #isBare = false;
  #lastByte = 0;
  #trailerLines: string[] = [];
  #trailerBytes = 0;
  /** Of trailers, the line that is under way. */
  #line = "";
  /** What is read now, and who is told of it. */
  #bytes: Buffer = NOTHING;
  #sink: Pick<ResponseSink, "pieceIsHere"> | undefined;
  /** Bytes of small chunks; those from `#mergedFrom` on have not been handed out yet. */
  #merged: Buffer = NOTHING;
  #mergedFrom = 0;
  #mergedTo = 0;
  /** RFC 9112 does not allow the form that it came in. */
  lenient = false;

  /** Once it is over. */
  trailers: HeaderList = [];

  /** `headBytes`: most bytes of trailers. */
  constructor(headBytes: number) {
    this.#headBytes = headBytes;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /**
   * Reads on from `at`, and hands pieces out. Returns where it stopped: behind the body, or at the end of the bytes. Throws an Error for
   * what is no chunk; what came before it is handed out.
   */
  read(bytes: Buffer, at: number, sink: Pick<ResponseSink, "pieceIsHere">): number {
    this.#bytes = bytes;
    this.#sink = sink;
    let next = at;
    try {
      while (next < bytes.length && this.#state !== "over") {
        if (this.#state === "data") next = this.#data(next);
        else if (this.#state === "trailers") next = this.#readTrailers(next);
        else this.#step(bytes[next++] ?? 0);
      }
    } finally {
      this.#handOut();
      this.#bytes = this.#merged = NOTHING;
      this.#mergedFrom = this.#mergedTo = 0;
    }
    return next;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#sizeDigit(byte);
      case "behindSize":
      case "extension":
        return this.#behindSize(byte);
      case "sizeLf":
        if (byte !== LF) throw wrong("the line of a chunk's size ends in", byte);
        return this.#sizeIsHere();
      case "dataEnd":
        return this.#dataEnd(byte);
      default:
        if (byte !== LF) throw wrong("behind a chunk comes", byte);
        this.#chunkIsOver();
    }
  }

  #sizeDigit(byte: number): void {
    const digit = byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
    const isHex = byte <= 0x39 ? digit >= 0 : digit >= 10 && digit <= 15;
    if (!isHex) {
      if (this.#lineBytes === 0) throw wrong("a chunk's size begins with", byte);
      return this.#behindSize(byte);
    }
    this.#lineGrows();
    this.#size = this.#size * 16 + digit;
    if (!Number.isSafeInteger(this.#size)) throw new Error("a chunk's size is none: it is too large");
  }

  #behindSize(byte: number): void {
    if (byte === CR) {
      this.#isBare = false;
      this.#state = "sizeLf";
      return;
    }
    if (byte === LF) {
      this.lenient = this.#isBare = true;
      return this.#sizeIsHere();
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

  #sizeIsHere(): void {
    this.#left = this.#size;
    this.#lineBytes = 0;
    this.#state = this.#size === 0 ? "trailers" : "data";
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
    else {
      this.#handOut();
      this.#sink?.pieceIsHere(this.#bytes.subarray(at, end));
    }
    return end;
  }

  #dataEnd(byte: number): void {
    if (byte === CR) {
      this.#state = "dataLf";
      return;
    }
    // CR LF of which the CR was counted: then the size is wrong, not the line's end.
    if (byte !== LF || (this.#lastByte === CR && !this.#isBare)) throw wrong("behind a chunk comes", byte);
    this.lenient = true;
    this.#chunkIsOver();
  }

  #chunkIsOver(): void {
    this.#state = "size";
    this.#size = 0;
  }

  #merge(from: number, to: number): void {
    if (this.#merged.length === 0) this.#merged = Buffer.allocUnsafe(this.#bytes.length - from);
    if (to === from + 1) this.#merged[this.#mergedTo] = this.#lastByte;
    else this.#bytes.copy(this.#merged, this.#mergedTo, from, to);
    this.#mergedTo += to - from;
  }

  #handOut(): void {
    if (this.#mergedTo === this.#mergedFrom) return;
    this.#sink?.pieceIsHere(this.#merged.subarray(this.#mergedFrom, this.#mergedTo));
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
      this.#trailerLines.push(line);
      if (!/^\r*\n$/.test(line)) continue;
      const { fields, lenient } = strictTrailers(this.#trailerLines.join(""));
      this.lenient ||= lenient;
      this.trailers = fields;
      this.#trailerLines = [];
      this.#state = "over";
      return at;
    }
    return bytes.length;
  }
}

const wrong = (what: string, byte: number): Error => new Error(`${what} ${shown(String.fromCharCode(byte))}`);
