/** A connection of a pool: lent to an exchange, at rest, or beside the pool's account because it stays open for long. */
import type { Socket } from "node:net";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { PROVEN_AGE_MS, ReuseTrust } from "./reuse-trust.ts";

/**
 * A connection that rested for longer, or of which nobody read for longer, carries only what may be repeated. Web
 * servers close theirs after seconds: 1 or 2 (gunicorn), 5 (Apache, Node.js), 75 (nginx). @internal
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

/** Those to one web server that rest, each closed when its time is over, and what the web server may be given on them. */
export class RestingConnections {
  readonly #clock: Clock;
  readonly #trust: ReuseTrust;
  /** As it says; asked anew only where that may have changed. */
  #isEarned: boolean;
  #wasSpoilt = false;
  readonly #spoilt: () => void;
  /** The one that rests longest first. */
  #resting: PooledConnection[] = [];
  #timer: { readonly at: number; readonly set: Timer } | undefined;

  /** `spoilt`: what came for nobody is told of, the first time for long. `trust`: with what the web server has proven before. */
  constructor(clock: Clock, spoilt: () => void, trust = new ReuseTrust(clock)) {
    this.#clock = clock;
    this.#trust = trust;
    this.#isEarned = trust.isEarned;
    this.#spoilt = spoilt;
  }

  get size(): number {
    return this.#resting.length;
  }

  add(connection: PooledConnection, forMs: number): void {
    connection.rest(this.#clock.now(), forMs);
    this.#resting.push(connection);
    this.#closeAfter(forMs);
  }

  /** Of those that fit, the one bound to the wish's name, or the one that has rested for the shortest time. */
  take(wish: ConnectionWish): PooledConnection | undefined {
    if (this.#resting.length === 0) return undefined;
    const now = this.#clock.now();
    const fits = (connection: PooledConnection) => connection.fits(wish, now, this.#isEarned);
    const { boundTo } = wish;
    const own =
      boundTo === undefined
        ? -1
        : this.#resting.findLastIndex((each) => each.boundTo === boundTo && fits(each));
    const at = own === -1 ? this.#resting.findLastIndex(fits) : own;
    return at === -1 ? undefined : this.#resting.splice(at, 1)[0];
  }

  takeLongest(): PooledConnection | undefined {
    return this.#resting.shift();
  }

  /** It is closed, by itself or by the web server. */
  forget(connection: PooledConnection): void {
    const at = this.#resting.indexOf(connection);
    if (at !== -1) this.#resting.splice(at, 1);
    const broke = connection.brokeAtRest;
    if (broke !== undefined && this.#clock.now() - broke.from <= TRUSTED_REST_MS) this.#distrust(broke.how);
  }

  /** Whether a new connection for this is to say that it carries one request: the web server is not trusted with another behind it. */
  isForOne({ reuse, boundTo }: ConnectionWish): boolean {
    return boundTo === undefined && (this.isBarred || (reuse === "trusted" && !this.#isEarned));
  }

  /** What came for nobody has come of late: nothing rests but what is bound. */
  get isBarred(): boolean {
    return this.#wasSpoilt && this.#trust.isBarred;
  }

  /** The web server has answered on it. */
  answered({ reused, madeAt }: PooledConnection): void {
    if (!reused || this.#isEarned || this.#clock.now() - madeAt <= PROVEN_AGE_MS) return;
    this.#trust.proven();
    this.#isEarned = this.#trust.isEarned;
  }

  /** It had rested and was closed before an answer; `spoilt`: what came on it was none to its request. */
  broke({ restedMs }: PooledConnection, how: "closed" | "spoilt"): void {
    if (how === "spoilt" || restedMs <= TRUSTED_REST_MS) this.#distrust(how);
  }

  #distrust(how: "closed" | "spoilt"): void {
    this.#isEarned = false;
    if (how === "closed") return this.#trust.broken();
    this.#wasSpoilt = true;
    if (this.#trust.spoilt()) this.#spoilt();
    this.closeFree();
  }

  /** Closes those that are bound to nobody. */
  closeFree(): void {
    this.#closeWhere(({ boundTo }) => boundTo === undefined);
  }

  close(): void {
    this.#timer?.set.cancel();
    this.#closeWhere(() => true);
  }

  #closeWhere(isOver: (connection: PooledConnection) => boolean): void {
    const past = this.#resting.filter(isOver);
    if (past.length > 0) this.#resting = this.#resting.filter((each) => !isOver(each));
    for (const { socket } of past) socket.destroy();
  }

  #closeAfter(ms: number): void {
    const at = this.#clock.now() + ms;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.set.cancel();
    this.#timer = { at, set: this.#clock.after(ms, () => this.#closeRested()) };
  }

  #closeRested(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    this.#closeWhere(({ restsUntil }) => restsUntil <= now);
    if (this.#resting.length > 0)
      this.#closeAfter(Math.min(...this.#resting.map(({ restsUntil }) => restsUntil)) - now);
  }
}
