/**
 * A chunked body as servers of any age write it, made strict on its way: spaces behind a chunk's size, lines that end with LF
 * alone. Extensions are left out, as every recipient may (RFC 9112 section 7.1.1). Bytes are copied only where they change.
 */
import { shown, strictTrailers } from "./lenient-head.ts";

const [TAB, LF, CR, SPACE, SEMICOLON] = [9, 10, 13, 32, 59];
/** A longer line of a chunk's size is none. */
const MOST_LINE_BYTES = 16 * 1024;

type State = "size" | "spaces" | "extension" | "sizeLf" | "data" | "dataEnd" | "dataLf" | "trailers" | "over";

export class LenientChunks {
  readonly #headBytes: number;
  #state: State = "size";
  #digits = "";
  /** Of the chunk that is under way. */
  #left = 0;
  #lineBytes = 0;
  /** The line of its size ended with LF alone. */
  #isBare = false;
  #lastByte = 0;
  #trailers: string[] = [];
  #trailerBytes = 0;
  /** Of trailers, the line that is under way. */
  #line = "";
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
    let kept = at;
    let next = at;
    const keepTo = (end: number, resume: number): void => {
      if (end > kept) out.push(bytes.subarray(kept, end));
      kept = resume;
    };
    try {
      while (next < bytes.length && this.#state !== "over") {
        if (this.#state === "data") {
          const length = Math.min(this.#left, bytes.length - next);
          next += length;
          this.#left -= length;
          this.#lastByte = bytes[next - 1] ?? 0;
          if (this.#left === 0) this.#state = "dataEnd";
          continue;
        }
        if (this.#state === "trailers") {
          keepTo(next, next);
          next = this.#readTrailers(bytes, next, out);
          kept = next;
          continue;
        }
        const edit = this.#step(bytes[next] ?? 0);
        if (edit === "drop") keepTo(next, next + 1);
        if (edit === "addCr") {
          keepTo(next, next);
          out.push(CRLF.subarray(0, 1));
          this.lenient = true;
        }
        next++;
      }
    } finally {
      keepTo(next, next);
    }
    return next;
  }

  #step(byte: number): "keep" | "drop" | "addCr" {
    switch (this.#state) {
      case "size":
        return this.#size(byte);
      case "spaces":
      case "extension":
        return this.#behindSize(byte);
      case "sizeLf":
        if (byte !== LF) throw wrong("the line of a chunk's size ends in", byte);
        this.#sizeIsHere(false);
        return "keep";
      case "dataEnd":
        return this.#dataEnd(byte);
      default:
        if (byte !== LF) throw wrong("behind a chunk comes", byte);
        this.#state = "size";
        return "keep";
    }
  }

  #size(byte: number): "keep" | "drop" | "addCr" {
    const isHex = (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
    if (isHex) {
      this.#digits += String.fromCharCode(byte);
      if (++this.#lineBytes > MOST_LINE_BYTES) throw new Error("the line of a chunk's size is too long");
      return "keep";
    }
    if (this.#digits === "") throw wrong("a chunk's size begins with", byte);
    return this.#behindSize(byte);
  }

  #behindSize(byte: number): "keep" | "drop" | "addCr" {
    if (byte === CR) {
      this.#state = "sizeLf";
      return "keep";
    }
    if (byte === LF) {
      this.#sizeIsHere(true);
      return "addCr";
    }
    if (++this.#lineBytes > MOST_LINE_BYTES) throw new Error("the line of a chunk's size is too long");
    if (byte === SEMICOLON) this.#state = "extension";
    else if (this.#state === "extension") {
      if ((byte < SPACE && byte !== TAB) || byte === 0x7f) throw wrong("a chunk extension holds", byte);
    } else if (byte === SPACE || byte === TAB) {
      this.#state = "spaces";
      this.lenient = true;
    } else throw wrong("behind a chunk's size comes", byte);
    return "drop";
  }

  #sizeIsHere(isBare: boolean): void {
    const size = Number.parseInt(this.#digits, 16);
    if (!Number.isSafeInteger(size)) throw new Error(`a chunk's size is none: ${shown(this.#digits)}`);
    this.#digits = "";
    this.#lineBytes = 0;
    this.#isBare = isBare;
    this.#left = size;
    this.#state = size === 0 ? "trailers" : "data";
  }

  #dataEnd(byte: number): "keep" | "addCr" {
    if (byte === CR) {
      this.#state = "dataLf";
      return "keep";
    }
    // CR LF of which the CR was counted: then the size is wrong, not the line's end.
    if (byte !== LF || (this.#lastByte === CR && !this.#isBare)) throw wrong("behind a chunk comes", byte);
    this.#state = "size";
    return "addCr";
  }

  #readTrailers(bytes: Buffer, from: number, out: Buffer[]): number {
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
      out.push(Buffer.from(text, "latin1"));
      this.#trailers = [];
      this.#state = "over";
      return at;
    }
    return bytes.length;
  }
}

const CRLF = Buffer.from("\r\n", "latin1");

const wrong = (what: string, byte: number): Error => new Error(`${what} ${shown(String.fromCharCode(byte))}`);
