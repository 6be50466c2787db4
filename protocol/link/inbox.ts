/**
 * The frames of one stream that wait for whoever reads them. Window bounds the bytes of bodies; what frames take beside those is
 * charged to the memory share of the key, but for the first few, and a piece keeps no message alive that is much larger than itself. SPEC
 * section "Memory".
 */
import type { Lease } from "../runtime/memory-budget.ts";
import { PIECE_BYTES } from "../runtime/piece-merger.ts";
import { PieceQueue } from "../runtime/piece-queue.ts";
import { ownBuffer } from "../store/compact-buffer.ts";

/** Frames that wait without being charged: of a first window in messages of ordinary size no more do. @internal */
export const FREE_FRAMES = 64;
/** A piece that is a smaller part of its buffer than this is copied while it waits behind others. */
const LEAST_PART = 1 / 2;

export class Inbox<Piece extends Uint8Array, Other> extends PieceQueue<Piece, Other> {
  readonly #newLease: () => Lease;
  #lease: Lease | undefined;
  #charged = 0;

  /** `newLease`: of the memory share of the key. */
  constructor(newLease: () => Lease) {
    super();
    this.#newLease = newLease;
  }

  /** Queues a frame, or a piece of a body; false where the share has no room for what it takes: the stream must end. */
  accept(next: Piece | Other): boolean {
    const copied = this.length > 0 && next instanceof Uint8Array && isSmallPart(next);
    // A Buffer is what all pieces here are, whatever narrower type they came as.
    this.push(copied ? (ownBuffer(next as Uint8Array as Buffer) as Uint8Array as Piece) : next);
    if (this.length <= FREE_FRAMES + this.#charged) return true;
    this.#lease ??= this.#newLease();
    if (!this.#lease.grow(PIECE_BYTES)) return false;
    this.#charged += 1;
    return true;
  }

  override take(): Piece | Other | undefined {
    const next = super.take();
    if (this.#charged > 0 && this.length < FREE_FRAMES + this.#charged) {
      this.#charged -= 1;
      this.#lease?.shrink(PIECE_BYTES);
    }
    return next;
  }

  /** Nobody is bound to take what waits from here on. */
  override fail(error: unknown): void {
    super.fail(error);
    this.#charged = 0;
    this.#lease?.release();
  }
}

const isSmallPart = (piece: Uint8Array): boolean => piece.length < piece.buffer.byteLength * LEAST_PART;
