/**
 * How many interim heads of one response go on: an upload may be told of its progress for hours, and a web server that has lost
 * its way must not keep everybody busy. What is dropped is nobody's loss, for each says more than the one before it.
 */
import type { Clock } from "../runtime/clock.ts";

/** So many go on as they come. @internal */
export const MOST_INTERIMS = 100;
/** Of those behind them, one in so many milliseconds. @internal */
export const INTERIM_PAUSE_MS = 1_000;

export class InterimLimit {
  readonly #clock: Clock;
  #passed = 0;
  #passedAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the one that has just come may go on. */
  mayPass(): boolean {
    const now = this.#clock.now();
    if (this.#passed >= MOST_INTERIMS && now - this.#passedAt < INTERIM_PAUSE_MS) return false;
    this.#passed++;
    this.#passedAt = now;
    return true;
  }
}
