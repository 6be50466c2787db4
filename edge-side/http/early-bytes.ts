/**
 * What a visitor sends before anybody reads it, in one piece that grows: a list of one-byte pieces costs a hundred times the bytes,
 * and joining it anew for each of them costs their square.
 */
const NOTHING = Buffer.alloc(0);
const FIRST_BYTES = 1024;

export class EarlyBytes {
  #room = NOTHING;
  #length = 0;

  /** Bytes that came. */
  get length(): number {
    return this.#length;
  }

  /** What comes next; it is copied. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(2 * this.#room.length, length, FIRST_BYTES));
      room.set(this.all());
      this.#room = room;
    }
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  /** All that came so far, not copied: what comes later changes none of it. */
  all(): Buffer {
    return this.#room.subarray(0, this.#length);
  }
}
