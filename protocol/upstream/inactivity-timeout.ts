/**
 * Finds a web server that has gone silent: each phase of an exchange has its limit, every byte that moves starts it anew,
 * and time in which it is not the web server that is waited for does not count. One timer, set again only when it
 * runs out, so a byte costs a look at the clock and no more.
 */
import type { Clock, Timer } from "../runtime/clock.ts";

export class InactivityTimeout {
  readonly #clock: Clock;
  readonly #silent: (ms: number) => void;
  #limitMs: number | undefined;
  #heardAt = 0;
  #paused = false;
  #timer: Timer | undefined;
  #runsOutAt = 0;

  /** `silent` is called once for a phase, with its limit. */
  constructor(clock: Clock, silent: (ms: number) => void) {
    this.#clock = clock;
    this.#silent = silent;
  }

  /** Begins a phase; undefined: without a limit. */
  expect(limitMs: number | undefined): void {
    this.#limitMs = limitMs;
    this.#heardAt = this.#clock.now();
    // One that runs out before is set again then, which is cheaper than two timers for every exchange.
    const suffices = limitMs !== undefined && this.#runsOutAt <= this.#heardAt + limitMs;
    if (this.#timer !== undefined && suffices) return;
    this.#timer?.cancel();
    this.#set(limitMs);
  }

  /** A byte has moved. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** Somebody else is waited for. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.heard();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#limitMs = undefined;
  }

  #set(afterMs: number | undefined): void {
    this.#runsOutAt = this.#clock.now() + (afterMs ?? 0);
    this.#timer = afterMs === undefined ? undefined : this.#clock.after(afterMs, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    const limitMs = this.#limitMs;
    if (limitMs === undefined) return;
    if (this.#paused) this.heard();
    const remainingMs = this.#heardAt + limitMs - this.#clock.now();
    if (remainingMs > 0) return this.#set(remainingMs);
    this.stop();
    this.#silent(limitMs);
  }
}
