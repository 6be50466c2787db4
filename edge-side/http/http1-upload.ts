/**
 * The body of a request of HTTP/1.x, as node reads it off its connection: within its bounds of size and silence, and no faster
 * than it is asked for. SPEC section "Visitors".
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import { UploadBody, type UploadConnection } from "../exchange/upload-body.ts";
import type { Waiting } from "../exchange/visitor.ts";
import { DisconnectProbe } from "./connections/disconnect-probe.ts";
import { areClean, sanitizeTrailers } from "./sanitize-head.ts";
import type { Underscores } from "./underscores.ts";

/** The visitor whose request it is. */
export interface UploadOwner {
  /** Ends the exchange by the visitor's own fault. */
  refuse(status: 408 | 413): void;
  /** The body turned out not to be one. */
  breakOff(): void;
  /** The connection ended inside the body. */
  left(): void;
}

export interface Http1UploadOptions {
  readonly clock: Clock;
  readonly underscores: Pick<Underscores, "without">;
  /** Longest silence of the visitor, while it is waited for. */
  readonly idleMs: number;
  /** Larger bodies get 413; undefined: any size. */
  readonly bodyBytes: number | undefined;
}

export class Http1Upload implements UploadConnection {
  readonly body = new UploadBody(this);
  readonly #request: IncomingMessage;
  readonly #owner: UploadOwner;
  readonly #mostBytes: number;
  readonly #underscores: Pick<Underscores, "without">;
  readonly #sending: InactivityTimer;
  readonly #unread: DisconnectProbe;
  #waiting: Waiting;
  #bytes = 0;
  #touched = false;
  readonly #piece = (piece: Buffer): void => {
    if (!this.#touched) this.awaitBody();
    this.#touched = true;
    this.#sending.moved();
    this.#bytes += piece.length;
    if (this.#bytes <= this.#mostBytes) return this.body.push(piece);
    this.body.drop();
    this.#owner.refuse(413);
  };

  constructor(request: IncomingMessage, owner: UploadOwner, waiting: Waiting, options: Http1UploadOptions) {
    const { clock, idleMs, bodyBytes } = options;
    this.#request = request;
    this.#underscores = options.underscores;
    this.#owner = owner;
    this.#waiting = waiting;
    this.#mostBytes = bodyBytes ?? Number.POSITIVE_INFINITY;
    this.#sending = new InactivityTimer(clock, idleMs, () => owner.refuse(408));
    this.#unread = new DisconnectProbe(clock, request.socket);
    request.on("data", this.#piece);
    request.once("end", () => this.#ended());
    // Without an end: the visitor broke off inside its body, perhaps after it had its answer.
    request.once("close", () => {
      if (!request.complete) owner.left();
    });
  }

  /** Some of it was read, and is not kept. */
  get touched(): boolean {
    return this.#touched && !this.body.isKept;
  }

  /** It goes to another exchange; false: all of it is here. */
  begin(waiting: Waiting): boolean {
    this.#waiting = waiting;
    return this.body.begin();
  }

  /** The visitor is to send from now on. */
  awaitBody(): void {
    this.#waiting.pause();
    this.#sending.start();
  }

  /** The response is over: nobody is waited for. */
  stop(): void {
    this.#sending.stop();
    this.#unread.stop();
  }

  readBody(): void {
    this.#unread.stop();
    this.awaitBody();
    this.#request.resume();
  }

  restBody(): void {
    this.#sending.stop();
    this.#waiting.resume();
    this.#request.pause();
    this.#unread.start();
  }

  dropBody(): void {
    this.#waiting.resume();
    this.#unread.stop();
    this.#request.off("data", this.#piece);
    this.#request.on("data", () => this.#sending.moved());
    this.#sending.start();
    this.#request.resume();
  }

  /** Whoever serves the visitor says what it gets in place of an answer. */
  bodyLost(): void {}

  #ended(): void {
    this.#sending.stop();
    const { rawTrailers } = this.#request;
    if (!areClean(rawTrailers)) return this.#owner.breakOff();
    this.#waiting.resume();
    this.body.end(this.#underscores.without(sanitizeTrailers(rawTrailers)));
  }
}
