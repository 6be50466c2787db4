/**
 * Compressors for visitors, drawn from a budget: each holds memory for as long as its page takes, and time of the machine.
 * When there is none left a visitor gets its page as it is. SPEC section "Encodings".
 */
import type { Transform } from "node:stream";
import { promisify } from "node:util";
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from "node:zlib";
import { reusedZstd } from "../../protocol/codec/reused-zstd.ts";
import type { Coding, DictionaryCoding } from "../../protocol/http/accept-encoding.ts";
import { FULL_POOL, type Load } from "../../protocol/runtime/event-loop-load.ts";
import type { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { ZlibCoder } from "../../protocol/runtime/zlib-stream.ts";
import type { Dictionary } from "../dictionaries/available-dictionary.ts";
import { DictionaryCoders } from "./dictionary-coders.ts";
import { ON, paddingFrame, prefixOf, zstdWindowLog } from "./dictionary-coding.ts";

/** Compressors at work at the same time; one more visitor gets identity. @internal */
export const MOST_ENCODERS = 64;

/** What one holds, measured over 32 of each fed with 300 KB of HTML (window 2^20); counted against the memory budget. @internal */
export const ENCODER_BYTES: Readonly<Record<Coding, number>> = {
  br: 2.25 * 2 ** 20,
  zstd: 1.5 * 2 ** 20,
  gzip: 0.5 * 2 ** 20,
};

/** Each coding's level. @internal */
export type Levels = Readonly<Record<Coding, number>>;

/**
 * Levels by load: of the event loop, or of the thread pool if that is more. Of an HTML page of 43 KB brotli makes 7.6, 8.9 and 9.6 KB
 * in 0.8, 0.25 and 0.09 ms at levels 5, 3 and 1; gzip 8.4, 9.1 and 9.4 KB in 0.46, 0.2 and 0.12 ms at 6, 3 and 1; zstd 9.0 KB in
 * 0.13 ms at 3. In a coder that stays zstd takes 14, 17 and 38 us at 1, 3 and 5 for 11 KB, and 0.17, 0.29 and 0.9 ms for 200 KB;
 * over the families of a corpus 1 makes 1.04 times the bytes of 3.
 */
const LEVELS: readonly (Levels & { readonly upToLoad: number })[] = [
  { upToLoad: 0.3, br: 5, zstd: 5, gzip: 6 },
  { upToLoad: 0.8, br: 5, zstd: 3, gzip: 6 },
  { upToLoad: 0.95, br: 3, zstd: 1, gzip: 3 },
  { upToLoad: 1, br: 1, zstd: 1, gzip: 1 },
];
const BEST = LEVELS[0] as Levels;
/**
 * From this load on the coding that is made quickly is taken: of pages of 4 to 20 KB zstd 5 makes 1.05 to 1.11 times the bytes of brotli 5
 * in half its CPU time, zstd 3 1.10 to 1.15 times in an eighth. Beside other programs this one is never busier than its share. @internal
 */
export const QUICK_FROM_LOAD = 0.3;
/** @internal */
export const levelsAt = (load: number): Levels =>
  LEVELS.find(({ upToLoad }) => load <= upToLoad) ?? (LEVELS.at(-1) as Levels);

/** At most 2^23 for the web (RFC 9659). */
const WINDOW_LOG = 20;

const brotliOptions = (level: number, dictionary?: Buffer) => ({
  ...(dictionary && { dictionary }),
  params: {
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_LGWIN]: WINDOW_LOG,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
  },
});
const zstdOptions = (level: number, dictionary?: Buffer, bytes?: number) => ({
  ...(dictionary && { dictionary }),
  params: {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: dictionary ? zstdWindowLog(dictionary, bytes) : WINDOW_LOG,
  },
});
/** With its size told beforehand, zstd clears tables of that size: 11 KB take 0.04 ms and not 0.06. */
const zstdPageOptions = (page: Buffer, level: number, dictionary?: Buffer) => ({
  ...zstdOptions(level, dictionary, page.length),
  pledgedSrcSize: page.length,
});

/** Smaller pages are done here and now: the detour to another thread takes as long (0.1 ms). @internal */
export const INLINE_BYTES = 16 * 1024;
/** As long as this takes zstd at its quick levels 0.4 to 0.7 ms; the thread pool's own cost is a multiple of that. @internal */
export const QUICK_INLINE_BYTES = 256 * 1024;
/** Of zstd: 0.25 to 0.6 ms for 200 KB. */
const MOST_QUICK_LEVEL = 3;

const isInline = (coding: Coding, level: number, bytes: number): boolean =>
  bytes <= (coding === "zstd" && level <= MOST_QUICK_LEVEL ? QUICK_INLINE_BYTES : INLINE_BYTES);

/** By coders that stay. A new one for each page takes two thirds of the time of 11 KB, and a megabyte that V8 collects. */
const quickZstd = reusedZstd((level) => createZstdCompress(zstdOptions(level)), QUICK_INLINE_BYTES);

type Encode<Made> = (page: Buffer, level: number, dictionary?: Buffer) => Made;
const INLINE: Readonly<Record<Coding, Encode<Buffer>>> = {
  br: (page, level, dictionary) => brotliCompressSync(page, brotliOptions(level, dictionary)),
  zstd: (page, level, dictionary) =>
    (dictionary === undefined ? quickZstd(page, level) : undefined) ??
    zstdCompressSync(page, zstdPageOptions(page, level, dictionary)),
  gzip: (page, level) => gzipSync(page, { level }),
};
const IN_POOL: Readonly<Record<Coding, Encode<Promise<Buffer>>>> = {
  br: (page, level, dictionary) => brotli(page, brotliOptions(level, dictionary)),
  zstd: (page, level, dictionary) => zstd(page, zstdPageOptions(page, level, dictionary)),
  gzip: (page, level) => gz(page, { level }),
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

const STREAMS: Readonly<Record<Coding, (level: number, dictionary?: Buffer) => Flushing>> = {
  br: (level, dictionary) => createBrotliCompress(brotliOptions(level, dictionary)),
  zstd: (level, dictionary) => createZstdCompress(zstdOptions(level, dictionary)),
  gzip: (level) => createGzip({ level }),
};

/** One page's compressor; to be given back. */
export interface PageCompressor {
  readonly coding: Coding | DictionaryCoding;
  /** A whole page in one go; `often`: the result is kept, and worth more time. */
  encode(page: Buffer, how: { readonly often: boolean }): Promise<Buffer> | Buffer;
  /** Each gives what is ready; after `flush` all that was written can be decoded. */
  write(piece: Buffer): Promise<Buffer>;
  flush(): Promise<Buffer>;
  end(): Promise<Buffer>;
  release(): void;
}

export class CompressorPool {
  readonly #memory: MemoryBudget;
  readonly #load: Load;
  readonly #onDictionaries = new DictionaryCoders((dictionary, bytes) =>
    createZstdCompress(zstdOptions(BEST.zstd, dictionary, bytes)),
  );
  #busy = 0;
  /** Whole pages that are at work in the thread pool, or wait for it. */
  #inPool = 0;

  constructor(memory: MemoryBudget, load: Load) {
    this.#memory = memory;
    this.#load = load;
  }

  get busy(): number {
    return this.#busy;
  }

  /** @internal */
  get inPool(): number {
    return this.#inPool;
  }

  /** There is no time for the smallest coding at its best. */
  get isShortOfTime(): boolean {
    return this.#place.load() > QUICK_FROM_LOAD;
  }

  /** Nothing of any dictionary is held here any more. */
  forgetDictionaries(): void {
    this.#onDictionaries.clear();
  }

  /** With the dictionary, or for the first of these codings, if there is memory for it, on account of this key. */
  take(codings: readonly Coding[], keyId: string, dictionary?: Dictionary): PageCompressor | undefined {
    if (this.#busy >= MOST_ENCODERS) return undefined;
    const lease = this.#memory.lease(keyId);
    const on =
      dictionary &&
      lease.grow(ENCODER_BYTES[ON[dictionary.coding]] + DICTIONARY_FACTOR * dictionary.body.length)
        ? dictionary
        : undefined;
    const coding = on ? ON[on.coding] : codings.find((each) => lease.grow(ENCODER_BYTES[each]));
    if (coding === undefined) return undefined;
    this.#busy++;
    const giveBack = () => {
      this.#busy--;
      lease.release();
    };
    return new PooledEncoder(coding, on, this.#place, giveBack);
  }

  readonly #place: Workplace = {
    onDictionary: (dictionary, page) =>
      dictionary?.coding === "dcz" ? this.#onDictionaries.code(dictionary, page) : undefined,
    load: () => Math.max(this.#load(), this.#inPool / FULL_POOL),
    inPool: async (encode) => {
      this.#inPool++;
      try {
        return await encode();
      } finally {
        this.#inPool--;
      }
    },
  };
}

/** What all compressors share. */
interface Workplace {
  /** Undefined where no coder is kept for it. */
  onDictionary(dictionary: Dictionary | undefined, page: Buffer): Buffer | undefined;
  load(): number;
  inPool(encode: () => Promise<Buffer>): Promise<Buffer>;
}

/** A copy of a dictionary, and tables of where its parts are. */
const DICTIONARY_FACTOR = 3;
const GIVEN_BACK = "the compressor was given back";

class PooledEncoder implements PageCompressor {
  readonly coding: Coding | DictionaryCoding;
  readonly #by: Coding;
  readonly #dictionary: Dictionary | undefined;
  readonly #place: Workplace;
  readonly #giveBack: () => void;
  #coder: ZlibCoder<Flushing> | undefined;
  #released = false;
  /** Given out, of what is coded with a dictionary. */
  #bytes = 0;

  constructor(by: Coding, dictionary: Dictionary | undefined, place: Workplace, giveBack: () => void) {
    this.coding = dictionary?.coding ?? by;
    this.#by = by;
    this.#dictionary = dictionary;
    this.#place = place;
    this.#giveBack = giveBack;
  }

  encode(page: Buffer, { often }: { readonly often: boolean }): Promise<Buffer> | Buffer {
    const coding = this.#by;
    const dictionary = this.#dictionary;
    const body = dictionary?.body;
    const level = (often ? BEST : levelsAt(this.#place.load()))[coding];
    const coded =
      this.#place.onDictionary(dictionary, page) ??
      (isInline(coding, level, page.length + (body?.length ?? 0))
        ? INLINE[coding](page, level, body)
        : this.#place.inPool(() => IN_POOL[coding](page, level, body)));
    if (dictionary === undefined) return coded;
    const finish = (all: Buffer) => this.#finished(this.#begun(all));
    return coded instanceof Promise ? coded.then(finish) : finish(coded);
  }

  async write(piece: Buffer): Promise<Buffer> {
    return this.#begun(await this.#opened().write(piece));
  }

  async flush(): Promise<Buffer> {
    return this.#begun(await this.#opened().run((zlib, done) => zlib.flush(FLUSH[this.#by], done)));
  }

  async end(): Promise<Buffer> {
    return this.#finished(this.#begun(await this.#opened().end()));
  }

  /** What says with which dictionary it is coded comes before all else. */
  #begun(coded: Buffer): Buffer {
    const dictionary = this.#dictionary;
    if (dictionary === undefined || coded.length === 0) return coded;
    const whole = this.#bytes === 0 ? Buffer.concat([prefixOf(dictionary), coded]) : coded;
    this.#bytes += whole.length;
    return whole;
  }

  #finished(coded: Buffer): Buffer {
    return this.#dictionary?.padded === true ? Buffer.concat([coded, paddingFrame(this.#bytes)]) : coded;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#coder?.fail(new Error(GIVEN_BACK));
    this.#giveBack();
  }

  #opened(): ZlibCoder<Flushing> {
    if (this.#released) throw new Error(GIVEN_BACK);
    this.#coder ??= new ZlibCoder(
      STREAMS[this.#by](levelsAt(this.#place.load())[this.#by], this.#dictionary?.body),
      (cause) => cause ?? new Error("the compressor closed"),
    );
    return this.#coder;
  }
}
