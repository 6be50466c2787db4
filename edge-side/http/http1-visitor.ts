/**
 * A visitor of HTTP/1.x: one request and its response, as node:http gives them. Raw header arrays go in and out, so order,
 * duplicates and case stay as they are; framing and Connection are node's. SPEC section "Visitors".
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { STREAM_ERRORS, type StreamErrorCode } from "../../protocol/errors.ts";
import { breakOff } from "../../protocol/http/break-off.ts";
import { fieldOf, type ResponseHead } from "../../protocol/http/head.ts";
import { type HeaderList, pairsOf } from "../../protocol/http/header-list.ts";
import { drained } from "../../protocol/runtime/drained.ts";
import { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import { noBody, type UploadBody } from "../exchange/upload-body.ts";
import {
  endUnheard,
  hasLeft,
  type ListenerTraits,
  NO_BYTES,
  PART_BYTES,
  type Visitor,
  type VisitorListener,
  type Waiting,
} from "../exchange/visitor.ts";
import type { VisitorConnection } from "../exchange/visitor-connection.ts";
import { expectsContinue, type RepeatedHead } from "../exchange/visitor-request.ts";
import { LEFT, logLimit } from "./errors/error-page.ts";
import type { ErrorPages } from "./errors/error-pages.ts";
import type { Failure } from "./errors/proxy-status.ts";
import { Http1Upload, type UploadOwner } from "./http1-upload.ts";
import { dropRest, type LingerOptions } from "./linger.ts";
import { withHsts } from "./sanitize-head.ts";
import type { Underscores } from "./underscores.ts";
import type { ReadHead } from "./validate-request.ts";

export interface VisitorOptions extends LingerOptions {
  readonly traits: ListenerTraits;
  readonly underscores: Pick<Underscores, "without">;
  readonly errorPages: ErrorPages;
  readonly idleMs: number;
  /** Larger request bodies get 413. */
  readonly bodyBytes: number | undefined;
  /** Of HTTP/1.x: the one that requests come on. */
  readonly connection?: VisitorConnection;
  /** While it drains the edge stops: connections are not kept for another request. */
  readonly crowd: { readonly draining: boolean };
}

/** Before a connection is reset, what was written to it has so long to leave the system's buffers, which a reset empties. @internal */
export const CUT_MS = 300;
/** Where more waits to be taken, interim heads are left out. */
const MOST_UNREAD_BYTES = 64 * 1024;
const CONTINUE = 100;
const ignored = (): void => {};

export class Http1Visitor implements Visitor, UploadOwner {
  readonly method: string;
  readonly target: string;
  readonly fields: HeaderList;
  readonly address: string;
  readonly authority: string;
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly compress: boolean;
  readonly redirect: "off" | "https";
  readonly connection: VisitorConnection | undefined;
  readonly version: "1.0" | "1.1";
  readonly urgency: number;
  readonly incremental: boolean;
  readonly repeated: RepeatedHead | undefined;
  readonly hasBody: boolean;
  readonly upgrade: string | undefined = undefined;
  sentBytes = 0;
  protected readonly request: IncomingMessage;
  protected readonly response: ServerResponse;
  protected readonly options: VisitorOptions;
  #timer: InactivityTimer | undefined;
  #listener: VisitorListener | undefined;
  #upload: Http1Upload | undefined;
  /** Of the body, by its head. */
  #length: string | undefined;
  #heldHead: ResponseHead | undefined;
  #headLeft = false;
  #left = false;
  /** The status of an error page, once it is certain that there is nothing else. */
  #failed: number | undefined;

  /** `over`: its response is, and so the next request of its connection can be served. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    head: ReadHead,
    options: VisitorOptions,
    over: () => void = ignored,
  ) {
    const { headers, method = "GET", httpVersion } = request;
    this.request = request;
    this.response = response;
    this.options = options;
    this.method = method;
    this.version = httpVersion === "1.0" ? "1.0" : "1.1";
    ({ target: this.target, fields: this.fields, authority: this.authority, host: this.host } = head);
    ({ address: this.address, urgency: this.urgency, incremental: this.incremental } = head);
    this.repeated = head.repeated;
    ({ scheme: this.scheme, compress: this.compress, redirect: this.redirect } = options.traits);
    this.connection = options.connection;
    const length = headers["content-length"];
    this.hasBody = headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > 0);
    // A body that differs from its length is not sent as if it were right.
    response.strictContentLength = true;
    response.on("close", () => this.#closed(over));
    // Says nothing that "close" does not say; without a listener it would end the program.
    request.on("error", ignored);
    response.on("error", ignored);
  }

  get bodyTouched(): boolean {
    return this.#upload?.touched === true;
  }

  get answered(): boolean {
    return this.#failed !== undefined || this.response.headersSent || this.gone;
  }

  listen(listener: VisitorListener): void {
    this.#listener = listener;
    if (this.gone) listener.left();
  }

  uploadBody(waiting: Waiting): UploadBody {
    if (!this.hasBody) return noBody();
    const comes = this.#upload?.begin(waiting) ?? true;
    this.#upload ??= new Http1Upload(this.request, this, waiting, this.options);
    // A visitor that asked for word before it sends anything waits for the origin server.
    if (comes && !expectsContinue(this)) this.#upload.awaitBody();
    return this.#upload.body;
  }

  interim({ status, fields }: ResponseHead): void {
    if (this.answered || this.version === "1.0") return;
    // A hint for a visitor that reads: one that does not must not make them heap up here.
    if (this.request.socket.writableLength > MOST_UNREAD_BYTES) return;
    if (status === CONTINUE && fields.length === 0) this.response.writeContinue();
    else this.response.writeInformation(status, fields);
    if (status === CONTINUE && !this.request.complete) this.#upload?.awaitBody();
  }

  head(head: ResponseHead): void {
    if (!this.answered) this.#heldHead = withHsts(head, this.options.traits.hsts);
  }

  flush(): void {
    // Only a head waits; node writes bodies as they are given.
    this.#writeHead();
    if (this.#headLeft || this.gone || !this.response.headersSent) return;
    this.#headLeft = true;
    // As flushHeaders would do; but that writes the bytes of latin1 values as UTF-8.
    this.response.write(NO_BYTES);
  }

  async body(bytes: Buffer): Promise<void> {
    this.sentBytes += bytes.length;
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      if (this.gone || this.#failed !== undefined) throw hasLeft();
      this.#writeHead();
      this.#headLeft = true;
      if (this.response.write(bytes.subarray(at, at + PART_BYTES))) continue;
      this.#taking.start();
      await drained(this.response);
      this.#timer?.stop();
    }
  }

  end(trailers: HeaderList, last: Buffer = NO_BYTES): void {
    if (this.gone || this.#failed !== undefined) return endUnheard(last);
    this.sentBytes += last.length;
    this.#writeHead();
    if (trailers.length > 0) this.response.addTrailers(pairsOf(trailers));
    const isWrong = last.length > 0 && this.#length !== undefined && Number(this.#length) !== last.length;
    // An `end` that throws for that would leave the connection corked: neither what is right of it nor a cut would show.
    if (isWrong) this.response.write(last);
    this.response.end(isWrong || last.length === 0 ? undefined : last);
    // What is queued has to be taken, too; as a rule the system has taken all of it by now.
    if (this.response.writableLength > 0) this.#taking.start();
  }

  fail(code: StreamErrorCode, cause?: unknown): number {
    return this.#endWith(STREAM_ERRORS[code].visitor, { code, cause });
  }

  /** The visitor's own fault: its exchange ends, and it is told so if it can be. */
  refuse(status: 400 | 408 | 413): void {
    logLimit(this.options.log, status, this.address);
    this.#listener?.left();
    if (status !== 413) this.response.shouldKeepAlive = false;
    this.#endWith(status);
  }

  /** The body turned out not to be one. */
  breakOff(): void {
    if (this.response.writableFinished) this.request.socket.destroy();
    else this.refuse(400);
  }

  /** The request was read to its end. */
  get complete(): boolean {
    return this.request.complete;
  }

  /** The connection takes more of the response; only where node has let go of it does somebody have to say so. */
  drained(): void {
    this.response.emit("drain");
  }

  /**
   * Ends the connection inside whatever is under way. Where no length tells the visitor, the connection is reset: several proxies
   * take a body of chunks that ends with its connection for complete, as everybody must one that has neither.
   */
  cut(): void {
    const { socket } = this.request;
    if (this.#showsCutByReset) breakOff(socket);
    this.response.destroy();
    socket.destroy();
  }

  left(): void {
    this.#left = true;
    this.#listener?.left();
  }

  protected get gone(): boolean {
    return this.response.destroyed || this.request.socket.destroyed;
  }

  /** The head leaves with what follows it: what fails before is a clean failure. */
  #writeHead(): void {
    const head = this.#heldHead;
    this.#heldHead = undefined;
    if (head === undefined || this.answered) return;
    if (this.options.crowd.draining) this.response.shouldKeepAlive = false;
    this.#length = fieldOf(head.fields, "content-length");
    this.response.writeHead(head.status, head.reason, head.fields as string[]);
  }

  #endWith(status: number, failure?: Failure): number {
    if (this.#failed !== undefined) return this.#failed;
    if (this.response.headersSent) {
      // Never a response that looks complete: the connection ends inside the body.
      this.#failed = this.response.statusCode;
      this.#cutBehindWritten();
      return this.#failed;
    }
    if (this.#left || this.gone) {
      this.#failed = LEFT;
      this.cut();
      return LEFT;
    }
    this.#failed = status;
    const page = this.options.errorPages.of(status, this, failure);
    if (this.options.crowd.draining) this.response.shouldKeepAlive = false;
    this.response.writeHead(status, [...page.fields]);
    if (this.method !== "HEAD") this.sentBytes += Buffer.byteLength(page.body);
    this.response.end(this.method === "HEAD" ? undefined : page.body);
    return status;
  }

  get #showsCutByReset(): boolean {
    return this.response.headersSent && this.#length === undefined;
  }

  /** What came of the body still goes out: a visitor that shows what it has gets it. */
  #cutBehindWritten(): void {
    if (this.gone) return this.cut();
    this.#taking.start();
    this.request.socket.write(NO_BYTES, () => {
      if (!this.#showsCutByReset || this.gone) return this.cut();
      const leaves = this.options.clock.after(CUT_MS, () => this.cut());
      this.request.socket.once("close", () => leaves.cancel());
    });
  }

  /** Watches that what is written is taken; made when it has to wait, which is seldom. */
  get #taking(): InactivityTimer {
    this.#timer ??= new InactivityTimer(this.options.clock, this.options.idleMs, () => {
      logLimit(this.options.log, 408, this.address);
      this.cut();
    });
    return this.#timer;
  }

  /** The response is over, and perhaps the connection. */
  #closed(over: () => void): void {
    over();
    this.#timer?.stop();
    this.#upload?.stop();
    if (!this.response.writableFinished) return this.left();
    // Of a connection that is not kept, its end sees to that (http1-connection).
    if (!this.request.socket.writable || this.complete) return;
    dropRest(this.request, this.options);
  }
}
