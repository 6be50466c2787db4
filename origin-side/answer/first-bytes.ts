/**
 * What the first bytes of a body say: of the content coding that its head names, for some web servers label plain bytes, because
 * they repeat the head that another client got; and of whether it is worth a codec, where its type says nothing. SPEC section "Encodings".
 */
import type { DecodableCoding } from "../../protocol/http/accept-encoding.ts";

/** RFC 1952 section 2.3.1. */
const GZIP = Buffer.of(0x1f, 0x8b);
/** RFC 8878 section 3.1.1, and of a frame to be skipped, section 3.1.2, whose first byte is any of 16. */
const ZSTD = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
const ZSTD_SKIPPED = Buffer.of(0x2a, 0x4d, 0x18);
/** RFC 9659: more than this no receiver has to hold. */
const MOST_WINDOW_BYTES = 2 ** 23;

/** Whether the body cannot have this coding. Of br and deflate nothing can be said. `first`: one byte or more, as far as they came. */
export const deniesCoding = (first: Uint8Array, coding: DecodableCoding): boolean => {
  if (first.length === 0) return false;
  if (coding === "gzip") return !beginsLike(first, GZIP);
  if (coding !== "zstd" || beginsLike(first, ZSTD)) return false;
  return ((first[0] ?? 0) & 0xf0) !== 0x50 || !beginsLike(first.subarray(1), ZSTD_SKIPPED);
};

/** As far as both go. */
const beginsLike = (bytes: Uint8Array, beginning: Uint8Array): boolean => {
  const length = Math.min(bytes.length, beginning.length);
  return beginning.subarray(0, length).every((byte, i) => bytes[i] === byte);
};

/** RFC 7932 section 9.1 has no such window; Brotli's encoder writes it in front of one of up to 1 GiB. In seven bits. */
const BROTLI_LARGE = 0x11;

/** Whether a body needs a larger window than RFC 9659 and RFC 7932 grant. False where its head has not come as a whole. */
export const needsLargeWindow = (first: Uint8Array, coding: DecodableCoding): boolean => {
  if (coding === "br") return first.length > 0 && ((first[0] ?? 0) & 0x7f) === BROTLI_LARGE;
  if (coding !== "zstd" || first.length < 6 || !beginsLike(first, ZSTD)) return false;
  const [descriptor = 0, window = 0] = first.subarray(ZSTD.length);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (isSingleSegment) return contentSize(first, descriptor) > MOST_WINDOW_BYTES;
  const base = 2 ** (10 + (window >> 3));
  return base + (base / 8) * (window & 7) > MOST_WINDOW_BYTES;
};

/** RFC 8878 section 3.1.1.1: of a frame in one segment, whose window is all of it. 0 where it has not come. */
const contentSize = (first: Uint8Array, descriptor: number): number => {
  const sizeBytes = [1, 2, 4, 8][descriptor >> 6] ?? 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const from = ZSTD.length + 1 + dictionaryBytes;
  if (first.length < from + sizeBytes) return 0;
  const digits = first.subarray(from, from + sizeBytes);
  return digits.reduceRight((size, digit) => size * 256 + digit, 0) + (sizeBytes === 2 ? 256 : 0);
};

/** How bodies begin whose rest is compressed, whatever their first bytes look like: at which hexadecimal digit, and what. */
const COMPRESSED: readonly (readonly [at: number, digits: string])[] = [
  ...["504b0304", "1f8b", "28b52ffd", "fd377a585a", "425a68", "377abcaf", "526172211a", "04224d18"], // zip, gzip, zstd, xz, bzip2, 7z, rar, lz4
  ...["255044462d", "89504e47", "ffd8ff", "47494638", "774f4646", "774f4632"], // PDF, PNG, JPEG, GIF, WOFF and WOFF 2
  ...["4f676753", "664c6143", "494433", "1a45dfa3"], // Ogg, FLAC, MP3, Matroska
]
  .map((digits): [number, string] => [0, digits])
  .concat([
    [8, "66747970"], // MP4, AVIF, HEIF
    [16, "57454250"], // WebP
  ]);
const LONGEST_BEGINNING = 12;
/** This much of a body is looked at. */
const LOOKED_AT_BYTES = 4096;
/** Fewer say nothing about how often each value occurs. */
const LEAST_COUNTED_BYTES = 256;
/**
 * How much likelier two bytes of the body are equal than two bytes of noise. Noise has 1, within 0.3 for the fewest bytes that are
 * counted; what machines run, fonts, and numbers in columns have 2 and more, text 4 and more. @internal
 */
export const LEAST_REPETITION = 1.5;

/** Whether no codec will find anything in a body that begins so, as far as that can be told. */
export const looksCompressed = (first: Buffer): boolean => {
  const beginning = first.toString("hex", 0, LONGEST_BEGINNING);
  if (COMPRESSED.some(([at, digits]) => beginning.startsWith(digits, at))) return true;
  if (first.length < LEAST_COUNTED_BYTES) return false;
  return repetitionOf(first.subarray(0, LOOKED_AT_BYTES)) < LEAST_REPETITION;
};

/** 256 times the index of coincidence. @internal */
export const repetitionOf = (bytes: Uint8Array): number => {
  const counts = new Uint16Array(256);
  let pairs = 0;
  for (const byte of bytes) {
    const before = counts[byte] ?? 0;
    pairs += before;
    counts[byte] = before + 1;
  }
  return (pairs * 2 * 256) / (bytes.length * (bytes.length - 1));
};
