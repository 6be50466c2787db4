/**
 * The zstd codec: a delta is one zstd frame without its magic number, made with the bases as raw-content dictionary.
 * Decoding verifies the frame's outside first (zstd-frame), bounds memory by the caller's limit and the window by what
 * bases and page can need. The page itself is verified by its fingerprint, elsewhere. SPEC section "Codecs".
 */
import { promisify } from "node:util";
import {
  constants,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from "node:zlib";
import { FULL_POOL, type Load } from "../runtime/event-loop-load.ts";
import { ownBuffer } from "../store/compact-buffer.ts";
import { type Codec, type DecodeLimits, DeltaError } from "./codec.ts";
import { dictionaryOf, isDictionaryPart } from "./dictionary.ts";
import { FrameWalk, withMagic, withoutMagic } from "./zstd-frame.ts";
import { encodeParams, requestParams, WINDOW_LOG_MAX, windowLogFor } from "./zstd-params.ts";
import { zstdStreamDecoder, zstdStreamEncoder } from "./zstd-stream.ts";

/** Bases and page above this leave part of the dictionary out of every window. */
export const ZSTD_MOST_BYTES = 2 ** WINDOW_LOG_MAX;

/**
 * Above these sizes the work goes to the thread pool, so that the event loop is never held for more than about 5 ms;
 * below, the detour costs more than the work: 0.1 to 0.3 ms, and under load many times that, as each thread asks for
 * tables of megabytes anew and clears them (200 KB on one base: 9 to 18 ms of CPU in the pool, 0.7 here). Measured: 256
 * KiB of bases take 0.8 ms, 256 KiB of a page 1.3 to 3.5 ms, even when every number of it has changed; decoding 0.5 ms
 * per 2 MiB. Of bases, and four times the page.
 * @internal
 */
export const SYNC_ENCODE_BYTES = 1024 * 1024;
/** @internal */
export const PAGE_WEIGHT = 4;
/** @internal */
export const SYNC_DECODE_BYTES = 2 * 1024 * 1024;

/** Bounds of one output buffer: a delta is small, a page close to what its blocks can hold. */
const ENCODE_CHUNK = { least: 1024, most: 128 * 1024 } as const;
const DECODE_CHUNK = { least: 64, most: 4 * 1024 * 1024 } as const;

const compressInPool = promisify(zstdCompress);
const decompressInPool = promisify(zstdDecompress);

let pagesInPool = 0;

/** How busy the thread pool is with pages that are coded; 1: as it can be, and more where some wait. */
export const zstdPoolLoad: Load = () => pagesInPool / FULL_POOL;

/** Rejects as zlib does. */
const countedInPool = async (page: Uint8Array, options: ZstdOptions): Promise<Buffer> => {
  pagesInPool++;
  try {
    return await compressInPool(page, options);
  } finally {
    pagesInPool--;
  }
};

const within = (bounds: { least: number; most: number }, bytes: number): number =>
  Math.min(bounds.most, Math.max(bounds.least, bytes));

const encodeOptions = (dictionary: Uint8Array | undefined, pageBytes: number): ZstdOptions => ({
  params: encodeParams(dictionary?.length ?? 0, pageBytes),
  chunkSize: within(ENCODE_CHUNK, pageBytes >> 2),
  ...(dictionary && { dictionary }),
});

async function encode(bases: readonly Uint8Array[], page: Uint8Array): Promise<Buffer> {
  const dictionary = dictionaryOf(bases);
  const dictionaryBytes = dictionary?.length ?? 0;
  const totalBytes = dictionaryBytes + page.length;
  if (totalBytes > ZSTD_MOST_BYTES)
    throw new DeltaError(`${totalBytes} bytes of bases and page: offer fewer bases`);
  const options = encodeOptions(dictionary, page.length);
  const frame = isQuick(dictionaryBytes, page.length)
    ? zstdCompressSync(page, options)
    : await countedInPool(page, options);
  return ownBuffer(withoutMagic(frame));
}

const isQuick = (dictionaryBytes: number, pageBytes: number): boolean =>
  dictionaryBytes + PAGE_WEIGHT * pageBytes <= SYNC_ENCODE_BYTES;

/** As `encode` on one base, or on none if it is refused, at once; undefined where that would hold the event loop. */
export const encodeNow = (base: Uint8Array, page: Uint8Array): Buffer | undefined => {
  if (!isQuick(base.length, page.length)) return undefined;
  return withoutMagic(
    zstdCompressSync(page, encodeOptions(isDictionaryPart(base) ? base : undefined, page.length)),
  );
};

async function decode(
  bases: readonly Uint8Array[],
  delta: Uint8Array,
  limits: DecodeLimits,
): Promise<Buffer> {
  const dictionary = dictionaryOf(bases);
  const dictionaryBytes = dictionary?.length ?? 0;
  const walk = new FrameWalk();
  if (walk.take(delta) < delta.length) throw new DeltaError("bytes after the end of the frame");
  if (!walk.ended) throw new DeltaError("the delta ends before its frame does");
  const options: ZstdOptions = {
    params: { [constants.ZSTD_d_windowLogMax]: windowLogFor(dictionaryBytes + limits.pageBytes) },
    maxOutputLength: Math.max(1, limits.pageBytes), // zlib takes no 0
    chunkSize: within(DECODE_CHUNK, Math.min(walk.mostPageBytes, limits.pageBytes, likelyBytes(bases))),
    ...(dictionary && { dictionary }),
  };
  const page = await decompressed(withMagic(delta), options, dictionaryBytes + walk.mostPageBytes);
  if (page.length > limits.pageBytes)
    throw new DeltaError(`the page is larger than ${limits.pageBytes} bytes`);
  return ownBuffer(page);
}

/**
 * A page is about as long as the newest base. A frame of one block says no more than 128 KiB, and buffers of that size for pages
 * of a tenth of it cost more than all else of a decode (collection).
 */
const likelyBytes = (bases: readonly Uint8Array[]): number => {
  const newest = bases.at(-1);
  return newest === undefined ? Number.POSITIVE_INFINITY : newest.length + (newest.length >> 3);
};

async function decompressed(frame: Buffer, options: ZstdOptions, workBytes: number): Promise<Buffer> {
  try {
    return workBytes <= SYNC_DECODE_BYTES
      ? zstdDecompressSync(frame, options)
      : await decompressInPool(frame, options);
  } catch (cause) {
    throw new DeltaError("zstd cannot decode the delta within its limits", { cause });
  }
}

/**
 * A request's buffered body, as `decode` without bases takes it. At a level that takes less than half of the time that
 * pages are given, for 2 % more bytes (57 KB of prose): it holds the event loop. SPEC section "Request bodies".
 */
export const encodeRequest = (body: Uint8Array): Buffer => {
  const window = { [constants.ZSTD_c_windowLog]: windowLogFor(body.length) };
  return ownBuffer(
    withoutMagic(
      zstdCompressSync(body, {
        params: { ...requestParams(), ...window },
        chunkSize: within(ENCODE_CHUNK, body.length >> 1),
      }),
    ),
  );
};

export const zstdCodec = {
  name: "zstd",
  id: 1,
  accepts: isDictionaryPart,
  fits: (basesBytes, pageBytes) => basesBytes + pageBytes <= ZSTD_MOST_BYTES,
  encode,
  decode,
  streaming: { encoder: zstdStreamEncoder, decoder: zstdStreamDecoder },
} as const satisfies Codec;
