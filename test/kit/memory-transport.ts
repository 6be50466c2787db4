/**
 * A transport whose two ends live in one process, without sockets: a link can be run, tested and measured over it in
 * full. It can be slow, far away and full like a wire, and it fails on command, as a relay between processes does (line-faults.ts):
 * loses, changes, holds back, cuts.
 * Without a clock a message arrives in a later microtask; with one, when `delayMs` and `bytesPerSecond` say.
 */
import { hkdfSync } from "node:crypto";
import { flipped, type LineFaults } from "../../bench/rig/line-faults.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import {
  CLOSE_MS,
  checkMaxMessageBytes,
  clipReason,
  FIRST_MESSAGE_BYTES,
  type Transport,
  type TransportEvents,
  tooLarge,
} from "../../protocol/transport/transport.ts";

export interface MemoryWire {
  /** Needed for `delayMs` and `bytesPerSecond`. */
  readonly clock?: Clock;
  /** One way, milliseconds. */
  readonly delayMs?: number;
  /** Each way; without it the wire takes any amount at once. */
  readonly bytesPerSecond?: number;
  /** What the wire takes of undelivered bytes, like a kernel's send buffer; what is above is `queuedBytes`. */
  readonly wireBytes?: number;
  /** The key that this wire verified, to both ends, as TLS PSK does. */
  readonly keyId?: string;
  /** What `exportKey` derives from; without it there is none, as over a plain WebSocket. */
  readonly exporterSecret?: Uint8Array;
}

/** What goes wrong with messages that one end sends. Counts begin at the call; 1 is the next message delivered. */
interface Faults extends LineFaults {
  /** After `messages` more nothing arrives any more, not even the end: a network gone silent. */
  loseAfter(messages: number): void;
  /** After `messages` more the connection breaks, for both ends. */
  cutAfter(messages: number): void;
  /** The `nth` message arrives as what `change` makes of it. */
  corrupt(nth: number, change: (message: Buffer) => Uint8Array): void;
  /** Breaks the connection now, for both ends; what is under way is lost. */
  cut(): void;
}

export interface MemoryTransport extends Transport {
  readonly faults: Faults;
}

/** Two connected ends: the dialler's, then the listener's. */
export const memoryPair = (wire: MemoryWire = {}): [MemoryTransport, MemoryTransport] => {
  const dialler = new MemoryEnd(wire, { address: "memory:listener", keyId: wire.keyId });
  const listener = new MemoryEnd(wire, { address: "memory:dialler", keyId: wire.keyId });
  dialler.connect(listener);
  listener.connect(dialler);
  return [dialler, listener];
};

const LOST = "the connection was lost";

type Content =
  | { readonly kind: "message"; readonly bytes: Buffer }
  | { readonly kind: "end"; readonly why: string };

/** `due` once its time has come; it still waits for those before it. */
type Parcel = Content & { due: boolean };

class MemoryEnd implements MemoryTransport {
  readonly peer: Transport["peer"];
  readonly faults: Faults;
  readonly #wire: MemoryWire;
  #other: MemoryEnd = this; // until `connect`
  #events: TransportEvents | undefined;
  /** Arrived before `listen`. */
  readonly #early: Buffer[] = [];
  #maxMessageBytes = FIRST_MESSAGE_BYTES;
  /** Why this side ended, or saw the connection end; set once. */
  #why: string | undefined;
  #closed = false;
  #told = false;
  #closeTimer: Timer | undefined;

  /** Sent and not delivered, oldest first. */
  readonly #underWay: Parcel[] = [];
  #underWayBytes = 0;
  /** When the line has sent all that was given to it. */
  #lineFreeAt = 0;
  #stalled = false;
  #delivered = 0;
  #loseAfter = Number.POSITIVE_INFINITY;
  #cutAfter = Number.POSITIVE_INFINITY;
  readonly #changes = new Map<number, (message: Buffer) => Uint8Array>();
  #flip: (message: Buffer) => Buffer = (message) => message;
  #bytesBeforeCut = Number.POSITIVE_INFINITY;
  #line: Parameters<LineFaults["slow"]>[0];

  constructor(wire: MemoryWire, peer: Transport["peer"]) {
    this.peer = peer;
    this.#wire = wire;
    this.#line = wire;
    if (wire.clock === undefined && (wire.delayMs !== undefined || wire.bytesPerSecond !== undefined)) {
      throw new TypeError("a memory wire that takes time needs a clock");
    }
    this.faults = {
      stall: () => {
        this.#stalled = true;
      },
      resume: () => {
        this.#stalled = false;
        queueMicrotask(this.#deliverDue);
      },
      loseAfter: (messages) => {
        this.#loseAfter = this.#delivered + messages;
      },
      cutAfter: (messages) => {
        this.#cutAfter = this.#delivered + messages;
      },
      corrupt: (nth, change) => {
        this.#changes.set(this.#delivered + nth, change);
      },
      cut: () => this.#breakNow(),
      lose: () => {
        this.#loseAfter = this.#delivered;
      },
      slow: (line) => {
        if (wire.clock === undefined) throw new TypeError("a memory wire that takes time needs a clock");
        this.#line = line;
      },
      flip: (bytes, chance) => {
        this.#flip = (message) => flipped(message, bytes, chance);
      },
      cutAfterBytes: (bytes) => {
        this.#bytesBeforeCut = bytes;
      },
    };
  }

  connect(other: MemoryEnd): void {
    this.#other = other;
  }

  get queuedBytes(): number {
    if (this.#closed) return 0;
    return Math.max(0, this.#underWayBytes - (this.#wire.wireBytes ?? Number.POSITIVE_INFINITY));
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    queueMicrotask(() => {
      for (const message of this.#early.splice(0)) this.#arrive(message);
      if (this.#closed) this.#tellClosed();
    });
  }

  send(message: Uint8Array): void {
    if (this.#why !== undefined) return;
    // Copied: two processes share no memory either.
    this.#post({ kind: "message", bytes: Buffer.from(message) });
  }

  setMaxMessageBytes(bytes: number): void {
    this.#maxMessageBytes = checkMaxMessageBytes(bytes);
  }

  pause(): void {
    this.#other.faults.stall();
  }

  resume(): void {
    this.#other.faults.resume();
  }

  close(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#post({ kind: "end", why: clipReason(why) });
    this.#closeTimer = this.#wire.clock?.after(CLOSE_MS, () => this.destroy(why));
  }

  destroy(why: string): void {
    if (this.#closed) return;
    this.#why ??= why;
    this.#drop();
    this.#finish();
    this.#post({ kind: "end", why: LOST });
  }

  exportKey(label: string, bytes: number): Buffer | undefined {
    const { exporterSecret } = this.#wire;
    if (exporterSecret === undefined || this.#closed) return undefined;
    return Buffer.from(hkdfSync("sha256", exporterSecret, "", label, bytes));
  }

  #post(content: Content): void {
    const parcel = { ...content, due: false };
    this.#underWay.push(parcel);
    const bytes = content.kind === "message" ? content.bytes.length : 0;
    this.#underWayBytes += bytes;
    const arrived = () => {
      parcel.due = true;
      this.#deliverDue();
    };
    const { clock } = this.#wire;
    const { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = this.#line;
    if (clock === undefined) {
      queueMicrotask(arrived);
      return;
    }
    this.#lineFreeAt = Math.max(this.#lineFreeAt, clock.now()) + (bytes * 1000) / bytesPerSecond;
    clock.after(this.#lineFreeAt + delayMs - clock.now(), arrived);
  }

  readonly #deliverDue = (): void => {
    const wasQueued = this.queuedBytes > 0;
    while (this.#underWay[0]?.due === true && !this.#stalled) {
      const parcel = this.#underWay.shift();
      if (parcel !== undefined) this.#deliver(parcel);
    }
    if (wasQueued && this.queuedBytes === 0 && this.#why === undefined) this.#events?.drain();
  };

  #deliver(parcel: Parcel): void {
    if (parcel.kind === "end") {
      if (this.#delivered >= this.#loseAfter) return;
      this.#other.#hearEnd(parcel.why);
      this.#finish();
      return;
    }
    this.#underWayBytes -= parcel.bytes.length;
    const nth = ++this.#delivered;
    if (nth > this.#loseAfter) return;
    this.#bytesBeforeCut -= parcel.bytes.length;
    // Half a message is none: nothing of it arrives.
    if (this.#bytesBeforeCut < 0) return this.#breakNow();
    const change = this.#changes.get(nth);
    this.#changes.delete(nth);
    const bytes = change === undefined ? parcel.bytes : Buffer.from(change(parcel.bytes));
    this.#other.#arrive(this.#flip(bytes));
    if (nth >= this.#cutAfter) this.#breakNow();
  }

  #arrive(message: Buffer): void {
    if (this.#why !== undefined) return;
    if (this.#events === undefined || this.#early.length > 0) this.#early.push(message);
    else if (message.length > this.#maxMessageBytes)
      this.close(tooLarge(message.length, this.#maxMessageBytes));
    else this.#events.message(message);
  }

  #hearEnd(why: string): void {
    this.#why ??= why;
    this.#drop();
    this.#finish();
  }

  #breakNow(): void {
    this.#hearEnd(LOST);
    this.#other.#hearEnd(LOST);
  }

  #drop(): void {
    this.#underWay.length = 0;
    this.#underWayBytes = 0;
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeTimer?.cancel();
    if (this.#events !== undefined) queueMicrotask(() => this.#tellClosed());
  }

  #tellClosed(): void {
    if (this.#told) return;
    this.#told = true;
    this.#events?.closed(this.#why ?? LOST);
  }
}
