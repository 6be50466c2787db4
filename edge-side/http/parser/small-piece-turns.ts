/**
 * Bodies in very small pieces take their turns: node's parser calls once for each chunk, and its socket hands on up to two megabytes
 * in one turn of the event loop, so that such a body alone would hold everybody else up for a third of a second. A connection whose
 * body came in many pieces within a turn is read no further until others have had some turns; one of them goes on at a time.
 */
import { Fifo } from "../../../protocol/runtime/fifo.ts";

/** Pieces of one body in one turn after which its connection rests. Of pieces of a packet's size no turn brings as many. @internal */
export const MOST_PIECES_A_TURN = 2_000;
/** Turns for others before the next one goes on: as many as a page takes on its way through. */
const TURNS_BETWEEN = 4;

/** Connections that rest, of all listeners. */
export class SmallPieceTurns {
  readonly #resting = new Fifo<() => void>();
  #running = false;

  /** Runs `goOn` after some turns, and not together with others. */
  rest(goOn: () => void): void {
    this.#resting.push(goOn);
    if (this.#running) return;
    this.#running = true;
    this.#wait(TURNS_BETWEEN);
  }

  #wait(turns: number): void {
    setImmediate(() => {
      if (turns > 1) return this.#wait(turns - 1);
      this.#resting.shift()?.();
      if (this.#resting.length > 0) return this.#wait(TURNS_BETWEEN);
      this.#running = false;
    });
  }
}
