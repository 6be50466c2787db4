/**
 * A visitor of HTTP/2: one stream, as node:http2 gives it, in the words of HTTP/1.1, which the rest of Coilgun and the origin
 * server speak. A body that is cut ends in RST_STREAM. WebSocket comes as an extended CONNECT. RFC 9113 section 8, RFC 8441,
 * SPEC section "Visitors".
 */
import { constants, type ServerHttp2Stream } from "node:http2";
import { STREAM_ERRORS, StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import {
  endToEnd,
  isBodiless,
  type ResponseHead,
  SWITCHING,
  withoutFields,
} from "../../protocol/http/head.ts";
import { grouped, type HeaderList, NO_FIELDS } from "../../protocol/http/header-list.ts";
import { resetStream } from "../../protocol/http/reset-stream.ts";
import { drained } from "../../protocol/runtime/drained.ts";
import { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import { UploadBody, type UploadConnection } from "../exchange/upload-body.ts";
import {
  endUnheard,
  hasLeft,
  NO_BYTES,
  PART_BYTES,
  priorityOf,
  type Visitor,
  type VisitorListener,
  type Waiting,
} from "../exchange/visitor.ts";
import { expectsContinue } from "../exchange/visitor-request.ts";
import { LEFT, logLimit } from "./errors/error-page.ts";
import type { Failure } from "./errors/proxy-status.ts";
import type { VisitorOptions } from "./http1-visitor.ts";
import { type Http2Request, wireStatus, withWebSocketKey } from "./http2-head.ts";
import { areClean, sanitizeTrailers, withHsts } from "./sanitize-head.ts";
import { UpgradedStream } from "./upgraded-stream.ts";
import type { Refused } from "./validate-request.ts";

/** Of a WebSocket's handshake in HTTP/1.1; in HTTP/2 the stream's own CONNECT says it. */
const OF_HANDSHAKE = new FieldNames(["connection", "upgrade", "content-length", "sec-websocket-accept"]);

export interface Http2From {
  readonly address: string;
  readonly host: string;
  /** Whether these are all that came after the body. */
  areTrailersWhole(trailers: HeaderList): boolean;
}

export class Http2Visitor implements Visitor, UploadConnection {
  readonly method: string;
  readonly target: string;
  readonly fields: HeaderList;
  readonly address: string;
  readonly authority: string;
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly compress: boolean;
  readonly version = "2.0";
  readonly upgrade: string | undefined;
  readonly urgency: number;
  readonly incremental: boolean;
  readonly repeated = undefined;
  readonly hasBody: boolean;
  sentBytes = 0;
  #touched = false;
  readonly #stream: ServerHttp2Stream;
  readonly #areTrailersWhole: Http2From["areTrailersWhole"];
  readonly #options: VisitorOptions;
  readonly #sending: InactivityTimer;
  readonly #taking: InactivityTimer;
  /** Once the stream is upgraded. */
  #tunnel: UpgradedStream | undefined;
  #listener: VisitorListener | undefined;
  #upload: UploadBody | undefined;
  #waiting: Waiting | undefined;
  #requestTrailers: HeaderList = NO_FIELDS;
  #trailers: HeaderList = NO_FIELDS;
  #heldHead: { readonly list: string[]; readonly waitForTrailers: boolean } | undefined;
  #bodyBytes = 0;
  #ended = false;
  #failed: number | undefined;

  constructor(stream: ServerHttp2Stream, request: Http2Request, from: Http2From, options: VisitorOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#areTrailersWhole = from.areTrailersWhole;
    const { protocol } = request;
    this.method = protocol === undefined ? request.method : "GET";
    this.upgrade = protocol;
    this.fields = protocol?.toLowerCase() === "websocket" ? withWebSocketKey(request.fields) : request.fields;
    ({ target: this.target, authority: this.authority } = request);
    this.host = from.host;
    ({ scheme: this.scheme, compress: this.compress } = options.traits);
    this.address = from.address;
    ({ urgency: this.urgency, incremental: this.incremental } = priorityOf(this.fields));
    this.hasBody = protocol === undefined && !stream.endAfterHeaders;
    this.#sending = new InactivityTimer(options.clock, options.idleMs, () => this.refuse(408));
    this.#taking = new InactivityTimer(options.clock, options.idleMs, () => {
      logLimit(options.log, 408, this.address);
      resetStream(this.#stream, "cancel");
    });
    stream.on("error", () => {}).once("close", () => this.#closed()); // an error is followed by "close"
    stream.on("trailers", (_fields, _flags, raw?: HeaderList) => {
      this.#requestTrailers = raw ?? NO_FIELDS;
    });
    stream.on("wantTrailers", () => stream.sendTrailers(grouped(this.#trailers)));
  }

  get bodyTouched(): boolean {
    return this.#touched && this.#upload?.isKept !== true;
  }

  get answered(): boolean {
    return this.#failed !== undefined || this.#stream.headersSent || this.#gone;
  }

  listen(listener: VisitorListener): void {
    this.#listener = listener;
    if (this.#gone) listener.left();
  }

  uploadBody(waiting: Waiting): UploadBody {
    this.#waiting = waiting;
    const begun = this.#upload;
    const upload = begun ?? new UploadBody(this);
    this.#upload = upload;
    const comes = begun?.begin() ?? true;
    if (this.upgrade !== undefined) return upload;
    if (!this.hasBody) upload.end(NO_FIELDS);
    else if (comes && !expectsContinue(this)) this.#awaitBody();
    if (begun !== undefined || !this.hasBody) return upload;
    this.#stream.on("data", (piece: Buffer) => this.#piece(piece, upload));
    this.#stream.once("end", () => this.#bodyEnded(upload));
    return upload;
  }

  readBody(): void {
    if (this.#tunnel !== undefined) return this.#tunnel.readBody();
    this.#awaitBody();
    this.#stream.resume();
  }

  restBody(): void {
    this.#sending.stop();
    this.#waiting?.resume();
    this.#stream.pause();
  }

  dropBody(): void {
    this.#sending.stop();
    this.#waiting?.resume();
    this.#stream.removeAllListeners("data");
    this.#stream.resume();
  }

  bodyLost(): void {
    this.#tunnel?.bodyLost();
  }

  interim({ status, fields }: ResponseHead): void {
    if (this.answered || status === SWITCHING) return;
    this.#stream.additionalHeaders({ ...grouped(fields), ":status": status });
    if (status === 100 && this.hasBody) this.#awaitBody();
  }

  head(head: ResponseHead, may: { readonly trailers: boolean } = { trailers: false }): void {
    if (this.answered) return;
    if (this.upgrade !== undefined) {
      if (head.status === SWITCHING) return this.#switch(head);
      this.#upload?.end(NO_FIELDS);
      // To an extended CONNECT it would say that the other protocol begins.
      if (head.status < 300) throw new StreamError("origin-failed", `${head.status} to an upgrade`);
    }
    const waitForTrailers = may.trailers && this.method !== "HEAD" && !isBodiless(head.status);
    const { fields } = withHsts(head, this.#options.traits.hsts);
    this.#heldHead = { list: [":status", wireStatus(head.status), ...fields], waitForTrailers };
  }

  flush(): void {
    this.#respond(false);
  }

  async body(bytes: Buffer): Promise<void> {
    this.sentBytes += bytes.length;
    if (this.#tunnel !== undefined) return this.#tunnel.write(bytes);
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      if (this.#gone || this.#failed !== undefined) throw hasLeft();
      this.#respond(false);
      if (this.#stream.write(bytes.subarray(at, at + PART_BYTES))) continue;
      this.#taking.start();
      await drained(this.#stream);
      this.#taking.stop();
    }
  }

  end(trailers: HeaderList, last: Buffer = NO_BYTES): void {
    if (this.#tunnel !== undefined) return this.#tunnel.end();
    if (this.#gone || this.#failed !== undefined) return endUnheard(last);
    this.#trailers = trailers;
    this.#respond(trailers.length === 0 && last.length === 0);
    this.#finish(last);
  }

  fail(code: StreamErrorCode, cause?: unknown): number {
    return this.#endWith(STREAM_ERRORS[code].visitor, { code, cause });
  }

  /** The visitor's own fault: its exchange ends, and it is told so if it can be. */
  refuse(status: Refused | 408): void {
    logLimit(this.#options.log, status, this.address);
    this.#listener?.left();
    this.#endWith(status);
  }

  /** The head leaves with what follows it; with its end it is one frame, which gRPC needs where there is no body. */
  #respond(endStream: boolean): void {
    const head = this.#heldHead;
    this.#heldHead = undefined;
    if (head === undefined || this.answered) return;
    this.#stream.respond(head.list, endStream ? { endStream } : { waitForTrailers: head.waitForTrailers });
  }

  get #gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #awaitBody(): void {
    this.#waiting?.pause();
    this.#sending.start();
  }

  #piece(piece: Buffer, upload: UploadBody): void {
    if (!this.#touched) this.#awaitBody();
    this.#touched = true;
    this.#sending.moved();
    this.#bodyBytes += piece.length;
    if (this.#bodyBytes > (this.#options.bodyBytes ?? Number.POSITIVE_INFINITY)) {
      upload.drop();
      return this.refuse(413);
    }
    upload.push(piece);
  }

  #bodyEnded(upload: UploadBody): void {
    this.#sending.stop();
    // A stream that was reset ends too; its body did not.
    if (this.#stream.aborted || this.#gone) return;
    const trailers = this.#requestTrailers;
    if (!areClean(trailers) || !this.#areTrailersWhole(trailers)) return this.refuse(400);
    this.#waiting?.resume();
    upload.end(this.#options.underscores.without(sanitizeTrailers(trailers)));
  }

  #endWith(status: number, failure?: Failure): number {
    if (this.#failed !== undefined) return this.#failed;
    if (this.#stream.headersSent) {
      this.#failed = Number(this.#stream.sentHeaders[":status"]);
      if (!this.#gone) resetStream(this.#stream, "internal");
      return this.#failed;
    }
    if (this.#gone) return LEFT;
    this.#failed = status;
    const page = this.#options.errorPages.of(status, this, failure);
    this.#stream.respond([":status", String(status), ...page.fields]);
    this.#finish(this.method === "HEAD" ? NO_BYTES : Buffer.from(page.body));
    return status;
  }

  #finish(last: Buffer): void {
    this.#ended = true;
    this.sentBytes += last.length;
    this.#stream.end(last.length > 0 ? last : undefined);
    // RFC 9113 section 8.1: the answer is complete, so the rest of the request may stay where it is.
    const enough = () => {
      this.#taking.stop();
      if (!this.hasBody || this.#stream.readableEnded) return;
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
      this.dropBody(); // Node keeps the stream until what had come on it is read.
    };
    if (this.#stream.writableFinished) return enough();
    this.#taking.start();
    this.#stream.once("finish", enough);
  }

  #switch(head: ResponseHead): void {
    const upload = this.#upload;
    if (upload === undefined) return;
    this.#stream.respond([":status", "200", ...withoutFields(endToEnd(head.fields), OF_HANDSHAKE)]);
    this.#tunnel = new UpgradedStream(this.#stream, this.#taking, () => resetStream(this.#stream, "cancel"));
    this.#tunnel.feed(upload);
  }

  #closed(): void {
    this.#taking.stop();
    this.#sending.stop();
    if (!this.#ended || !this.#stream.writableFinished) this.#listener?.left();
  }
}
