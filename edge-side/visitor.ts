/**
 * One request of a visitor and the response to it, as node:http gives them, in the words of the story. Raw header arrays go
 * in and out, so order, duplicates and case stay as they are. Nothing is written to a visitor that has left.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { hostName } from "../protocol/versions/tenant.ts";
import { STREAM_ERRORS, StreamError, type StreamErrorCode } from "../protocol/wire/errors.ts";
import type { HeaderList } from "../protocol/wire/header-block.ts";
import { fieldOf, listOf, type ResponseHead } from "../protocol/wire/http-head.ts";
import { errorPage } from "./error-page.ts";
import { plainAddress, type VisitorRequest } from "./forward-request.ts";

/** Where a request's body goes. */
export interface BodySink {
  /** False when the sender should wait for `roomForBody`. */
  sendBody(bytes: Uint8Array): boolean;
  endBody(how?: "complete" | "closed"): void;
  roomForBody: () => void;
  bodyRefused: () => void;
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
/** RFC 9218 section 4.1. */
const DEFAULT_URGENCY = 3;
const NO_BYTES = Buffer.alloc(0);

export class Visitor implements VisitorRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: HeaderList;
  readonly address: string;
  /** As the Host field names it, lower case, without port. */
  readonly host: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #bodyTouched = false;
  #failed = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    this.method = request.method ?? "GET";
    this.target = originForm(request.url ?? "/");
    this.fields = request.rawHeaders;
    this.address = plainAddress(request.socket.remoteAddress ?? "");
    this.host = hostName(request.headers.host ?? "");
  }

  /** RFC 9218: 0 first, 7 last. */
  get urgency(): number {
    const asked = /(?:^|,)\s*u=([0-7])/.exec(listOf(this.fields, "priority") ?? "")?.[1];
    return asked === undefined ? DEFAULT_URGENCY : Number(asked);
  }

  get hasBody(): boolean {
    const length = this.#request.headers["content-length"];
    return (
      this.#request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0")
    );
  }

  /** Asking twice changes nothing at the origin. */
  get safe(): boolean {
    return SAFE_METHODS.has(this.method) && !this.hasBody;
  }

  /** Some of the body was read, so the request cannot be sent again. */
  get bodyTouched(): boolean {
    return this.#bodyTouched;
  }

  get answered(): boolean {
    return this.#response.headersSent;
  }

  /** `cancel` is called when the visitor leaves before its response is complete. */
  leaves(cancel: () => void): void {
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) cancel();
    });
  }

  /** Sends the request's body as it comes, no faster than it is taken. */
  sendBody(sink: BodySink): void {
    if (!this.hasBody) return sink.endBody();
    this.#bodyTouched = true;
    const request = this.#request;
    sink.roomForBody = () => request.resume();
    sink.bodyRefused = () => {
      this.#dropBody();
      sink.endBody("closed");
    };
    request.on("data", (piece: Buffer) => {
      if (!sink.sendBody(piece)) request.pause();
    });
    request.once("end", () => sink.endBody());
  }

  /** An interim head; only Early Hints mean something to a visitor (RFC 8297). */
  interim(head: ResponseHead): void {
    const links = listOf(head.fields, "link")?.split(/,\s*(?=<)/);
    if (head.status !== 103 || links === undefined || this.answered || this.#speaksHttp10) return;
    try {
      this.#response.writeEarlyHints({ link: links });
    } catch {
      // A form of link that node does not know: a hint left out harms nobody.
    }
  }

  /** Sends the head, unless it has been sent. */
  head(head: ResponseHead): void {
    if (this.answered || this.#gone) return;
    this.#response.sendDate = fieldOf(head.fields, "date") === undefined;
    // A body that does not fit its Content-Length would be read as the beginning of the next response.
    this.#response.strictContentLength = true;
    this.#response.writeHead(head.status, head.reason, [...head.fields]);
    // Out at once, as flushHeaders would do; but that writes values as UTF-8, which are latin1.
    this.#response.write(NO_BYTES);
  }

  /** Resolves when the visitor's socket takes more. Throws StreamError when the visitor has left. */
  async body(bytes: Buffer): Promise<void> {
    if (this.#gone) throw new StreamError("cancelled", "the visitor has left");
    if (this.#response.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#response.off("drain", done).off("close", done);
        resolve();
      };
      this.#response.once("drain", done).once("close", done);
    });
  }

  end(trailers: HeaderList): void {
    if (trailers.length > 0) this.#response.addTrailers(pairs(trailers));
    this.#response.end();
  }

  /** An error page, or a visible cut where a head is out already. Returns the status. */
  fail(code: StreamErrorCode): number {
    const status = this.answered ? this.#response.statusCode : STREAM_ERRORS[code].visitor;
    if (this.#failed || this.#gone) return status;
    this.#failed = true;
    this.#dropBody();
    if (this.answered) {
      // Never a response that looks complete: the connection ends inside the body. In HTTP/1.0 an orderly end may be its end.
      if (this.#speaksHttp10) this.#response.socket?.resetAndDestroy();
      else this.#response.destroy();
      return status;
    }
    const page = errorPage(status);
    // With its reason: the one of a head that could not be sent would stay.
    this.#response.writeHead(status, STATUS_CODES[status], page.fields);
    this.#response.write(page.body); // which node leaves out for HEAD
    // Only when all was heard: a connection that is closed on a visitor who still sends can take the page with it.
    if (this.#request.complete) this.#response.end();
    else this.#request.once("close", () => this.#response.end());
    return status;
  }

  /** What still comes of the request is read and dropped: the visitor may read its answer only after sending all. */
  #dropBody(): void {
    this.#request.removeAllListeners("data");
    this.#request.resume();
  }

  get #gone(): boolean {
    return this.#response.destroyed || this.#response.socket?.destroyed === true;
  }

  get #speaksHttp10(): boolean {
    return this.#request.httpVersion === "1.0";
  }
}

/** A web server is not a proxy: of a target that names its host, it gets the path. RFC 9112 section 3.2.1 */
const originForm = (target: string): string => {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return path === target || path.startsWith("/") ? path : `/${path}`;
};

const pairs = (fields: HeaderList): [string, string][] =>
  Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? "", fields[2 * i + 1] ?? ""]);
