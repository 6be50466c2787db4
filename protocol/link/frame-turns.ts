/**
 * A peer that sends very many frames in a short time, of one byte or of none, is read in turns: its window bounds the bytes of
 * bodies, not their frames. What a link of honest frames carries comes nowhere near.
 */
import type { Clock } from "../runtime/clock.ts";
import type { Transport } from "../transport/transport.ts";

/** So many frames within REST_MS are too many: 200,000 a second, and some milliseconds of work. @internal */
export const MANY_FRAMES = 4096;
/** The link is read no further for so long; one read of its socket, at most 64 KiB, is dealt with still. @internal */
export const REST_MS = 20;

export class FrameTurns {
  readonly #clock: Clock;
  readonly #transport: Pick<Transport, "pause" | "resume">;
  #frames = 0;
  /** When they were counted last. */
  #since = Number.NEGATIVE_INFINITY;
  #resting = false;

  constructor(clock: Clock, transport: Pick<Transport, "pause" | "resume">) {
    this.#clock = clock;
    this.#transport = transport;
  }

  /** A frame has come. */
  came(): void {
    this.#frames += 1;
    if (this.#frames < MANY_FRAMES) return;
    this.#frames = 0;
    const now = this.#clock.now();
    const isMany = now - this.#since < REST_MS;
    this.#since = now;
    if (!isMany || this.#resting) return;
    this.#resting = true;
    this.#transport.pause();
    this.#clock.after(REST_MS, () => {
      this.#resting = false;
      this.#transport.resume();
    });
  }
}
