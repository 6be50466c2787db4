/**
 * What a web server sends for one request, read as generously as nginx and browsers do and handed on in strict form, so that Node's
 * parser, which stays strict, can read it in one way only. It follows the message to its end by the same rules (RFC 9112
 * section 6.3). Linear in the bytes, however they are cut.
 */
import type { Socket } from "node:net";
import { LenientChunks } from "./lenient-chunks.ts";
import { asStrict, type StrictHead, shown, strictHead } from "./lenient-head.ts";

const LF = 10;
const CR = 13;
const BEGINNING = "HTTP/";
/** As the codes of Node's parser begin. */
const NO_RESPONSE = "HPE_NO_RESPONSE";
const NOTHING = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from("\r\n\r\n");

export interface LenientOptions {
  readonly method: string;
  /** The request asked for another protocol, so a 101 is the end of HTTP. */
  readonly upgrade: boolean;
  /** Largest head. */
  readonly headBytes: number;
}

/** Where in the message it is; `raw`: bytes until the connection closes, or of another protocol. */
type Part = "head" | "length" | "chunks" | "raw" | "over";

export class LenientResponse {
  readonly #options: LenientOptions;
  readonly #chunks: LenientChunks;
  #part: Part = "head";
  #head: Buffer[] = [];
  #headBytes = 0;
  /** Bytes of the line that is under way, without CRs. */
  #lineBytes = 0;
  #left = 0;
  #isLenient = false;
  #failure: Error | undefined;
  #strictText: string | undefined;

  constructor(options: LenientOptions) {
    this.#options = options;
    this.#chunks = new LenientChunks(options.headBytes);
  }

  /** It was not in the form that RFC 9112 demands, or more came than the response: its connection cannot be trusted with another. */
  get isLenient(): boolean {
    return this.#isLenient || this.#chunks.lenient;
  }

  /** Why what came cannot be read on; what came before it was handed out. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The head of the response where it came as strict as it goes on, and as one; two that are equal mean the same. */
  get strictText(): string | undefined {
    return this.#strictText;
  }

  /** The bytes in strict form. */
  read(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    try {
      for (let at = 0; at < bytes.length; ) at = this.#readFrom(bytes, at, out);
    } catch (error) {
      this.#part = "over";
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#failure = Object.assign(failure, { code: "code" in failure ? failure.code : NO_RESPONSE });
    }
    return joined(out);
  }

  #readFrom(bytes: Buffer, at: number, out: Buffer[]): number {
    switch (this.#part) {
      case "head":
        return this.#readHead(bytes, at, out);
      case "length": {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#part = "over";
        out.push(bytes.subarray(at, end));
        return end;
      }
      case "chunks": {
        const end = this.#chunks.read(bytes, at, out);
        if (this.#chunks.isOver) this.#part = "over";
        return end;
      }
      case "raw":
        out.push(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      case "over":
        this.#isLenient ||= this.#failure === undefined;
        return bytes.length;
    }
  }

  #readHead(bytes: Buffer, from: number, out: Buffer[]): number {
    const strictEnd = this.#headBytes === 0 ? this.#readStrictHead(bytes, from, out) : undefined;
    if (strictEnd !== undefined) return strictEnd;
    for (let at = from; at < bytes.length; ) {
      const end = bytes.indexOf(LF, at);
      const stop = end === -1 ? bytes.length : end;
      for (let i = at; i < stop && this.#lineBytes === 0; i++)
        if (bytes[i] !== CR) this.#lineBytes = stop - i;
      if (end === -1) break;
      at = end + 1;
      if (this.#lineBytes > 0) {
        this.#lineBytes = 0;
        continue;
      }
      this.#hold(bytes.subarray(from, at));
      const text = Buffer.concat(this.#head)
        .toString("latin1")
        .replace(/^[\r\n]+/, "");
      this.#head = [];
      this.#headBytes = 0;
      if (text !== "") this.#headIsHere(text, out);
      return at;
    }
    this.#hold(bytes.subarray(from));
    return bytes.length;
  }

  /** A head that is here as a whole and needs no change. Undefined: it has to be looked at line by line. */
  #readStrictHead(bytes: Buffer, from: number, out: Buffer[]): number | undefined {
    const lastLine = bytes.indexOf(EMPTY_LINE, from);
    const end = lastLine + EMPTY_LINE.length;
    if (lastLine === -1 || end - from > this.#options.headBytes) return undefined;
    const head = asStrict(bytes.toString("latin1", from, end));
    if (head === undefined || head.status === 101) return undefined;
    out.push(bytes.subarray(from, end));
    this.#strictText = head.text;
    this.#bodyBegins(head);
    return end;
  }

  #hold(bytes: Buffer): void {
    this.#headBytes += bytes.length;
    if (this.#headBytes > this.#options.headBytes)
      throw Object.assign(new Error(`its head is larger than ${this.#options.headBytes} bytes`), {
        code: "HPE_HEADER_OVERFLOW",
      });
    this.#head.push(bytes);
    if (this.#headBytes - bytes.length >= BEGINNING.length + 4) return; // looked at before
    const begun = Buffer.concat(this.#head)
      .toString("latin1")
      .replace(/^[\r\n]+/, "");
    if (!BEGINNING.startsWith(begun.slice(0, BEGINNING.length)))
      throw new Error(`it sent what is no HTTP: ${shown(begun)}`);
  }

  #headIsHere(text: string, out: Buffer[]): void {
    const head = strictHead(text);
    this.#isLenient ||= head.lenient;
    this.#strictText = undefined;
    const isSwitch = head.status === 101 && this.#options.upgrade;
    out.push(Buffer.from(isSwitch ? switching(head.text) : head.text, "latin1"));
    if (isSwitch) this.#part = "raw";
    else this.#bodyBegins(head);
  }

  #bodyBegins({ status, contentLength, isChunked }: StrictHead): void {
    const { method } = this.#options;
    if (status < 200) return;
    if (method === "HEAD" || status === 204 || status === 304) this.#part = "over";
    else if (isChunked) this.#part = "chunks";
    else if (contentLength === undefined) this.#part = "raw";
    else {
      this.#left = contentLength;
      this.#part = contentLength === 0 ? "over" : "length";
    }
  }
}

/** Without a copy where they lie side by side, as what goes on as it is does. */
const joined = (pieces: readonly Buffer[]): Buffer => {
  const [first = NOTHING] = pieces;
  let end = first.byteOffset;
  for (const piece of pieces) {
    if (piece.buffer !== first.buffer || piece.byteOffset !== end) return Buffer.concat(pieces);
    end += piece.length;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
};

/** Some leave Connection out of a 101; what Upgrade says tells as much. */
const switching = (text: string): string =>
  /^connection:.*\bupgrade\b/im.test(text) ? text : text.replace("\r\n", "\r\nConnection: Upgrade\r\n");

/**
 * Puts `reader` in the place of the listener that Node's client has just set on `socket`: its parser gets the same bytes in strict
 * form. `fail` is told why they cannot be read on. Returns what ends it.
 */
export const readLeniently = (
  socket: Socket,
  reader: LenientResponse,
  fail: (error: Error) => void,
): (() => void) => {
  const parse = socket.listeners("data").at(-1) as (bytes: Buffer) => void;
  const read = (bytes: Buffer) => {
    const strict = reader.read(bytes);
    if (strict.length > 0) parse.call(socket, strict);
    if (reader.failure !== undefined) fail(reader.failure);
  };
  socket.off("data", parse).on("data", read);
  return () => socket.off("data", read);
};
