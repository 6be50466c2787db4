/**
 * The connections to one web server that rest, and what it may be given on them. While it has proven nothing, one connection a
 * second of what must not be repeated is kept too, only to see whether it stays open: so a site that is only posted to proves itself.
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import { type ConnectionWish, type PooledConnection, TRUSTED_REST_MS } from "./pooled-connection.ts";
import { PROVEN_AGE_MS, ReuseTrust } from "./reuse-trust.ts";

/** Rested for so long, unused and open, one says something of its web server: twice the time within which it is used. @internal */
export const WATCHED_MS = 2 * TRUSTED_REST_MS;
/** One is kept to be watched in this time; in longer ones where the web server had to be given its place. @internal */
export const WATCH_EVERY_MS = 1_000;
const MOST_WATCH_EVERY_MS = 600_000;
const RARER = 2;

/** Those to one web server that rest, each closed when its time is over, and what the web server may be given on them. */
export class RestingConnections {
  readonly #clock: Clock;
  readonly #trust: ReuseTrust;
  /** As it says; asked anew only where that may have changed. */
  #isEarned: boolean;
  #wasSpoilt = false;
  /** Kept only to be watched: nothing but what may be repeated is given to it. */
  #watched: PooledConnection | undefined;
  #watchedAt = -Infinity;
  #watchEveryMs = WATCH_EVERY_MS;
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
    if (!this.#isEarned && connection.wish?.reuse === "trusted") this.#watched = connection;
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
    if (connection === this.#watched) this.#watched = undefined;
    const broke = connection.brokeAtRest;
    if (broke !== undefined && this.#clock.now() - broke.from <= TRUSTED_REST_MS) this.#distrust(broke.how);
  }

  /**
   * A connection is opened for this. Returns whether it is to say that it carries one request: the web server is not trusted with
   * another behind it, and in this second another one is watched.
   */
  opensForOne({ reuse, boundTo }: ConnectionWish): boolean {
    if (boundTo !== undefined) return false;
    if (this.isBarred) return true;
    if (reuse !== "trusted" || this.#isEarned) return false;
    this.#watch();
    return !this.#isEarned && !this.#watchesNext();
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
    if (how !== "spoilt" && restedMs > TRUSTED_REST_MS) return;
    this.#trust.brokeInUse();
    this.#distrust(how);
  }

  /** One that has stayed open says that its web server keeps its connections. */
  #watch(): void {
    const watched = this.#watched;
    const since = watched?.reused === false ? watched.restsSince : undefined;
    if (watched === undefined || since === undefined || this.#clock.now() - since < WATCHED_MS) return;
    this.#watched = undefined;
    this.#watchEveryMs = WATCH_EVERY_MS;
    this.#trust.stayed();
    this.#isEarned = this.#trust.isEarned;
    watched.socket.destroy();
  }

  #watchesNext(): boolean {
    const now = this.#clock.now();
    if (!this.#trust.learnsFromRest || now - this.#watchedAt < this.#watchEveryMs) return false;
    this.#watchedAt = now;
    return true;
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
    if (this.#watched?.restsSince !== undefined)
      this.#watchEveryMs = Math.min(this.#watchEveryMs * RARER, MOST_WATCH_EVERY_MS);
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
