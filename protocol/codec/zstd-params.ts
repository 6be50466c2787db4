/**
 * How hard zstd works. Settings come from bench/codec/codec.ts over 30 families of real pages, 4 bases, bytes as share of
 * raw: successive versions of a URL / pages of one template, median encode ms on a small shared machine.
 *
 *   level 6, as it comes       0.562 % / 5.27 %   0.65 ms   p95  4.7
 *   level 9, as it comes       0.537 % / 5.05 %   0.75 ms   p95  5.6
 *   level 10, as it comes      0.529 % / 5.00 %   0.67 ms   p95  8.7
 *   btopt, lightest useful     0.564 % / 5.09 %   6.2 ms    p95 82
 *   these settings             0.525 % / 5.01 %   0.56 ms   p95  6
 *
 * With several near-identical bases a longer search (2^6 candidates) pays, a larger table does not; binary-tree
 * strategies spend their time on indexing the dictionary; long-distance matching does not see a dictionary at all
 * (1.8 %). SPEC section "Codecs".
 */
import { constants } from "node:zlib";

const LEVEL = 9;
const SEARCH_LOG = 6;
/** Without a dictionary short matches are worth more (template pages: 19.3 % instead of 19.6 %). */
const MIN_MATCH = { withBases: 5, alone: 4 } as const;

const WINDOW_LOG_MIN = 10;
/** 128 MiB: the largest window that decoders grant without being asked. */
export const WINDOW_LOG_MAX = 27;
/** Two tables of 5 bytes a slot live during one encode: 42 MB at most. */
const HASH_LOG_MAX = 22;

/** Streaming: one context lives as long as its page takes, so memory decides. SPEC section "Streaming". */
export const STREAM_WINDOW_LOG = 20;
const STREAM_LEVEL = 6;
const STREAM_HASH_LOG = 18;

/** Bytes that buy nothing here: sizes and digest travel in the answer head. */
const NOTHING_EXTRA = {
  [constants.ZSTD_c_contentSizeFlag]: 0,
  [constants.ZSTD_c_dictIDFlag]: 0,
  [constants.ZSTD_c_checksumFlag]: 0,
} as const;

/** The smallest window (as power of two) that covers `bytes`, within what zstd allows. */
export const windowLogFor = (bytes: number): number =>
  Math.min(WINDOW_LOG_MAX, Math.max(WINDOW_LOG_MIN, Math.ceil(Math.log2(Math.max(1, bytes)))));

/**
 * For a page coded as a whole. The window covers dictionary and page, for when the page outgrows the window zstd drops
 * the dictionary. The table has a slot for every one or two bytes of both: rows keep the newest positions, so a smaller
 * one would forget the far bases, and a larger one costs time to clear.
 */
export function encodeParams(dictionaryBytes: number, pageBytes: number): Record<number, number> {
  const windowLog = windowLogFor(dictionaryBytes + pageBytes);
  return {
    ...NOTHING_EXTRA,
    [constants.ZSTD_c_compressionLevel]: LEVEL,
    [constants.ZSTD_c_strategy]: constants.ZSTD_lazy2,
    [constants.ZSTD_c_windowLog]: windowLog,
    [constants.ZSTD_c_hashLog]: Math.min(HASH_LOG_MAX, windowLog - 1),
    [constants.ZSTD_c_searchLog]: SEARCH_LOG,
    [constants.ZSTD_c_minMatch]: dictionaryBytes > 0 ? MIN_MATCH.withBases : MIN_MATCH.alone,
  };
}

/**
 * A request's body as it comes. Of many at a time memory decides, on the side that decodes too: an encoder takes 0.7 MB
 * (level 6 as it comes 2.9 MB, for 1 to 5 % fewer bytes of JSON and prose), a decoder 0.3 to 0.7 MB.
 */
export const REQUEST_WINDOW_LOG = 17;

export const requestParams = (): Record<number, number> => ({
  ...NOTHING_EXTRA,
  [constants.ZSTD_c_compressionLevel]: STREAM_LEVEL,
  [constants.ZSTD_c_strategy]: constants.ZSTD_lazy,
  [constants.ZSTD_c_windowLog]: REQUEST_WINDOW_LOG,
  [constants.ZSTD_c_hashLog]: 16,
  [constants.ZSTD_c_chainLog]: 16,
  [constants.ZSTD_c_searchLog]: 4,
  [constants.ZSTD_c_minMatch]: MIN_MATCH.withBases,
});

/**
 * For a page coded as it comes. Measured with up to 1 MiB of bases, flushed three times; bytes of raw, memory of a
 * context: level 3 as it comes 0.73 % / 6.7 %, 2.8 MB; level 6 0.62 % / 5.8 %, 6.3 MB; these settings 0.60 % / 5.6 %,
 * 3.8 MB. Half the table saves 1.3 MB, and loses a fifth on large templates.
 */
export const streamParams = (): Record<number, number> => ({
  ...NOTHING_EXTRA,
  [constants.ZSTD_c_compressionLevel]: STREAM_LEVEL,
  [constants.ZSTD_c_strategy]: constants.ZSTD_lazy,
  [constants.ZSTD_c_windowLog]: STREAM_WINDOW_LOG,
  [constants.ZSTD_c_hashLog]: STREAM_HASH_LOG,
  [constants.ZSTD_c_searchLog]: SEARCH_LOG,
  [constants.ZSTD_c_minMatch]: MIN_MATCH.withBases,
});
