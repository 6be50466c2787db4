/**
 * How a buffered page is coded: the one place that weighs bytes against time. SPEC section "Codecs".
 *
 * First a splice on the best base: over 30 families of real pages one try takes 0.03 ms where the page differs in a few places, and 0.1 ms where it is given up.
 * One of up to 48 bytes is sent whatever there is time for. Else, where both sides have time and the page has no more than 8 KiB of its own, it is mixed, and the
 * smaller of both is sent: 0.49 % of raw for versions, 4.73 % for template pages, half a microsecond a byte. So is what may copy whole units only, and
 * what builds on nothing, in pieces. Where nothing is mixed, and up to 512 bytes come of
 * the splice, zstd on four bases is not asked (successive versions: 0.513 % of raw instead of 0.508 %): the 30 bytes that it finds on the average are a fortieth
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
  spliceCodec,
  splicedInUnits,
  spliceMixed,
  spliceMixedAlone,
  spliceMixedInUnits,
  spliceWithin,
} from "../../protocol/codec/splice.ts";
import { zstdPoolLoad } from "../../protocol/codec/zstd.ts";
import { takesMixed } from "../../protocol/frames/mixed-splices.ts";
import { MIXED_STEPS, MIXED_TEXT_BYTES } from "../../protocol/mixing/mixed-page.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import { MAX_OFFERS } from "../../protocol/store/page-index.ts";
import type { Extension } from "../../protocol/wire/extensions.ts";
import { fittingBases, type UsableBase } from "./choose-answer.ts";
import type { CodecTrust } from "./codec-trust.ts";
import { type Effort, effortAt } from "./effort.ts";

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
  /** In units too, and pages by themselves. */
  readonly readsMixedUnits: boolean;
}

/** A page that differs from its best base so little gains nothing by others. */
const MIXED_ON_ONE_BYTES = 128;

/** Good enough whatever time there is: a token takes 43 bytes and more, and mixed it would be ten less, of some 140 that the exchange takes. */
const SMALL_BYTES = 48;

/**
 * A page of which more than an eighth is its own is found out sooner: over 329 pairs of pages up to 100 KB a try takes 0.19 ms and not 0.27, and as many splices
 * are good enough.
 */
const ADDED_SHARE_LOG = 3;
const LEAST_ADDED_BYTES = 512;

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

/** What is asked of an exchange, when it matters and no sooner: either may have changed by then. */
export interface LinkNow {
  /** What is sent now waits for what was sent before. */
  readonly linkIsFull: boolean;
  /** The request, which says whether the edge has time for a mixed splice. */
  readonly open: { readonly extensions: readonly Extension[] };
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
  const effort = effortAt(Math.max(options.load(), zstdPoolLoad()), link);
  const work: Work = { options, effort, link };
  if (others.length < offered.length) return pageInUnits(offered, others, page, work);
  const spliced = splices(options) ? splicedPage(offered, page, effort) : undefined;
  if (isWithin(spliced, SMALL_BYTES)) return spliced;
  const best = offered.at(-1);
  const folded = options.foldsTokens && best ? foldOn(best.version.body, page) : undefined;
  const plain = () => smallestOf(offered, others, page, work, spliced);
  return folded === undefined ? plain() : foldedPage(offered, folded, work, plain);
};

interface Work {
  readonly options: EncodeDeltaOptions;
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
  const bases = bestOf(offered, work.effort);
  const isTried = splices(work.options) && spliceCodec.fits(0, page.length);
  const found = isTried ? inUnitsOf(bodiesOf(bases), page) : undefined;
  if (found === undefined) return smallestOf([], others, page, work, undefined);
  const { compressedFrom } = work.effort;
  const coded = splicedInUnits(found, { compressedFrom, packed: work.options.readsUnits });
  const spliced: CodedPage = { codec: spliceCodec, bases, looked: bases, coded };
  if (isWithin(spliced, SMALL_BYTES) || !mixesInUnits(work))
    return smallestOf([], others, page, work, spliced);
  return mixedInUnits(spliced, found, work).then((made) => smallestOf([], others, page, work, made));
};

const mixedInUnits = async (spliced: CodedPage, found: InUnits, { effort }: Work): Promise<CodedPage> => {
  const coded = await spliceMixedInUnits(found, { addedBytes: effort.mixedInPiecesBytes });
  return coded === undefined ? spliced : smaller(spliced, { ...spliced, coded });
};

/**
 * By whatever there is time for. `spliced`: what came of a splice; `mixable`: on which the page may be mixed, `others`: on which it may be
 * compressed.
 */
const smallestOf = (
  mixable: readonly UsableBase[],
  others: readonly UsableBase[],
  page: Buffer,
  work: Work,
  spliced: CodedPage | undefined,
): CodedPage | Promise<CodedPage> => {
  const on = mixable.length > 0 && isWithin(spliced, MIXED_ON_ONE_BYTES) ? spliced.bases : mixable;
  const tries = on.length > 0 && mixes(work);
  const mixed = tries ? mixedOn(on, page, work.effort) : undefined;
  if (mixed !== undefined) return { ...smaller(spliced, mixed), looked: on };
  if (!isWithin(spliced, work.effort.spliceBytes)) return compressedPage(others, page, work, spliced);
  // That nothing came of it tells of all bases too.
  return tries ? { ...spliced, looked: on } : spliced;
};

/** Asks the link last. */
const mixes = ({ options, effort, link }: Work): boolean =>
  effort.mixedBytes > 0 && options.readsMixed && splices(options) && takesMixed(link.open.extensions);

const mixesInUnits = (work: Work): boolean => work.options.readsMixedUnits && mixes(work);

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
  const spliced = splices(work.options) ? splicedPage(bases, folded.page, work.effort) : undefined;
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

/** The smaller of what a compressor makes of it and of the splice, if there is one. */
const compressedPage = async (
  offered: readonly UsableBase[],
  page: Buffer,
  work: Work,
  spliced: CodedPage | undefined,
): Promise<CodedPage> => {
  const { codecs, streaming, trust } = work.options;
  const agreed = codecs.page.fits(0, page.length) && !trust.mistrusts(codecs.page.id);
  const codec = agreed ? codecs.page : streaming;
  const may = trust.mistrusts(codec.id) ? [] : bestOf(offered, work.effort);
  const bases = fittingBases(codec, may, page.length);
  const coded = await codec.encode(bodiesOf(bases), page);
  const whole =
    bases.length === 0 && mixesInUnits(work) ? await mixedWhole(page, coded.length, work.effort) : undefined;
  // Which of them is smallest tells of all bases.
  const made = smaller(spliced, smaller(whole, { codec, bases, looked: offered, coded }));
  return { ...made, looked: [...offered, ...(spliced?.looked ?? [])] };
};

const smaller = (one: CodedPage | undefined, other: CodedPage): CodedPage =>
  one !== undefined && one.coded.length < other.coded.length ? one : other;

/** A page by itself; one that hardly compresses is not tried. */
const mixedWhole = async (
  page: Buffer,
  compressedBytes: number,
  { mixedInPiecesBytes }: Effort,
): Promise<CodedPage | undefined> => {
  if (compressedBytes > (page.length * 3) / 4) return undefined;
  const coded = await spliceMixedAlone(page, { addedBytes: mixedInPiecesBytes });
  return coded && { codec: spliceCodec, bases: [], looked: [], coded };
};

/** On the best base alone; undefined where it comes to nothing. */
const splicedPage = (
  offered: readonly UsableBase[],
  page: Buffer,
  { steps, addedBytes, compressedFrom }: Effort,
): CodedPage | undefined => {
  const best = offered.findLast(({ version }) => spliceCodec.accepts(version.body));
  if (best === undefined) return undefined;
  const { body } = best.version;
  if (!spliceCodec.fits(body.length, page.length)) return undefined;
  const mostAdded = Math.min(addedBytes, Math.max(LEAST_ADDED_BYTES, page.length >> ADDED_SHARE_LOG));
  const coded = spliceWithin([body], page, { steps, addedBytes: mostAdded, compressedFrom });
  return coded && { codec: spliceCodec, bases: [best], looked: [best], coded };
};

/** On as many of the best as there is room for; undefined where the page has too much of its own. */
const mixedOn = (
  offered: readonly UsableBase[],
  page: Buffer,
  { mixedBytes }: Effort,
): CodedPage | undefined => {
  const bases: UsableBase[] = [];
  let room = MIXED_TEXT_BYTES - page.length;
  for (const base of offered.toReversed()) {
    room -= base.version.body.length;
    if (room < 0) break;
    if (spliceCodec.accepts(base.version.body)) bases.unshift(base);
  }
  const coded = spliceMixed(bodiesOf(bases), page, { steps: MIXED_STEPS, addedBytes: mixedBytes });
  return coded && { codec: spliceCodec, bases, looked: offered, coded };
};

/** As many as the effort allows; beyond four only where all of them are small, for looking for units holds the event loop. */
const bestOf = (offered: readonly UsableBase[], { bases }: Effort): readonly UsableBase[] => {
  const best = offered.slice(-bases);
  const bytes = best.reduce((sum, { version }) => sum + version.body.length, 0);
  return bytes > MOST_OF_MORE_BYTES ? best.slice(-MAX_OFFERS) : best;
};

const bodiesOf = (bases: readonly UsableBase[]): readonly Buffer[] =>
  bases.map(({ version }) => version.body);
