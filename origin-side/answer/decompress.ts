/**
 * A coded body, decoded as it comes: in small pieces, no faster than they are taken, so that what it grows to is never held
 * at once. A body that is damaged, cut short or made to explode ends as truncated.
 */
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";
import { StreamError } from "../../protocol/errors.ts";
import type { DecodableCoding } from "../../protocol/http/accept-encoding.ts";
import { recodedTrailers } from "../../protocol/http/representation.ts";
import { ZlibStream } from "../../protocol/runtime/zlib-stream.ts";
import { type BodyEnd, UpstreamBody } from "../../protocol/upstream/body.ts";
import type { CodedCopy } from "./coded-copy.ts";

/** Pages shrink to a tenth, logs to a hundredth. What grows by more than this, and beyond a page, was made to. @internal */
export const MOST_GROWTH = 1_000;

export interface DecompressOptions {
  readonly pageBytes: number;
  readonly gone: AbortSignal;
  /** Is told of everything before it is decoded. */
  readonly copy: CodedCopy | undefined;
  /** The decoder is gone. */
  over(): void;
}

/** The coding is not what its name says, or has no end; the bytes themselves came. */
export class DamagedCoding extends StreamError {}

/** The body without its coding. Its failure is that of `coded`, or StreamError("truncated"). */
export const decodeBody = (
  coded: UpstreamBody,
  coding: DecodableCoding,
  options: DecompressOptions,
): UpstreamBody => new Decoding(coded, coding, options).plain;

/** What all of zlib's decoders have. */
type Decoder = ReturnType<typeof createGunzip>;

const decoderOf = (coding: DecodableCoding, first: number): Decoder => {
  switch (coding) {
    case "gzip":
      return createGunzip();
    case "deflate":
      // Meant is zlib's format (RFC 9110 section 8.4.1.2), but some send what the name says.
      return (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
  }
};

class Decoding {
  readonly plain: UpstreamBody;
  readonly #coded: UpstreamBody;
  readonly #coding: DecodableCoding;
  readonly #options: DecompressOptions;
  readonly #leave = () => this.#stream?.fail(this.#options.gone.reason);
  #stream: ZlibStream<Decoder> | undefined;
  /** What follows is no part of the body any more, such as zeros that fill a block. */
  #over = false;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(coded: UpstreamBody, coding: DecodableCoding, options: DecompressOptions) {
    this.#coded = coded;
    this.#coding = coding;
    this.#options = options;
    this.plain = new UpstreamBody({
      pause: () => this.#stream?.zlib.pause(),
      resume: () => this.#stream?.zlib.resume(),
    });
    options.gone.addEventListener("abort", this.#leave, { once: true });
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      this.plain.push(await this.#decode());
    } catch (error) {
      this.#stream?.zlib.destroy();
      this.plain.fail(error);
    } finally {
      this.#options.gone.removeEventListener("abort", this.#leave);
      this.#options.over();
    }
  }

  async #decode(): Promise<BodyEnd> {
    for (;;) {
      const next = await this.#coded.next();
      this.#options.copy?.hold(next);
      if (!Buffer.isBuffer(next)) {
        await this.#finish();
        return { ...next, trailers: recodedTrailers(next.trailers) };
      }
      this.#bytesIn += next.length;
      await this.#write(next);
    }
  }

  #started(decoder: Decoder): ZlibStream<Decoder> {
    decoder.on("data", (piece: Buffer) => this.#piece(decoder, piece));
    return new ZlibStream(decoder, (cause) => this.#broken(cause));
  }

  #piece(decoder: Decoder, piece: Buffer): void {
    this.#bytesOut += piece.length;
    if (this.#bytesOut <= Math.max(this.#options.pageBytes, this.#bytesIn * MOST_GROWTH))
      this.plain.push(piece);
    else decoder.destroy(new Error(`it grows by more than ${MOST_GROWTH} times`));
  }

  /** Resolves when the piece has been used, or has no use. */
  async #write(piece: Buffer): Promise<void> {
    for (let rest = piece; rest.length > 0 && !this.#over; ) {
      this.#stream ??= this.#started(decoderOf(this.#coding, rest[0] ?? 0));
      const stream = this.#stream;
      const [fed, before] = [rest, stream.zlib.bytesWritten];
      await stream.run((decoder, done) => decoder.write(fed, done));
      rest = rest.subarray(stream.zlib.bytesWritten - before);
      if (rest.length === 0) return;
      // Node's decoders end behind their stream's end, and drop what else they were given. But zstd frames may follow
      // one another (RFC 8878 section 3), as gzip's members may, which its decoder sees to by itself.
      await this.#ended(stream);
      this.#stream = undefined;
      this.#over = this.#coding !== "zstd";
    }
  }

  /** A body without a single byte is an empty one, whatever its coding. */
  async #finish(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.zlib.end();
    await this.#ended(stream);
  }

  /** Resolves when all that it decoded has been handed on. */
  async #ended(stream: ZlibStream<Decoder>): Promise<void> {
    if (!stream.zlib.readableEnded) await stream.run((decoder, done) => decoder.once("end", done));
    stream.zlib.destroy();
  }

  #broken(cause: Error | undefined): StreamError {
    const why = cause?.message ?? "the decoder closed";
    return new DamagedCoding("truncated", `the body's ${this.#coding} coding is damaged: ${why}`, { cause });
  }
}
