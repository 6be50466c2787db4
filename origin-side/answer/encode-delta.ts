/**
 * How a buffered page is coded: the one place that weighs bytes against time. SPEC section "Codecs".
 *
 * First a splice on the best base. Over 30 families of real pages one try takes 0.03 ms where the page differs in a few
 * places, and 0.1 ms where it is given up; where up to 512 bytes come out, zstd on four bases is not asked (successive
 * versions: 0.513 % of raw instead of 0.508 %): the 30 bytes that it finds on the average are a fortieth of a millisecond at
 * 10 Mbit/s, and it takes two. Otherwise the smaller of both (zstd alone: 0.524 %). What zstd costs is its dictionary: 100 KB
 * take 1.9 ms with 4 bases, 1.05 with 2, 0.75 with 1, for 0.74 %, 0.78 % and 0.85 % of raw (template pages 4.9 %, 6.0 %,
 * 6.7 %). So the busier this process is, its loop or its thread pool, the fewer bases and the larger a splice it takes, and the fewer splices it deflates
 * (a tenth of what the loop has to do for pages of 10 KB): bytes never cost visitors their turn. On a link that is full they
 * do, and one effort more is made. All settings of zstd itself stay, for cheaper ones lose more bytes than they save time.
 */
import type { Codec } from "../../protocol/codec/codec.ts";
import type { AgreedCodecs, StreamingCodec } from "../../protocol/codec/codecs.ts";
import { type Folded, foldedCodec, foldOn, withMasks } from "../../protocol/codec/folded.ts";
import {
  LEAST_COMPRESSED_BYTES,
  spliceCodec,
  spliceInUnits,
  spliceWithin,
} from "../../protocol/codec/splice.ts";
import { zstdPoolLoad } from "../../protocol/codec/zstd.ts";
import type { Load } from "../../protocol/runtime/event-loop-load.ts";
import { MAX_OFFERS } from "../../protocol/store/page-index.ts";
import { fittingBases, type UsableBase } from "./choose-answer.ts";
import type { CodecTrust } from "./codec-trust.ts";

export interface EncodeDeltaOptions {
  readonly codecs: AgreedCodecs;
  readonly trust: Pick<CodecTrust, "mistrusts">;
  /** For pages that the agreed codec does not fit. */
  readonly streaming: StreamingCodec;
  readonly load: Load;
  /** The edge reads folded pages. */
  readonly foldsTokens: boolean;
  /** And splices that are told in units. */
  readonly readsUnits: boolean;
}

/** A token takes 43 bytes and more. */
const LEAST_FOLDED_BYTES = 48;

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

/** What a page may cost at some load; the first row whose load is not exceeded. @internal */
export interface Effort {
  readonly upToLoad: number;
  readonly bases: number;
  /** A splice of so many bytes is good enough. */
  readonly spliceBytes: number;
  /** It is given up beyond so many steps and bytes of the page's own. */
  readonly steps: number;
  readonly addedBytes: number;
  /** Its steps are compressed from so many bytes on. */
  readonly compressedFrom: number;
}

/** @internal */
export const EFFORTS: readonly Effort[] = [
  {
    upToLoad: 0.8,
    bases: 8,
    spliceBytes: 512,
    steps: 96,
    addedBytes: 2048,
    compressedFrom: LEAST_COMPRESSED_BYTES,
  },
  {
    upToLoad: 0.95,
    bases: 2,
    spliceBytes: 768,
    steps: 96,
    addedBytes: 2048,
    compressedFrom: 512,
  },
  {
    upToLoad: 1,
    bases: 1,
    spliceBytes: 2048,
    steps: 192,
    addedBytes: 4096,
    compressedFrom: 1024,
  },
];

/** Asked only where it matters: whether what is sent now waits for what was sent before. */
export interface FullLink {
  readonly linkIsFull: boolean;
}

/** A full link takes each byte later than the processor could have saved it: it deserves one effort more. @internal */
export const effortAt = (load: number, link: FullLink = { linkIsFull: false }): Effort => {
  const row = EFFORTS.findIndex(({ upToLoad }) => load <= upToLoad);
  const byLoad = row === -1 ? EFFORTS.length - 1 : row;
  return EFFORTS[byLoad > 0 && link.linkIsFull ? byLoad - 1 : byLoad] as Effort;
};

/**
 * `offered`: what the edge offered and this side holds, best last; of those that are not among `others` whole units only are copied. A
 * splice that is good enough is here at once.
 */
export const encodePage = (
  offered: readonly UsableBase[],
  page: Buffer,
  options: EncodeDeltaOptions,
  link: FullLink,
  others: readonly UsableBase[] = offered,
): CodedPage | Promise<CodedPage> => {
  const effort = effortAt(Math.max(options.load(), zstdPoolLoad()), link);
  const spliced = !splices(options)
    ? undefined
    : others.length < offered.length
      ? splicedInUnits(offered, page, effort, options.readsUnits)
      : splicedPage(offered, page, effort);
  if (isWithin(spliced, LEAST_FOLDED_BYTES)) return spliced;
  const best = offered.at(-1);
  const mayFold = options.foldsTokens && others.length === offered.length;
  const folded = mayFold && best ? foldOn(best.version.body, page) : undefined;
  const plain = () =>
    isWithin(spliced, effort.spliceBytes)
      ? spliced
      : compressedPage(others, page, { ...options, effort, spliced });
  return folded === undefined ? plain() : foldedPage(offered, folded, { ...options, effort, plain });
};

const splices = ({ codecs, trust }: EncodeDeltaOptions): boolean =>
  codecs.splice && !trust.mistrusts(spliceCodec.id);

const isWithin = (spliced: CodedPage | undefined, bytes: number): spliced is CodedPage =>
  spliced !== undefined && spliced.coded.length <= bytes;

/** `plain`: what is sent where the folded best base is of no use. */
const foldedPage = async (
  offered: readonly UsableBase[],
  folded: Folded,
  options: EncodeDeltaOptions & {
    readonly effort: Effort;
    readonly plain: () => CodedPage | Promise<CodedPage>;
  },
): Promise<CodedPage> => {
  const { effort, plain } = options;
  const bases = offered.map((base, at) =>
    at < offered.length - 1 ? base : { ...base, version: { ...base.version, body: folded.base } },
  );
  const spliced = splices(options) ? splicedPage(bases, folded.page, effort) : undefined;
  const { codec, coded, ...made } = isWithin(spliced, effort.spliceBytes)
    ? spliced
    : await compressedPage(bases, folded.page, { ...options, spliced });
  const onFolded = foldedCodec(codec);
  if (made.bases.at(-1) !== bases.at(-1) || options.trust.mistrusts(onFolded.id))
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
  {
    effort,
    spliced,
    ...options
  }: EncodeDeltaOptions & { readonly effort: Effort; readonly spliced: CodedPage | undefined },
): Promise<CodedPage> => {
  const { codecs, streaming, trust } = options;
  const agreed = codecs.page.fits(0, page.length) && !trust.mistrusts(codecs.page.id);
  const codec = agreed ? codecs.page : streaming;
  const may = trust.mistrusts(codec.id) ? [] : bestOf(offered, effort);
  const bases = fittingBases(codec, may, page.length);
  const coded = await codec.encode(bodiesOf(bases), page);
  // Which of the two is smaller tells of all bases.
  const made =
    spliced !== undefined && spliced.coded.length < coded.length ? spliced : { codec, bases, coded };
  return { ...made, looked: [...offered, ...(spliced?.looked ?? [])] };
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

/** Of whole units of all that are offered, as many as the effort allows; undefined where a page is no text. */
const splicedInUnits = (
  offered: readonly UsableBase[],
  page: Buffer,
  effort: Effort,
  packed: boolean,
): CodedPage | undefined => {
  if (!spliceCodec.fits(0, page.length)) return undefined;
  const bases = bestOf(offered, effort);
  const coded = spliceInUnits(bodiesOf(bases), page, { compressedFrom: effort.compressedFrom, packed });
  return coded && { codec: spliceCodec, bases, looked: bases, coded };
};

/** As many as the effort allows; beyond four only where all of them are small, for looking for units holds the event loop. */
const bestOf = (offered: readonly UsableBase[], { bases }: Effort): readonly UsableBase[] => {
  const best = offered.slice(-bases);
  const bytes = best.reduce((sum, { version }) => sum + version.body.length, 0);
  return bytes > MOST_OF_MORE_BYTES ? best.slice(-MAX_OFFERS) : best;
};

const bodiesOf = (bases: readonly UsableBase[]): readonly Buffer[] =>
  bases.map(({ version }) => version.body);
