/**
 * The splice codec: a page as runs of its best base with the page's own bytes between them. No match is searched for beyond
 * the next few kilobytes, no table is built, no context is allocated: a page that differs from its base in a few places
 * costs a hundredth of what zstd takes, and no more bytes. Where it would, `spliceWithin` says so. SPEC section "Codecs".
 */

import { LinkError } from "../errors.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import { type AlignBounds, align, type Step } from "./align.ts";
import { alignUnits } from "./align-units.ts";
import { type Codec, type DecodeLimits, DeltaError } from "./codec.ts";
import { deflated, inflated } from "./deflate.ts";

/** Looking for runs holds the event loop: 5 ms for a page of this size in which little is found. @internal */
export const SPLICE_PAGE_BYTES = 1024 * 1024;
/** Each takes up to 9 bytes before it is compressed. @internal */
export const MOST_STEPS = 4096;
const STEPS_BYTES = MOST_STEPS * 9;

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
  return steps && written(plainForm(steps, bytesBefore(bases), page), bounds.compressedFrom);
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
  return steps && written(plainForm(steps, 0, page), compressedFrom);
};

const encode = async (bases: readonly Uint8Array[], page: Uint8Array): Promise<Buffer> => {
  if (!fits(0, page.length)) throw new DeltaError("the page is too large for splice: use zstd");
  const bounds = { steps: MOST_STEPS, addedBytes: page.length };
  const steps = align(asBuffer(bases.at(-1)), asBuffer(page), bounds) ?? [
    { from: 0, copy: 0, add: page.length },
  ];
  return written(plainForm(steps, bytesBefore(bases), page));
};

const written = (plain: Buffer, compressedFrom = LEAST_COMPRESSED_BYTES): Buffer => {
  if (plain.length >= compressedFrom) {
    const compressed = deflated(plain);
    if (compressed.length < plain.length) return Buffer.concat([Uint8Array.of(FORM.compressed), compressed]);
  }
  return Buffer.concat([Uint8Array.of(FORM.stored), plain]);
};

/** Used and emptied within one call. */
const writer = new ByteWriter();

/**
 * Column by column, because like stands beside like then; where a run begins is told from where it was expected. `before`: bytes of
 * the bases before the one that the steps are about.
 */
const plainForm = (steps: readonly Step[], before: number, page: Uint8Array): Buffer => {
  writer.varint(steps.length);
  for (const { copy } of steps) writer.varint(copy);
  for (const { add } of steps) writer.varint(add);
  let expected = 0;
  const moves = steps.map(({ from, copy, add }) => {
    const move = zigzag(before + from - expected);
    expected = before + from + copy + add;
    return move;
  });
  for (const move of moves) writer.varint(move);
  let at = 0;
  for (const { copy, add } of steps) {
    at += copy;
    writer.bytes(page.subarray(at, at + add));
    at += add;
  }
  return writer.take();
};

const decode = async (
  bases: readonly Uint8Array[],
  delta: Uint8Array,
  limits: DecodeLimits,
): Promise<Buffer> => {
  const plain = uncompressed(delta, limits);
  try {
    return spliced(bases.length === 1 ? asBuffer(bases[0]) : Buffer.concat(bases), plain, limits);
  } catch (error) {
    if (error instanceof LinkError) throw new DeltaError("the delta is no list of steps", { cause: error });
    throw error;
  }
};

const spliced = (source: Buffer, plain: Buffer, { pageBytes }: DecodeLimits): Buffer => {
  const reader = new ByteReader(plain);
  const steps = reader.varint();
  // Three numbers each, so no more memory is spent on them than they took.
  if (steps > Math.min(MOST_STEPS, reader.left / 3)) throw new DeltaError(`a delta of ${steps} steps`);
  const [copies, adds, moves] = [reader.varints(steps), reader.varints(steps), reader.varints(steps)];
  const added = reader.rest();
  const addedBytes = total(adds);
  if (addedBytes !== added.length)
    throw new DeltaError(`${added.length} added bytes where ${addedBytes} are used`);
  const bytes = total(copies) + addedBytes;
  if (bytes > pageBytes) throw new DeltaError(`the page is larger than ${pageBytes} bytes`);
  const page = Buffer.allocUnsafeSlow(bytes);
  let expected = 0;
  let at = 0;
  let addedAt = 0;
  for (let step = 0; step < steps; step++) {
    const [copy = 0, add = 0] = [copies[step], adds[step]];
    const from = expected + unzigzag(moves[step] ?? 0);
    if (from < 0 || from + copy > source.length) throw new DeltaError("a run outside of the bases");
    source.copy(page, at, from, from + copy);
    added.copy(page, at + copy, addedAt, addedAt + add);
    addedAt += add;
    at += copy + add;
    expected = from + copy + add;
  }
  return page;
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

/** Small whichever way it points. */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

const bytesBefore = (bases: readonly Uint8Array[]): number =>
  bases.slice(0, -1).reduce((bytes, base) => bytes + base.length, 0);

const NOTHING = Buffer.alloc(0);

/** The same bytes, not a copy. */
export const asBuffer = (bytes: Uint8Array = NOTHING): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const fits = (_: number, pageBytes: number): boolean => pageBytes <= SPLICE_PAGE_BYTES;

export const spliceCodec: Codec = {
  name: "splice",
  id: 3,
  accepts: (base) => base.length > 0,
  fits,
  encode,
  decode,
  streaming: undefined,
};
