/**
 * How long an answer waits for a tier below memory, and when it does not ask at all: each question has a time limit; after one that got no
 * answer in time nobody waits until another got one, and after some in a row nothing is asked for a while. Counts what became of them.
 * SPEC section "Version store".
 */
import type { Clock } from "../runtime/clock.ts";

/** A base that comes later saves nobody time. */
export const TIER_WAIT_MS = 100;
/** The least, and so many times as long as the slowest of late: one that is silent is given up before many wait. @internal */
export const LEAST_WAIT_MS = 25;
const TIMES_SLOWEST = 3;
/** How much of the slowest counts after each answer since. */
const FADES = 0.9;

/** So many in a row without an answer, and nothing is asked for PAUSE_MS. @internal */
export const MOST_FAILURES = 5;
/** @internal */
export const PAUSE_MS = 10_000;

export interface TierCounters {
  /** Questions asked, and what became of them. */
  asked: number;
  found: number;
  late: number;
  failed: number;
  /** Not asked, because those before got no answer. */
  skipped: number;
  /** Versions that were put, and that were read back. */
  written: number;
  read: number;
}

export class Hope {
  readonly counters: TierCounters = {
    asked: 0,
    found: 0,
    late: 0,
    failed: 0,
    skipped: 0,
    written: 0,
    read: 0,
  };
  readonly #clock: Clock;
  /** In a row; of those under way when one failed, that one alone. */
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = 0;
  /** Of late, in milliseconds. */
  #slowest = TIER_WAIT_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing is asked at present. */
  get pauses(): boolean {
    return this.#clock.now() < this.#pausedUntil;
  }

  /**
   * Resolves when `ask` has, or cannot, or after `limitMs` at most. Undefined where there is nothing to wait for: it is asked in vain at
   * present, or not asked, as where `answers` says so. `ask` resolves with whether it found something. Never rejects.
   */
  within(
    ask: () => Promise<boolean>,
    { answers = true, limitMs = TIER_WAIT_MS } = {},
  ): Promise<void> | undefined {
    if (this.pauses || !answers) {
      this.counters.skipped++;
      return undefined;
    }
    this.counters.asked++;
    const isWaitedFor = this.#failures === 0 || this.#failures >= MOST_FAILURES; // after a pause it is trusted once
    const { promise, resolve } = Promise.withResolvers<void>();
    const askedAt = this.#clock.now();
    const failed = (how: "late" | "failed") => {
      this.counters[how]++;
      if (askedAt >= this.#failedAt) {
        this.#failedAt = this.#clock.now();
        if (++this.#failures >= MOST_FAILURES) this.#pausedUntil = this.#failedAt + PAUSE_MS;
      }
      resolve();
    };
    let isLate = false;
    const usual = Math.max(LEAST_WAIT_MS, TIMES_SLOWEST * this.#slowest);
    const limit = this.#clock.after(Math.min(limitMs, usual), () => {
      isLate = true;
      failed("late");
    });
    ask().then(
      (found) => {
        limit.cancel();
        const ms = Math.min(this.#clock.now() - askedAt, TIER_WAIT_MS);
        this.#slowest = Math.max(ms, FADES * this.#slowest);
        if (!isLate) {
          this.#failures = 0;
          if (found) this.counters.found++;
        }
        resolve();
      },
      () => {
        limit.cancel();
        if (!isLate) failed("failed");
      },
    );
    return isWaitedFor ? promise : undefined;
  }
}
