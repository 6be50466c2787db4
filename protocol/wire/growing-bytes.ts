/**
 * Bytes that come in pieces, in one piece that grows: a list of one-byte pieces costs a hundred times the bytes, and joining it anew
 * for each of them costs their square.
 */
const FIRST_BYTES = 1024;

export class GrowingBytes {
  #room = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  /** Bytes that came and were not dropped. */
  get length(): number {
    return this.#to - this.#from;
  }

  /** What comes next; it is copied. */
  add(piece: Uint8Array): void {
    if (this.#to + piece.length > this.#room.length) {
      const held = this.all();
      const room = Buffer.allocUnsafeSlow(Math.max(2 * held.length, held.length + piece.length, FIRST_BYTES));
      room.set(held);
      this.#room = room;
      this.#from = 0;
      this.#to = held.length;
    }
    this.#room.set(piece, this.#to);
    this.#to += piece.length;
  }

  /** The first `bytes` are done with; so many there must be. */
  drop(bytes: number): void {
    this.#from += bytes;
  }

  /** All that is there, not copied: what comes later changes none of it. */
  all(): Buffer {
    return this.#room.subarray(this.#from, this.#to);
  }
}
