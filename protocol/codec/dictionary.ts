/**
 * Bases become a dictionary: their bytes one after another, best last, because zstd reaches the nearest bytes best and
 * keeps them longest. Encoder and decoder build it here, from the same bases, so they cannot disagree. SPEC section
 * "Codecs".
 */
import { DeltaError } from "./codec.ts";

/** What a trained zstd dictionary begins with (RFC 8878, 5); raw content must not look like one. */
const DICTIONARY_MAGIC = Buffer.from([0x37, 0xa4, 0x30, 0xec]);

/**
 * Most dictionary bytes of a streaming context. It equals the window, since a context lives as long as its page takes
 * and a copy of the dictionary lives in it.
 * @internal
 */
export const STREAM_DICTIONARY_BYTES = 1 << 20;

/** Only the dictionary's own first bytes matter to zstd, but which base comes first is no property of a base. */
export const isDictionaryPart = (base: Uint8Array): boolean =>
  base.length > 0 && !DICTIONARY_MAGIC.equals(base.subarray(0, DICTIONARY_MAGIC.length));

/**
 * The dictionary of a page coded as a whole; undefined without bases. With one base it is that base itself, not a
 * copy. Throws DeltaError on a base that `isDictionaryPart` refuses.
 */
export function dictionaryOf(bases: readonly Uint8Array[]): Uint8Array | undefined {
  for (const base of bases) {
    if (!isDictionaryPart(base))
      throw new DeltaError("a base is empty or begins as a zstd dictionary: leave it out");
  }
  return bases.length > 1 ? Buffer.concat(bases) : bases[0];
}

/**
 * The dictionary of a streaming context: the best bases that fit whole. Of a best base that is larger than the bound,
 * the beginning stays and not the end: a dictionary serves only while the page is within the window, so only the page's
 * first STREAM_DICTIONARY_BYTES can use it, and those resemble the beginning of the base.
 */
export function streamDictionaryOf(bases: readonly Uint8Array[]): Uint8Array | undefined {
  const fitting: Uint8Array[] = [];
  let bytes = 0;
  for (const base of bases.toReversed()) {
    bytes += base.length;
    if (bytes > STREAM_DICTIONARY_BYTES) break;
    fitting.unshift(base);
  }
  const best = bases.at(-1);
  if (fitting.length === 0 && best !== undefined) fitting.push(best.subarray(0, STREAM_DICTIONARY_BYTES));
  return dictionaryOf(fitting);
}
