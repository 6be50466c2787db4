/**
 * Finds out that a link is dead: any byte received is life; a ping goes out only when the peer was silent for an interval,
 * and after three silent intervals the link is given up. SPEC section "Heartbeat".
 */
import type { Clock, Timer } from "../runtime/clock.ts";

const SILENT_INTERVALS = 3;

export interface HeartbeatEvents {
  ping(): void;
  /** `silentMs`: so long at least. */
  dead(silentMs: number): void;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #events: HeartbeatEvents;
  /** Set when anything is received. */
  alive = false;
  #silentIntervals = 0;
  #timer: Timer;

  constructor(clock: Clock, intervalMs: number, events: HeartbeatEvents) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#events = events;
    this.#timer = clock.after(intervalMs, this.#check);
  }

  stop(): void {
    this.#timer.cancel();
  }

  // One timer for the life of the link, never one per message.
  readonly #check = (): void => {
    this.#silentIntervals = this.alive ? 0 : this.#silentIntervals + 1;
    this.alive = false;
    if (this.#silentIntervals >= SILENT_INTERVALS) {
      this.#events.dead(this.#silentIntervals * this.#intervalMs);
      return;
    }
    if (this.#silentIntervals > 0) this.#events.ping();
    this.#timer = this.#clock.after(this.#intervalMs, this.#check);
  };
}
