/**
 * How a buffered page is coded: the one place that weighs bytes against time. SPEC section "Codecs".
 *
 * First a splice on the best base: over 30 families of real pages one try takes 0.03 ms where the page differs in a few places, and 0.1 ms where it is given up. One of up to 48 bytes is
 * sent whatever there is time for. Else, where both sides have time and the page has no more than 16 KiB of its own, nor more than half, it is mixed, and nothing else is asked: a third of
 * a microsecond for each such byte. A page with more is compressed, and where little else is under way and it is text, mixed too, in turns of the event loop: 0.48 % of raw for versions,
 * 4.77 % for template pages. So is what builds on nothing, or may copy whole units only. Where nothing is mixed, and up to 512 bytes come of the splice, zstd on four bases is not
 * asked (successive versions: 0.513 % of raw instead of 0.508 %): the 30 bytes that it finds on the average are a fortieth
 * of a millisecond at 10 Mbit/s, and it takes two. Otherwise the smaller of both (zstd alone: 0.524 %). What zstd costs is its dictionary: 100 KB take 1.9 ms with
 * 4 bases, 1.05 with 2, 0.75 with 1, for 0.74 %, 0.78 % and 0.85 % of raw (template pages 4.9 %, 6.0 %, 6.7 %). So the busier this process is, its loop or its
 * thread pool, the fewer bases and the larger a splice it takes, and the fewer splices it deflates (a tenth of what the loop has to do for pages of 10 KB): bytes
 * never cost visitors their turn. On a link that is full they do, and one effort more is made. All settings of zstd itself stay, for cheaper ones lose more bytes
 * than they save time.
 */
import type { Codec } from "../../protocol/codec/codec.ts";
import type { AgreedCodecs, StreamingCodec } from "../../protocol/codec/codecs.ts";
import { type Folded, foldedCodec, foldOn, withMasks } from "../../protocol/codec/folded.ts";
import {
  type InUnits,
  inUnitsOf,
  ownBytesOf,
  spliceCodec,
  splicedInUnits,
  spliceMixed,
  spliceMixedAlone,
  spliceMixedInTurns,
  spliceMixedInUnits,
  spliceWithin,
} from "../../protocol/codec/splice.ts";
import { zstdPoolLoad } from "../../protocol/codec/zstd.ts";
import { takesMixed } from "../../protocol/frames/mixed-splices.ts";
import { MIXED_STEPS, MIXED_TEXT_BYTES, type MixedPage } from "../../protocol/mixing/mixed-page.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import { MAX_OFFERS } from "../../protocol/store/page-index.ts";
import { fittingBases, type UsableBase } from "./choose-answer.ts";
import type { CodecTrust } from "./codec-trust.ts";
import { type Effort, effortAt, IN_TURNS, isMixed, type LinkNow } from "./effort.ts";

/** What is known of one link's edge, and of this process. */
export interface EncodeDeltaOptions {
  /** Agreed on with the edge. */
  readonly codecs: AgreedCodecs;
  readonly trust: Pick<CodecTrust, "mistrusts">;
  /** For bodies that stream, and pages that the agreed codec does not fit. */
  readonly streaming: StreamingCodec;
  readonly load: Load;
  /** The edge reads folded pages. */
  readonly foldsTokens: boolean;
  /** And splices of whole units that stream, or are told in units. */
  readonly readsUnits: boolean;
  /** And splices that are mixed. */
  readonly readsMixed: boolean;
}

/** Good enough whatever time there is: a token takes 43 bytes and more, and mixed it would be ten less, of some 140 that the exchange takes. */
const SMALL_BYTES = 48;
/** More than that makes no splice of SMALL_BYTES. */
const SMALL = { steps: 8, addedBytes: 96 } as const;

/**
 * A page of which more than an eighth is its own is found out sooner: over 329 pairs of pages up to 100 KB a try takes 0.19 ms and not 0.27, and as many splices
 * are good enough.
 */
const ADDED_SHARE_LOG = 3;
const LEAST_ADDED_BYTES = 512;

/** A page of which more than half is its own is left to zstd, which takes a third of the time there (pages of 6 KB: 0.4 ms and not 0.8) for a seventh more bytes. */
const MIXED_SHARE_LOG = 1;
const LEAST_MIXED_BYTES = 1024;

/** All bases of a page that has more than MAX_OFFERS: to cut so much into units takes 4 ms. @internal */
export const MOST_OF_MORE_BYTES = 2 * 1024 * 1024;

export interface CodedPage {
  readonly codec: Codec;
  /** Best last; none: the page is whole. */
  readonly bases: readonly UsableBase[];
  /** What they were chosen of, by size. */
  readonly looked: readonly UsableBase[];
  readonly coded: Buffer;
}

/**
 * `offered`: what the edge offered and this side holds, best last; of those that are not among `others` whole units only are copied. A
 * splice that is good enough is here at once.
 */
export const encodePage = (
  offered: readonly UsableBase[],
  page: Buffer,
  options: EncodeDeltaOptions,
  link: LinkNow,
  others: readonly UsableBase[] = offered,
): CodedPage | Promise<CodedPage> => {
  const load = Math.max(options.load(), zstdPoolLoad());
  const work: Work = { options, load, effort: effortAt(load, link), link };
  if (others.length < offered.length) return pageInUnits(offered, others, page, work);
  const spliced = firstSplice(offered, page, work);
  if (isWithin(spliced, SMALL_BYTES)) return spliced;
  const best = offered.at(-1);
  const folded = options.foldsTokens && best ? foldOn(best.version.body, page) : undefined;
  const plain = () => smallestOf(offered, others, page, work, spliced);
  return folded === undefined ? plain() : foldedPage(offered, folded, work, plain);
};

interface Work {
  readonly options: EncodeDeltaOptions;
  readonly load: number;
  readonly effort: Effort;
  readonly link: LinkNow;
}

/** Copies whole units only of what is offered, unless that is dearer than the page on the `others` alone. */
const pageInUnits = (
  offered: readonly UsableBase[],
  others: readonly UsableBase[],
  page: Buffer,
  work: Work,
): CodedPage | Promise<CodedPage> => {
  const { options, effort } = work;
  const bases = bestOf(offered, effort);
  const isTried = splices(options) && spliceCodec.fits(0, page.length);
  const found = isTried ? inUnitsOf(bodiesOf(bases), page) : undefined;
  if (found === undefined) return compressedPage(others, page, work, undefined, []);
  const told = { compressedFrom: effort.compressedFrom, packed: options.readsUnits };
  const spliced = { codec: spliceCodec, bases, looked: bases, coded: splicedInUnits(found, told) };
  if (isWithin(spliced, SMALL_BYTES)) return spliced;
  if (!mixes(work)) return smallestOf([], others, page, work, spliced);
  return mixedInUnits(spliced, found, work).then((made) => smallestOf([], others, page, work, made));
};

const mixedInUnits = async (spliced: CodedPage, found: InUnits, work: Work): Promise<CodedPage> => {
  const coded = isMixed(ownBytesOf(found), spliced.coded.length, work)
    ? await spliceMixedInUnits(found)
    : undefined;
  return coded === undefined ? spliced : smaller(spliced, { ...spliced, coded });
};

/**
 * By whatever there is time for. `mixable`: on which the page may be mixed or spliced, `others`: on which it may be compressed; `first`: what came of a splice so far, of whole
 * units only where nothing is `mixable`.
 */
const smallestOf = (
  mixable: readonly UsableBase[],
  others: readonly UsableBase[],
  page: Buffer,
  work: Work,
  first: CodedPage | undefined,
): CodedPage | Promise<CodedPage> => {
  const tries = mixable.length > 0 && mixes(work);
  const mixed = tries ? mixedOn(mixable, page, work.effort) : undefined;
  if (mixed !== undefined) return smaller(first, mixed);
  const spliced = first ?? (tries ? undefined : secondSplice(mixable, page, work));
  if (!isWithin(spliced, work.effort.spliceBytes))
    return compressedPage(others, page, work, spliced, mixable);
  // That nothing came of it tells of all bases too.
  return tries ? { ...spliced, looked: mixable } : spliced;
};

/** Asks the link last. */
const mixes = ({ options, effort, link }: Work): boolean =>
  effort.mixedBytes > 0 && options.readsMixed && splices(options) && takesMixed(link.open.extensions);

const splices = ({ codecs, trust }: EncodeDeltaOptions): boolean =>
  codecs.splice && !trust.mistrusts(spliceCodec.id);

const isWithin = (spliced: CodedPage | undefined, bytes: number): spliced is CodedPage =>
  spliced !== undefined && spliced.coded.length <= bytes;

/** `plain`: what is sent where the folded best base is of no use. */
const foldedPage = async (
  offered: readonly UsableBase[],
  folded: Folded,
  work: Work,
  plain: () => CodedPage | Promise<CodedPage>,
): Promise<CodedPage> => {
  const bases = offered.map((base, at) =>
    at < offered.length - 1 ? base : { ...base, version: { ...base.version, body: folded.base } },
  );
  const spliced = firstSplice(bases, folded.page, work);
  const { codec, coded, ...made } = isWithin(spliced, SMALL_BYTES)
    ? spliced
    : await smallestOf(bases, bases, folded.page, work, spliced);
  const onFolded = foldedCodec(codec);
  if (made.bases.at(-1) !== bases.at(-1) || work.options.trust.mistrusts(onFolded.id))
    return { ...(await plain()), looked: offered };
  const ofOffered = (of: readonly UsableBase[]) =>
    offered.filter(({ offer }) => of.some((base) => base.offer === offer));
  return {
    codec: onFolded,
    coded: withMasks(folded, coded),
    bases: ofOffered(made.bases),
    looked: ofOffered(made.looked),
  };
};

/** The smallest of what a compressor makes of it, of the splice, if there is one, and of what is mixed on what is `mixable`, where that is worth it. */
const compressedPage = async (
  offered: readonly UsableBase[],
  page: Buffer,
  work: Work,
  spliced: CodedPage | undefined,
  mixable: readonly UsableBase[],
): Promise<CodedPage> => {
  const { codecs, streaming, trust } = work.options;
  const agreed = codecs.page.fits(0, page.length) && !trust.mistrusts(codecs.page.id);
  const codec = agreed ? codecs.page : streaming;
  const may = trust.mistrusts(codec.id) ? [] : bestOf(offered, work.effort);
  const bases = fittingBases(codec, may, page.length);
  const coded = await codec.encode(bodiesOf(bases), page);
  const compressed = { codec, bases, looked: offered, coded };
  const mixed = mixes(work)
    ? await mixedAfterwards(mixable, page, work, smaller(spliced, compressed))
    : undefined;
  // Which of them is smallest tells of all bases.
  const made = smaller(spliced, smaller(mixed, compressed));
  return { ...made, looked: [...offered, ...(spliced?.looked ?? [])] };
};

const smaller = (one: CodedPage | undefined, other: CodedPage): CodedPage =>
  one !== undefined && one.coded.length < other.coded.length ? one : other;

/** A page by itself, or one that has much of its own on its bases, in turns; one that hardly compresses is not tried. */
const mixedAfterwards = async (
  mixable: readonly UsableBase[],
  page: Buffer,
  work: Work,
  { coded, bases: built }: CodedPage,
): Promise<CodedPage | undefined> => {
  if (coded.length > (page.length * 3) / 4) return undefined;
  if (built.length === 0) {
    const alone = isMixed(page.length, coded.length, work) ? await spliceMixedAlone(page) : undefined;
    return alone && { codec: spliceCodec, bases: [], looked: [], coded: alone };
  }
  const { mixedBytes } = work.effort;
  const worth = (ownBytes: number) => isMixed(ownBytes, coded.length, work);
  if (mixable.length === 0 || !worth(mixedBytes + 1)) return undefined;
  const bases = bestFor(mixable, page);
  const bounds = { steps: MIXED_STEPS, addedBytes: IN_TURNS.addedBytes };
  return mixedSplice(mixable, bases, await spliceMixedInTurns(bodiesOf(bases), page, bounds, worth));
};

/** Where there is time to mix only what is good enough anyway is looked for first, and given up as soon. */
const firstSplice = (offered: readonly UsableBase[], page: Buffer, work: Work): CodedPage | undefined =>
  splicedPage(offered, page, work, hasTimeToMix(work.effort) ? SMALL : work.effort);

/** Where nothing is mixed, and a first splice was given up so soon. */
const secondSplice = (offered: readonly UsableBase[], page: Buffer, work: Work): CodedPage | undefined =>
  hasTimeToMix(work.effort) ? splicedPage(offered, page, work, work.effort) : undefined;

const hasTimeToMix = ({ mixedBytes, addedBytes }: Effort): boolean => mixedBytes >= addedBytes;

/** On the best base alone; undefined where it comes to nothing. */
const splicedPage = (
  offered: readonly UsableBase[],
  page: Buffer,
  { options, effort: { compressedFrom } }: Work,
  { steps, addedBytes }: Pick<Effort, "steps" | "addedBytes">,
): CodedPage | undefined => {
  const best = offered.findLast(({ version }) => spliceCodec.accepts(version.body));
  if (best === undefined || !splices(options)) return undefined;
  const { body } = best.version;
  if (!spliceCodec.fits(body.length, page.length)) return undefined;
  const mostAdded = Math.min(addedBytes, Math.max(LEAST_ADDED_BYTES, page.length >> ADDED_SHARE_LOG));
  const coded = spliceWithin([body], page, { steps, addedBytes: mostAdded, compressedFrom });
  return coded && { codec: spliceCodec, bases: [best], looked: [best], coded };
};

/** On as many of the best as there is room for, or the best alone; undefined where the page has too much of its own. */
const mixedOn = (
  offered: readonly UsableBase[],
  page: Buffer,
  { mixedBytes }: Effort,
): CodedPage | undefined => {
  const bases = bestFor(offered, page);
  const mostAdded = Math.min(mixedBytes, Math.max(LEAST_MIXED_BYTES, page.length >> MIXED_SHARE_LOG));
  const bounds = { steps: MIXED_STEPS, addedBytes: mostAdded };
  return mixedSplice(offered, bases, spliceMixed(bodiesOf(bases), page, bounds));
};

const bestFor = (offered: readonly UsableBase[], page: Buffer): readonly UsableBase[] => {
  const bases: UsableBase[] = [];
  let room = MIXED_TEXT_BYTES - page.length;
  for (const base of offered.toReversed()) {
    room -= base.version.body.length;
    if (room < 0) break;
    if (spliceCodec.accepts(base.version.body)) bases.unshift(base);
  }
  return bases;
};

/** That the best base alone was enough tells of no other. */
const mixedSplice = (
  offered: readonly UsableBase[],
  bases: readonly UsableBase[],
  mixed: MixedPage | undefined,
): CodedPage | undefined => {
  if (mixed === undefined) return undefined;
  const on = bases.slice(bases.length - mixed.bases);
  return { codec: spliceCodec, bases: on, looked: mixed.bases === 1 ? on : offered, coded: mixed.coded };
};

/** As many as the effort allows; beyond four only where all of them are small, for looking for units holds the event loop. */
const bestOf = (offered: readonly UsableBase[], { bases }: Effort): readonly UsableBase[] => {
  const best = offered.slice(-bases);
  const bytes = best.reduce((sum, { version }) => sum + version.body.length, 0);
  return bytes > MOST_OF_MORE_BYTES ? best.slice(-MAX_OFFERS) : best;
};

const bodiesOf = (bases: readonly UsableBase[]): readonly Buffer[] =>
  bases.map(({ version }) => version.body);
