/**
 * The plain bytes of an answer that the edge has not verified yet, kept so that one mismatch can end in plain bytes on the same
 * stream, without a second request to the web server. Its holder has taken the memory for it from the budget, outside the
 * version store. SPEC section "Verification".
 */
import { createHash, type Hash } from "node:crypto";

/** What of an answer is not verified. */
export interface Unverified {
  /** Over all plain bytes before these. */
  readonly hash: Hash;
  readonly pieces: readonly Buffer[];
}

export class RetainedAnswer {
  /** Undefined once everything was given up. */
  #pieces: Buffer[] | undefined;
  /** SHA-256 of what is not retained any more; undefined while that is nothing: most answers are let go as a whole. */
  #hash: Hash | undefined;
  /** Offsets in the body of the first retained byte, and after the last. */
  #from = 0;
  #to: number;

  /** Undefined: nothing is ever retained of it. */
  constructor(pieces: readonly Buffer[] | undefined) {
    this.#pieces = pieces && [...pieces];
    this.#to = pieces?.reduce((bytes, piece) => bytes + piece.length, 0) ?? 0;
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
    if (this.#pieces === undefined) this.#from = this.#to;
    else this.#pieces.push(piece);
  }

  /** The bytes before `offset` are verified. */
  releaseTo(offset: number): void {
    const pieces = this.#pieces ?? [];
    for (
      let piece = pieces[0];
      piece !== undefined && this.#from + piece.length <= offset;
      piece = pieces[0]
    ) {
      pieces.shift();
      this.#hash ??= createHash("sha256");
      this.#hash.update(piece);
      this.#from += piece.length;
    }
  }

  /** Gives everything up: no mismatch can be mended any more. False where that was done before. */
  release(): boolean {
    if (this.#pieces === undefined) return false;
    this.#pieces = undefined;
    this.#from = this.#to;
    return true;
  }

  /** Everything from `offset` on; undefined if some of it is gone, or never was. */
  after(offset: number): Unverified | undefined {
    if (this.#pieces === undefined || offset < this.#from || offset > this.#to) return undefined;
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
