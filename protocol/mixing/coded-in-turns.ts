/**
 * A page that is coded in turns of the event loop, and leaves meanwhile, as nothing changes any more what is written
 * once. An origin side does one at a time. SPEC section "Mixed".
 */
import { AsyncQueue } from "../runtime/async-queue.ts";
import { SLICE_BYTES } from "./long-pages.ts";
import { Mixer } from "./mixer.ts";
import { OneAfterTheOther, type Slices } from "./turns.ts";

/** What a page is worth by what it has of its own: nothing, all of it once it is coded, or its pieces meanwhile. */
export type Worth = "nothing" | "whole" | "pieces";

/** A first slice that takes more is hardly text: whether the page gains anything is known when all of it is coded. */
const MOST_FIRST_BYTES = (SLICE_BYTES * 3) / 4;

/** Of a piece, but for the last: each takes some 30 bytes of the link for itself. @internal */
export const LEAST_PIECE_BYTES = 4096;

const NOTHING = Buffer.alloc(0);

/** @internal */
export const LONG_CODING = new OneAfterTheOther(() => Mixer.another());

/** A coded page of which the first bytes are here, and the others come while it is coded. Its pieces are taken once, in order. */
export class CodedPieces {
  readonly #queue = new AsyncQueue<Buffer>();
  readonly #isCoded = Promise.withResolvers<void>();
  /** To be taken with the first piece. */
  #before = NOTHING;
  #bytes = 0;
  #isGivenUp = false;

  constructor() {
    // Heard by who takes the pieces.
    this.#isCoded.promise.catch(() => undefined);
  }

  /** Of the mixing coder's, so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when all of it is coded, whether it was taken or not; rejects where it cannot be. */
  get isCoded(): Promise<void> {
    return this.#isCoded.promise;
  }

  /** The same behind these bytes; before any piece is taken. */
  behind(first: Uint8Array): this {
    this.#before = Buffer.concat([first, this.#before]);
    return this;
  }

  /** The next piece; undefined behind the last. Rejects where it cannot be made. */
  async next(): Promise<Buffer | undefined> {
    const piece = await this.#queue.next();
    if (piece.length === 0) return undefined;
    if (this.#before.length === 0) return piece;
    const first = Buffer.concat([this.#before, piece]);
    this.#before = NOTHING;
    return first;
  }

  async all(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Nobody takes the others. Resolves when another page may be coded. */
  giveUp(): Promise<void> {
    this.#isGivenUp = true;
    return this.isCoded.catch(() => undefined);
  }

  // From here on: called by who codes it.

  throwIfGivenUp(): void {
    if (this.#isGivenUp) throw new Error("nobody takes this page any more");
  }

  leave(piece: Buffer): void {
    if (piece.length > 0) this.#queue.push(piece);
    this.#bytes += piece.length;
  }

  /**
   * All of it, or nothing where that is more than anybody reads: 256 KiB of which each bit is the one that is less
   * likely take hardly more than that, and there is room for twice as much.
   */
  finish(coded: Buffer | undefined): void {
    if (coded === undefined) return this.fail(new Error("a page that is larger, coded, than anybody reads"));
    this.leave(coded.subarray(this.#bytes));
    this.#queue.push(NOTHING);
    this.#isCoded.resolve();
  }

  fail(error: unknown): void {
    this.#queue.fail(error);
    this.#isCoded.reject(error);
  }
}

/**
 * All of it, or its pieces where it takes more than one slice and they `mayLeave`, which is asked after each; undefined
 * as what `work` makes, and while another page is coded.
 */
export const codedInTurns = (
  work: (mixer: Mixer) => Slices<Buffer | undefined>,
  mayLeave: () => boolean,
): Promise<Buffer | CodedPieces | undefined> => {
  if (LONG_CODING.isBusy) return Promise.resolve(undefined);
  const pieces = new CodedPieces();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | CodedPieces | undefined>();
  const all = LONG_CODING.do(
    function* (mixer) {
      let isText: boolean | undefined;
      for (const slices = work(mixer); ; yield "turn") {
        const { done, value } = slices.next();
        if (done === true) return value;
        if (!mayLeave()) continue;
        const written = mixer.writtenAfter(pieces.bytes);
        isText ??= written.length <= MOST_FIRST_BYTES;
        if (!isText || written.length < LEAST_PIECE_BYTES) continue;
        pieces.leave(written);
        resolve(pieces);
      }
    },
    () => pieces.throwIfGivenUp(),
  );
  all.then(
    (coded) => (pieces.bytes > 0 ? pieces.finish(coded) : resolve(coded)),
    (error: unknown) => (pieces.bytes > 0 ? pieces.fail(error) : reject(error)),
  );
  return promise;
};

/** For who cannot use pieces. */
export const whole = async <Coded extends Buffer | undefined>(
  coded: Coded | CodedPieces,
): Promise<Coded | Buffer> => (coded instanceof CodedPieces ? coded.all() : coded);
