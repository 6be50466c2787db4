/**
 * How fast a visitor takes its response, or sends its request, in the time in which it is the visitor that is waited for. Below the
 * least rate of its route it gives its place up when others wait for one.
 */
import type { Clock } from "../runtime/clock.ts";

/** The rate is an average over this much time of waiting. @internal */
export const RATE_OVER_MS = 30_000;

const SECOND_MS = 1_000;

export interface RateOptions {
  readonly clock: Clock;
  /** Bytes in a second; undefined: a visitor may be as slow as it likes. */
  readonly leastRate: number | undefined;
  /** Bytes that have moved so far. */
  bytes(): number;
}

export class VisitorRate {
  readonly #options: RateOptions;
  #fromBytes: number;
  #waitedMs = 0;
  #waitsSince: number | undefined;

  constructor(options: RateOptions) {
    this.#options = options;
    this.#fromBytes = options.bytes();
  }

  /** From now on it is the visitor that is waited for. */
  wait(): void {
    this.#waitsSince ??= this.#options.clock.now();
  }

  /** The visitor is not waited for any more. */
  goOn(): void {
    if (this.#waitsSince === undefined) return;
    this.#waitedMs += this.#options.clock.now() - this.#waitsSince;
    this.#waitsSince = undefined;
    this.#fastEnough();
  }

  /** Whether it was waited for during RATE_OVER_MS or longer, in which it was slower than the least rate. */
  get isSlow(): boolean {
    return !this.#fastEnough();
  }

  /** A visitor that was fast enough begins anew, so that one that stalls afterwards does not live on what it did before. */
  #fastEnough(): boolean {
    const { clock, leastRate, bytes } = this.#options;
    if (leastRate === undefined) return true;
    const now = clock.now();
    const waitedMs = this.#waitedMs + (this.#waitsSince === undefined ? 0 : now - this.#waitsSince);
    if (waitedMs < RATE_OVER_MS) return true;
    if (bytes() - this.#fromBytes < (leastRate * waitedMs) / SECOND_MS) return false;
    this.#fromBytes = bytes();
    this.#waitedMs = 0;
    if (this.#waitsSince !== undefined) this.#waitsSince = now;
    return true;
  }
}
