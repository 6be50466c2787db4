/**
 * What a web server sends for one request, read as generously as nginx and browsers do and handed on in strict form, which can be
 * read in one way only. It follows the message to its end (RFC 9112 section 6.3). Linear in the bytes, however they are cut.
 */
import { SWITCHING } from "../../http/head.ts";
import { type HeaderList, NO_FIELDS } from "../../http/header-list.ts";
import { LenientChunks } from "./lenient-chunks.ts";
import { asStrict, type ResponseSink, type StrictHead, shown, strictHead } from "./lenient-head.ts";

const LF = 10;
const CR = 13;
const BEGINNINGS = ["HTTP/", "ICY "];
const MOST_BEGINNING_BYTES = 5;
/** As codes of parsers begin. */
const NO_RESPONSE = "HPE_NO_RESPONSE";
const EMPTY_LINE = Buffer.from("\r\n\r\n");

/** What came is no response from its first bytes on. */
export class NoHttp extends Error {}

export interface LenientOptions {
  readonly method: string;
  /** The request asked for another protocol, so a 101 is the end of HTTP. */
  readonly upgrade: boolean;
  /** Largest head. */
  readonly headBytes: number;
}

/** Where in the message it is; `raw`: bytes until the connection closes; `switched`: of another protocol. */
type Part = "head" | "length" | "chunks" | "raw" | "switched" | "over";

export class LenientResponse {
  readonly #options: LenientOptions;
  /** Undefined until a chunked body begins. */
  #chunks: LenientChunks | undefined;
  #part: Part = "head";
  #head: Buffer[] = [];
  #headBytes = 0;
  /** Bytes of the line that is under way, without CRs. */
  #lineBytes = 0;
  #left = 0;
  #isLenient = false;
  /** Why what came cannot be read on; what came before it was handed out. Written here alone, as the next one. */
  failure: Error | undefined;
  /** The head of the response where it came as strict as it goes on, and as one; two that are equal mean the same. */
  strictText: string | undefined;

  constructor(options: LenientOptions) {
    this.#options = options;
  }

  /** It was not in the form that RFC 9112 demands, or more came than the response: its connection cannot be trusted with another. */
  get isLenient(): boolean {
    return this.#isLenient || this.#chunks?.lenient === true;
  }

  /** The end of the connection is that of the response. */
  get endsWithConnection(): boolean {
    return this.#part === "raw";
  }

  /** Returns the bytes behind a 101 that changes the protocol; undefined where there is none. */
  read(bytes: Buffer, sink: ResponseSink): Buffer | undefined {
    let at = 0;
    try {
      while (at < bytes.length && this.#part !== "switched") at = this.#readFrom(bytes, at, sink);
    } catch (error) {
      this.#part = "over";
      const failure = error instanceof Error ? error : new Error(String(error));
      this.failure = Object.assign(failure, { code: "code" in failure ? failure.code : NO_RESPONSE });
    }
    return this.#part === "switched" ? bytes.subarray(at) : undefined;
  }

  #readFrom(bytes: Buffer, at: number, sink: ResponseSink): number {
    switch (this.#part) {
      case "head":
        return this.#readHead(bytes, at, sink);
      case "length": {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        sink.pieceIsHere(bytes.subarray(at, end));
        if (this.#left === 0) this.#isOver(sink, NO_FIELDS);
        return end;
      }
      case "chunks": {
        this.#chunks ??= new LenientChunks(this.#options.headBytes);
        const end = this.#chunks.read(bytes, at, sink);
        if (this.#chunks.isOver) this.#isOver(sink, this.#chunks.trailers);
        return end;
      }
      case "raw":
        sink.pieceIsHere(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
      default:
        this.#isLenient ||= this.failure === undefined;
        return bytes.length;
    }
  }

  #isOver(sink: ResponseSink, trailers: HeaderList): void {
    this.#part = "over";
    sink.messageIsOver(trailers);
  }

  #readHead(bytes: Buffer, from: number, sink: ResponseSink): number {
    const strictEnd = this.#headBytes === 0 ? this.#readStrictHead(bytes, from, sink) : undefined;
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
      if (text !== "") this.#headIsHere(strictHead(text), sink);
      return at;
    }
    this.#hold(bytes.subarray(from));
    return bytes.length;
  }

  /** A head that is here as a whole and needs no change. Undefined: it has to be looked at line by line. */
  #readStrictHead(bytes: Buffer, from: number, sink: ResponseSink): number | undefined {
    const lastLine = bytes.indexOf(EMPTY_LINE, from);
    const end = lastLine + EMPTY_LINE.length;
    if (lastLine === -1 || end - from > this.#options.headBytes) return undefined;
    const head = asStrict(bytes.toString("latin1", from, end));
    if (head === undefined) return undefined;
    this.#headIsHere(head, sink);
    return end;
  }

  #hold(bytes: Buffer): void {
    this.#headBytes += bytes.length;
    if (this.#headBytes > this.#options.headBytes)
      throw Object.assign(new Error(`its head is larger than ${this.#options.headBytes} bytes`), {
        code: "HPE_HEADER_OVERFLOW",
      });
    this.#head.push(Buffer.from(bytes));
    if (this.#headBytes - bytes.length >= MOST_BEGINNING_BYTES + 4) return; // looked at before
    const begun = Buffer.concat(this.#head)
      .toString("latin1")
      .replace(/^[\r\n]+/, "");
    if (!BEGINNINGS.some((each) => each.startsWith(begun.slice(0, each.length))))
      throw new NoHttp(`it sent what is no HTTP: ${shown(begun)}`);
  }

  #headIsHere(head: StrictHead, sink: ResponseSink): void {
    this.#isLenient ||= head.lenient;
    this.strictText = head.lenient ? undefined : head.text;
    if (head.status === SWITCHING && this.#options.upgrade) this.#part = "switched";
    else this.#bodyBegins(head);
    sink.headIsHere(head);
    if (this.#part === "over") sink.messageIsOver(NO_FIELDS);
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
