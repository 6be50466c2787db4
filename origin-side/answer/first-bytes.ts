/**
 * What the first bytes of a body say of the content coding that its head names. Some web servers label plain bytes, because
 * they repeat the head that another client got. SPEC section "Encodings".
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

/** Whether a zstd frame needs a larger window than RFC 9659 grants. False where its head has not come as a whole. */
export const needsLargeWindow = (first: Uint8Array, coding: DecodableCoding): boolean => {
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
