/** The machine's clock, but faster, for waits for real servers, of which none may be what a test takes its time for; or slower. */
import { Clock, systemClock, type Timer } from "../../protocol/runtime/clock.ts";

export class HastyClock extends Clock {
  readonly #times: number;

  /** So many milliseconds pass in one. */
  constructor(times: number) {
    super();
    this.#times = times;
  }

  override now(): number {
    return systemClock.now() * this.#times;
  }

  override after(ms: number, run: () => void): Timer {
    return systemClock.after(ms / this.#times, run);
  }
}
