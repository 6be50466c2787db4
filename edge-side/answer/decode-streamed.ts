/**
 * A body that streams: decoded as it comes, held back until the running digest of its segment fits, then let go. After a
 * mismatch it goes on with plain bytes from the last verified one. SPEC section "Verification".
 */
import { createHash, type Hash } from "node:crypto";
import { DeltaError, type StreamDecoder } from "../../protocol/codec/codec.ts";
import { codecById } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import { segmentDigest } from "../../protocol/frames/digests.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import type { BodyFrame, CodedFrames } from "../exchange/answer-frames.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { DecodeContext } from "./decode-context.ts";

/** Most plain bytes held back for one digest; a peer that exceeds it gets its stream reset. @internal */
export const MOST_HELD_BYTES = 4 * 1024 * 1024;
/** A streamed delta is reported verified this often, so that the origin side can let go of what it retained. @internal */
export const VERIFIED_EVERY_BYTES = 256 * 1024;

export interface StreamCoding {
  /** Undefined: the answer names bases that are not the ones offered. */
  readonly bases: readonly Version[] | undefined;
  readonly codec: number;
  /** A mismatch can be mended: the origin side has retained the body. */
  readonly retained: boolean;
}

/** `coding` undefined: plain bytes from 0 on were asked for already. */
export async function* decodeStreamed(
  frames: CodedFrames,
  exchange: Exchange,
  options: DecodeContext,
  coding: StreamCoding | undefined,
): AsyncGenerator<Buffer, BodyEnd> {
  const body = new SegmentedBody(exchange, options, coding);
  try {
    for (;;) {
      const next = await frames.next();
      if ("how" in next) {
        if (await body.end()) return next;
      } else {
        yield* await body.frame(next);
        if (next.kind === "data") exchange.taken(next.bytes.length);
      }
    }
  } finally {
    body.destroy();
  }
}

const NONE: readonly Buffer[] = [];

class SegmentedBody {
  readonly #exchange: Exchange;
  readonly #options: DecodeContext;
  readonly #retained: boolean;
  readonly #bases: readonly Version[];
  /** Undefined while waiting for the plain bytes that were asked for. */
  #decoder: StreamDecoder | undefined;
  /** SHA-256 of all that was decoded, and of all that is verified. */
  #hash: Hash = createHash("sha256");
  #verifiedHash: Hash = createHash("sha256");
  #held: Buffer[] = [];
  #heldBytes = 0;
  #verifiedBytes = 0;
  #reportedBytes = 0;
  #mismatched = false;
  #kept: Buffer[] | undefined = [];

  constructor(exchange: Exchange, options: DecodeContext, coding: StreamCoding | undefined) {
    this.#exchange = exchange;
    this.#options = options;
    this.#retained = coding?.retained ?? true;
    this.#bases = coding?.bases ?? [];
    if (coding === undefined) this.#mismatched = true;
    // An empty base is a damaged one.
    else if (!coding.bases?.every(({ body }) => body.length > 0)) this.#mismatch();
    else this.#decoder = this.#newDecoder(coding.codec, coding.bases);
  }

  /** Takes a frame; gives what it verified. */
  async frame(frame: BodyFrame): Promise<readonly Buffer[]> {
    if (frame.kind === "resume") return this.#resume(frame);
    if (this.#decoder === undefined) return NONE; // of the coding that did not verify
    try {
      if (frame.kind === "data") return await this.#decode(this.#decoder, frame.bytes);
      return segmentDigest(this.#hash) === frame.digest ? this.#release() : this.#mismatch();
    } catch (error) {
      if (error instanceof DeltaError) return this.#mismatch();
      throw error;
    }
  }

  /** The end frame has come; false when more follows, because it did not verify, or belongs to a coding that did not. */
  async end(): Promise<boolean> {
    if (this.#decoder === undefined) return false;
    if (this.#heldBytes > 0 || !(await this.#completes(this.#decoder))) {
      this.#mismatch();
      return false;
    }
    if (this.#kept !== undefined)
      this.#options.remember(
        Buffer.concat(this.#kept),
        this.#verifiedHash.digest().toString("latin1") as Fingerprint,
      );
    if (this.#retained) this.#exchange.verified(this.#verifiedBytes, true);
    return true;
  }

  destroy(): void {
    this.#decoder?.destroy();
  }

  async #decode(decoder: StreamDecoder, coded: Buffer): Promise<readonly Buffer[]> {
    const startedAt = this.#options.clock.now();
    const plain = await decoder.write(coded);
    this.#options.decoded(this.#options.clock.now() - startedAt);
    if (plain.length === 0) return NONE;
    this.#hash.update(plain);
    this.#held.push(plain);
    this.#heldBytes += plain.length;
    return NONE;
  }

  #release(): readonly Buffer[] {
    const verified = this.#held;
    this.#verifiedHash = this.#hash.copy();
    this.#verifiedBytes += this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
    for (const piece of verified) this.#keep(piece);
    if (this.#retained && this.#verifiedBytes - this.#reportedBytes >= VERIFIED_EVERY_BYTES) {
      this.#reportedBytes = this.#verifiedBytes;
      this.#exchange.verified(this.#verifiedBytes, false);
    }
    return verified;
  }

  /** Gathers the page for the version store, as long as it is small enough and there is memory. */
  #keep(piece: Buffer): void {
    if (this.#kept === undefined) return;
    if (this.#verifiedBytes <= this.#options.pageBytes && this.#options.memory.lease.grow(piece.length)) {
      this.#kept.push(piece);
      return;
    }
    for (const kept of this.#kept) this.#options.memory.lease.shrink(kept.length);
    this.#kept = undefined;
  }

  async #completes(decoder: StreamDecoder): Promise<boolean> {
    try {
      return (await decoder.end()).length === 0;
    } catch (error) {
      if (error instanceof DeltaError) return false;
      throw error;
    }
  }

  #mismatch(): readonly Buffer[] {
    if (this.#mismatched || !this.#retained)
      throw new StreamError("mismatch", `the body does not verify after ${this.#verifiedBytes} bytes`);
    this.#mismatched = true;
    this.#options.onMismatch(this.#bases);
    this.#decoder?.destroy();
    this.#decoder = undefined;
    this.#hash = this.#verifiedHash.copy();
    this.#held = [];
    this.#heldBytes = 0;
    this.#exchange.askWhole(this.#verifiedBytes);
    return NONE;
  }

  #resume(frame: Extract<BodyFrame, { kind: "resume" }>): readonly Buffer[] {
    if (!this.#mismatched || this.#decoder !== undefined || frame.offset !== this.#verifiedBytes)
      throw new StreamError("internal", "a resume that was not asked for");
    this.#options.resumed(frame.tag);
    this.#decoder = this.#newDecoder(frame.codec, []);
    return NONE;
  }

  #newDecoder(codecId: number, bases: readonly Version[]): StreamDecoder {
    const codec = codecById(codecId);
    if (codec?.streaming === undefined)
      throw new StreamError("internal", `codec ${codecId} does not stream here`);
    const body = this;
    const before = this.#verifiedBytes;
    // Read by the decoder as it goes: what was let go counts no more.
    const limits = {
      get pageBytes() {
        return body.#verifiedBytes - before + MOST_HELD_BYTES;
      },
    };
    return codec.streaming.decoder(
      bases.map(({ body }) => body),
      limits,
    );
  }
}
