/**
 * The plain bytes of an answer that the edge has not proved yet, kept so that one doubt can end in plain bytes on the same
 * stream, without a second request to the web server. Its holder has taken the memory for it from the budget, outside the
 * version store, and hears when it is let go. SPEC section "Proof".
 */
import { createHash, type Hash } from "node:crypto";

/** What of an answer is not proved. */
export interface Unproved {
  /** Over all plain bytes before these. */
  readonly hash: Hash;
  readonly pieces: readonly Buffer[];
}

export class PinnedAnswer {
  readonly #pieces: Buffer[];
  readonly #released: () => void;
  /** SHA-256 of what is not pinned any more; undefined while that is nothing: most answers are let go as a whole. */
  #hash: Hash | undefined;
  /** Offsets in the body of the first pinned byte, and after the last. */
  #from = 0;
  #to: number;
  #gone = false;

  /** `released` is called once, when everything was given up. */
  constructor(pieces: readonly Buffer[], released: () => void = () => {}) {
    this.#pieces = [...pieces];
    this.#to = pieces.reduce((bytes, piece) => bytes + piece.length, 0);
    this.#released = released;
  }

  get bytes(): number {
    return this.#to - this.#from;
  }

  /** The body's length so far. */
  get to(): number {
    return this.#to;
  }

  hold(piece: Buffer): void {
    this.#to += piece.length;
    if (this.#gone) this.#from = this.#to;
    else this.#pieces.push(piece);
  }

  /** The bytes before `offset` are proved. */
  releaseTo(offset: number): void {
    for (
      let piece = this.#pieces[0];
      piece !== undefined && this.#from + piece.length <= offset;
      piece = this.#pieces[0]
    ) {
      this.#pieces.shift();
      this.#hash ??= createHash("sha256");
      this.#hash.update(piece);
      this.#from += piece.length;
    }
  }

  /** Gives everything up: no doubt can be answered any more. */
  release(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#pieces.length = 0;
    this.#from = this.#to;
    this.#released();
  }

  /** Everything from `offset` on; undefined if some of it is gone, or never was. */
  after(offset: number): Unproved | undefined {
    if (this.#gone || offset < this.#from || offset > this.#to) return undefined;
    const hash = this.#hash?.copy() ?? createHash("sha256");
    const pieces: Buffer[] = [];
    let skip = offset - this.#from;
    for (const piece of this.#pieces) {
      if (skip > 0) hash.update(piece.subarray(0, skip));
      if (skip < piece.length) pieces.push(piece.subarray(skip));
      skip = Math.max(0, skip - piece.length);
    }
    return { hash, pieces };
  }
}
