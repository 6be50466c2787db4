/**
 * Compressors for visitors, drawn from a budget: each holds memory for as long as its page takes, and time of the machine.
 * When there is none left a visitor gets its page as it is. Levels are where text gets small without costing more than the
 * page's own making (bench/RESULTS.md, codecs): brotli 5, zstd 3, gzip 6. SPEC section "Encodings".
 */
import type { Transform } from "node:stream";
import { promisify } from "node:util";
import {
  brotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  zstdCompress,
} from "node:zlib";
import type { ByteBudget } from "../protocol/kit/byte-budget.ts";
import type { Coding } from "./choose-coding.ts";

/** Compressors at work at the same time; one more visitor gets identity. */
export const MOST_ENCODERS = 64;

/** What one holds, measured over 32 of each fed with 300 KB of HTML (window 2^20); counted against the memory budget. */
export const ENCODER_BYTES: Readonly<Record<Coding, number>> = {
  br: 2.25 * 2 ** 20,
  zstd: 1.5 * 2 ** 20,
  gzip: 0.5 * 2 ** 20,
};

const BROTLI = {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_LGWIN]: 20,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
  },
};
/** RFC 9659: at most 2^23 for the web. */
const ZSTD = {
  params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 20 },
};
const GZIP = { level: 6 };

const AT_ONCE: Readonly<Record<Coding, (page: Buffer) => Promise<Buffer>>> = {
  br: (page) => brotli(page, BROTLI),
  zstd: (page) => zstd(page, ZSTD),
  gzip: (page) => gz(page, GZIP),
};
const brotli = promisify<Buffer, object, Buffer>(brotliCompress);
const zstd = promisify<Buffer, object, Buffer>(zstdCompress);
const gz = promisify<Buffer, object, Buffer>(gzip);

interface Flushing extends Transform {
  flush(kind: number, callback: () => void): void;
}

/** All that was written can then be read; what was seen stays known. */
const FLUSH: Readonly<Record<Coding, number>> = {
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
  gzip: constants.Z_SYNC_FLUSH,
};

const STREAMS: Readonly<Record<Coding, () => Flushing>> = {
  br: () => createBrotliCompress(BROTLI),
  zstd: () => createZstdCompress(ZSTD),
  gzip: () => createGzip(GZIP),
};

/** One page's compressor; to be given back. */
export interface VisitorEncoder {
  readonly coding: Coding;
  /** A whole page in one go. */
  encode(page: Buffer): Promise<Buffer>;
  /** Each gives what is ready; after `flush` all that was written can be decoded. */
  write(piece: Buffer): Promise<Buffer>;
  flush(): Promise<Buffer>;
  end(): Promise<Buffer>;
  release(): void;
}

export class VisitorEncoders {
  readonly #memory: ByteBudget;
  #busy = 0;

  constructor(memory: ByteBudget) {
    this.#memory = memory;
  }

  get busy(): number {
    return this.#busy;
  }

  /** For the first of these codings that there is memory for, on account of this key. */
  take(codings: readonly Coding[], keyId: string): VisitorEncoder | undefined {
    if (this.#busy >= MOST_ENCODERS) return undefined;
    const lease = this.#memory.lease(keyId);
    const coding = codings.find((each) => lease.grow(ENCODER_BYTES[each]));
    if (coding === undefined) return undefined;
    this.#busy++;
    return new PooledEncoder(coding, () => {
      this.#busy--;
      lease.release();
    });
  }
}

class PooledEncoder implements VisitorEncoder {
  readonly coding: Coding;
  readonly #giveBack: () => void;
  #stream: Flushing | undefined;
  #ready: Buffer[] = [];
  #released = false;
  /** Wakes the one call that waits; an error, or being given back, ends it too. */
  #wake: ((error?: Error) => void) | undefined;

  constructor(coding: Coding, giveBack: () => void) {
    this.coding = coding;
    this.#giveBack = giveBack;
  }

  encode(page: Buffer): Promise<Buffer> {
    return AT_ONCE[this.coding](page);
  }

  write(piece: Buffer): Promise<Buffer> {
    return this.#run((stream, done) => stream.write(piece, (error) => done(error ?? undefined)));
  }

  flush(): Promise<Buffer> {
    return this.#run((stream, done) => stream.flush(FLUSH[this.coding], () => done()));
  }

  end(): Promise<Buffer> {
    return this.#run((stream, done) => stream.once("end", () => done()).end());
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#wake?.(new Error("given back"));
    this.#stream?.destroy();
    this.#giveBack();
  }

  async #run(step: (stream: Flushing, done: (error?: Error) => void) => void): Promise<Buffer> {
    if (this.#released) throw new Error("given back");
    const stream = this.#opened();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wake = (error) => (error === undefined ? resolve() : reject(error));
    step(stream, this.#wake);
    await promise;
    this.#wake = undefined;
    this.#collect(stream);
    const out = this.#ready;
    this.#ready = [];
    return out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out);
  }

  #opened(): Flushing {
    if (this.#stream !== undefined) return this.#stream;
    const stream = STREAMS[this.coding]();
    // Read by hand: zlib works on only while its output is taken.
    stream.on("readable", () => this.#collect(stream));
    stream.on("error", (error) => this.#wake?.(error));
    this.#stream = stream;
    return stream;
  }

  #collect(stream: Flushing): void {
    for (let piece = stream.read(); piece !== null; piece = stream.read()) this.#ready.push(piece as Buffer);
  }
}
