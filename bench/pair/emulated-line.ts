/**
 * One direction of an emulated link, on a clock: bytes wait their turn at a sender of fixed rate, then travel for a
 * fixed delay. Connections share the rate packet by packet in turn, as behind a fair queue; each has a buffer, as deep
 * as asked for, in which bytes wait that nobody can call back. Nothing is lost, nothing starts slowly: an upper bound
 * of what TCP does on such a link.
 *
 * Rate is kept however late timers come: the moments at which packets leave are reckoned, not measured.
 */
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";

export interface LineSettings {
  /** One way. */
  readonly delayMs: number;
  /** Infinity for no limit. */
  readonly bytesPerSecond: number;
  /** A connection takes this much before it says that it is full. */
  readonly bufferBytes: number;
}

/** Where a connection's bytes come out. */
export interface Outlet {
  /** False: takes no more until `Flow.resume`. */
  write(bytes: Buffer): boolean;
  end(): void;
}

/** One connection's bytes in one direction. */
export interface Flow {
  /** False when the buffer is full; `onRoom` says when it no longer is. The bytes are taken all the same. */
  take(bytes: Buffer): boolean;
  /** Ends the outlet once everything before has come out. */
  end(): void;
  /** The outlet takes bytes again. */
  resume(): void;
  /** Forgets what is under way; the outlet hears no more. */
  drop(): void;
}

/** What TCP carries in one Ethernet frame. @internal */
export const PACKET_BYTES = 1_448;
/** At high rates packets are handed on in bunches of this much time, or each would cost a turn of the loop. */
const BUNCH_MS = 0.25;
const MOST_BUNCHED = 65_536;
/** Timers count whole milliseconds and come late: what is due so soon goes at once. */
const EARLY_MS = 0.5;

interface InFlight {
  readonly at: number;
  readonly flow: LineFlow;
  /** Undefined is the end. */
  readonly bytes: Buffer | undefined;
}

export class EmulatedLine {
  readonly #clock: Clock;
  readonly #settings: LineSettings;
  readonly #bunchBytes: number;
  /** Flows with bytes to send and an outlet that takes them, in turn. */
  readonly #waiting = new Set<LineFlow>();
  /** By time of arrival: the delay is the same for all. */
  #inFlight: InFlight[] = [];
  /** When the sender is free again. */
  #freeAt = 0;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(settings: LineSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const bunch = Math.floor((settings.bytesPerSecond / 1000) * BUNCH_MS);
    this.#bunchBytes = Math.min(MOST_BUNCHED, Math.max(PACKET_BYTES, bunch));
  }

  /** A connection through this line. `onRoom` is called when its full buffer has room again. */
  join(outlet: Outlet, onRoom: () => void): Flow {
    const flow = new LineFlow(outlet, onRoom, this.#settings.bufferBytes, () => {
      if (this.#waiting.has(flow)) return;
      if (this.#waiting.size === 0) this.#freeAt = Math.max(this.#freeAt, this.#clock.now());
      this.#waiting.add(flow);
      this.#move();
    });
    return flow;
  }

  #move(): void {
    const now = this.#clock.now() + EARLY_MS;
    while (this.#freeAt <= now && this.#sendOne());
    let arrived = 0;
    for (const { at, flow, bytes } of this.#inFlight) {
      if (at > now) break;
      arrived += 1;
      flow.comeOut(bytes);
    }
    if (arrived > 0) this.#inFlight = this.#inFlight.slice(arrived);
    this.#setTimer();
  }

  /** Puts the next packet on its way; false when nobody has one. */
  #sendOne(): boolean {
    const [flow] = this.#waiting;
    if (flow === undefined) return false;
    this.#waiting.delete(flow);
    const bytes = flow.next(this.#bunchBytes);
    if (bytes === "nothing") return true;
    this.#freeAt += bytes === "end" ? 0 : (bytes.length / this.#settings.bytesPerSecond) * 1000;
    const at = this.#freeAt + this.#settings.delayMs;
    this.#inFlight.push({ at, flow, bytes: bytes === "end" ? undefined : bytes });
    if (flow.hasNext) this.#waiting.add(flow);
    return true;
  }

  #setTimer(): void {
    const sendAt = this.#waiting.size > 0 ? this.#freeAt : Number.POSITIVE_INFINITY;
    const at = Math.min(sendAt, this.#inFlight[0]?.at ?? Number.POSITIVE_INFINITY);
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(Math.max(0, at - EARLY_MS - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#move();
    });
  }
}

class LineFlow implements Flow {
  readonly #outlet: Outlet;
  readonly #onRoom: () => void;
  readonly #bufferBytes: number;
  readonly #wantsTurn: () => void;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #end: "none" | "asked" | "sent" = "none";
  #full = false;
  #stalled = false;
  #dropped = false;

  constructor(outlet: Outlet, onRoom: () => void, bufferBytes: number, wantsTurn: () => void) {
    this.#outlet = outlet;
    this.#onRoom = onRoom;
    this.#bufferBytes = bufferBytes;
    this.#wantsTurn = wantsTurn;
  }

  take(bytes: Buffer): boolean {
    if (this.#dropped) return true;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.hasNext) this.#wantsTurn();
    this.#full = this.#queuedBytes > this.#bufferBytes;
    return !this.#full;
  }

  end(): void {
    if (this.#end !== "none" || this.#dropped) return;
    this.#end = "asked";
    if (this.hasNext) this.#wantsTurn();
  }

  resume(): void {
    this.#stalled = false;
    if (this.hasNext) this.#wantsTurn();
  }

  drop(): void {
    this.#dropped = true;
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  get hasNext(): boolean {
    return !this.#dropped && !this.#stalled && (this.#queue.length > 0 || this.#end === "asked");
  }

  /** Up to `most` bytes that were taken first, the end after them, or nothing if that has changed meanwhile. */
  next(most: number): Buffer | "end" | "nothing" {
    if (!this.hasNext) return "nothing";
    const [first] = this.#queue;
    if (first === undefined) {
      this.#end = "sent";
      return "end";
    }
    const bytes = first.subarray(0, most);
    if (bytes.length === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(most);
    this.#queuedBytes -= bytes.length;
    if (this.#full && this.#queuedBytes <= this.#bufferBytes) {
      this.#full = false;
      this.#onRoom();
    }
    return bytes;
  }

  comeOut(bytes: Buffer | undefined): void {
    if (this.#dropped) return;
    if (bytes === undefined) this.#outlet.end();
    else if (!this.#outlet.write(bytes)) this.#stalled = true;
  }
}
