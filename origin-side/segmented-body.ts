/**
 * A body on its way out in coded segments: each flush of the encoder ends one, and carries the running proof of all plain
 * bytes so far, so that the edge releases nothing it has not proved. SPEC section "Proof".
 */
import { createHash, type Hash } from "node:crypto";
import type { StreamEncoder } from "../protocol/delta/codec.ts";
import { RUNNING_PROOF_BYTES } from "../protocol/wire/frame.ts";
import type { IncomingExchange } from "./incoming-exchange.ts";

/** A segment is ended after this many plain bytes even if the origin never pauses, or the edge would hold them all. */
export const SEGMENT_BYTES = 128 * 1024;

export class SegmentedBody {
  readonly #exchange: IncomingExchange;
  readonly #hash: Hash;
  #encoder: StreamEncoder;
  #unproved = 0;

  /** `hashed`: plain bytes that stand before what will be written; none of them is sent. */
  constructor(exchange: IncomingExchange, encoder: StreamEncoder, hashed: readonly Buffer[] = []) {
    this.#exchange = exchange;
    this.#encoder = encoder;
    this.#hash = createHash("sha256");
    for (const piece of hashed) this.#hash.update(piece);
  }

  async write(piece: Buffer): Promise<void> {
    this.#hash.update(piece);
    await this.#code(piece);
    if (this.#unproved >= SEGMENT_BYTES) await this.mark();
  }

  /** Ends the segment: the edge gets everything that was written so far. */
  async mark(): Promise<void> {
    if (this.#unproved === 0) return;
    await this.#send(await this.#encoder.flush());
    this.#segment();
  }

  async finish(): Promise<void> {
    await this.#send(await this.#encoder.end());
    if (this.#unproved > 0) this.#segment();
  }

  /** Goes on with another encoder, and sends `pieces` again, which were written before. */
  async startOver(encoder: StreamEncoder, pieces: readonly Buffer[]): Promise<void> {
    this.#encoder.destroy();
    this.#encoder = encoder;
    this.#unproved = 0;
    for (const piece of pieces) await this.#code(piece);
    await this.mark();
  }

  destroy(): void {
    this.#encoder.destroy();
  }

  async #code(piece: Buffer): Promise<void> {
    this.#unproved += piece.length;
    await this.#send(await this.#encoder.write(piece));
  }

  async #send(coded: Buffer): Promise<void> {
    if (coded.length > 0) await this.#exchange.data(coded);
  }

  #segment(): void {
    this.#exchange.segment(this.#hash.copy().digest().toString("latin1", 0, RUNNING_PROOF_BYTES));
    this.#unproved = 0;
  }
}
