/**
 * Notices that nothing happens for too long where something is waited for: a visitor's next bytes, a web server's answer. One
 * timer, set again only when it runs out, so that something that happens costs a look at the clock. Not running, it costs
 * nothing.
 */
import type { Clock, Timer } from "./clock.ts";

export class InactivityTimer {
  readonly #clock: Clock;
  #limitMs: number;
  readonly #inactive: (limitMs: number) => void;
  #timer: Timer | undefined;
  #runsOutAt = 0;
  #since = 0;
  #paused = false;

  /** `inactive` is called once for each `start` after which nothing moved, and nothing stopped it, for `limitMs`. */
  constructor(clock: Clock, limitMs: number, inactive: (limitMs: number) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#inactive = inactive;
  }

  /** From now on something must happen, within `limitMs` from here on if it is given. */
  start(limitMs = this.#limitMs): void {
    this.#limitMs = limitMs;
    this.moved();
    // One that runs out before is set again then, which is cheaper than two timers for every exchange.
    if (this.#timer !== undefined && this.#runsOutAt <= this.#since + limitMs) return;
    this.#timer?.cancel();
    this.#set(limitMs);
  }

  /** Something happened. */
  moved(): void {
    this.#since = this.#clock.now();
  }

  /** Somebody else is waited for. */
  pause(): void {
    this.#paused = true;
  }

  /** The whole time begins anew, if it was paused. */
  resume(): void {
    if (this.#paused) this.moved();
    this.#paused = false;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #set(afterMs: number): void {
    this.#runsOutAt = this.#clock.now() + afterMs;
    this.#timer = this.#clock.after(afterMs, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#paused) this.moved();
    const remainingMs = this.#since + this.#limitMs - this.#clock.now();
    if (remainingMs <= 0) this.#inactive(this.#limitMs);
    else this.#set(remainingMs);
  }
}
