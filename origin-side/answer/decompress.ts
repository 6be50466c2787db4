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
import type { Coding } from "../../protocol/http/content-coding.ts";
import { type BodyEnd, OriginBody } from "../../protocol/upstream/body.ts";

/** Pages shrink to a tenth, logs to a hundredth. What grows by more than this, and beyond a page, was made to. */
export const MOST_GROWTH = 1_000;

export interface DecodeBodyGiven {
  readonly pageBytes: number;
  readonly gone: AbortSignal;
  /** The decoder is gone. */
  over(): void;
}

/** The body without its coding. Its failure is that of `coded`, or StreamError("truncated"). */
export const decodeBody = (coded: OriginBody, coding: Coding, given: DecodeBodyGiven): OriginBody =>
  new Decoding(coded, coding, given).plain;

/** What all of zlib's decoders have. */
type Decoder = ReturnType<typeof createGunzip>;

const decoderOf = (coding: Coding, first: number): Decoder => {
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
  readonly plain: OriginBody;
  readonly #coded: OriginBody;
  readonly #coding: Coding;
  readonly #given: DecodeBodyGiven;
  readonly #leave = () => this.#decoder?.destroy();
  #decoder: Decoder | undefined;
  /** What follows is no part of the body any more, such as zeros that fill a block. */
  #over = false;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(coded: OriginBody, coding: Coding, given: DecodeBodyGiven) {
    this.#coded = coded;
    this.#coding = coding;
    this.#given = given;
    this.plain = new OriginBody({
      pause: () => this.#decoder?.pause(),
      resume: () => this.#decoder?.resume(),
    });
    given.gone.addEventListener("abort", this.#leave, { once: true });
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      this.plain.arrived.push(await this.#decode());
    } catch (error) {
      this.#decoder?.destroy();
      this.plain.arrived.fail(error);
    } finally {
      this.#given.gone.removeEventListener("abort", this.#leave);
      this.#given.over();
    }
  }

  async #decode(): Promise<BodyEnd> {
    for (;;) {
      const next = await this.#coded.arrived.next();
      if (!Buffer.isBuffer(next)) {
        await this.#finish();
        return next;
      }
      this.#bytesIn += next.length;
      await this.#write(next);
      this.#coded.taken(next);
    }
  }

  #started(decoder: Decoder): Decoder {
    return decoder
      .on("error", () => {}) // each wait below listens too
      .on("data", (piece: Buffer) => this.#piece(decoder, piece));
  }

  #piece(decoder: Decoder, piece: Buffer): void {
    this.#bytesOut += piece.length;
    if (this.#bytesOut <= Math.max(this.#given.pageBytes, this.#bytesIn * MOST_GROWTH))
      this.plain.push(piece);
    else decoder.destroy(new Error(`it grows by more than ${MOST_GROWTH} times`));
  }

  /** Resolves when the piece has been used, or has no use. */
  async #write(piece: Buffer): Promise<void> {
    for (let rest = piece; rest.length > 0 && !this.#over; ) {
      this.#decoder ??= this.#started(decoderOf(this.#coding, rest[0] ?? 0));
      const decoder = this.#decoder;
      const [fed, before] = [rest, decoder.bytesWritten];
      await this.#unlessBroken(decoder, (done) => decoder.write(fed, done));
      rest = rest.subarray(decoder.bytesWritten - before);
      if (rest.length === 0) return;
      // Node's decoders end behind their stream's end, and drop what else they were given. But zstd frames may follow
      // one another (RFC 8878 section 3), as gzip's members may, which its decoder sees to by itself.
      await this.#ended(decoder);
      this.#decoder = undefined;
      this.#over = this.#coding !== "zstd";
    }
  }

  /** A body without a single byte is an empty one, whatever its coding. */
  async #finish(): Promise<void> {
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    decoder.end();
    await this.#ended(decoder);
  }

  /** Resolves when all that it decoded has been handed on. */
  async #ended(decoder: Decoder): Promise<void> {
    if (!decoder.readableEnded) await this.#unlessBroken(decoder, (done) => decoder.once("end", done));
    decoder.destroy();
  }

  #unlessBroken(decoder: Decoder, start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const broken = (error?: Error | null) => {
        decoder.off("error", broken).off("close", broken);
        reject(this.#given.gone.aborted ? this.#given.gone.reason : this.#broken(error));
      };
      decoder.on("error", broken).on("close", broken);
      // One that broke between two waits has said so already, and nothing more will come of it.
      if (decoder.closed) return broken(decoder.errored);
      start((error) => {
        if (error != null) return broken(error);
        decoder.off("error", broken).off("close", broken);
        resolve();
      });
    });
  }

  #broken(cause: Error | null | undefined): StreamError {
    const why = cause?.message ?? "the decoder closed";
    return new StreamError("truncated", `the body's ${this.#coding} coding is damaged: ${why}`, { cause });
  }
}
