/**
 * The splice codec: a page as runs of its best base with the page's own bytes between them. No match is searched for beyond
 * the next few kilobytes, no table is built, no context is allocated: a page that differs from its base in a few places
 * costs a hundredth of what zstd takes, and no more bytes. Where it would, `spliceWithin` says so. SPEC section "Codecs".
 */

import { CodedPieces, type Worth } from "../mixing/coded-in-turns.ts";
import type { EarlyPage } from "../mixing/early-page.ts";
import {
  earlyPage,
  type MixedPage,
  mixedInTurns,
  mixedPage,
  type RunBounds,
  unmixedPage,
} from "../mixing/mixed-page.ts";
import { type CopiedUnits, earlyUnits, mixedUnits, unmixedUnits } from "../mixing/mixed-units.ts";
import { type AlignBounds, align, type Step } from "./align.ts";
import { UnitRuns } from "./align-units.ts";
import { type Codec, type DecodeLimits, DeltaError, type EarlyDecoding } from "./codec.ts";
import { deflated, inflated } from "./deflate.ts";
import {
  copiedUnits,
  MOST_STEPS,
  madeBySteps,
  packedInUnits,
  STEPS_BYTES,
  unitSteps,
  unpackedInUnits,
  writtenSteps,
} from "./splice-steps.ts";
import { spliceStreamDecoder, spliceStreamEncoder } from "./splice-stream.ts";

/** Looking for runs holds the event loop: 5 ms for a page of this size in which little is found. */
export const SPLICE_PAGE_BYTES = 1024 * 1024;

const FORM = { stored: 0, compressed: 1, inUnits: 2, mixed: 3, mixedInUnits: 4 } as const;
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

/** A page as runs of whole units of its bases. */
export interface InUnits {
  readonly page: Buffer;
  readonly steps: readonly Step[];
  /** Of the units of all bases. */
  readonly starts: Int32Array;
}

/** Undefined where there is none. */
export const inUnitsOf = (bases: readonly Uint8Array[], bytes: Uint8Array): InUnits | undefined => {
  const page = asBuffer(bytes);
  const runs = UnitRuns.of(bases.map((base) => asBuffer(base)));
  const steps = runs?.align(page, { mostSteps: MOST_STEPS, from: 0 });
  return runs && steps && { page, steps, starts: runs.starts };
};

/**
 * The delta of a page that copies whole units of the bases and nothing less, so that its size tells of no part of one.
 * `packed`: the peer reads steps that are told in units.
 */
export const splicedInUnits = (
  { page, steps, starts }: InUnits,
  { compressedFrom = LEAST_COMPRESSED_BYTES, packed = false }: UnitsTold,
): Buffer => {
  const plain = writtenSteps(steps, page);
  const inUnits = packed && plain.length >= compressedFrom ? packedInUnits(steps, page, starts) : undefined;
  return inUnits && inUnits.length < plain.length
    ? Buffer.concat([Uint8Array.of(FORM.inUnits), inUnits])
    : written(plain, compressedFrom);
};

interface UnitsTold extends Pick<SpliceBounds, "compressedFrom"> {
  readonly packed?: boolean;
}

/** As `splicedInUnits`; undefined where there are none. */
export const spliceInUnits = (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  told: UnitsTold,
): Buffer | undefined => {
  const found = inUnitsOf(bases, page);
  return found && splicedInUnits(found, told);
};

/** Of the page's own. */
export const ownBytesOf = ({ steps }: Pick<InUnits, "steps">): number =>
  steps.reduce((bytes, { add }) => bytes + add, 0);

/** All of it, or its pieces while it is coded. */
export type Mixed = Buffer | CodedPieces;

/**
 * The same by the mixing coder, up to half a microsecond a byte of the page's own on either side, in turns where they
 * are many; undefined where it has more than may be, or another page is coded in turns. The peer must read it.
 */
export const spliceMixedInUnits = async ({ page, steps, starts }: InUnits): Promise<Mixed | undefined> => {
  const told = unitSteps(steps, starts);
  return told && inForm(FORM.mixedInUnits, await mixedUnits(page, told));
};

/** A page by itself, as one addition; as `spliceMixedInUnits`. */
export const spliceMixedAlone = async (page: Uint8Array): Promise<Mixed | undefined> =>
  inForm(FORM.mixedInUnits, await mixedUnits(page, [{ from: 0, copy: 0, copiedBytes: 0, add: page.length }]));

/**
 * The delta of `page` by the mixing coder, on the best of `bases` or all of them: the smallest, and by far the dearest,
 * up to half a microsecond a byte of the page's own on either side; undefined where it has more than the bounds allow
 * or is done at once, is larger than SPLICE_PAGE_BYTES, or is more than MIXED_TEXT_BYTES with its bases. The peer must
 * read it.
 */
export const spliceMixed = (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  bounds: RunBounds,
): MixedPage | undefined => {
  const mixed = fits(0, page.length) ? mixedPage(bases, page, bounds) : undefined;
  return mixed && inMixedForm(mixed);
};

/** The same where there is more of the page's own, in turns of the event loop, or undefined. `worth`: by how many bytes that is. */
export const spliceMixedInTurns = async (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  bounds: RunBounds,
  worth: (ownBytes: number) => Worth,
): Promise<MixedPage<Mixed> | undefined> => {
  const mixed = fits(0, page.length) ? await mixedInTurns(bases, page, bounds, worth) : undefined;
  return mixed && inMixedForm(mixed);
};

const inMixedForm = <Coded extends Mixed>({ coded, bases }: MixedPage<Coded>): MixedPage<Coded> => ({
  coded: behind(Uint8Array.of(FORM.mixed), coded),
  bases,
});

const inForm = <Coded extends Mixed>(form: number, coded: Coded | undefined): Coded | undefined =>
  coded && behind(Uint8Array.of(form), coded);

/** The same with these bytes in front. */
export const behind = <Coded extends Mixed>(first: Uint8Array, coded: Coded): Coded =>
  (coded instanceof CodedPieces ? coded.behind(first) : Buffer.concat([first, coded])) as Coded;

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
  if (delta[0] === FORM.inUnits)
    return unpackedInUnits(
      bases.map((base) => asBuffer(base)),
      asBuffer(delta).subarray(1),
      limits,
    );
  if (delta[0] === FORM.mixed)
    return madeOf(await unmixedPage(bases, delta.subarray(1), withinSplice(limits)));
  if (delta[0] === FORM.mixedInUnits)
    return madeOf(await unmixedUnits(delta.subarray(1), copiedOf(bases), limits));
  const source = bases.length === 1 ? asBuffer(bases[0]) : Buffer.concat(bases);
  return madeBySteps(source, uncompressed(delta, limits), limits).page;
};

/** What is mixed; all else is decoded in no time once it is here. */
const early = (
  bases: readonly Uint8Array[],
  [form]: Uint8Array,
  limits: DecodeLimits,
): EarlyDecoding | undefined => {
  if (form !== FORM.mixed && form !== FORM.mixedInUnits) return undefined;
  const page =
    form === FORM.mixed ? earlyPage(bases, withinSplice(limits)) : earlyUnits(copiedOf(bases), limits);
  return page && earlyOf(page);
};

/** The form, which is the first byte, is known. */
const earlyOf = (page: EarlyPage): EarlyDecoding => {
  let before = 1;
  return {
    write(piece) {
      page.write(piece.subarray(before));
      before = 0;
    },
    end: async () => madeOf(await page.end()),
    giveUp: () => page.giveUp(),
  };
};

/** The bases are cut into units when the first is asked for. */
const copiedOf = (bases: readonly Uint8Array[]): CopiedUnits => {
  let copied: CopiedUnits | undefined;
  return (from, units) => {
    copied ??= copiedUnits(bases.map((base) => asBuffer(base)));
    return copied(from, units);
  };
};

const withinSplice = ({ pageBytes, stillWanted }: DecodeLimits): DecodeLimits => ({
  pageBytes: Math.min(pageBytes, SPLICE_PAGE_BYTES),
  stillWanted,
});

const madeOf = (page: Buffer | undefined): Buffer => {
  if (page === undefined) throw new DeltaError("the mixed steps make no page within the limits");
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
  early,
  streaming: { encoder: spliceStreamEncoder, decoder: spliceStreamDecoder },
} as const satisfies Codec;
