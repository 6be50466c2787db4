/**
 * One request to the web server, through undici's dispatch: raw header arrays in and out, connections kept alive. The body
 * comes piece by piece and is paused when nobody takes it. Every failure becomes a StreamError; what the web server or the
 * system said stays in `cause`, for the log and never for a visitor. SPEC section "Errors".
 */
import { type Dispatcher, errors, Pool } from "undici";
import { Inbox } from "../protocol/kit/inbox.ts";
import { printHostPort } from "../protocol/kit/units.ts";
import { StreamError } from "../protocol/wire/errors.ts";
import type { HeaderList } from "../protocol/wire/header-block.ts";
import { endToEnd, fieldOf, type RequestHead, type ResponseHead } from "../protocol/wire/http-head.ts";
import type { Route } from "./config.ts";

/** A body of which this much waits to be taken is paused at its socket. */
export const BODY_QUEUE_BYTES = 128 * 1024;

/** What a body ends with. */
export interface BodyEnd {
  /** `closed`: it had no length and ended with its connection. */
  readonly how: "complete" | "closed";
  readonly trailers: HeaderList;
}

/** A response body: pieces, then its end. Waiting rejects with StreamError when the origin fails. */
export class OriginBody {
  readonly arrived = new Inbox<Buffer | BodyEnd>();
  #waitingBytes = 0;
  readonly #controller: Pausable;

  constructor(controller: Pausable) {
    this.#controller = controller;
  }

  push(piece: Buffer): void {
    this.#waitingBytes += piece.length;
    this.arrived.push(piece);
    if (this.#waitingBytes > BODY_QUEUE_BYTES) this.#controller.pause();
  }

  /** To be called for each piece that was taken out of `arrived`. */
  taken(piece: Buffer): void {
    const paused = this.#waitingBytes > BODY_QUEUE_BYTES;
    this.#waitingBytes -= piece.length;
    if (paused && this.#waitingBytes <= BODY_QUEUE_BYTES) this.#controller.resume();
  }
}

interface Pausable {
  pause(): void;
  resume(): void;
}

export interface OriginResponse {
  readonly head: ResponseHead;
  readonly body: OriginBody;
}

export interface OriginRequest {
  readonly head: RequestHead;
  /** Undefined where the request has none. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** The visitor is gone, or the link; its reason is what the request then fails with. */
  readonly signal: AbortSignal;
  /** An interim (1xx) head has come. */
  interim(head: ResponseHead): void;
}

export class OriginServerClient {
  readonly #pool: Pool;
  readonly #origin: string;

  constructor(route: Route, limits: { readonly headBytes: number }) {
    this.#origin = `${route.origin.scheme}://${printHostPort(route.origin.address)}`;
    this.#pool = new Pool(this.#origin, {
      connections: route.connections,
      pipelining: 1,
      connect: { timeout: route.connectMs },
      headersTimeout: route.answerMs,
      bodyTimeout: 0, // a page may stream for as long as it likes; a dead visitor ends it by the signal
      maxHeaderSize: limits.headBytes,
    });
  }

  fetch(request: OriginRequest): Promise<OriginResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<OriginResponse>();
    const exchange = new OriginExchange(request, this.#origin, resolve, reject);
    const { method, target, fields } = request.head;
    try {
      const body = (request.body ?? null) as NonNullable<Dispatcher.DispatchOptions["body"]> | null;
      this.#pool.dispatch(
        { path: target, method: method as Dispatcher.HttpMethod, headers: [...fields], body },
        exchange,
      );
    } catch (error) {
      reject(originFailure(error, this.#origin));
    }
    return promise;
  }

  /** Takes no more requests; resolves when those that run are done. */
  async retire(): Promise<void> {
    await this.#pool.close();
  }

  /** Ends every connection; what runs is lost. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Undici's events of one exchange, as a response with a body. */
class OriginExchange implements Dispatcher.DispatchHandler {
  readonly #request: OriginRequest;
  readonly #origin: string;
  readonly #resolve: (response: OriginResponse) => void;
  readonly #reject: (error: StreamError) => void;
  #body: OriginBody | undefined;
  #hasLength = true;
  #unlisten: () => void = () => {};

  constructor(
    request: OriginRequest,
    origin: string,
    resolve: (response: OriginResponse) => void,
    reject: (error: StreamError) => void,
  ) {
    this.#request = request;
    this.#origin = origin;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal } = this.#request;
    const leave = () => controller.abort(asError(signal.reason));
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", leave);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    reason?: string,
  ): void {
    const fields = rawList(controller.rawHeaders);
    const head = { status, reason: asLatin1(reason ?? ""), fields: endToEnd(fields) };
    if (status < 200) return this.#request.interim(head);
    this.#hasLength =
      fieldOf(fields, "content-length") !== undefined || fieldOf(fields, "transfer-encoding") !== undefined;
    this.#body = new OriginBody(controller);
    this.#resolve({ head, body: this.#body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#body?.push(piece);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#unlisten();
    const how = this.#hasLength ? "complete" : "closed";
    this.#body?.arrived.push({ how, trailers: rawList(controller.rawTrailers) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#unlisten();
    const failure = originFailure(error, this.#origin);
    if (this.#body === undefined) this.#reject(failure);
    else this.#body.arrived.fail(failure.code === "origin-failed" ? truncated(failure) : failure);
  }
}

const truncated = (failure: StreamError): StreamError =>
  new StreamError("truncated", `the body ended too early: ${failure.message}`, { cause: failure.cause });

/** Undici reads the reason as UTF-8; heads are latin1, a byte a character. */
const asLatin1 = (text: string): string => Buffer.from(text).toString("latin1");

/** Undici gives raw fields as buffers or strings, in turn name and value. */
const rawList = (raw: unknown): HeaderList =>
  Array.isArray(raw)
    ? raw.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString("latin1") : String(part)))
    : [];

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const originFailure = (error: unknown, origin: string): StreamError => {
  if (error instanceof StreamError) return error;
  const cause = asError(error);
  if (error instanceof errors.HeadersTimeoutError)
    return new StreamError("origin-silent", `${origin} sent no response head in time`, { cause });
  if (error instanceof errors.ConnectTimeoutError)
    return new StreamError("origin-failed", `${origin} could not be reached in time`, { cause });
  return new StreamError("origin-failed", `${origin}: ${cause.message}`, { cause });
};
