/** A connection of a pool: lent to an exchange, at rest, or beside the pool's account because it stays open for long. */
import type { Socket } from "node:net";

/**
 * A connection that rested for longer, or of which nobody read for longer, carries only what may be repeated. Web
 * servers close theirs after seconds: 1 or 2 (gunicorn), 5 (Apache, Node.js), 75 (nginx).
 */
export const TRUSTED_REST_MS = 250;

/** The exchange that a connection is lent to, as far as the pool may have to end it. */
export interface Borrower {
  /** It waits for its visitor, who is slower than the least rate. */
  readonly isSlow: boolean;
  /** Ends it, since others wait for its place. */
  cut(): void;
}

/** What connection a request can do with. */
export interface ConnectionWish {
  /** `any`: one that rested will do. `trusted`: if it rested, and was held back, for TRUSTED_REST_MS at most. `none`: only a new one. */
  readonly reuse: "any" | "trusted" | "none";
  /** A new one whose write side outlives its read side, for an upgrade. It is never used again. */
  readonly halfOpen: boolean;
  /** Names whose login it may carry: a connection that is bound to this name, or to none. Undefined: to none. */
  readonly boundTo: string | undefined;
  /** The request shows the credentials of a login: it means the connection that is bound already, however long that rested. */
  readonly logsIn: boolean;
  /** The visitor's network, which has a share of the places; undefined: nobody knows it. */
  readonly network?: string | undefined;
  readonly borrower?: Borrower;
}

/** The exchange of HTTP/1.1 that reads what comes on a connection. */
export interface ConnectionUser {
  /** `bytes` may be read into again when this returns. */
  bytesCame(bytes: Buffer): void;
  connectionEnded(): void;
  connectionFailed(error: Error): void;
  connectionClosed(): void;
}

/** `place`: it counts among the connections of the route. `beside`: it did. `rest`: times on the pool's clock. */
type Use =
  | { readonly is: "place" | "beside"; readonly wish: ConnectionWish }
  | { readonly is: "rest"; readonly from: number; readonly until: number };

/** Whoever has it closes it by destroying its socket. */
export class PooledConnection {
  readonly socket: Socket;
  /** On the pool's clock. */
  readonly madeAt: number;
  /** Its request is to say that it is the last one: there are more connections than are used lately. */
  readonly once: boolean;
  #use: Use;
  /** It has carried a request before the one that it is lent for. Written here alone, as all of these. */
  reused = false;
  /** On the pool's clock. */
  lentAt: number;
  /** Milliseconds for which it rested before it was lent; Infinity for a new one. */
  restedMs = Infinity;
  /** It is logged in, or may be: it is for requests of this name only. */
  boundTo: string | undefined;
  #heldBackAt = Infinity;
  #broke: "closed" | "spoilt" | undefined;
  /** Undefined: nobody, or a session of HTTP/2. */
  user: ConnectionUser | undefined;
  readonly #listeners = {
    data: (bytes: Buffer) => {
      if (this.user !== undefined) this.user.bytesCame(bytes);
      // Bytes that nobody asked for would be taken for the answer to the next request.
      else if (this.#use.is === "rest") {
        this.#broke = "spoilt";
        this.socket.destroy();
      }
    },
    end: () => this.#ends(() => this.user?.connectionEnded()),
    error: (error: Error) => this.#ends(() => this.user?.connectionFailed(error)),
    close: () => this.user?.connectionClosed(),
  };

  constructor(socket: Socket, wish: ConnectionWish, made: { readonly at: number; readonly once: boolean }) {
    this.socket = socket;
    this.madeAt = made.at;
    this.lentAt = made.at;
    this.once = made.once;
    this.#use = { is: "place", wish };
    for (const [event, listener] of Object.entries(this.#listeners)) socket.on(event, listener);
  }

  /** What the web server did with it while it rested, and since when: closed it, or sent what nobody had asked for. */
  get brokeAtRest(): { readonly how: "closed" | "spoilt"; readonly from: number } | undefined {
    return this.#use.is === "rest" && this.#broke ? { how: this.#broke, from: this.#use.from } : undefined;
  }

  /** Since when it rests, and nobody has closed it; undefined where it does not. */
  get restsSince(): number | undefined {
    const { destroyed, writable } = this.socket;
    return this.#use.is === "rest" && !destroyed && writable ? this.#use.from : undefined;
  }

  get use(): Use["is"] {
    return this.#use.is;
  }

  /** What it is lent for; undefined while it rests. */
  get wish(): ConnectionWish | undefined {
    return this.#use.is === "rest" ? undefined : this.#use.wish;
  }

  /** When its rest is over; 0 while it does not rest. */
  get restsUntil(): number {
    return this.#use.is === "rest" ? this.#use.until : 0;
  }

  rest(from: number, forMs: number): void {
    this.#use = { is: "rest", from, until: from + forMs };
  }

  lend(wish: ConnectionWish, at: number): this {
    if (this.#use.is === "rest") this.restedMs = at - this.#use.from;
    this.reused = true;
    this.lentAt = at;
    this.#heldBackAt = Infinity;
    this.#use = { is: "place", wish };
    return this;
  }

  /**
   * What the web server says is not read, since its visitor is slow. It may have said all, and count the time until it
   * closes, from now on: its word of that waits to be read behind the rest. `at`: on the pool's clock.
   */
  heldBack(at: number): void {
    this.#heldBackAt = Math.min(this.#heldBackAt, at);
  }

  leavePlace(): void {
    if (this.#use.is === "place") this.#use = { ...this.#use, is: "beside" };
  }

  /** It is logged in, or may be: from now on it is for requests of this name only. */
  bind(to: string): void {
    this.boundTo = to;
  }

  #ends(tell: () => void): void {
    if (this.#use.is === "rest") this.#broke ??= "closed";
    tell();
  }

  /** Whether it rests and will do for a request now; `isEarned`: its web server is trusted with what must not be repeated. */
  fits({ reuse, halfOpen, boundTo, logsIn }: ConnectionWish, now: number, isEarned: boolean): boolean {
    if (this.boundTo !== undefined && this.boundTo !== boundTo) return false;
    if (reuse === "trusted" && !isEarned && this.boundTo === undefined) return false;
    if (this.#use.is !== "rest" || reuse === "none" || halfOpen) return false;
    if (this.socket.destroyed || !this.socket.writable || now >= this.#use.until) return false;
    const restsFrom = Math.min(this.#use.from, this.#heldBackAt);
    if (reuse === "any" || now - restsFrom <= TRUSTED_REST_MS) return true;
    return this.boundTo !== undefined && logsIn;
  }

  /** HTTP is over on it: its bytes are the receiver's alone. */
  detach(): Socket {
    this.user = undefined;
    for (const [event, listener] of Object.entries(this.#listeners)) this.socket.off(event, listener);
    return this.socket.pause();
  }
}
