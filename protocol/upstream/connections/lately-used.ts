/**
 * How many connections to a web server are worth keeping, and whether it may be waiting for one to close. A web server that gives
 * each connection a thread, a process or a place waits on connections that rest while others want to be served, so what a
 * crowd needed for a moment is not kept.
 */
import type { Clock, Timer } from "../../runtime/clock.ts";

/** The most that were in use together is noted for each span of so long; that of the span under way does not count yet. */
const SPAN_MS = 250;
const SPANS = 4;
const HEADROOM = 1.25;
/** One that is just closing counts for a moment beside the one that follows it. */
const LEAST_KEPT = 2;

/** A request on a new connection has waited for long when so many times the usual time has passed, but no sooner than this. @internal */
export const LONG_WAIT_MS = 50;
const LONG_WAITS = 4;
/** A request that has had no answer for longer waits for something else than a connection to close. */
const STARVING_MS = 1_000;
/** Weight of one answer in the usual time. */
const WEIGHT = 1 / 8;

export class LatelyUsed {
  readonly #clock: Clock;
  #inUse = 0;
  #spanFrom: number;
  #peak = 0;
  /** Peaks of the spans before, the latest first. */
  #peaks: number[] = [];
  /** From the request to the head of its response, on connections that had served before. */
  #usualMs = 0;
  /** Requests on new connections, and since when; the oldest first. */
  readonly #unanswered = new Map<object, number>();
  readonly #starved: () => void;
  #look: Timer | undefined;

  /** `starved` is called when a request on a new connection has waited for longer than usual. */
  constructor(clock: Clock, starved: () => void) {
    this.#clock = clock;
    this.#starved = starved;
    this.#spanFrom = clock.now();
  }

  /** As many as were in use together within the last second, but for the last moments, and a few. */
  get worthKeeping(): number {
    this.#goOn();
    return Math.max(LEAST_KEPT, Math.ceil(Math.max(0, ...this.#peaks) * HEADROOM));
  }

  begin(): void {
    this.#goOn();
    this.#inUse++;
    if (this.#inUse > this.#peak) this.#peak = this.#inUse;
  }

  end(): void {
    this.#goOn();
    this.#inUse--;
  }

  /** A request goes out on this new connection. */
  asked(connection: object): void {
    this.#unanswered.set(connection, this.#clock.now());
    this.#look ??= this.#clock.after(this.#longWaitMs, () => this.#lookAgain());
  }

  /** `sinceMs`: how long ago its request went out, on a connection that had served before. */
  answered(connection: object, sinceMs?: number): void {
    this.#unanswered.delete(connection);
    if (sinceMs !== undefined) this.#usualMs += (sinceMs - this.#usualMs) * WEIGHT;
  }

  /** Whether a request on a new connection waits for longer than usual: its web server may be waiting for another one to close. */
  get isStarving(): boolean {
    if (this.#unanswered.size === 0) return false;
    const now = this.#clock.now();
    for (const [connection, since] of this.#unanswered) {
      if (now - since < STARVING_MS) return now - since >= this.#longWaitMs;
      this.#unanswered.delete(connection);
    }
    return false;
  }

  close(): void {
    this.#look?.cancel();
    this.#unanswered.clear();
  }

  #lookAgain(): void {
    this.#look = undefined;
    if (this.isStarving) this.#starved();
    else if (this.#unanswered.size > 0)
      this.#look = this.#clock.after(this.#longWaitMs, () => this.#lookAgain());
  }

  get #longWaitMs(): number {
    return Math.max(LONG_WAIT_MS, this.#usualMs * LONG_WAITS);
  }

  #goOn(): void {
    const now = this.#clock.now();
    if (now - this.#spanFrom < SPAN_MS) return;
    const over = Math.floor((now - this.#spanFrom) / SPAN_MS);
    // In the spans that followed, nothing began or ended.
    const since = Array.from({ length: Math.min(over - 1, SPANS) }, () => this.#inUse);
    this.#peaks = [...since, this.#peak, ...this.#peaks].slice(0, SPANS);
    this.#peak = this.#inUse;
    this.#spanFrom += over * SPAN_MS;
  }
}
