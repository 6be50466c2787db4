/**
 * The pieces of one body as node's parsers give them, an event for each chunk or frame, however small. From the first few on, small
 * ones are merged before node's streams see them, and handed on at the end of a turn of the event loop.
 */
import type { Readable } from "node:stream";
import { isSmall, MERGED_BYTES } from "../../../protocol/runtime/piece-merger.ts";
import type { PieceTurns } from "./small-piece-turns.ts";

/** So many pieces of a body go on as they are: most bodies have no more, and nothing is to wait without need. @internal */
export const UNMERGED_PIECES = 16;

type Push = (piece: Buffer) => boolean;
const NOTHING = Buffer.alloc(0);

export class SmallPieces {
  readonly #stream: Readable;
  readonly #push: Push;
  readonly #turns: PieceTurns;
  #unmerged = 0;
  /** What is held: from `#from` to `#to`. */
  #room = NOTHING;
  #from = 0;
  #to = 0;
  /** It goes on at the end of this turn. */
  #scheduled = false;

  /** `push`: of the stream itself. */
  constructor(stream: Readable, push: Push, turns: PieceTurns) {
    this.#stream = stream;
    this.#push = push;
    this.#turns = turns;
  }

  /** What comes next of the body; as `push` of the stream. */
  push(piece: Buffer): boolean {
    if (!isSmall(piece) || this.#unmerged < UNMERGED_PIECES) {
      this.#unmerged += 1;
      this.flush();
      return this.#push(piece);
    }
    this.#turns.came();
    this.#hold(piece);
    const { readableLength, readableHighWaterMark } = this.#stream;
    return readableLength < readableHighWaterMark;
  }

  /** What is held goes on. */
  flush(): void {
    if (this.#from === this.#to) return;
    const held = this.#room.subarray(this.#from, this.#to);
    this.#from = this.#to;
    if (!this.#stream.destroyed) this.#push(held);
  }

  #hold(piece: Buffer): void {
    if (this.#to + piece.length > this.#room.length) {
      this.flush();
      this.#room = Buffer.allocUnsafe(MERGED_BYTES);
      this.#from = this.#to = 0;
    }
    if (this.#from === this.#to && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    if (piece.length === 1) this.#room[this.#to] = piece[0] ?? 0;
    else this.#room.set(piece, this.#to);
    this.#to += piece.length;
  }
}

/** Puts this in the place of what the parser calls on a stream that node made. */
export const mergeSmallPieces = (stream: Readable, turns: PieceTurns): void => {
  const push = stream.push.bind(stream);
  const pieces = new SmallPieces(stream, push, turns);
  stream.push = (piece: Buffer | null): boolean => {
    if (piece !== null) return pieces.push(piece);
    pieces.flush();
    return push(null);
  };
};
