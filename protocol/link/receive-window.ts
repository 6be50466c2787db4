/**
 * The receiving half of a stream's window: pure arithmetic. Window is granted when the reader has taken bytes, half a
 * window at a time; a window that is used up within two round trips was too small for the path and doubles. SPEC section
 * "Window".
 */

import { LinkError } from "../errors.ts";
import { QUEUE_MS } from "../pacing/send-budget.ts";
import type { Clock } from "../runtime/clock.ts";

/** A window never grows beyond this. @internal */
export const MOST_WINDOW_BYTES = 4 * 1024 * 1024;

export interface WindowGrowth {
  readonly clock: Pick<Clock, "now">;
  /** Shortest round trip seen, milliseconds. */
  baseRttMs(): number;
  /** Asks the memory budget for the bytes a larger window may cost. */
  mayGrow(bytes: number): boolean;
}

export class ReceiveWindow {
  readonly #growth: WindowGrowth;
  #windowBytes: number;
  /** What the peer may still send. */
  #left: number;
  /** Taken by the reader and not granted again yet. */
  #owed = 0;
  #lastGrantAt: number;
  /** Bytes by which the window has grown, as granted by `mayGrow`. */
  grownBytes = 0;

  constructor(windowBytes: number, growth: WindowGrowth) {
    this.#windowBytes = windowBytes;
    this.#left = windowBytes;
    this.#growth = growth;
    this.#lastGrantAt = growth.clock.now();
  }

  /** Bytes have arrived; throws LinkError("window-overrun") when the peer had no window for them. */
  arrived(bytes: number): void {
    if (bytes > this.#left)
      throw new LinkError("window-overrun", `${bytes} bytes sent with credit for ${this.#left}`);
    this.#left -= bytes;
  }

  /** The reader has taken bytes; returns what to grant now, 0 until half a window is owed. */
  taken(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#windowBytes) return 0;
    const grant = this.#owed + this.#growBy();
    this.#owed = 0;
    this.#left += grant;
    this.#lastGrantAt = this.#growth.clock.now();
    return grant;
  }

  #growBy(): number {
    const more = Math.min(this.#windowBytes, MOST_WINDOW_BYTES - this.#windowBytes);
    const ms = this.#growth.baseRttMs() + QUEUE_MS;
    const hurried = this.#growth.clock.now() - this.#lastGrantAt < 2 * ms;
    if (more <= 0 || !hurried || !this.#growth.mayGrow(more)) return 0;
    this.#windowBytes += more;
    this.grownBytes += more;
    return more;
  }
}
