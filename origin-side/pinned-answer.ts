/**
 * The plain bytes of an answer that the edge has not proved yet, kept so that any doubt can end in plain bytes on the same
 * stream, without a second request to the web server. Its holder has taken the memory for it from the budget, outside the
 * version store. SPEC section "Proof".
 */
export class PinnedAnswer {
  readonly #pieces: Buffer[];
  /** Offsets in the body of the first pinned byte, and after the last. */
  #from = 0;
  #to: number;
  #given = false;

  constructor(pieces: readonly Buffer[]) {
    this.#pieces = [...pieces];
    this.#to = pieces.reduce((bytes, piece) => bytes + piece.length, 0);
  }

  get bytes(): number {
    return this.#to - this.#from;
  }

  /** The body's length so far. */
  get to(): number {
    return this.#to;
  }

  hold(piece: Buffer): void {
    if (!this.#given) this.#pieces.push(piece);
    this.#to += piece.length;
  }

  /** The bytes before `offset` are proved. */
  releaseTo(offset: number): void {
    for (
      let piece = this.#pieces[0];
      piece !== undefined && this.#from + piece.length <= offset;
      piece = this.#pieces[0]
    ) {
      this.#pieces.shift();
      this.#from += piece.length;
    }
  }

  /** Gives everything up: no doubt can be answered any more. */
  release(): void {
    this.#given = true;
    this.#pieces.length = 0;
    this.#from = this.#to;
  }

  /** Everything from `offset` on; undefined if some of it is gone, or never was. */
  after(offset: number): Buffer[] | undefined {
    if (this.#given || offset < this.#from || offset > this.#to) return undefined;
    let skip = offset - this.#from;
    const pieces: Buffer[] = [];
    for (const piece of this.#pieces) {
      if (skip < piece.length) pieces.push(piece.subarray(skip));
      skip = Math.max(0, skip - piece.length);
    }
    return pieces;
  }
}
