/**
 * A request's body that crossed the link compressed, as the web server gets it: no byte before it is verified, and no end
 * unless all of it is. What cannot be rebuilt ends the exchange in the middle of the body. SPEC section "Request bodies".
 */
import { createHash } from "node:crypto";
import { DeltaError, type StreamDecoder } from "../../protocol/codec/codec.ts";
import { SEGMENT_BYTES } from "../../protocol/codec/segment-writer.ts";
import { zstdCodec } from "../../protocol/codec/zstd.ts";
import { requestDecoder } from "../../protocol/codec/zstd-stream.ts";
import { StreamError } from "../../protocol/errors.ts";
import { segmentDigest } from "../../protocol/frames/digests.ts";
import { MOST_STREAMED_REQUESTS, type RequestCoding } from "../../protocol/frames/request-coding.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import type { CodedBody } from "../exchange/coded-body.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";

/** Most plain bytes held back for one digest: a segment, and what its compressor may have let out before it was full. */
const MOST_HELD_BYTES = 2 * SEGMENT_BYTES;
/** Twice what an edge may have: one that ends and one that begins may cross. @internal */
export const MOST_REQUEST_DECODERS = 2 * MOST_STREAMED_REQUESTS;

/** The requests of one link that stream: each holds a decoder. */
export class RequestDecoders {
  #running = 0;

  get running(): number {
    return this.#running;
  }

  /** False: there are too many. */
  take(): boolean {
    if (this.#running >= MOST_REQUEST_DECODERS) return false;
    this.#running++;
    return true;
  }

  release(): void {
    this.#running--;
  }
}

/** A request's body, and what it holds until `close`. */
export interface HeldBody {
  readonly body: RequestBody;
  close(): void;
}

const NOTHING_HELD = () => {};

/** Undefined where there is none. Throws StreamError where there are too many. */
export const requestBodyOf = (
  exchange: IncomingExchange,
  decoders: RequestDecoders,
): HeldBody | undefined => {
  const { coding } = exchange;
  if (coding === undefined) {
    const body = exchange.body();
    return body && { body, close: NOTHING_HELD };
  }
  if (coding.kind === "buffered")
    return { body: new BufferedRequestBody(exchange.codedBody(), coding), close: NOTHING_HELD };
  if (!decoders.take()) throw new StreamError("refused", "more coded requests at once than an edge may send");
  const body = new BodyInSegments(exchange.codedBody());
  return {
    body,
    close: () => {
      body.close();
      decoders.release();
    },
  };
};

const unverified = (why: string, options?: ErrorOptions): StreamError =>
  new StreamError("mismatch", `the request's body cannot be rebuilt: ${why}`, options);

class BufferedRequestBody implements RequestBody {
  readonly #coded: CodedBody;
  readonly #coding: Extract<RequestCoding, { kind: "buffered" }>;
  #end: BodyEnd | undefined;

  constructor(coded: CodedBody, coding: Extract<RequestCoding, { kind: "buffered" }>) {
    this.#coded = coded;
    this.#coding = coding;
  }

  async next(): Promise<Uint8Array | BodyEnd> {
    if (this.#end !== undefined) return this.#end;
    const pieces: Uint8Array[] = [];
    for (let bytes = 0; ; ) {
      const next = await this.#coded.next();
      if ("digest" in next) throw unverified("a segment in a buffered body");
      if (!(next instanceof Uint8Array)) {
        this.#end = next;
        return next.how === "complete" ? this.#verified(Buffer.concat(pieces)) : next;
      }
      this.#coded.taken(next.length);
      bytes += next.length;
      if (bytes > this.#coding.size) throw unverified("it is longer coded than plain");
      pieces.push(next);
    }
  }

  /** Window went back as the coded bytes came. */
  taken(): void {}

  async #verified(coded: Buffer): Promise<Buffer> {
    const { size, result } = this.#coding;
    const body = await decoding(() => zstdCodec.decode([], coded, { pageBytes: size }));
    if (body.length !== size || !fingerprintOf(body).startsWith(result))
      throw unverified("it does not verify");
    return body;
  }
}

class BodyInSegments implements RequestBody {
  readonly #coded: CodedBody;
  readonly #decoder: StreamDecoder;
  readonly #hash = createHash("sha256");
  #held: Buffer[] = [];
  #heldBytes = 0;
  #verifiedBytes = 0;
  readonly #verified: Buffer[] = [];

  constructor(coded: CodedBody) {
    this.#coded = coded;
    const body = this;
    // Read by the decoder as it goes: what is verified counts no more.
    this.#decoder = requestDecoder({
      get pageBytes() {
        return body.#verifiedBytes + MOST_HELD_BYTES;
      },
    });
  }

  /** Asked for the next piece when the web server has taken the last one, so no more than a segment waits here. */
  async next(): Promise<Uint8Array | BodyEnd> {
    for (;;) {
      const ready = this.#verified.shift();
      if (ready !== undefined) return ready;
      const next = await this.#coded.next();
      if (next instanceof Uint8Array) await this.#decode(next);
      else if ("digest" in next) this.#verify(next.digest);
      else return next.how === "complete" ? await this.#complete(next) : next;
    }
  }

  /** Window went back as the coded bytes were decoded. */
  taken(): void {}

  close(): void {
    this.#decoder.destroy();
  }

  async #decode(coded: Uint8Array): Promise<void> {
    const plain = await decoding(() => this.#decoder.write(coded));
    this.#coded.taken(coded.length);
    if (plain.length === 0) return;
    this.#hash.update(plain);
    this.#held.push(plain);
    this.#heldBytes += plain.length;
  }

  #verify(digest: string): void {
    if (segmentDigest(this.#hash) !== digest) throw unverified("a segment does not verify");
    this.#verifiedBytes += this.#heldBytes;
    this.#verified.push(...this.#held);
    this.#held = [];
    this.#heldBytes = 0;
  }

  async #complete(end: BodyEnd): Promise<BodyEnd> {
    const left = await decoding(() => this.#decoder.end());
    if (left.length + this.#heldBytes > 0) throw unverified("it ends in bytes without a digest");
    return end;
  }
}

const decoding = async (decode: () => Promise<Buffer>): Promise<Buffer> => {
  try {
    return await decode();
  } catch (cause) {
    if (cause instanceof DeltaError) throw unverified(cause.message, { cause });
    throw cause;
  }
};
