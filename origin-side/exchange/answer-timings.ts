/** How long the web server and the encoding of its answer took, for an edge that wants to know. All times are the clock's milliseconds. */
import type { Timings } from "../../protocol/frames/observed.ts";

export class AnswerTimings {
  #startedAt = 0;
  #originMs: number | undefined;
  #encodeMs = 0;

  /** The web server's response head came at `at`. */
  responded(startedAt: number, at: number): void {
    this.#startedAt = startedAt;
    this.#originMs = at - startedAt;
  }

  /** All of its body was here at `at`, and encoding it took `encodeMs`. */
  encoded(at: number, encodeMs: number): void {
    this.#originMs = at - this.#startedAt;
    this.#encodeMs = encodeMs;
  }

  /** Undefined while there is no response. */
  get sum(): Timings | undefined {
    return this.#originMs === undefined ? undefined : { originMs: this.#originMs, encodeMs: this.#encodeMs };
  }
}
