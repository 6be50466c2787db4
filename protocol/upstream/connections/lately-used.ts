/**
 * How many connections to a web server are worth keeping: those that have been in use on average of the last second, and
 * half as many again. A web server that gives each connection a thread, a process or a place waits on connections that rest while
 * others want to be served, so what a crowd needed for a moment is not kept.
 */
import type { Clock } from "../../runtime/clock.ts";

/** Weight of the past: e times less for each second. */
const SECOND_MS = 1_000;
const HEADROOM = 1.5;
/** One that is just closing counts for a moment beside the one that follows it. */
const LEAST_KEPT = 2;

/** A request that has had no answer for longer waits for something else than a connection to close. */
const STARVING_MS = 1_000;

export class LatelyUsed {
  readonly #clock: Clock;
  #average = 0;
  #inUse = 0;
  #at: number;
  /** Requests on new connections, and since when; the oldest first. */
  readonly #unanswered = new Map<object, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  get worthKeeping(): number {
    this.#goOn();
    return Math.max(LEAST_KEPT, Math.ceil(this.#average * HEADROOM));
  }

  begin(): void {
    this.#goOn();
    this.#inUse++;
  }

  end(): void {
    this.#goOn();
    this.#inUse--;
  }

  /** A request goes out on this new connection. */
  asked(connection: object): void {
    this.#unanswered.set(connection, this.#clock.now());
  }

  answered(connection: object): void {
    this.#unanswered.delete(connection);
  }

  /** Whether a request on a new connection has no answer yet: its web server may be waiting for another one to close. */
  get someUnanswered(): boolean {
    const now = this.#clock.now();
    for (const [connection, since] of this.#unanswered) {
      if (now - since < STARVING_MS) return true;
      this.#unanswered.delete(connection);
    }
    return false;
  }

  #goOn(): void {
    const now = this.#clock.now();
    if (now === this.#at) return;
    const past = Math.exp((this.#at - now) / SECOND_MS);
    this.#average = this.#average * past + this.#inUse * (1 - past);
    this.#at = now;
  }
}
