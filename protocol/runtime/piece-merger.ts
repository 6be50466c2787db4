/**
 * Bodies come in pieces of whatever size their sender chose, and a piece costs the same however small it is. Small ones that wait
 * become one here, by copying; what such a piece costs beyond its bytes is counted wherever waiting bytes are bounded.
 */

/** What a piece takes beside its bytes: a Buffer, what it is wrapped in, and its place in a queue. */
export const PIECE_BYTES = 256;
/** Larger pieces go on as they are: copying costs more than it saves. */
export const SMALL_PIECE_BYTES = 1024;
/** Small ones become one of this size at most. */
export const MERGED_BYTES = 16 * 1024;
const LEAST_ROOM_BYTES = 256;
const GROWTH = 4;

export const isSmall = (piece: Uint8Array): boolean => piece.length <= SMALL_PIECE_BYTES;

/** Of one queue. */
export class PieceMerger {
  #room: Buffer | undefined;
  /** What was made here last: the beginning of `#room`. */
  #merged: Uint8Array | undefined;

  /** What becomes of `last`, which nobody has taken, with `next` behind it; undefined: they stay two pieces. */
  merged(last: Uint8Array, next: Uint8Array): Buffer | undefined {
    const bytes = last.length + next.length;
    if (!isSmall(next) || bytes > MERGED_BYTES) return undefined;
    if (last !== this.#merged && !isSmall(last)) return undefined;
    const room = this.#roomFor(last, bytes);
    room.set(next, last.length);
    const merged = room.subarray(0, bytes);
    this.#merged = merged;
    return merged;
  }

  #roomFor(last: Uint8Array, bytes: number): Buffer {
    const here = last === this.#merged ? this.#room : undefined;
    if (here !== undefined && here.length >= bytes) return here;
    const room = Buffer.allocUnsafe(Math.min(MERGED_BYTES, Math.max(LEAST_ROOM_BYTES, bytes * GROWTH)));
    room.set(last);
    this.#room = room;
    return room;
  }
}
