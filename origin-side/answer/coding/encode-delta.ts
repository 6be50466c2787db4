/**
 * How a buffered page is coded: the one place that weighs bytes against time. SPEC section "Codecs".
 *
 * First a splice on the best base: over 30 families of real pages one try takes 0.03 ms where the page differs in a few
 * places, and 0.1 ms where it is given up. One of up to 48 bytes, or of 96 without a masked token, is sent whatever
 * there is time for. Else, where both sides have time and the page has no more than 16 KiB of its own, nor more than
 * half, it is mixed, and nothing else is asked: up to half a microsecond for each such byte. A page with more is
 * compressed, and where little else is under way and it is text, mixed too, in turns of the event loop: 0.48 % of raw
 * for versions, 4.60 % for template pages. So is what builds on nothing, or may copy whole units only. Where nothing is
 * mixed, and up to 512 bytes come of the splice, zstd on four bases is not asked (successive versions: 0.513 % of raw
 * instead of 0.508 %): the 30 bytes that it finds on the average are a fortieth of a millisecond at 10 Mbit/s, and it
 * takes two. Otherwise the smaller of both (zstd alone: 0.524 %). What zstd costs is its dictionary: 100 KB take 1.9 ms
 * with 4 bases, 1.05 with 2, 0.75 with 1, for 0.74 %, 0.78 % and 0.85 % of raw (template pages 4.9 %, 6.0 %, 6.7 %). So
 * the busier this process is, its loop or its thread pool, the fewer bases and the larger a splice it takes, and the
 * fewer splices it deflates (a tenth of what the loop has to do for pages of 10 KB): bytes never cost visitors their
 * turn. On a link that is full they do, and one effort more is made. All settings of zstd itself stay, for cheaper ones
 * lose more bytes than they save time.
 */
import { type Folded, findSecrets, foldedCodec, foldOn, withMasks } from "../../../protocol/codec/folded.ts";
import { inUnitsOf, spliceCodec, splicedInUnits, spliceWithin } from "../../../protocol/codec/splice.ts";
import { zstdPoolLoad } from "../../../protocol/codec/zstd.ts";
import { MAX_OFFERS } from "../../../protocol/store/page-index.ts";
import { fittingBases, type UsableBase } from "./choose-answer.ts";
import { splices } from "./codec-trust.ts";
import {
  bodiesOf,
  type CodedPage,
  type EncodeDeltaOptions,
  smaller,
  type WholeCoded,
  type Work,
} from "./coded-page.ts";
import { type Effort, effortAt, LEISURE_LOAD, type LinkNow } from "./effort.ts";
import { mixedAfterwards, mixedInUnits, mixedOn, mixes } from "./mix-page.ts";

/**
 * Good enough whatever time there is: a token takes 43 bytes and more, and mixed it would be ten less, of some 140 that
 * the exchange takes.
 */
const SMALL_BYTES = 48;
/**
 * And where there is no token to fold: to mix all that is larger than SMALL_BYTES takes 1.2 % off the answers of
 * versions, and ten times as long.
 */
const SMALL_UNFOLDED_BYTES = 96;
/** More than that makes no splice of so few bytes. */
const SMALL = { steps: 12, addedBytes: 160 } as const;

/**
 * A page of which more than an eighth is its own is found out sooner: over 329 pairs of pages up to 100 KB a try takes
 * 0.19 ms and not 0.27, and as many splices are good enough.
 */
const ADDED_SHARE_LOG = 3;
const LEAST_ADDED_BYTES = 512;

/** All bases of a page that has more than MAX_OFFERS: to cut so much into units takes 4 ms. @internal */
export const MOST_OF_MORE_BYTES = 2 * 1024 * 1024;

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
  if (folded === undefined && isWithin(spliced, SMALL_UNFOLDED_BYTES)) return spliced;
  const plain = () => smallestOf(offered, others, page, work, spliced);
  return folded === undefined ? plain() : foldedPage(offered, folded, work, plain);
};

/**
 * What a page that builds on this one must know of it, which is a tenth of coding most pages; call it once its own
 * answer has left. Not for one so small that it needed nothing of the kind, nor where there is little time: then it is
 * found out when it is needed.
 */
export const readyAsBase = (
  page: Buffer,
  codedBytes: number,
  { foldsTokens, load }: Pick<EncodeDeltaOptions, "foldsTokens" | "load">,
): void => {
  if (codedBytes > SMALL_BYTES && foldsTokens && load() <= LEISURE_LOAD) findSecrets(page);
};

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

/**
 * By whatever there is time for. `mixable`: on which the page may be mixed or spliced, `others`: on which it may be
 * compressed; `first`: what came of a splice so far, of whole units only where nothing is `mixable`.
 */
const smallestOf = (
  mixable: readonly UsableBase[],
  others: readonly UsableBase[],
  page: Buffer,
  work: Work,
  first: WholeCoded | undefined,
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

const isWithin = (spliced: WholeCoded | undefined, bytes: number): spliced is WholeCoded =>
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
  if (made.bases.at(-1) !== bases.at(-1) || work.options.trust.mistrusts(onFolded.id)) {
    if (!Buffer.isBuffer(coded)) await coded.giveUp();
    return { ...(await plain()), looked: offered };
  }
  const ofOffered = (of: readonly UsableBase[]) =>
    offered.filter(({ offer }) => of.some((base) => base.offer === offer));
  return {
    codec: onFolded,
    coded: withMasks(folded, coded),
    bases: ofOffered(made.bases),
    looked: ofOffered(made.looked),
  };
};

/**
 * The smallest of what a compressor makes of it, of the splice, if there is one, and of what is mixed on what is
 * `mixable`, where that is worth it.
 */
const compressedPage = async (
  offered: readonly UsableBase[],
  page: Buffer,
  work: Work,
  spliced: WholeCoded | undefined,
  mixable: readonly UsableBase[],
): Promise<CodedPage> => {
  const { codecs, streaming, trust } = work.options;
  const agreed = codecs.page.fits(0, page.length) && !trust.mistrusts(codecs.page.id);
  const codec = agreed ? codecs.page : streaming;
  const may = trust.mistrusts(codec.id) ? [] : bestOf(offered, work.effort);
  const bases = fittingBases(codec, may, page.length);
  const coded = await codec.encode(bodiesOf(bases), page);
  const compressed = { codec, bases, looked: offered, coded };
  const smallest = smaller(spliced, compressed);
  const mixed = mixes(work) ? await mixedAfterwards(mixable, page, work, smallest) : undefined;
  // Which of them is smallest tells of all bases.
  const made = smaller(mixed, smallest);
  return { ...made, looked: [...offered, ...(spliced?.looked ?? [])] };
};

/** Where there is time to mix only what is good enough anyway is looked for first, and given up as soon. */
const firstSplice = (offered: readonly UsableBase[], page: Buffer, work: Work): WholeCoded | undefined =>
  splicedPage(offered, page, work, hasTimeToMix(work.effort) ? SMALL : work.effort);

/** Where nothing is mixed, and a first splice was given up so soon. */
const secondSplice = (offered: readonly UsableBase[], page: Buffer, work: Work): WholeCoded | undefined =>
  hasTimeToMix(work.effort) ? splicedPage(offered, page, work, work.effort) : undefined;

const hasTimeToMix = ({ mixedBytes, addedBytes }: Effort): boolean => mixedBytes >= addedBytes;

/** On the best base alone; undefined where it comes to nothing. */
const splicedPage = (
  offered: readonly UsableBase[],
  page: Buffer,
  { options, effort: { compressedFrom } }: Work,
  { steps, addedBytes }: Pick<Effort, "steps" | "addedBytes">,
): WholeCoded | undefined => {
  const best = offered.findLast(({ version }) => spliceCodec.accepts(version.body));
  if (best === undefined || !splices(options)) return undefined;
  const { body } = best.version;
  if (!spliceCodec.fits(body.length, page.length)) return undefined;
  const mostAdded = Math.min(addedBytes, Math.max(LEAST_ADDED_BYTES, page.length >> ADDED_SHARE_LOG));
  const coded = spliceWithin([body], page, { steps, addedBytes: mostAdded, compressedFrom });
  return coded && { codec: spliceCodec, bases: [best], looked: [best], coded };
};

/** As many as the effort allows; beyond four only where all of them are small, for looking for units holds the event loop. */
const bestOf = (offered: readonly UsableBase[], { bases }: Effort): readonly UsableBase[] => {
  const best = offered.slice(-bases);
  const bytes = best.reduce((sum, { version }) => sum + version.body.length, 0);
  return bytes > MOST_OF_MORE_BYTES ? best.slice(-MAX_OFFERS) : best;
};
