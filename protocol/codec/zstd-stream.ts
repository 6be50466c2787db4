/**
 * zstd piece by piece, for pages that come slowly: one context per page, window and dictionary at most 1 MiB each. What
 * `flush` returned decodes at once to all that was written. Node's zlib streams do the work; here the decoder is bounded, and
 * the end of the frame is seen (zstd-frame). SPEC section "Streaming".
 */
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  type ZstdCompress,
  type ZstdDecompress,
  type ZstdOptions,
} from "node:zlib";
import { ZlibCoder } from "../runtime/zlib-stream.ts";
import { type DecodeLimits, DeltaError, type StreamDecoder, type StreamEncoder } from "./codec.ts";
import { streamDictionaryOf } from "./dictionary.ts";
import { FrameWalk, ZSTD_MAGIC } from "./zstd-frame.ts";
import { REQUEST_WINDOW_LOG, requestParams, STREAM_WINDOW_LOG, streamParams } from "./zstd-params.ts";

const optionsWith = (bases: readonly Uint8Array[], params: Record<number, number>): ZstdOptions => {
  const dictionary = streamDictionaryOf(bases);
  return { params, ...(dictionary && { dictionary }) };
};

const broken = (cause: Error | undefined): DeltaError =>
  cause === undefined
    ? new DeltaError("the frame ended early")
    : new DeltaError("zstd cannot go on with this stream", { cause });

class ZstdStreamEncoder implements StreamEncoder {
  readonly #coder: ZlibCoder<ZstdCompress>;
  readonly #walk = new FrameWalk();
  #magicBytes = ZSTD_MAGIC.length;

  constructor(bases: readonly Uint8Array[], params: Record<number, number>) {
    this.#coder = new ZlibCoder(createZstdCompress(optionsWith(bases, params)), broken);
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
  readonly #coder: ZlibCoder<ZstdDecompress>;
  readonly #walk = new FrameWalk();

  constructor(bases: readonly Uint8Array[], limits: DecodeLimits, windowLog: number) {
    const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
    const zlib = createZstdDecompress(optionsWith(bases, params));
    this.#coder = new ZlibCoder(zlib, broken, (bytes) =>
      bytes > limits.pageBytes
        ? new DeltaError(`the page is larger than ${limits.pageBytes} bytes`)
        : undefined,
    );
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
