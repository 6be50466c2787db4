/**
 * A clock that stands still until a test moves it. Due timers run in the order of their time, then of their setting;
 * between two of them everything that promises and immediates have to do is done.
 */
import { Clock, type Timer } from "../../protocol/runtime/clock.ts";

/** One turn of the event loop: every microtask there is, and every one those cause, has run. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface SetTimer {
  readonly at: number;
  readonly run: () => void;
}

export class FakeClock extends Clock {
  #now: number;
  /** Sorted by time; equal times in the order of their setting. */
  readonly #timers: SetTimer[] = [];

  constructor(startMs = 0) {
    super();
    this.#now = startMs;
  }

  /** How many timers are set; a test that ends with some left something behind. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the next timer is due; Infinity without one. */
  get dueIn(): number {
    return (this.#timers[0]?.at ?? Infinity) - this.#now;
  }

  override now(): number {
    return this.#now;
  }

  override after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, ms), run };
    const later = this.#timers.findIndex((other) => other.at > timer.at);
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index !== -1) this.#timers.splice(index, 1);
      },
    };
  }

  /** Moves time on by `ms`, running what falls due on the way, including timers set meanwhile. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (let next = this.#timers[0]; next !== undefined && next.at <= until; next = this.#timers[0]) {
      this.#timers.shift();
      this.#now = next.at;
      next.run();
      await settle();
    }
    this.#now = until;
  }
}
