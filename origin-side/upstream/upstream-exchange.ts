/**
 * One request under way at a web server, whichever client carries it: its silence is watched, its interim heads are handed
 * on, its response becomes a head and a body. Every failure becomes a StreamError; what the web server or the system said
 * stays in `cause`, for the log and never for a visitor. SPEC section "Errors".
 */
import type { Duplex } from "node:stream";
import { errors } from "undici";
import { StreamError } from "../../protocol/errors.ts";
import {
  endToEnd,
  endToEndTrailers,
  fieldOf,
  listOf,
  type ResponseHead,
  upgradeOf,
} from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { OriginBody } from "../exchange/body.ts";
import type { ClientEvents, ClientExchange, OriginRequest, OriginResponse } from "./http-client.ts";
import { SilenceWatch } from "./inactivity-timeout.ts";

/** A web server that sends more interim heads than this has lost its way. @internal */
export const MOST_INTERIMS = 100;

export interface ExchangeGiven {
  /** For the log. */
  readonly server: string;
  readonly clock: Clock;
  /** Limits of silence before the head, and within the body. */
  readonly answerMs: number;
  readonly idleMs: number | undefined;
  /** After a response: its body has ended, or its connection has closed. */
  over(): void;
}

const UNASKED = new Error("it sent a 101 that changes nothing, or that nobody had asked for");

/** A connection that had been used before closed before a byte of the answer: the request may go on another one. */
export class StaleConnection extends Error {}

export class OriginExchange implements ClientEvents {
  /** The response, or the upgrade; rejects with StreamError or StaleConnection. */
  readonly response: Promise<OriginResponse>;
  readonly #request: OriginRequest;
  readonly #given: ExchangeGiven;
  readonly #watch: SilenceWatch;
  readonly #settle = Promise.withResolvers<OriginResponse>();
  readonly #leave = () => this.#end(() => this.#reject(this.#request.signal.reason));
  #client: ClientExchange | undefined;
  #body: OriginBody | undefined;
  #interims = 0;
  #mayWaitForContinue: boolean;
  #hasLength = true;
  #over = false;

  constructor(request: OriginRequest, given: ExchangeGiven) {
    this.#request = request;
    this.#given = given;
    this.#mayWaitForContinue = expectsContinue(request);
    this.#watch = new SilenceWatch(given.clock, (ms) => this.#silent(ms));
    this.response = this.#settle.promise;
    request.signal.addEventListener("abort", this.#leave, { once: true });
  }

  /** The client that carries it. */
  carriedBy(client: ClientExchange): void {
    this.#client = client;
    if (this.#over) client.abort();
  }

  // From here on: called by the client.

  started(): void {
    if (!this.#over) this.#watch.expect(this.#given.answerMs);
  }

  wantsBody(wanted: boolean): void {
    // A visitor that waits for 100 Continue waits for the web server, and so do we.
    if (this.#body !== undefined || (wanted && this.#mayWaitForContinue)) return;
    if (wanted) this.#watch.pause();
    else this.#watch.resume();
  }

  sent(): void {
    this.#mayWaitForContinue = false;
    this.#watch.heard();
  }

  interim(head: ResponseHead): void {
    this.#watch.heard();
    if (head.status === 101) return this.failed(UNASKED, false);
    if (++this.#interims > MOST_INTERIMS)
      return this.failed(new Error(`it sent more than ${MOST_INTERIMS} interim heads`), false);
    this.#mayWaitForContinue = false;
    // A visitor that did not ask for 100 must not get one (RFC 9110 section 15.2); all others are for it.
    if (head.status === 100 && !expectsContinue(this.#request)) return;
    this.#request.interim({ ...head, fields: endToEnd(head.fields) });
  }

  answered({ status, reason, fields }: ResponseHead): void {
    if (this.#over) return;
    if (status < 200) return this.failed(UNASKED, false);
    const coding = listOf(fields, "transfer-encoding");
    if (coding !== undefined && coding.trim().toLowerCase() !== "chunked")
      return this.failed(new Error("it used a transfer coding that nobody had asked for"), false);
    const bodiless = this.#request.head.method === "HEAD" || status === 204 || status === 304;
    this.#hasLength = bodiless || coding !== undefined || fieldOf(fields, "content-length") !== undefined;
    this.#watch.resume();
    this.#watch.expect(isLive(fields) ? undefined : this.#given.idleMs);
    const body = new OriginBody({ pause: () => this.#pause(), resume: () => this.#resume() });
    this.#body = body;
    this.#settle.resolve({ kind: "answered", head: { status, reason, fields: endToEnd(fields) }, body });
  }

  piece(bytes: Buffer): void {
    this.#watch.heard();
    if (!this.#over) this.#body?.push(bytes);
  }

  ended(trailers: HeaderList): void {
    const how = this.#hasLength ? "complete" : "closed";
    this.#end(() => this.#body?.arrived.push({ how, trailers: endToEndTrailers(trailers) }));
  }

  upgraded(head: ResponseHead, connection: Duplex): void {
    if (this.#over) {
      connection.destroy();
      return;
    }
    this.#over = true;
    this.#watch.stop();
    this.#request.signal.removeEventListener("abort", this.#leave);
    connection.once("close", () => this.#given.over());
    // The one field of a single hop that goes on: it says what the connection has become. SPEC section "Upgrades".
    const fields = [...endToEnd(head.fields), "Upgrade", upgradeOf(head.fields) ?? ""];
    this.#settle.resolve({ kind: "upgraded", head: { ...head, fields }, connection });
  }

  failed(error: unknown, stale: boolean): void {
    this.#end(() => this.#reject(stale ? new StaleConnection("", { cause: error }) : this.#failure(error)));
  }

  /** Once, whatever comes first; the connection closes unless the exchange is complete on it. */
  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch.stop();
    this.#request.signal.removeEventListener("abort", this.#leave);
    tell();
    if (this.#body !== undefined) this.#given.over();
  }

  #reject(error: unknown): void {
    this.#client?.abort();
    if (this.#body === undefined) this.#settle.reject(error);
    else this.#body.arrived.fail(error);
  }

  #silent(ms: number): void {
    const what = this.#body === undefined ? "response head" : "further byte of its response";
    const why = `${this.#given.server} sent no ${what} for ${ms} ms`;
    this.#end(() => this.#reject(new StreamError("origin-silent", why)));
  }

  #pause(): void {
    this.#watch.pause();
    this.#client?.pause();
  }

  #resume(): void {
    this.#watch.resume();
    this.#client?.resume();
  }

  #failure(error: unknown): StreamError {
    if (error instanceof StreamError) return error;
    const cause = error instanceof Error ? error : new Error(String(error));
    const said = `${this.#given.server}: ${cause.message}`;
    if (this.#body !== undefined)
      return new StreamError("truncated", `the body ended too early: ${said}`, { cause });
    if (error instanceof errors.HeadersOverflowError || isOverflow(error))
      return new StreamError("origin-failed", `${said}; raise limits.headBytes`, { cause });
    return new StreamError("origin-failed", said, { cause });
  }
}

const expectsContinue = ({ head }: OriginRequest): boolean =>
  listOf(head.fields, "expect")?.toLowerCase().includes("100-continue") === true;

const isLive = (fields: HeaderList): boolean =>
  /^text\/event-stream/i.test(fieldOf(fields, "content-type") ?? "");

const isOverflow = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "HPE_HEADER_OVERFLOW";
