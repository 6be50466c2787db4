/**
 * The splice codec: a page as runs of its best base with the page's own bytes between them. No match is searched for beyond
 * the next few kilobytes, no table is built, no context is allocated: a page that differs from its base in a few places
 * costs a hundredth of what zstd takes, and no more bytes. Where it would, `spliceWithin` says so. SPEC section "Codecs".
 */

import { type AlignBounds, align } from "./align.ts";
import { alignUnits } from "./align-units.ts";
import { type Codec, type DecodeLimits, DeltaError } from "./codec.ts";
import { deflated, inflated } from "./deflate.ts";
import { MOST_STEPS, madeBySteps, STEPS_BYTES, writtenSteps } from "./splice-steps.ts";
import { spliceStreamDecoder, spliceStreamEncoder } from "./splice-stream.ts";

/** Looking for runs holds the event loop: 5 ms for a page of this size in which little is found. */
export const SPLICE_PAGE_BYTES = 1024 * 1024;

const FORM = { stored: 0, compressed: 1 } as const;
/** Fewer bytes gain one or two at most. */
export const LEAST_COMPRESSED_BYTES = 48;

export interface SpliceBounds extends AlignBounds {
  /** Steps of so many bytes are compressed; LEAST_COMPRESSED_BYTES if left out. */
  readonly compressedFrom?: number;
}

/** The delta of `page` on the best of `bases`; undefined for a page that is another one, which is found out early. */
export const spliceWithin = (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  bounds: SpliceBounds,
): Buffer | undefined => {
  const steps = align(asBuffer(bases.at(-1)), asBuffer(page), bounds);
  return steps && written(writtenSteps(steps, page, { before: bytesBefore(bases) }), bounds.compressedFrom);
};

/**
 * The delta of `page` that copies whole units of the bases and nothing less, so that its size tells of no part of one; undefined
 * where there is none.
 */
export const spliceInUnits = (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  { compressedFrom }: Pick<SpliceBounds, "compressedFrom">,
): Buffer | undefined => {
  const steps = alignUnits(
    bases.map((base) => asBuffer(base)),
    asBuffer(page),
    MOST_STEPS,
  );
  return steps && written(writtenSteps(steps, page), compressedFrom);
};

const encode = async (bases: readonly Uint8Array[], page: Uint8Array): Promise<Buffer> => {
  if (!fits(0, page.length)) throw new DeltaError("the page is too large for splice: use zstd");
  const bounds = { steps: MOST_STEPS, addedBytes: page.length };
  const steps = align(asBuffer(bases.at(-1)), asBuffer(page), bounds) ?? [
    { from: 0, copy: 0, add: page.length },
  ];
  return written(writtenSteps(steps, page, { before: bytesBefore(bases) }));
};

const written = (plain: Buffer, compressedFrom = LEAST_COMPRESSED_BYTES): Buffer => {
  if (plain.length >= compressedFrom) {
    const compressed = deflated(plain);
    if (compressed.length < plain.length) return Buffer.concat([Uint8Array.of(FORM.compressed), compressed]);
  }
  return Buffer.concat([Uint8Array.of(FORM.stored), plain]);
};

const decode = async (
  bases: readonly Uint8Array[],
  delta: Uint8Array,
  limits: DecodeLimits,
): Promise<Buffer> => {
  const source = bases.length === 1 ? asBuffer(bases[0]) : Buffer.concat(bases);
  return madeBySteps(source, uncompressed(delta, limits), limits).page;
};

const uncompressed = (delta: Uint8Array, { pageBytes }: DecodeLimits): Buffer => {
  const body = asBuffer(delta).subarray(1);
  switch (delta[0]) {
    case FORM.stored:
      return body;
    case FORM.compressed:
      return inflated(body, Math.min(pageBytes, SPLICE_PAGE_BYTES) + STEPS_BYTES);
    default:
      throw new DeltaError("the delta has no known form");
  }
};

const bytesBefore = (bases: readonly Uint8Array[]): number =>
  bases.slice(0, -1).reduce((bytes, base) => bytes + base.length, 0);

const NOTHING = Buffer.alloc(0);

/** The same bytes, not a copy. */
export const asBuffer = (bytes: Uint8Array = NOTHING): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const fits = (_: number, pageBytes: number): boolean => pageBytes <= SPLICE_PAGE_BYTES;

export const spliceCodec = {
  name: "splice",
  id: 3,
  accepts: (base) => base.length > 0,
  fits,
  encode,
  decode,
  streaming: { encoder: spliceStreamEncoder, decoder: spliceStreamDecoder },
} as const satisfies Codec;
