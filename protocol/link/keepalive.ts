/**
 * Finds out that a link is dead: any byte received is life; a ping goes out only when the peer was silent for an interval,
 * and after three silent intervals the link is given up. SPEC section "Heartbeat".
 */
import type { Clock, Timer } from "../runtime/clock.ts";

const SILENT_INTERVALS = 3;

export interface HeartbeatEvents {
  ping(): void;
  dead(silentMs: number): void;
}

export class Heartbeat {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #events: HeartbeatEvents;
  #lastLifeAt: number;
  #timer: Timer;

  constructor(clock: Clock, intervalMs: number, events: HeartbeatEvents) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#events = events;
    this.#lastLifeAt = clock.now();
    this.#timer = clock.after(intervalMs, this.#check);
  }

  alive(): void {
    this.#lastLifeAt = this.#clock.now();
  }

  stop(): void {
    this.#timer.cancel();
  }

  // One timer for the life of the link, never one per message.
  readonly #check = (): void => {
    const silentMs = this.#clock.now() - this.#lastLifeAt;
    if (silentMs >= this.#intervalMs * SILENT_INTERVALS) {
      this.#events.dead(silentMs);
      return;
    }
    if (silentMs >= this.#intervalMs) this.#events.ping();
    this.#timer = this.#clock.after(this.#intervalMs, this.#check);
  };
}
