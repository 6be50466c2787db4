/**
 * The connections to one web server: at most so many, whether they carry a request, are being made, or rest. One that rests is
 * used again, or closed before another one is made in its place. A request that finds none waits its turn, for a bounded
 * time, and may leave the line.
 */
import type { Socket } from "node:net";
import { StreamError } from "../errors.ts";
import { type Clock, DeadlineError, type Timer } from "../runtime/clock.ts";
import type { UpstreamDialler } from "./dial-upstream.ts";

/** A connection that rested for longer carries only what may be repeated. Web servers close theirs after seconds: 2 (gunicorn), 5 (Apache, Node.js), 75 (nginx). @internal */
export const TRUSTED_REST_MS = 1_000;

/** What connection a request can do with. */
export interface ConnectionWish {
  /** `any`: one that rested will do. `trusted`: if it rested for TRUSTED_REST_MS at most. `none`: only a new one. */
  readonly reuse: "any" | "trusted" | "none";
  /** A new one whose write side outlives its read side, for an upgrade. It is never used again. */
  readonly halfOpen: boolean;
  /** Names whose login it may carry: a connection that is bound to this name, or to none. Undefined: to none. */
  readonly boundTo: string | undefined;
  /** The request shows the credentials of a login: it means the connection that is bound already, however long that rested. */
  readonly logsIn: boolean;
}

export interface PoolOptions {
  readonly dialler: UpstreamDialler;
  readonly clock: Clock;
  /** Most connections at once. */
  readonly most: number;
}

/** One connection, lent out or at rest. Whoever has it closes it by destroying its socket. */
export class PooledConnection {
  readonly socket: Socket;
  readonly halfOpen: boolean;
  /** Times on the pool's clock; undefined while it is lent out. */
  #rest: { readonly from: number; readonly until: number } | undefined;
  #reused = false;
  #boundTo: string | undefined;
  readonly #unasked = () => {
    if (this.#rest !== undefined) this.socket.destroy();
  };

  constructor(socket: Socket, halfOpen: boolean) {
    this.socket = socket;
    this.halfOpen = halfOpen;
    // Bytes that nobody asked for would be taken for the answer to the next request.
    socket.on("data", this.#unasked);
  }

  /** It has carried a request before the one that it is lent for. */
  get reused(): boolean {
    return this.#reused;
  }

  /** When its rest is over; 0 while it does not rest. */
  get restsUntil(): number {
    return this.#rest?.until ?? 0;
  }

  rest(from: number, forMs: number): void {
    this.#rest = { from, until: from + forMs };
  }

  lend(): this {
    this.#reused = true;
    this.#rest = undefined;
    return this;
  }

  /** It is logged in, or may be: from now on it is for requests of this name only. */
  bind(to: string): void {
    this.#boundTo = to;
  }

  isBoundTo(name: string): boolean {
    return this.#boundTo === name;
  }

  /** Whether it rests and will do for a request now. */
  fits({ reuse, halfOpen, boundTo, logsIn }: ConnectionWish, now: number): boolean {
    if (this.#boundTo !== undefined && this.#boundTo !== boundTo) return false;
    if (this.#rest === undefined || reuse === "none" || halfOpen) return false;
    if (this.socket.destroyed || !this.socket.writable || now >= this.#rest.until) return false;
    if (reuse === "any" || now - this.#rest.from <= TRUSTED_REST_MS) return true;
    return this.#boundTo !== undefined && logsIn;
  }

  /** HTTP is over on it: its bytes are the receiver's alone. */
  detach(): Socket {
    return this.socket.off("data", this.#unasked);
  }
}

interface Waiting {
  readonly wish: ConnectionWish;
  /** Undefined: it may make a new one, for which there is room. */
  grant(connection: PooledConnection | undefined): void;
  fail(error: unknown): void;
}

export class ConnectionPool {
  readonly #options: PoolOptions;
  /** All there are, but for those being made. */
  readonly #all = new Set<PooledConnection>();
  readonly #dialling = new Set<AbortController>();
  /** The one that rests longest first. */
  #resting: PooledConnection[] = [];
  readonly #line = new Set<Waiting>();
  /** Granted and not yet begun, or being made. */
  #coming = 0;
  /** Closed to make room; their places are not free yet. */
  #leaving = 0;
  #timer: Timer | undefined;
  #phase: "open" | "retired" | "closed" = "open";
  readonly #empty = Promise.withResolvers<void>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Connections there are: lent out, at rest, being made. */
  get size(): number {
    return this.#all.size + this.#coming;
  }

  /**
   * Rejects with StreamError("origin-silent") after `withinMs` in line, with StreamError("origin-failed") where none can be
   * made, or with the signal's reason.
   */
  async take(wish: ConnectionWish, withinMs: number, signal: AbortSignal): Promise<PooledConnection> {
    signal.throwIfAborted();
    if (this.#phase === "closed") throw closed();
    const rested = this.#line.size === 0 ? this.#fitting(wish) : undefined;
    if (rested !== undefined) return rested.lend();
    if (this.#line.size === 0 && this.size < this.#options.most) this.#coming++;
    else {
      const granted = await this.#inLine(wish, withinMs, signal);
      if (granted !== undefined) return granted.lend();
    }
    return this.#dial(wish, signal);
  }

  /** Takes back a connection whose exchange is complete, to be used again within `forMs`. */
  giveBack(connection: PooledConnection, forMs: number): void {
    const { socket, halfOpen } = connection;
    if (socket.destroyed) return;
    if (this.#phase !== "open" || halfOpen || forMs <= 0 || !socket.writable) {
      socket.destroy();
      return;
    }
    connection.rest(this.#options.clock.now(), forMs);
    this.#resting.push(connection);
    this.#timer ??= this.#options.clock.after(forMs, () => this.#closeRested());
    this.#next();
  }

  /** Ends every connection; what runs is lost. */
  close(): void {
    this.#phase = "closed";
    this.#timer?.cancel();
    for (const waiting of this.#line) waiting.fail(closed());
    for (const dial of this.#dialling) dial.abort(closed());
    for (const { socket } of this.#all) socket.destroy();
  }

  /** Keeps no connection any more; resolves when the last one that runs is gone. */
  retire(): Promise<void> {
    if (this.#phase === "open") this.#phase = "retired";
    this.#timer?.cancel();
    for (const { socket } of this.#resting) socket.destroy();
    this.#resting = [];
    this.#tellEmpty();
    return this.#empty.promise;
  }

  async #dial({ halfOpen }: ConnectionWish, signal: AbortSignal): Promise<PooledConnection> {
    const dial = new AbortController();
    const leave = () => dial.abort(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    this.#dialling.add(dial);
    try {
      if (signal.aborted) leave();
      const socket = await this.#options.dialler.dial({ halfOpen, signal: dial.signal });
      const connection = new PooledConnection(socket, halfOpen);
      this.#all.add(connection);
      socket.once("close", () => this.#gone(connection));
      return connection;
    } finally {
      this.#coming--;
      this.#dialling.delete(dial);
      signal.removeEventListener("abort", leave);
      this.#next();
      this.#tellEmpty();
    }
  }

  async #inLine(
    wish: ConnectionWish,
    withinMs: number,
    signal: AbortSignal,
  ): Promise<PooledConnection | undefined> {
    const { clock, most } = this.#options;
    try {
      return await clock.within(withinMs, signal, (over) => this.#turn(wish, over));
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new StreamError(
        "origin-silent",
        `all ${most} connections of the route were in use for ${withinMs} ms; raise its connections`,
      );
    }
  }

  #turn(wish: ConnectionWish, over: AbortSignal): Promise<PooledConnection | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<PooledConnection | undefined>();
    const waiting: Waiting = { wish, grant: resolve, fail: reject };
    this.#line.add(waiting);
    over.addEventListener("abort", () => {
      if (this.#line.delete(waiting)) reject(over.reason);
    });
    this.#next();
    return promise;
  }

  /** Serves the line, in the order of coming. */
  #next(): void {
    for (const waiting of this.#line) {
      const rested = this.#fitting(waiting.wish);
      if (rested === undefined && this.size >= this.#options.most) break;
      if (rested === undefined) this.#coming++;
      this.#line.delete(waiting);
      waiting.grant(rested);
    }
    // Those that rest still are none that the first in line can use, so their places are what it waits for.
    while (this.#leaving < this.#line.size) {
      const longest = this.#resting.shift();
      if (longest === undefined) return;
      this.#leaving++;
      longest.socket.prependOnceListener("close", () => this.#leaving--).destroy();
    }
  }

  /** Of those that rest and fit, the one bound to the wish's name, or the one that has rested for the shortest time; it rests no more. */
  #fitting(wish: ConnectionWish): PooledConnection | undefined {
    if (this.#resting.length === 0) return undefined;
    const now = this.#options.clock.now();
    const fits = (connection: PooledConnection) => connection.fits(wish, now);
    const { boundTo } = wish;
    const own =
      boundTo === undefined
        ? -1
        : this.#resting.findLastIndex((each) => each.isBoundTo(boundTo) && fits(each));
    const at = own === -1 ? this.#resting.findLastIndex(fits) : own;
    return at === -1 ? undefined : this.#resting.splice(at, 1)[0];
  }

  #closeRested(): void {
    const { clock } = this.#options;
    const now = clock.now();
    const past = this.#resting.filter(({ restsUntil }) => restsUntil <= now);
    this.#resting = this.#resting.filter(({ restsUntil }) => restsUntil > now);
    for (const { socket } of past) socket.destroy();
    const soonest = Math.min(...this.#resting.map(({ restsUntil }) => restsUntil));
    this.#timer =
      this.#resting.length === 0 ? undefined : clock.after(soonest - now, () => this.#closeRested());
  }

  #gone(connection: PooledConnection): void {
    this.#all.delete(connection);
    const at = this.#resting.indexOf(connection);
    if (at !== -1) this.#resting.splice(at, 1);
    this.#next();
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    if (this.#phase === "retired" && this.size === 0 && this.#line.size === 0) this.#empty.resolve();
  }
}

const closed = (): StreamError => new StreamError("origin-failed", "the route is closed");
