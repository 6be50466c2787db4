/**
 * A TCP relay on the way to an edge's tunnel port that does harm when told to, as networks do: each direction of each connection can be
 * lost, slowed, stopped, damaged or cut (line-faults.ts), and dials can be refused or meet silence.
 */
import { connect, createServer, type Socket } from "node:net";
import { parseHostPort } from "../../protocol/config/units.ts";
import { breakOff } from "../../protocol/http/break-off.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { flipped, type LineFaults } from "./line-faults.ts";
import { listenOnLoopback } from "./loopback.ts";

/** @internal */
export interface RelayedConnection {
  readonly toEdge: RelayedDirection;
  readonly toOrigin: RelayedDirection;
  /** False once either end has closed it, whether the other knows or not. */
  readonly open: boolean;
  /** Resolves when it is open no more. */
  readonly closed: Promise<void>;
  /** Both ends see a reset. */
  cut(): void;
  /** Nothing gets through any more, in either direction, and nobody is told. */
  swallow(): void;
}

interface RelayedDirection extends LineFaults {
  /** Bytes that came since the connection was made. */
  readonly bytes: number;
}

export interface FaultyRelay {
  /** host:port to dial instead of the edge's tunnel port. */
  readonly address: string;
  /** Every connection that was ever made, oldest first. */
  readonly connections: readonly RelayedConnection[];
  /** What becomes of connections to come: a reset, or nothing at all. */
  dials: "pass" | "refuse" | "swallow";
  /** What is done with each connection to come. */
  connected: (connection: RelayedConnection) => void;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/** `to`: host:port, or the path of a unix socket. `clock` is for what takes time. */
export const startFaultyRelay = async (to: string, clock: Clock): Promise<FaultyRelay> => {
  const target = to.startsWith("/") ? { path: to } : parseHostPort(to);
  const sockets = new Set<Socket>();
  const connections: RelayedConnection[] = [];
  const server = createServer({ noDelay: true }, (origin) => {
    if (relay.dials === "refuse") return void origin.resetAndDestroy();
    const edge = connect({ ...target, noDelay: true });
    const cut = () => {
      breakOff(origin);
      breakOff(edge);
    };
    const [toEdge, toOrigin] = [
      new Direction(origin, edge, clock, cut),
      new Direction(edge, origin, clock, cut),
    ];
    const swallow = () => {
      toEdge.lose();
      toOrigin.lose();
    };
    if (relay.dials === "swallow") swallow();
    for (const socket of [origin, edge]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => sockets.delete(socket));
    }
    const isOpen = () => sockets.has(origin) && sockets.has(edge);
    const closed = new Promise<void>((resolve) => {
      for (const socket of [origin, edge]) socket.once("close", resolve);
    });
    edge.once("connect", () => {
      const connection: RelayedConnection = {
        toEdge,
        toOrigin,
        get open() {
          return isOpen();
        },
        closed,
        cut,
        swallow,
      };
      connections.push(connection);
      relay.connected(connection);
    });
  });
  const relay: FaultyRelay = {
    address: await listenOnLoopback(server),
    connections,
    dials: "pass",
    connected: () => {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return relay;
};

/** What may wait here before the sender is held back. */
const MOST_WAITING_BYTES = 256 * 1024;
/** What travels as one over a line that has a rate. */
const PACKET_BYTES = 1_448;

/** Timers count whole milliseconds, and come a little early at times. */
const EARLY_MS = 1;

interface Parcel {
  /** Undefined is the end. */
  readonly bytes: Buffer | undefined;
  readonly at: number;
}

class Direction implements RelayedDirection {
  bytes = 0;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #clock: Clock;
  readonly #cut: () => void;
  readonly #waiting: Parcel[] = [];
  #waitingBytes = 0;
  #lineFreeAt = 0;
  #stalled = false;
  #lost = false;
  #delayMs = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  #flip: (bytes: Buffer) => Buffer = (bytes) => bytes;
  #leftBeforeCut = Number.POSITIVE_INFINITY;

  constructor(from: Socket, to: Socket, clock: Clock, cut: () => void) {
    this.#from = from;
    this.#to = to;
    this.#clock = clock;
    this.#cut = cut;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.once("close", () => this.#post(undefined));
    to.on("drain", () => this.#readOn());
  }

  stall(): void {
    this.#stalled = true;
  }

  resume(): void {
    this.#stalled = false;
    this.#deliver();
  }

  lose(): void {
    this.#lost = true;
    this.#waiting.length = this.#waitingBytes = 0;
    this.#from.resume();
  }

  slow({ delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }: Parameters<LineFaults["slow"]>[0]): void {
    this.#delayMs = delayMs;
    this.#bytesPerSecond = bytesPerSecond;
  }

  flip(oneIn: number, chance: () => number): void {
    this.#flip = (bytes) => flipped(bytes, oneIn, chance);
  }

  cutAfterBytes(bytes: number): void {
    this.#leftBeforeCut = bytes;
  }

  #take(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.#lost) return;
    const packet = this.#bytesPerSecond === Number.POSITIVE_INFINITY ? bytes.length : PACKET_BYTES;
    const arriving = this.#flip(bytes);
    for (let at = 0; at < arriving.length; at += packet) this.#post(arriving.subarray(at, at + packet));
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#from.pause();
  }

  #post(bytes: Buffer | undefined): void {
    if (this.#lost) return;
    const now = this.#clock.now();
    const length = bytes?.length ?? 0;
    this.#lineFreeAt = Math.max(this.#lineFreeAt, now) + (length * 1000) / this.#bytesPerSecond;
    const at = this.#lineFreeAt + this.#delayMs;
    this.#waiting.push({ bytes, at });
    this.#waitingBytes += length;
    if (at <= now) this.#deliver();
    else this.#clock.after(Math.ceil(at - now), () => this.#deliver());
  }

  #deliver(): void {
    const now = this.#clock.now();
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#stalled || first.at > now + EARLY_MS) return;
      this.#waiting.shift();
      this.#comeOut(first.bytes);
    }
  }

  #comeOut(bytes: Buffer | undefined): void {
    if (bytes === undefined) return this.#to.destroySoon();
    this.#waitingBytes -= bytes.length;
    const passing = bytes.subarray(0, this.#leftBeforeCut);
    this.#leftBeforeCut -= passing.length;
    if (!this.#to.write(passing)) this.#from.pause();
    else this.#readOn();
    // After what was written before it has left: a reset would overtake it.
    if (this.#leftBeforeCut === 0) this.#to.write("", () => this.#cut());
  }

  #readOn(): void {
    if (this.#waitingBytes <= MOST_WAITING_BYTES && this.#to.writableLength === 0) this.#from.resume();
  }
}
