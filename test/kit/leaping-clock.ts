/**
 * The machine's own time, with leaps: work that needs real time goes on, and minutes pass when a test says so. For daemons over real
 * sockets, which a clock that stands still would stop.
 */
import { Clock, systemClock, type Timer } from "../../protocol/runtime/clock.ts";

interface SetTimer {
  readonly at: number;
  readonly run: () => void;
  readonly real: Timer;
}

export class LeapingClock extends Clock {
  #leaptMs = 0;
  readonly #timers = new Set<SetTimer>();

  override now(): number {
    return systemClock.now() + this.#leaptMs;
  }

  override after(ms: number, run: () => void): Timer {
    const fire = () => {
      if (this.#timers.delete(timer)) run();
    };
    const timer: SetTimer = { at: this.now() + ms, run, real: systemClock.after(ms, fire) };
    this.#timers.add(timer);
    return {
      cancel: () => {
        timer.real.cancel();
        this.#timers.delete(timer);
      },
    };
  }

  /** All that falls due on the way runs, in the order of its time. */
  leap(ms: number): void {
    this.#leaptMs += ms;
    const due = [...this.#timers].filter(({ at }) => at <= this.now()).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      timer.real.cancel();
      if (this.#timers.delete(timer)) timer.run();
    }
  }
}
