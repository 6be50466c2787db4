/**
 * How long the web server may take to answer. The time runs only while the request waits for nothing but the web server: a
 * visitor that uploads slowly, or not at all, is watched by itself. SPEC section "Visitors".
 */
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import type { Waiting } from "./visitor.ts";

export class AnswerDeadline implements Waiting {
  readonly #clock: Clock;
  readonly #withinMs: number;
  readonly #late: () => void;
  #timer: Timer | undefined;
  #over = false;

  constructor(clock: Clock, withinMs: number, late: () => void) {
    this.#clock = clock;
    this.#withinMs = withinMs;
    this.#late = late;
    this.forOrigin();
  }

  forVisitor(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  forOrigin(): void {
    if (this.#over) return;
    this.#timer ??= this.#clock.after(this.#withinMs, this.#late);
  }

  /** The web server said something that is not its answer yet. */
  heard(): void {
    if (this.#timer === undefined) return;
    this.forVisitor();
    this.forOrigin();
  }

  /** The answer is there, or will not come. */
  over(): void {
    this.#over = true;
    this.forVisitor();
  }
}
