/**
 * A body that streams: decoded as it comes, held back until the running proof of its segment fits, then let go. After a
 * doubt it goes on with plain bytes from the last proved one. SPEC section "Proof".
 */
import { createHash, type Hash } from "node:crypto";
import { DeltaError, type StreamDecoder } from "../../protocol/codec/codec.ts";
import { codecById } from "../../protocol/codec/codecs.ts";
import { StreamError } from "../../protocol/errors.ts";
import { RUNNING_PROOF_BYTES } from "../../protocol/frames/frame.ts";
import type { Fingerprint } from "../../protocol/store/fingerprint.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import type { BodyEnd, BodyFrame, CodedFrames } from "../exchange/answer-frames.ts";
import type { OutgoingExchange } from "../exchange/outgoing-exchange.ts";
import type { RebuildGiven } from "./decode-context.ts";

/** Most plain bytes held back for one proof; a peer that exceeds it gets its stream reset. @internal */
export const MOST_HELD_BYTES = 4 * 1024 * 1024;
/** A streamed delta is reported proved this often, so that the origin side can let go of what it pinned. @internal */
export const PROVED_EVERY_BYTES = 256 * 1024;

export interface StreamCoding {
  /** Undefined: the answer names bases that are not the ones offered. */
  readonly bases: readonly Version[] | undefined;
  readonly codec: number;
  /** A doubt can be answered: the origin side has pinned the body. */
  readonly pinned: boolean;
}

/** `coding` undefined: plain bytes from 0 on were asked for already. */
export async function* provedSegments(
  frames: CodedFrames,
  exchange: OutgoingExchange,
  given: RebuildGiven,
  coding: StreamCoding | undefined,
): AsyncGenerator<Buffer, BodyEnd> {
  const body = new SegmentedBody(exchange, given, coding);
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
  readonly #exchange: OutgoingExchange;
  readonly #given: RebuildGiven;
  readonly #pinned: boolean;
  readonly #bases: readonly Version[];
  /** Undefined while waiting for the plain bytes that were asked for. */
  #decoder: StreamDecoder | undefined;
  /** SHA-256 of all that was decoded, and of all that is proved. */
  #hash: Hash = createHash("sha256");
  #provedHash: Hash = createHash("sha256");
  #held: Buffer[] = [];
  #heldBytes = 0;
  #provedBytes = 0;
  #reportedBytes = 0;
  #doubted = false;
  #kept: Buffer[] | undefined = [];

  constructor(exchange: OutgoingExchange, given: RebuildGiven, coding: StreamCoding | undefined) {
    this.#exchange = exchange;
    this.#given = given;
    this.#pinned = coding?.pinned ?? true;
    this.#bases = coding?.bases ?? [];
    if (coding === undefined) this.#doubted = true;
    else if (coding.bases === undefined) this.#doubt();
    else this.#decoder = this.#newDecoder(coding.codec, coding.bases);
  }

  /** Takes a frame; gives what it proved. */
  async frame(frame: BodyFrame): Promise<readonly Buffer[]> {
    if (frame.kind === "resume") return this.#resume(frame);
    if (this.#decoder === undefined) return NONE; // of the coding that was doubted
    try {
      if (frame.kind === "data") return await this.#decode(this.#decoder, frame.bytes);
      return this.#prove(frame.proof) ? this.#release() : this.#doubt();
    } catch (error) {
      if (error instanceof DeltaError) return this.#doubt();
      throw error;
    }
  }

  /** The end frame has come; false when more follows, because the end was doubted or belongs to the doubted coding. */
  async end(): Promise<boolean> {
    if (this.#decoder === undefined) return false;
    if (this.#heldBytes > 0 || !(await this.#completes(this.#decoder))) {
      this.#doubt();
      return false;
    }
    if (this.#kept !== undefined)
      this.#given.remember(
        Buffer.concat(this.#kept),
        this.#provedHash.digest().toString("latin1") as Fingerprint,
      );
    if (this.#pinned) this.#exchange.proved(this.#provedBytes, true);
    return true;
  }

  destroy(): void {
    this.#decoder?.destroy();
  }

  async #decode(decoder: StreamDecoder, coded: Buffer): Promise<readonly Buffer[]> {
    const startedAt = this.#given.clock.now();
    const plain = await decoder.write(coded);
    this.#given.decoded(this.#given.clock.now() - startedAt);
    if (plain.length === 0) return NONE;
    this.#hash.update(plain);
    this.#held.push(plain);
    this.#heldBytes += plain.length;
    return NONE;
  }

  #prove(proof: string): boolean {
    return this.#hash.copy().digest().toString("latin1", 0, RUNNING_PROOF_BYTES) === proof;
  }

  #release(): readonly Buffer[] {
    const proved = this.#held;
    this.#provedHash = this.#hash.copy();
    this.#provedBytes += this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
    for (const piece of proved) this.#keep(piece);
    if (this.#pinned && this.#provedBytes - this.#reportedBytes >= PROVED_EVERY_BYTES) {
      this.#reportedBytes = this.#provedBytes;
      this.#exchange.proved(this.#provedBytes, false);
    }
    return proved;
  }

  /** Gathers the page for the version store, as long as it is small enough and there is memory. */
  #keep(piece: Buffer): void {
    if (this.#kept === undefined) return;
    if (this.#provedBytes <= this.#given.pageBytes && this.#given.lease.grow(piece.length)) {
      this.#kept.push(piece);
      return;
    }
    for (const kept of this.#kept) this.#given.lease.shrink(kept.length);
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

  #doubt(): readonly Buffer[] {
    if (this.#doubted || !this.#pinned)
      throw new StreamError("unproved", `the body does not prove after ${this.#provedBytes} bytes`);
    this.#doubted = true;
    this.#given.doubted(this.#bases);
    this.#decoder?.destroy();
    this.#decoder = undefined;
    this.#hash = this.#provedHash.copy();
    this.#held = [];
    this.#heldBytes = 0;
    this.#exchange.askWhole(this.#provedBytes);
    return NONE;
  }

  #resume(frame: Extract<BodyFrame, { kind: "resume" }>): readonly Buffer[] {
    if (!this.#doubted || this.#decoder !== undefined || frame.offset !== this.#provedBytes)
      throw new StreamError("internal", "a resume that was not asked for");
    if (this.#given.resumed !== undefined) this.#given.resumed(frame.tag);
    else if (frame.tag !== undefined)
      throw new StreamError("internal", "a resume with an entity tag that no head left out");
    this.#decoder = this.#newDecoder(frame.codec, []);
    return NONE;
  }

  #newDecoder(codecId: number, bases: readonly Version[]): StreamDecoder {
    const codec = codecById(codecId);
    if (codec?.streaming === undefined)
      throw new StreamError("internal", `codec ${codecId} does not stream here`);
    const body = this;
    const before = this.#provedBytes;
    // Read by the decoder as it goes: what was let go counts no more.
    const limits = {
      get pageBytes() {
        return body.#provedBytes - before + MOST_HELD_BYTES;
      },
    };
    return codec.streaming.decoder(
      bases.map(({ body }) => body),
      limits,
    );
  }
}
