/**
 * What a replay measured, in numbers with stable names: the JSON that `replay --json` writes. Bytes are sums over the
 * counted exchanges of a family; mismatches and errors are of all its exchanges, counted or not.
 */
import { addBaselines, NO_BYTES } from "../corpus/baselines.ts";
import type { Ground } from "../corpus/versions.ts";
import { countOf, geometricMean, type Percentiles, percentilesOf, sumOf } from "../report/statistics.ts";
import { ANSWERS, type Answer } from "../rig/exchange-log.ts";
import { addSpent, HEAPS, NOTHING_SPENT, type Spent } from "../rig/link-tap.ts";
import { REPORTED_KINDS, type Reported, type ReportedKind } from "./planned-visits.ts";
import type { ReplayedVisit } from "./replay-visits.ts";

export interface Sums {
  readonly exchanges: number;
  readonly rawBytes: number;
  readonly gzip6Bytes: number;
  readonly brotli5Bytes: number;
  readonly zstd3Bytes: number;
  /** Bodies of answers as they crossed the link, before framing and TLS. */
  readonly answerBytes: number;
  /** All bytes on the link's socket from the origin side to the edge. */
  readonly linkBytesToEdge: number;
  readonly linkBytesToOrigin: number;
  /** What an exchange costs beside its answer: heads both ways, offers, proofs, framing, TLS; null without exchanges. */
  readonly overheadBytesPerExchange: number | null;
  readonly answers: Readonly<Record<Answer, number>>;
  /** Of the answers that were whole or had no base: how many for which reason, where the daemons say so. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Null where nothing was encoded. */
  readonly encodeMs: Percentiles | null;
  readonly decodeMs: Percentiles | null;
  readonly mismatches: number;
  readonly errors: number;
}

export interface FamilyReport extends Sums, Reported {}

/** Geometric mean, over the families of a kind, of their bytes / raw bytes. Null where the kind has no family. */
export interface Shares {
  readonly gzip6: number | null;
  readonly brotli5: number | null;
  readonly zstd3: number | null;
  readonly answer: number | null;
  /** Both directions of the link together. */
  readonly link: number | null;
}

/**
 * Mean bytes of an exchange, by what they were spent on; null where nothing was counted. A repeat visit is one of a time
 * series: the same URL again.
 */
export interface SpentReport {
  readonly all: Spent | null;
  readonly repeatVisits: Spent | null;
  readonly goals: readonly Goal[];
}

/** What the link is meant to cost at most, and what it did. */
interface Goal {
  readonly name: string;
  readonly atMost: number;
  readonly measured: number | null;
}

export interface ReplayReport {
  readonly families: readonly FamilyReport[];
  /** Of answerBytes / rawBytes: the project's headline figure. */
  readonly geomean: Readonly<Record<ReportedKind, number | null>>;
  readonly shares: Readonly<Record<ReportedKind, Shares>>;
  readonly totals: Sums;
  readonly spentPerExchange: SpentReport;
  readonly pagesUpTo100KB: {
    readonly exchanges: number;
    readonly encodeMs: Percentiles | null;
    readonly decodeMs: Percentiles | null;
  };
  /** What was asked for; "default" is what a user gets who sets nothing. */
  readonly settings: { readonly codec: string; readonly bases: string; readonly commonBases: boolean };
  /** Links that the origin side opened; more than one means that one was lost on the way. */
  readonly links: number;
  readonly countedAll: boolean;
  /** First reasons of errors, for people. */
  readonly firstErrors: readonly string[];
  readonly versions: Ground;
}

const SMALL_PAGE_BYTES = 100_000;
const ERRORS_SHOWN = 5;

export function reportOn(
  visits: readonly ReplayedVisit[],
  ground: Pick<ReplayReport, "settings" | "links" | "countedAll" | "versions">,
): ReplayReport {
  const byFamily = Map.groupBy(visits, (visit) => visit.family);
  const families = [...byFamily].map(
    ([{ name, kind }, theirs]): FamilyReport => ({ name, kind, ...sumsOf(theirs) }),
  );
  const shares = forEachKind((kind) => sharesOf(families, kind));
  const small = visits.filter((visit) => visit.counted && visit.rawBytes <= SMALL_PAGE_BYTES);
  return {
    families,
    geomean: forEachKind((kind) => shares[kind].answer),
    shares,
    totals: sumsOf(visits),
    spentPerExchange: spentOf(visits),
    pagesUpTo100KB: {
      exchanges: small.length,
      encodeMs: spread(small.map((visit) => visit.encodeMs)),
      decodeMs: spread(small.map((visit) => visit.decodeMs)),
    },
    ...ground,
    firstErrors: visits
      .filter((visit) => visit.error !== undefined || visit.mismatch)
      .slice(0, ERRORS_SHOWN)
      .map(
        ({ family, error }) =>
          `${family.name}: ${error ?? "the visitor got other bytes than the origin sent"}`,
      ),
  };
}

const forEachKind = <T>(make: (kind: ReportedKind) => T): Readonly<Record<ReportedKind, T>> =>
  Object.fromEntries(REPORTED_KINDS.map((kind) => [kind, make(kind)])) as Record<ReportedKind, T>;

/** Whether every page arrived, and arrived unharmed. */
export const isFlawless = ({ totals }: ReplayReport): boolean =>
  totals.mismatches === 0 && totals.errors === 0;

function sumsOf(visits: readonly ReplayedVisit[]): Sums {
  const counted = visits.filter((visit) => visit.counted);
  const answerBytes = sumOf(counted.map((visit) => visit.answerBytes));
  const linkBytesToEdge = sumOf(counted.map((visit) => visit.link.toEdge));
  const linkBytesToOrigin = sumOf(counted.map((visit) => visit.link.toOrigin));
  const answered = (answer: Answer) => counted.filter((visit) => visit.answer === answer).length;
  return {
    exchanges: counted.length,
    rawBytes: sumOf(counted.map((visit) => visit.rawBytes)),
    ...counted.map((visit) => visit.baselines).reduce(addBaselines, NO_BYTES),
    answerBytes,
    linkBytesToEdge,
    linkBytesToOrigin,
    overheadBytesPerExchange:
      counted.length === 0 ? null : (linkBytesToEdge + linkBytesToOrigin - answerBytes) / counted.length,
    answers: Object.fromEntries(ANSWERS.map((answer) => [answer, answered(answer)])) as Record<
      Answer,
      number
    >,
    reasons: countOf(counted.map(({ reason }) => reason)),
    encodeMs: spread(counted.map((visit) => visit.encodeMs)),
    decodeMs: spread(counted.map((visit) => visit.decodeMs)),
    mismatches: visits.filter((visit) => visit.mismatch).length,
    errors: visits.filter((visit) => visit.error !== undefined).length,
  };
}

/** Bytes of an exchange: beside its answer; of the head of a repeat visit's request; of that of its answer. */
const GOALS = { besideAnswer: 200, repeatRequestHead: 60, repeatAnswerHead: 40 } as const;

function spentOf(visits: readonly ReplayedVisit[]): SpentReport {
  const counted = visits.filter((visit) => visit.counted);
  const all = meanSpent(counted);
  const repeatVisits = meanSpent(counted.filter((visit) => visit.family.kind === "timeseries"));
  const beside = (spent: Spent) => sumOf(HEAPS.map((heap) => spent[heap])) - spent.answers;
  return {
    all,
    repeatVisits,
    goals: [
      { name: "besideAnswer", atMost: GOALS.besideAnswer, measured: all && beside(all) },
      {
        name: "repeatRequestHead",
        atMost: GOALS.repeatRequestHead,
        measured: repeatVisits?.requestHeads ?? null,
      },
      {
        name: "repeatAnswerHead",
        atMost: GOALS.repeatAnswerHead,
        measured: repeatVisits?.answerHeads ?? null,
      },
    ],
  };
}

function meanSpent(visits: readonly ReplayedVisit[]): Spent | null {
  if (visits.length === 0) return null;
  const sum = visits.map((visit) => visit.spent).reduce(addSpent, NOTHING_SPENT);
  return Object.fromEntries(HEAPS.map((heap) => [heap, sum[heap] / visits.length])) as Spent;
}

const spread = (values: readonly (number | undefined)[]): Percentiles | null =>
  percentilesOf(values.filter((value) => value !== undefined)) ?? null;

function sharesOf(families: readonly FamilyReport[], kind: ReportedKind): Shares {
  const measured = families.filter((family) => family.kind === kind && family.rawBytes > 0);
  // A family that cost nothing at all counts as one byte: the mean of a product with a zero says nothing.
  const share = (bytesOf: (family: FamilyReport) => number) =>
    geometricMean(measured.map((family) => Math.max(1, bytesOf(family)) / family.rawBytes)) ?? null;
  return {
    gzip6: share((family) => family.gzip6Bytes),
    brotli5: share((family) => family.brotli5Bytes),
    zstd3: share((family) => family.zstd3Bytes),
    answer: share((family) => family.answerBytes),
    link: share((family) => family.linkBytesToEdge + family.linkBytesToOrigin),
  };
}
