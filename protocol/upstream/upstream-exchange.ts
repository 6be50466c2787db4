/**
 * One request under way at a web server: it is sent, its silence is watched, its interim heads are handed on, its response becomes a
 * head and a body. Every failure becomes a StreamError, whose `cause` is for the log and never for a visitor. SPEC section "Errors".
 */
import { StreamError } from "../errors.ts";
import { tooManyFields } from "../http/field-limits.ts";
import { endToEnd, endToEndTrailers, upgradeOf } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";
import { InactivityTimer } from "../runtime/inactivity-timer.ts";
import { UpstreamBody } from "./body.ts";
import { ConnectionLogin } from "./connection-login.ts";
import type { Borrower, PooledConnection } from "./connections/pooled-connection.ts";
import type { Asked, ExchangeDependencies, IncomingResponse, Outgoing, Phase } from "./exchange-phase.ts";
import { assertWritable, mayBeUnread, type WireRequest } from "./framing.ts";
import { type Http1Events, openHttp1Request } from "./http1-request.ts";
import { openHttp2Request } from "./http2-request.ts";
import { InterimLimit } from "./interim-limit.ts";
import { LenientResponse, NoHttp } from "./lenient/lenient-response.ts";
import { type RawHead, rawHead } from "./response-head.ts";
import { sendBody } from "./send-body.ts";
import { failureOf, RequestFault, StaleConnection, truncationBy } from "./upstream-failure.ts";
import type { UpstreamResponse } from "./upstream-request.ts";
import { VisitorRate } from "./visitor-rate.ts";

const NO_BYTES = Buffer.alloc(0);
const REQUEST_TIMEOUT = 408;
/**
 * The response, or the upgrade. Rejects with StreamError, with the reason of the request's signal, or with StaleConnection,
 * unless the wish is `none`. What HTTP/1.1 has no form for is "origin-failed", and nothing of it has been sent.
 */
export const exchangeWith = (asked: Asked, options: ExchangeDependencies) =>
  new UpstreamExchange(asked, options).response;

class UpstreamExchange implements Borrower, Http1Events {
  readonly #asked: Asked;
  readonly #options: ExchangeDependencies;
  readonly #watch: InactivityTimer;
  /** Undefined where nothing about it has to do with a login. */
  #login: ConnectionLogin | undefined;
  /** Undefined until there is a connection for it. */
  #outgoing: Outgoing | undefined;
  #rate: VisitorRate | undefined;
  readonly #surroundings: { readonly server: string; readonly signal: AbortSignal };
  readonly #settle = Promise.withResolvers<UpstreamResponse>();
  readonly response = this.#settle.promise;
  readonly #leave = () => this.#fail(this.#asked.request.signal.reason);
  readonly #failed = (error: unknown) => this.#fail(error);
  #phase: Phase = { is: "connecting" };
  #interims: InterimLimit | undefined;
  readonly #reader: LenientResponse;
  #mayWaitForContinue: boolean;

  constructor(asked: Asked, options: ExchangeDependencies) {
    this.#asked = asked;
    this.#options = options;
    const { boundTo, logsIn } = asked.wish;
    const { method, upgrade } = asked.wire;
    if (logsIn || boundTo !== undefined) this.#login = new ConnectionLogin(boundTo);
    this.#surroundings = { server: options.server, signal: asked.request.signal };
    this.#mayWaitForContinue = asked.wire.expectsContinue;
    this.#watch = new InactivityTimer(options.clock, options.answerMs, (ms) => this.#silent(ms));
    this.#reader = new LenientResponse({ method, upgrade, headBytes: options.headBytes });
    asked.request.signal.addEventListener("abort", this.#leave, { once: true });
    this.#run();
  }

  get isSlow(): boolean {
    return this.#rate?.isSlow === true;
  }

  /** Called by the pool: others wait for the place of a visitor that is too slow. */
  cut(): void {
    const { leastRate = 0 } = this.#options;
    this.#fail(
      new StreamError(
        this.#phase.is === "answering" ? "truncated" : "visitor-slow",
        `others waited for the place of a visitor slower than ${leastRate} bytes a second (leastRate of the route)`,
      ),
    );
  }

  /** Without a wait where a connection rests and there is no body, as for nearly all requests. */
  #run(): void {
    const { connections, queueMs } = this.#options;
    const { request, wire } = this.#asked;
    try {
      assertWritable(wire);
      const wish = { ...this.#asked.wish, network: request.network, borrower: this };
      const taken = connections.take(wish, queueMs, request.signal);
      if (taken instanceof Promise) taken.then((connection) => this.#ask(connection)).catch(this.#failed);
      else this.#ask(taken)?.catch(this.#failed);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Rejects with what the body rejects with. */
  #ask(connection: PooledConnection): Promise<void> | undefined {
    const { request, wire } = this.#asked;
    if (this.#phase.is === "over") {
      connection.socket.destroy();
      return undefined;
    }
    request.given?.();
    this.#phase = { is: "asking", connection, bytesBefore: connection.socket.bytesRead };
    this.#outgoing = this.#open(wire, connection);
    this.#watch.start();
    return this.#send(this.#outgoing, wire);
  }

  #open(wire: WireRequest, connection: PooledConnection): Outgoing {
    return this.#options.speaksHttp2
      ? openHttp2Request(wire, connection, this)
      : openHttp1Request(wire, connection, this.#reader, this);
  }

  /** Rejects with what the body rejects with. */
  #send(outgoing: Outgoing, { body, bodyBytes }: WireRequest): Promise<void> | undefined {
    if (body === undefined) {
      outgoing.end();
      return undefined;
    }
    outgoing.write(NO_BYTES);
    return sendBody(outgoing, body, bodyBytes, {
      // Then the visitor is waited for; unless it waits itself, for the web server's 100 Continue.
      waiting: () => {
        if (this.#phase.is === "asking" && !this.#mayWaitForContinue) this.#pause();
      },
      came: () => {
        if (this.#phase.is === "asking") this.#goOn();
      },
      sent: () => {
        this.#mayWaitForContinue = false;
        this.#watch.moved();
      },
    });
  }

  /** It is the visitor that is waited for. */
  #pause(): void {
    this.#watch.pause();
    const phase = this.#phase;
    if (phase.is !== "asking" && phase.is !== "answering") return;
    const { socket } = phase.connection;
    const bytes = () => socket.bytesRead + socket.bytesWritten;
    this.#rate ??= new VisitorRate({ ...this.#options, bytes });
    this.#rate.wait();
  }

  #goOn(): void {
    this.#watch.resume();
    this.#watch.moved();
    this.#rate?.goOn();
  }

  interim(raw: RawHead): void {
    if (this.#phase.is !== "asking") return;
    const head = rawHead(raw);
    const most = tooManyFields(head.fields);
    if (most !== undefined) return this.#fail(new Error(`it sent ${most}`));
    this.#mayWaitForContinue = false;
    this.#interims ??= new InterimLimit(this.#options.clock);
    if (!this.#interims.mayPass()) return;
    this.#watch.moved();
    // A visitor that did not ask for 100 must not get one (RFC 9110 section 15.2); all others are for it.
    if (head.status === 100 && !this.#asked.wire.expectsContinue) return;
    this.#asked.request.interim({ ...head, fields: endToEnd(head.fields) });
  }

  answered(incoming: IncomingResponse): void {
    if (this.#phase.is !== "asking") return;
    const { connection } = this.#phase;
    const { connections, heads, speaksHttp2, idleMs, restMs: mostMs } = this.#options;
    // It may have been said while the connection rested (RFC 9110 section 15.5.9).
    if (incoming.statusCode === REQUEST_TIMEOUT && this.#mayAskAgain(connection)) {
      connections.broke(connection, "closed");
      return this.#fail(new StaleConnection("", { cause: new Error("it had waited for too long") }));
    }
    connections.answered(connection);
    try {
      const { wire, wish } = this.#asked;
      const judged = heads.judge(wire.method, incoming, this.#reader);
      const { head, framing, live } = judged;
      if (judged.authenticated) this.#login ??= new ConnectionLogin(wish.boundTo);
      const longestMs = !speaksHttp2 && mayBeUnread(wire, head.status) ? 0 : mostMs;
      const restMs = this.#login?.restMs(judged.restMs) ?? Math.min(judged.restMs, longestMs);
      const body = new UpstreamBody({
        pause: () => {
          this.#pause();
          connection.heldBack(this.#options.clock.now());
          incoming.pause();
        },
        resume: () => {
          this.#goOn();
          incoming.resume();
        },
      });
      this.#phase = { is: "answering", connection, incoming, body, framing, restMs };
      this.#goOn();
      if (live || idleMs === undefined) this.#watch.stop();
      else this.#watch.start(idleMs);
      if (live) connections.leavePlace(connection);
      const discard = () => this.#fail(new Error("another response takes its place"));
      this.#settle.resolve({ kind: "answered", head, body, discard });
    } catch (error) {
      this.#fail(error);
    }
  }

  piece(bytes: Buffer): void {
    this.#watch.moved();
    if (this.#phase.is === "answering") this.#phase.body.push(bytes);
  }

  ended(trailers: HeaderList): void {
    if (this.#phase.is !== "answering") return;
    const { connection, body, framing, restMs } = this.#phase;
    this.#phase = { is: "complete", connection, restMs };
    this.#rest();
    const how = framing === "close" ? "closed" : "complete";
    body.push({ how, trailers: trailers.length === 0 ? trailers : endToEndTrailers(trailers) });
    // Nobody reads the rest of the request any more, and its end would have to come before another one.
    if (this.#outgoing?.writableEnded === false) this.#outgoing.destroy();
  }

  upgraded(incoming: RawHead, first: Buffer): void {
    if (this.#phase.is !== "asking" || this.#outgoing?.writableEnded !== true)
      return this.#fail(new Error("it changed the protocol before it had the request's body"));
    this.#options.connections.leavePlace(this.#phase.connection);
    const connection = this.#phase.connection.detach();
    this.#phase = { is: "over" };
    this.#rest();
    if (first.length > 0) connection.unshift(first);
    const head = rawHead(incoming);
    // The one field of a single hop that goes on: it says what the connection has become. SPEC section "Upgrades".
    const fields = [...endToEnd(head.fields), "Upgrade", upgradeOf(head.fields) ?? ""];
    this.#settle.resolve({ kind: "upgraded", head: { ...head, fields }, connection });
  }

  /** The connection broke, or what came on it is not HTTP. */
  broken(error: unknown): void {
    const phase = this.#phase;
    // What comes behind a response that is complete belongs to none.
    if (phase.is === "answering" && phase.incoming.complete) return;
    if (phase.is !== "asking") return this.#fail(error);
    const { connection, bytesBefore } = phase;
    const unheard = connection.reused && connection.socket.bytesRead === bytesBefore;
    // The rest of a response to another request, which was longer than its head had said.
    const isForeign = connection.reused && error instanceof NoHttp && this.#interims === undefined;
    if (error instanceof RequestFault || !(unheard || isForeign)) return this.#fail(error);
    this.#options.connections.broke(connection, isForeign ? "spoilt" : "closed");
    this.#fail(isForeign && !this.#asked.mayRepeat ? error : new StaleConnection("", { cause: error }));
  }

  #mayAskAgain(connection: PooledConnection): boolean {
    return this.#asked.mayRepeat && connection.reused && this.#interims === undefined;
  }

  /** The connection is free, or closed. */
  closed(): void {
    const phase = this.#phase;
    if (phase.is === "complete") {
      const { connection } = phase;
      const isFree = this.#outgoing?.shouldKeepAlive === true && !this.#reader.isLenient;
      if (isFree && this.#login?.keeps(connection) !== false)
        this.#options.connections.giveBack(connection, phase.restMs);
      else connection.socket.destroy();
    } else if (phase.is === "connecting" || phase.is === "asking")
      this.broken(new Error("the connection closed before a response"));
    // Of a response it is the response that tells: some of it may still wait to be read.
  }

  #silent(ms: number): void {
    const what = this.#phase.is === "answering" ? "further byte of its response" : "response head";
    this.#fail(new StreamError("origin-silent", `${this.#options.server} sent no ${what} for ${ms} ms`));
  }

  /** Nothing more is watched or waited for. */
  #rest(): void {
    this.#watch.stop();
    this.#asked.request.signal.removeEventListener("abort", this.#leave);
  }

  /** Once, whatever comes first; the connection closes. Of a response that is complete nothing fails any more. */
  #fail(error: unknown): void {
    // What had come goes on, though the socket holds it still; it may hold the end.
    while (this.#phase.is === "answering" && this.#phase.incoming.read() !== null);
    const phase = this.#phase;
    if (phase.is === "complete" || phase.is === "over") return;
    this.#phase = { is: "over" };
    this.#rest();
    if (phase.is === "answering") phase.body.fail(truncationBy(error, this.#surroundings));
    else this.#settle.reject(failureOf(error, this.#surroundings));
    this.#outgoing?.destroy();
    if (phase.is !== "connecting") phase.connection.socket.destroy();
  }
}
