/**
 * How long the web server may take to answer. The time runs only while the request waits for nothing but the web server: a
 * visitor that uploads slowly, or not at all, is watched by itself. SPEC section "Visitors".
 */
import type { Clock } from "../../protocol/runtime/clock.ts";
import { InactivityTimer } from "../../protocol/runtime/inactivity-timer.ts";
import type { Waiting } from "./visitor.ts";

export class AnswerTimeout implements Waiting {
  readonly #timer: InactivityTimer;

  constructor(clock: Clock, withinMs: number, late: () => void) {
    this.#timer = new InactivityTimer(clock, withinMs, late);
    this.#timer.start();
  }

  forVisitor(): void {
    this.#timer.pause();
  }

  forOrigin(): void {
    this.#timer.resume();
  }

  /** The web server said something that is not its answer yet. */
  heard(): void {
    this.#timer.moved();
  }

  /** The answer is there, or will not come. */
  over(): void {
    this.#timer.stop();
  }
}
