/** How long the web server took, for an edge that wants to know. All times are the clock's milliseconds. */
import type { Timings } from "../../protocol/frames/observed.ts";

export class AnswerTimings {
  #startedAt = 0;
  #originMs: number | undefined;

  /** The web server's response head came at `at`. */
  responded(startedAt: number, at: number): void {
    this.#startedAt = startedAt;
    this.#originMs = at - startedAt;
  }

  /** All of its body was here at `at`. */
  complete(at: number): void {
    this.#originMs = at - this.#startedAt;
  }

  /** Undefined while there is no response. */
  get sum(): Timings | undefined {
    return this.#originMs === undefined ? undefined : { originMs: this.#originMs };
  }
}
