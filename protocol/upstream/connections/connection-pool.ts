/**
 * The connections to one web server: at most so many, whether they carry a request, are being made, or rest. One that rests is
 * used again, or closed before another one is made in its place. A request that finds none waits its turn, for a bounded
 * time, and may leave the queue. An event stream or an upgraded connection does not keep the web server busy: it leaves its place
 * and stays open beside the others, in a number that is bounded too.
 */
import { DeadlineError } from "../../runtime/clock.ts";
import { LatelyUsed } from "./lately-used.ts";
import { PlaceLog, routeClosed } from "./place-log.ts";
import { PlaceQueue } from "./place-queue.ts";
import type { PoolOptions } from "./pool-options.ts";
import { type ConnectionWish, PooledConnection } from "./pooled-connection.ts";
import { RestingConnections } from "./resting-connections.ts";

/**
 * A connection rests for so long at most while what went out on a new one waits for longer than usual: the web server
 * may be waiting for it. @internal
 */
export const BRIEF_REST_MS = 2;

/** Slow visitors are looked for once in this time. */
const LOOK_EVERY_MS = 1_000;

interface Waiting {
  readonly wish: ConnectionWish;
  readonly network: string | undefined;
  /** Undefined: it may make a new one, for which there is room. */
  grant(connection: PooledConnection | undefined): void;
  fail(error: unknown): void;
}

type Taken = Promise<PooledConnection> | PooledConnection;

export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #lately: LatelyUsed;
  readonly #queue: PlaceQueue<Waiting>;
  readonly #log: PlaceLog;
  /** All there are, but for those being made. */
  readonly #all = new Set<PooledConnection>();
  readonly #dialling = new Set<AbortController>();
  readonly #resting: RestingConnections;
  /** Granted and not yet begun, or being made. */
  #coming = 0;
  /** Of all: they have left their places. */
  #beside = 0;
  /** Closed to make room; their places are not free yet. */
  #leaving = 0;
  #lookedAt = -Infinity;
  #phase: "open" | "retired" | "closed" = "open";
  readonly #empty = Promise.withResolvers<void>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#lately = new LatelyUsed(options.clock, () => this.#resting.closeFree());
    this.#queue = new PlaceQueue(options.most);
    this.#log = new PlaceLog(options);
    this.#resting = new RestingConnections(options.clock, () => this.#log.spoilt(), options.trust);
  }

  /** Connections there are in places: lent out, at rest, being made. */
  get size(): number {
    return this.#all.size - this.#beside + this.#coming;
  }

  /** Connections that are not at rest, in places or beside them, and requests in the queue. */
  get load(): number {
    return this.#all.size - this.#resting.size + this.#coming + this.waiting;
  }

  /** Requests that wait for a place. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** More than half of the places are taken by what is not at rest. */
  get isBusy(): boolean {
    return 2 * (this.size - this.#resting.size) > this.#options.most;
  }

  /**
   * At once where one rests that will do. Throws or rejects with StreamError("no-place") after `withinMs` in the queue, with
   * StreamError("origin-failed") where none can be made, or with the signal's reason.
   */
  take(wish: ConnectionWish, withinMs: number, signal: AbortSignal): Taken {
    signal.throwIfAborted();
    if (this.#phase === "closed") throw routeClosed();
    const at = this.#queue.size === 0 && this.#queue.admits(wish.network);
    const rested = at ? this.#resting.take(wish) : undefined;
    if (rested !== undefined) return this.#begin(wish, rested);
    if (!at || this.size >= this.#options.most)
      return this.#inQueue(wish, withinMs, signal).then((granted) => granted ?? this.#dial(wish, signal));
    this.#grantNew(wish);
    return this.#dial(wish, signal);
  }

  /** The web server has answered. */
  answered(connection: PooledConnection): void {
    const { reused, lentAt } = connection;
    this.#resting.answered(connection);
    this.#lately.answered(connection, reused ? this.#options.clock.now() - lentAt : undefined);
  }

  /** It had rested, and the web server closed it before it answered; `spoilt`: what came on it was no answer to its request. */
  broke(connection: PooledConnection, how: "closed" | "spoilt"): void {
    this.#resting.broke(connection, how);
  }

  /** Its exchange goes on for long without keeping the web server busy: others may have its place. */
  leavePlace(connection: PooledConnection): void {
    const { mostBeside } = this.#options;
    if (connection.use !== "place" || !this.#all.has(connection)) return;
    if (this.#beside >= mostBeside) return this.#log.keepsPlace(mostBeside);
    this.#end(connection);
    connection.leavePlace();
    this.#beside++;
    this.#next();
  }

  /** Takes back a connection whose exchange is complete, to be used again within `forMs`. */
  giveBack(connection: PooledConnection, forMs: number): void {
    const { clock, ageMs } = this.#options;
    const { socket, madeAt, once, wish, use } = connection;
    if (socket.destroyed) return;
    const now = clock.now();
    // The login is worth its connection.
    const isBound = connection.boundTo !== undefined;
    const spent = once || use !== "place" || wish?.halfOpen === true || now - madeAt >= ageMs;
    if (
      this.#phase !== "open" ||
      spent ||
      forMs <= 0 ||
      (!isBound && this.#resting.isBarred) ||
      !socket.writable ||
      (!isBound && this.#isSurplus())
    ) {
      socket.destroy();
      return;
    }
    this.#end(connection);
    this.#resting.add(
      connection,
      Math.min(this.#lately.isStarving && !isBound ? BRIEF_REST_MS : forMs, madeAt + ageMs - now),
    );
    this.#next();
  }

  /** Ends every connection; what runs is lost. */
  close(): void {
    this.#phase = "closed";
    this.#lately.close();
    this.#resting.close();
    const error = routeClosed();
    for (const waiting of this.#queue.all()) waiting.fail(error);
    for (const dial of this.#dialling) dial.abort(error);
    for (const { socket } of this.#all) socket.destroy();
  }

  /** Keeps no connection any more; resolves when the last one that runs is gone. */
  retire(): Promise<void> {
    if (this.#phase === "open") this.#phase = "retired";
    this.#resting.close();
    this.#tellEmpty();
    return this.#empty.promise;
  }

  #begin(wish: ConnectionWish, rested: PooledConnection): PooledConnection {
    this.#queue.hold(wish.network);
    this.#lately.begin();
    return rested.lend(wish, this.#options.clock.now());
  }

  /** It holds its place from now on, while its connection is made too. */
  #grantNew({ network }: ConnectionWish): void {
    this.#coming++;
    this.#queue.hold(network);
    this.#lately.begin();
  }

  /** Its place is used no more: it rests, is left, or is gone. */
  #end(connection: PooledConnection): void {
    this.#queue.free(connection.wish?.network);
    this.#lately.answered(connection);
    this.#lately.end();
  }

  /** More connections than are worth keeping; those that wait have use for each. */
  #isSurplus(): boolean {
    return this.#queue.size === 0 && this.size > this.#lately.worthKeeping;
  }

  async #dial(wish: ConnectionWish, signal: AbortSignal): Promise<PooledConnection> {
    const { clock, dialler } = this.#options;
    const dial = new AbortController();
    const leave = () => dial.abort(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    this.#dialling.add(dial);
    // In this order: one that is surplus is not watched.
    const once = (wish.boundTo === undefined && this.#isSurplus()) || this.#resting.opensForOne(wish);
    try {
      if (signal.aborted) leave();
      const socket = await dialler.dial({ halfOpen: wish.halfOpen, signal: dial.signal });
      const connection = new PooledConnection(socket, wish, { at: clock.now(), once });
      this.#all.add(connection);
      this.#lately.asked(connection);
      socket.once("close", () => this.#gone(connection));
      return connection;
    } catch (error) {
      this.#log.notMade(error);
      this.#queue.free(wish.network);
      this.#lately.end();
      throw error;
    } finally {
      this.#coming--;
      this.#dialling.delete(dial);
      signal.removeEventListener("abort", leave);
      this.#next();
      this.#tellEmpty();
    }
  }

  async #inQueue(
    wish: ConnectionWish,
    withinMs: number,
    signal: AbortSignal,
  ): Promise<PooledConnection | undefined> {
    const { clock, most } = this.#options;
    try {
      return await clock.within(withinMs, signal, (over) => this.#turn(wish, over));
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw this.#log.refused(withinMs, most);
    }
  }

  #turn(wish: ConnectionWish, over: AbortSignal): Promise<PooledConnection | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<PooledConnection | undefined>();
    const waiting: Waiting = { wish, network: wish.network, grant: resolve, fail: reject };
    this.#queue.join(waiting);
    over.addEventListener("abort", () => {
      if (this.#queue.leave(waiting)) reject(over.reason);
    });
    this.#next();
    if (this.#queue.size > 0) this.#waitingBegins(waiting);
    return promise;
  }

  #waitingBegins({ network }: Waiting): void {
    const { clock, most } = this.#options;
    const now = clock.now();
    this.#log.waits(most, this.#queue.size);
    if (now - this.#lookedAt >= LOOK_EVERY_MS) this.#cutSlow(now, network);
  }

  /** Visitors slower than the least rate; where it is only this network that waits, for its share, those of it. */
  #cutSlow(now: number, network: string | undefined): void {
    this.#lookedAt = now;
    const full = this.size >= this.#options.most;
    for (const { wish, use } of [...this.#all])
      if (use === "place" && (full || wish?.network === network) && wish?.borrower?.isSlow)
        wish.borrower.cut();
  }

  /** Serves the queue. */
  #next(): void {
    let waiting = this.#queue.first();
    for (; waiting !== undefined; waiting = this.#queue.first()) {
      const rested = this.#resting.take(waiting.wish);
      if (rested === undefined && this.size >= this.#options.most) break;
      this.#queue.serve(waiting);
      if (rested === undefined) this.#grantNew(waiting.wish);
      waiting.grant(rested && this.#begin(waiting.wish, rested));
    }
    if (waiting === undefined) return;
    // Those that rest still are none that the first in the queue can use, so their places are what it waits for.
    while (this.#leaving < this.#queue.size) {
      const longest = this.#resting.takeLongest();
      if (longest === undefined) return;
      this.#leaving++;
      longest.socket.prependOnceListener("close", () => this.#leaving--).destroy();
    }
  }

  #gone(connection: PooledConnection): void {
    this.#all.delete(connection);
    if (connection.use === "beside") this.#beside--;
    else if (connection.use === "place") this.#end(connection);
    else this.#resting.forget(connection);
    this.#next();
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    const none = this.#all.size + this.#coming + this.#queue.size === 0;
    if (this.#phase === "retired" && none) this.#empty.resolve();
  }
}
