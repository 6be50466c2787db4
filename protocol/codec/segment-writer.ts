/**
 * A body on its way out in coded segments: each flush of the encoder ends one, and carries the running digest of all plain
 * bytes so far, so that the other side releases nothing it has not verified. Answers and requests alike. SPEC section "Verification".
 */
import { createHash, type Hash } from "node:crypto";
import { segmentDigest } from "../frames/digests.ts";
import type { StreamEncoder } from "./codec.ts";

/** A segment is ended after this many plain bytes even if its source never pauses, or the receiver would hold them all. */
export const SEGMENT_BYTES = 128 * 1024;

/** The half of an exchange that the body leaves by. */
export interface SegmentSink {
  /** Undefined, or resolves, when there is room for more. */
  data(coded: Buffer): Promise<void> | undefined;
  segment(digest: string): void;
}

export class SegmentedBody {
  readonly #exchange: SegmentSink;
  #hash: Hash;
  #encoder: StreamEncoder;
  #unverified = 0;

  /** `hash`: over all plain bytes that stand before what will be written. */
  constructor(exchange: SegmentSink, encoder: StreamEncoder, hash = createHash("sha256")) {
    this.#exchange = exchange;
    this.#encoder = encoder;
    this.#hash = hash;
  }

  async write(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length; at += SEGMENT_BYTES) {
      const part = piece.subarray(at, at + SEGMENT_BYTES);
      this.#hash.update(part);
      this.#unverified += part.length;
      await this.#send(await this.#encoder.write(part));
      if (this.#unverified >= SEGMENT_BYTES) await this.mark();
    }
  }

  /** Ends the segment: the receiver gets everything that was written so far. False if that was nothing. */
  async mark(): Promise<boolean> {
    if (this.#unverified === 0) return false;
    await this.#send(await this.#encoder.flush());
    this.#segment();
    return true;
  }

  async finish(): Promise<void> {
    await this.#send(await this.#encoder.end());
    if (this.#unverified > 0) this.#segment();
  }

  /** Goes on with another encoder, and sends again what is not verified. */
  async startOver(
    encoder: StreamEncoder,
    { hash, pieces }: { readonly hash: Hash; readonly pieces: readonly Buffer[] },
  ): Promise<void> {
    this.#encoder.destroy();
    this.#encoder = encoder;
    this.#hash = hash;
    this.#unverified = 0;
    for (const piece of pieces) await this.write(piece);
    await this.mark();
  }

  destroy(): void {
    this.#encoder.destroy();
  }

  async #send(coded: Buffer): Promise<void> {
    if (coded.length > 0) await this.#exchange.data(coded);
  }

  #segment(): void {
    this.#exchange.segment(segmentDigest(this.#hash));
    this.#unverified = 0;
  }
}
