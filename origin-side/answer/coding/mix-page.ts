/**
 * Pages that are mixed: on their bases, in whole units of them, or by themselves; at once or in turns. What that is
 * worth is at the top of encode-delta.
 */
import {
  type InUnits,
  type Mixed,
  ownBytesOf,
  spliceCodec,
  spliceMixed,
  spliceMixedAlone,
  spliceMixedInTurns,
  spliceMixedInUnits,
} from "../../../protocol/codec/splice.ts";
import { takesMixed } from "../../../protocol/frames/mixed-splices.ts";
import { type Worth, whole } from "../../../protocol/mixing/coded-in-turns.ts";
import { MIXED_STEPS, MIXED_TEXT_BYTES, type MixedPage } from "../../../protocol/mixing/mixed-page.ts";
import type { UsableBase } from "./choose-answer.ts";
import { splices } from "./codec-trust.ts";
import { bodiesOf, type CodedPage, smaller, type WholeCoded, type Work } from "./coded-page.ts";
import { type Effort, IN_TURNS, isMixed, leavesUncompared } from "./effort.ts";

/**
 * A page of which more than half is its own is left to zstd, which takes a third of the time there (pages of 6 KB: 0.4
 * ms and not 0.8) for a seventh more bytes.
 */
const MIXED_SHARE_LOG = 1;
const LEAST_MIXED_BYTES = 1024;

/** Whether pages are mixed for this request. Asks the link last. */
export const mixes = ({ options, effort, link }: Work): boolean =>
  effort.mixedBytes > 0 && options.readsMixed && splices(options) && takesMixed(link.open.extensions);

/** On as many of the best as there is room for, or the best alone; undefined where the page has too much of its own. */
export const mixedOn = (
  offered: readonly UsableBase[],
  page: Buffer,
  { mixedBytes }: Effort,
): WholeCoded | undefined => {
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
const mixedSplice = <Coded extends Mixed>(
  offered: readonly UsableBase[],
  bases: readonly UsableBase[],
  mixed: MixedPage<Coded> | undefined,
): CodedPage<Coded> | undefined => {
  if (mixed === undefined) return undefined;
  const on = bases.slice(bases.length - mixed.bases);
  return { codec: spliceCodec, bases: on, looked: mixed.bases === 1 ? on : offered, coded: mixed.coded };
};

/** The smaller of `spliced` and of the same units, mixed: as a whole, for what comes of the page without them may be smaller. */
export const mixedInUnits = async (spliced: WholeCoded, found: InUnits, work: Work): Promise<WholeCoded> => {
  const coded = isMixed(ownBytesOf(found), spliced.coded.length, work)
    ? await whole(await spliceMixedInUnits(found))
    : undefined;
  return coded === undefined ? spliced : smaller(spliced, { ...spliced, coded });
};

/** A page by itself, or one that has much of its own on its bases, in turns; one that hardly compresses is not tried. */
export const mixedAfterwards = async (
  mixable: readonly UsableBase[],
  page: Buffer,
  work: Work,
  { coded, bases: built }: WholeCoded,
): Promise<CodedPage | undefined> => {
  if (coded.length > (page.length * 3) / 4) return undefined;
  if (built.length === 0) {
    const isWorth = isMixed(page.length, coded.length, work, IN_TURNS.leastShareLogAlone);
    const alone = isWorth ? await spliceMixedAlone(page) : undefined;
    return alone && { codec: spliceCodec, bases: [], looked: [], coded: alone };
  }
  if (mixable.length === 0 || !isMixed(work.effort.mixedBytes + 1, coded.length, work)) return undefined;
  const worth = (ownBytes: number): Worth => {
    if (!isMixed(ownBytes, coded.length, work)) return "nothing";
    return leavesUncompared(ownBytes, coded.length) ? "pieces" : "whole";
  };
  const bases = bestFor(mixable, page);
  const bounds = { steps: MIXED_STEPS, addedBytes: IN_TURNS.addedBytes };
  return mixedSplice(mixable, bases, await spliceMixedInTurns(bodiesOf(bases), page, bounds, worth));
};
