/**
 * The pieces of a body between events and a story, with what else belongs to it, such as its end. Small pieces that wait are
 * merged, and one turn of the event loop wakes the consumer for them once: node's parsers let promises run between two chunks, so
 * that a body of one-byte chunks would otherwise be a story for each of its bytes.
 */
import { AsyncQueue } from "./async-queue.ts";
import { PIECE_BYTES, PieceMerger, SMALL_PIECE_BYTES } from "./piece-merger.ts";

export class PieceQueue<Piece extends Uint8Array, Other> extends AsyncQueue<Piece | Other> {
  #merger: PieceMerger | undefined;
  /** Bytes that wait, and what their pieces cost beside them. Written here alone. */
  costBytes = 0;
  /** The consumer has been woken for a small piece in this turn. */
  #woken = false;

  override push(next: Piece | Other): void {
    if (!(next instanceof Uint8Array)) return super.push(next);
    const last = this.last;
    const merged = last instanceof Uint8Array ? this.#merged(last, next) : undefined;
    this.costBytes += merged === undefined ? next.length + PIECE_BYTES : next.length;
    // A Buffer is what all pieces here are, whatever narrower type they came as.
    if (merged !== undefined) this.replaceLast(merged as Uint8Array as Piece);
    else this.add(next);
    if (next.length > SMALL_PIECE_BYTES) return this.wake();
    if (this.#woken) return;
    this.#woken = true;
    this.wake();
    setImmediate(() => {
      this.#woken = false;
      if (this.length > 0) this.wake();
    });
  }

  #merged(last: Uint8Array, next: Uint8Array): Buffer | undefined {
    this.#merger ??= new PieceMerger();
    return this.#merger.merged(last, next);
  }

  override take(): Piece | Other | undefined {
    const next = super.take();
    if (next instanceof Uint8Array) this.costBytes -= next.length + PIECE_BYTES;
    return next;
  }
}
