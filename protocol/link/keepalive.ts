/**
 * Finds out that a link is dead: any byte received is life, and a ping goes out only when the peer was silent. A link
 * in use is asked after one interval, is suspect after two, and given up after five; one at rest is asked less often:
 * after three by the side that dials, as nobody else can have the link again, and after ten by the other, which that
 * spares its own pings. SPEC section "Heartbeat".
 */
import type { Role } from "../frames/hello.ts";
import type { Clock, Timer } from "../runtime/clock.ts";

/** Silence is counted in half intervals: what is said of n intervals happens within n and n + 0.5. */
const TICKS_PER_INTERVAL = 2;
const PING_TICKS = 1 * TICKS_PER_INTERVAL;
const SUSPECT_TICKS = 2 * TICKS_PER_INTERVAL;
const DEAD_TICKS = 5 * TICKS_PER_INTERVAL;
/** Intervals of silence after which a link at rest is asked. */
const REST_INTERVALS = { origin: 3, edge: 10 } as const satisfies Record<Role, number>;

/** Those who wait for the peer. */
export interface WhoWaits {
  /** Whether there are any, or were since the last call. */
  inUse(): boolean;
  /** It is silent. */
  suspect(): void;
}

export interface HeartbeatEvents {
  ping(): void;
  /** It has said something after `suspect`. */
  trusted(): void;
  /** `silentMs`: so long at least. */
  dead(silentMs: number): void;
}

export interface Heartbeat {
  readonly intervalMs: number;
  /** Of this side. */
  readonly role: Role;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #restTicks: number;
  readonly #waiting: WhoWaits;
  readonly #events: HeartbeatEvents;
  /** Set when anything is received. */
  alive = false;
  /** Ticks without a byte; a link at rest counts none beyond those after which it is asked. */
  #silentTicks = 0;
  #asked = false;
  /** It was in use, and has not been asked since. */
  #used = true;
  #timer: Timer;

  constructor(clock: Clock, beat: Heartbeat, waiting: WhoWaits, events: HeartbeatEvents) {
    this.#clock = clock;
    this.#tickMs = beat.intervalMs / TICKS_PER_INTERVAL;
    this.#restTicks = REST_INTERVALS[beat.role] * TICKS_PER_INTERVAL;
    this.#waiting = waiting;
    this.#events = events;
    this.#timer = clock.after(this.#tickMs, this.#check);
  }

  /** The peer has been silent for two intervals, and was asked. */
  get suspect(): boolean {
    return this.#asked && !this.alive && this.#silentTicks >= SUSPECT_TICKS;
  }

  stop(): void {
    this.#timer.cancel();
  }

  // One timer for the life of the link, never one per message. It is set anew each time, so that a pause of this program is one tick.
  readonly #check = (): void => {
    this.#timer = this.#clock.after(this.#tickMs, this.#check);
    if (this.#waiting.inUse()) this.#used = true;
    else if (this.alive && this.#asked) this.#used = false;
    if (this.alive) this.#heard();
    else this.#silent();
  };

  #heard(): void {
    const wasSuspect = this.#asked && this.#silentTicks >= SUSPECT_TICKS;
    this.alive = false;
    this.#asked = false;
    this.#silentTicks = 0;
    if (wasSuspect) this.#events.trusted();
  }

  #silent(): void {
    this.#silentTicks++;
    if (!this.#asked) {
      if (this.#silentTicks < (this.#used ? PING_TICKS : this.#restTicks)) return;
      this.#asked = true;
      this.#silentTicks = PING_TICKS;
      return this.#events.ping();
    }
    if (this.#silentTicks === SUSPECT_TICKS) this.#waiting.suspect();
    if (this.#silentTicks < DEAD_TICKS) return;
    this.stop();
    this.#events.dead(this.#silentTicks * this.#tickMs);
  }
}
