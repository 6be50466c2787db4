/**
 * Notices that a visitor does nothing for too long, when it is the visitor's turn: to send the next of its request, or to
 * take the next of its answer. Not running, it costs nothing. SPEC section "Visitors".
 */
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";

export class IdleWatch {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #idle: () => void;
  #timer: Timer | undefined;
  #since = 0;

  /** `idle` is called once for each `start` that is not followed by `moved` or `stop` in time. */
  constructor(clock: Clock, idleMs: number, idle: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#idle = idle;
  }

  /** From now on something must happen. */
  start(): void {
    this.#since = this.#clock.now();
    this.#timer ??= this.#clock.after(this.#idleMs, () => this.#look());
  }

  /** Something happened. A time stamp only: no timer is set anew for each piece. */
  moved(): void {
    this.#since = this.#clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const left = this.#since + this.#idleMs - this.#clock.now();
    if (left <= 0) this.#idle();
    else this.#timer = this.#clock.after(left, () => this.#look());
  }
}
