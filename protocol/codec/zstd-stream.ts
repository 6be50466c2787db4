/**
 * zstd piece by piece, for pages that come slowly: one context per page, window and dictionary at most 1 MiB each. What
 * `flush` returned decodes at once to all that was written. Node's zlib streams do the work; here each call is matched
 * with its output, the decoder is bounded, and the end of the frame is seen (zstd-frame). SPEC section "Streaming".
 */
import type { Transform } from "node:stream";
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  type ZstdCompress,
  type ZstdOptions,
} from "node:zlib";
import { type DecodeLimits, DeltaError, type StreamDecoder, type StreamEncoder } from "./codec.ts";
import { streamDictionaryOf } from "./dictionary.ts";
import { FrameWalk, ZSTD_MAGIC } from "./zstd-frame.ts";
import { REQUEST_WINDOW_LOG, requestParams, STREAM_WINDOW_LOG, streamParams } from "./zstd-params.ts";

/**
 * A zlib stream, one call at a time. Read by hand: zlib works on only while its output is taken, so what is held stays
 * small, and a bound on the output is met within one chunk.
 */
class Coder<Z extends Transform> {
  readonly #zlib: Z;
  readonly #limits: DecodeLimits;
  readonly #waiting = new Set<(reason: DeltaError) => void>();
  #parts: Buffer[] = [];
  #totalBytes = 0;
  #ending = false;
  #failure: DeltaError | undefined;

  constructor(zlib: Z, limits: DecodeLimits) {
    this.#zlib = zlib;
    this.#limits = limits;
    zlib.on("readable", () => this.#take());
    zlib.on("error", (cause) => this.fail(new DeltaError("zstd cannot go on with this stream", { cause })));
    // zlib ends by itself only on bytes that it will not take, and then never calls back.
    zlib.on("end", () => {
      if (!this.#ending) this.fail(new DeltaError("the frame ended early"));
    });
  }

  write(piece: Uint8Array): Promise<Buffer> {
    return this.run((zlib, done) => zlib.write(piece, done));
  }

  end(): Promise<Buffer> {
    return this.run((zlib, done) => {
      this.#ending = true;
      zlib.once("end", done).end();
    });
  }

  /** What comes out from `step` until it calls `done`. */
  run(step: (zlib: Z, done: (error?: Error | null) => void) => void): Promise<Buffer> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ending) return Promise.reject(new DeltaError("the stream has ended"));
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#waiting.add(reject);
    step(this.#zlib, (error) => {
      if (error) return; // the error event says it, with its cause
      this.#take();
      if (this.#failure) return;
      this.#waiting.delete(reject);
      resolve(Buffer.concat(this.#parts));
      this.#parts = [];
    });
    return promise;
  }

  #take(): void {
    for (let part = this.#zlib.read(); part !== null && !this.#failure; part = this.#zlib.read()) {
      this.#totalBytes += part.length;
      if (this.#totalBytes > this.#limits.pageBytes) {
        this.fail(new DeltaError(`the page is larger than ${this.#limits.pageBytes} bytes`));
      } else {
        this.#parts.push(part);
      }
    }
  }

  /** Ends everything: calls under way and later ones reject with `reason`; the first reason stays. */
  fail(reason: DeltaError): void {
    this.#failure ??= reason;
    this.#parts = [];
    for (const reject of this.#waiting) reject(this.#failure);
    this.#waiting.clear();
    this.#zlib.destroy();
  }
}

const optionsWith = (bases: readonly Uint8Array[], params: Record<number, number>): ZstdOptions => {
  const dictionary = streamDictionaryOf(bases);
  return { params, ...(dictionary && { dictionary }) };
};

const UNLIMITED: DecodeLimits = { pageBytes: Number.POSITIVE_INFINITY };

class ZstdStreamEncoder implements StreamEncoder {
  readonly #coder: Coder<ZstdCompress>;
  readonly #walk = new FrameWalk();
  #magicBytes = ZSTD_MAGIC.length;

  constructor(bases: readonly Uint8Array[], params: Record<number, number>) {
    this.#coder = new Coder(createZstdCompress(optionsWith(bases, params)), UNLIMITED);
  }

  async write(piece: Uint8Array): Promise<Buffer> {
    return this.#frame(await this.#coder.write(piece));
  }

  async flush(): Promise<Buffer> {
    return this.#frame(await this.#coder.run((zlib, done) => zlib.flush(constants.ZSTD_e_flush, done)));
  }

  async end(): Promise<Buffer> {
    return this.#frame(await this.#coder.end());
  }

  destroy(): void {
    this.#coder.fail(new DeltaError("the stream was given up"));
  }

  /** The next bytes of the one frame: no magic number before it, nothing after it. */
  #frame(coded: Buffer): Buffer {
    const frame = coded.subarray(this.#magicBytes);
    this.#magicBytes -= coded.length - frame.length;
    return frame.subarray(0, this.#walk.take(frame));
  }
}

class ZstdStreamDecoder implements StreamDecoder {
  readonly #coder: Coder<Transform>;
  readonly #walk = new FrameWalk();

  constructor(bases: readonly Uint8Array[], limits: DecodeLimits, windowLog: number) {
    const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
    const zlib = createZstdDecompress(optionsWith(bases, params));
    this.#coder = new Coder(zlib, limits);
    zlib.write(ZSTD_MAGIC);
  }

  async write(piece: Uint8Array): Promise<Buffer> {
    this.#check(() => {
      if (this.#walk.take(piece) < piece.length) throw new DeltaError("bytes after the end of the frame");
    });
    return this.#coder.write(piece);
  }

  async end(): Promise<Buffer> {
    this.#check(() => {
      if (!this.#walk.ended) throw new DeltaError("the stream ends before its frame does");
    });
    return this.#coder.end();
  }

  destroy(): void {
    this.#coder.fail(new DeltaError("the stream was given up"));
  }

  #check(outside: () => void): void {
    try {
      outside();
    } catch (error) {
      if (error instanceof DeltaError) this.#coder.fail(error);
      throw error;
    }
  }
}

/** Throws DeltaError on a base that the codec does not accept. */
export const zstdStreamEncoder = (bases: readonly Uint8Array[]): StreamEncoder =>
  new ZstdStreamEncoder(bases, streamParams());

/** Throws DeltaError on a base that the codec does not accept. */
export const zstdStreamDecoder = (bases: readonly Uint8Array[], limits: DecodeLimits): StreamDecoder =>
  new ZstdStreamDecoder(bases, limits, STREAM_WINDOW_LOG);

/** For the body of a request: in less memory. SPEC section "Request bodies". */
export const requestEncoder = (): StreamEncoder => new ZstdStreamEncoder([], requestParams());
export const requestDecoder = (limits: DecodeLimits): StreamDecoder =>
  new ZstdStreamDecoder([], limits, REQUEST_WINDOW_LOG);
