/**
 * The round trip of a path without what we have under way on it: the shortest of late. It must be forgotten in time, or a
 * path that became longer would never be believed; and under load every round trip waits behind our own bytes, so a period
 * that begins then needs a drained path (see send-budget). SPEC section "Link budget".
 */

/** The shortest of this period and the one before counts. @internal */
export const RTT_PERIOD_MS = 10_000;

/** Less than a clock can tell; keeps a rate finite. */
const SHORTEST_MS = 0.01;

export class BaseRtt {
  #ms = Number.POSITIVE_INFINITY;
  #beforeMs = Number.POSITIVE_INFINITY;
  #since: number | undefined;

  /** 0 before the first measurement. */
  get ms(): number {
    const ms = Math.min(this.#ms, this.#beforeMs);
    return ms === Number.POSITIVE_INFINITY ? 0 : ms;
  }

  /** True: with this one a period begins. */
  measured(ms: number, now: number): boolean {
    this.#since ??= now;
    const begins = now - this.#since >= RTT_PERIOD_MS;
    if (begins) {
      this.#since = now;
      this.#beforeMs = this.#ms;
      this.#ms = Number.POSITIVE_INFINITY;
    }
    this.#ms = Math.min(this.#ms, Math.max(ms, SHORTEST_MS));
    return begins;
  }
}
