/**
 * Bodies in very small pieces take their turns: node's parsers call once for each chunk or frame, and a socket hands on up to two
 * megabytes in one turn of the event loop, so that such a body alone would hold everybody else up for a third of a second. A
 * connection that brought many pieces within a turn is read no further for as long as that turn took, and one goes on at a time:
 * half of the time is left for others.
 */
import type { Clock } from "../../../protocol/runtime/clock.ts";
import { Fifo } from "../../../protocol/runtime/fifo.ts";

/** Small pieces of one connection in one turn after which it rests. Of pieces of a packet's size no turn brings as many. @internal */
export const MOST_PIECES_A_TURN = 2_000;
/** A turn that took longer was long for other reasons. @internal */
export const MOST_REST_MS = 100;

/** What brings pieces: from `rest` until `goOn` nothing more is read of it. */
export interface PiecesConnection {
  rest(): void;
  goOn(): void;
}

/** Connections that rest, of all listeners: what they take turns at is the one event loop. */
export class SmallPieceTurns {
  readonly clock: Clock;
  readonly #resting = new Fifo<{ readonly ms: number; goOn(): void }>();
  #running = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Runs `goOn` after `ms`, and not together with others. */
  rest(ms: number, goOn: () => void): void {
    this.#resting.push({ ms, goOn });
    if (!this.#running) this.#next();
  }

  #next(): void {
    const next = this.#resting.first;
    this.#running = next !== undefined;
    if (next === undefined) return;
    this.clock.after(Math.min(Math.ceil(next.ms), MOST_REST_MS), () => {
      this.#resting.shift();
      next.goOn();
      this.#next();
    });
  }
}

interface Turns extends Pick<SmallPieceTurns, "rest"> {
  readonly clock: Pick<Clock, "now">;
}

/** The turns of one connection. */
export class PieceTurns {
  readonly #turns: Turns;
  readonly #connection: PiecesConnection;
  /** Of this turn. */
  #pieces = 0;
  #since = 0;

  constructor(turns: Turns, connection: PiecesConnection) {
    this.#turns = turns;
    this.#connection = connection;
  }

  /** A small piece has come. */
  came(): void {
    this.#pieces += 1;
    if (this.#pieces === 1) {
      this.#since = this.#turns.clock.now();
      setImmediate(() => this.#nextTurn());
    } else if (this.#pieces === MOST_PIECES_A_TURN) this.#connection.rest();
  }

  #nextTurn(): void {
    const rests = this.#pieces >= MOST_PIECES_A_TURN;
    this.#pieces = 0;
    if (rests) this.#turns.rest(this.#turns.clock.now() - this.#since, () => this.#connection.goOn());
  }
}
