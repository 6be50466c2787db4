/**
 * What a try measured, in numbers with stable names: the JSON that `try --json` writes. The schema is the type. Of a site's requests it
 * holds addresses without secrets (printed-url.ts), and no field's value.
 */
import { z } from "zod";
import type { Baselines } from "../corpus/baselines.ts";
import type { Ground } from "../corpus/versions.ts";
import { countOf, medianOf, sumOf } from "../report/statistics.ts";
import { ANSWERS } from "../rig/exchange-log.ts";
import type { Carried } from "./carry.ts";

const BYTES = z.number().nonnegative();

/** Of one answer, or means over several. `link` is everything on the link's socket both ways; the others are bodies alone. */
const SIZES = z.strictObject({
  page: BYTES,
  /** As the site sent it. */
  sent: BYTES,
  gzip: BYTES,
  brotli: BYTES,
  zstd: BYTES,
  answer: BYTES,
  link: BYTES,
});
export type Sizes = z.infer<typeof SIZES>;

const TIMES = z.strictObject({ firstByteMs: BYTES, wholeMs: BYTES });

const VISIT = z.strictObject({
  visit: z.int().positive(),
  status: z.int(),
  /** Whether the body is another than at the visit before; null at the first. */
  changed: z.boolean().nullable(),
  sizes: SIZES,
  answer: z.enum(ANSWERS).nullable(),
  reason: z.string().nullable(),
  /** At the site itself, from here. */
  siteFirstByteMs: BYTES,
  straight: TIMES.nullable(),
  pair: TIMES.nullable(),
  fault: z.string().nullable(),
});
type TriedVisit = z.infer<typeof VISIT>;

const PAGE = z.strictObject({
  url: z.string(),
  contentType: z.string(),
  visits: z.array(VISIT).min(1),
  first: SIZES,
  /** Means of all visits but the first; null where there is one. */
  again: SIZES.nullable(),
  /** Of how many visits the body was another than at the visit before. */
  changed: z.int().nonnegative(),
  /** Why answers but the first were whole or passed, with their numbers. */
  reasons: z.record(z.string(), z.int().positive()),
});
export type TriedPage = z.infer<typeof PAGE>;

/** @internal */
export const TRY_REPORT = z.strictObject({
  /** ISO 8601. */
  at: z.string(),
  line: z.strictObject({ rttMs: BYTES, bytesPerSecond: BYTES.nullable() }),
  pages: z.array(PAGE).min(1),
  visits: z.int().positive(),
  first: SIZES,
  again: SIZES.nullable(),
  /** Medians over all visits but the first of each page. */
  times: z.strictObject({
    siteFirstByteMs: BYTES.nullable(),
    straight: TIMES.nullable(),
    pair: TIMES.nullable(),
  }),
  visitsPerDay: z.number().positive(),
  /** Gigabytes (10^9) in 30 days, at the means of `again`. */
  gigabytesPerMonth: SIZES.nullable(),
  faults: z.int().nonnegative(),
  notes: z.array(z.string()),
  versions: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type TryReport = z.infer<typeof TRY_REPORT>;

/** One visit as it was measured. */
export interface Measured {
  readonly page: number;
  readonly visit: number;
  readonly url: string;
  readonly contentType: string;
  readonly status: number;
  /** Tells bodies apart. */
  readonly digest: string;
  readonly pageBytes: number;
  readonly sentBytes: number;
  readonly baselines: Baselines;
  readonly siteFirstByteMs: number;
  readonly carried: Carried;
}

const DAYS = 30;

/** `measured`: at least one. */
export function reportOn(
  measured: readonly Measured[],
  ground: Pick<TryReport, "at" | "line" | "visitsPerDay" | "notes"> & { readonly versions: Ground },
): TryReport {
  const pages = [...Map.groupBy(measured, ({ page }) => page).values()].map(pageOf);
  const visits = pages.flatMap((page) => page.visits);
  const repeated = visits.filter(({ visit }) => visit > 1);
  const again = meanOf(repeated);
  const perMonth = (bytes: number) => (bytes * ground.visitsPerDay * DAYS) / 1e9;
  return {
    ...ground,
    versions: { ...ground.versions },
    pages,
    visits: visits.length,
    first: meanOf(visits.filter(({ visit }) => visit === 1)) ?? NO_SIZES,
    again,
    times: {
      siteFirstByteMs: medianOf(repeated.map(({ siteFirstByteMs }) => siteFirstByteMs)) ?? null,
      straight: mediansOf(repeated.map(({ straight }) => straight)),
      pair: mediansOf(repeated.map(({ pair }) => pair)),
    },
    gigabytesPerMonth: again && eachSize((name) => perMonth(again[name])),
    faults: visits.filter(({ fault }) => fault !== null).length,
  };
}

function pageOf(measured: readonly Measured[]): TriedPage {
  const visits = measured.map((one, at): TriedVisit => {
    const { pageBytes, sentBytes, baselines, carried } = one;
    const { answerBytes, linkBytes, ...rest } = carried;
    const before = measured[at - 1];
    return {
      visit: one.visit,
      status: one.status,
      changed: before === undefined ? null : before.digest !== one.digest,
      sizes: {
        page: pageBytes,
        sent: sentBytes,
        gzip: baselines.gzip6Bytes,
        brotli: baselines.brotli5Bytes,
        zstd: baselines.zstd3Bytes,
        answer: answerBytes,
        link: linkBytes,
      },
      siteFirstByteMs: one.siteFirstByteMs,
      ...rest,
    };
  });
  const repeated = visits.slice(1);
  return {
    url: measured[0]?.url ?? "",
    contentType: measured[0]?.contentType ?? "",
    visits,
    first: visits[0]?.sizes ?? NO_SIZES,
    again: meanOf(repeated),
    changed: visits.filter(({ changed }) => changed === true).length,
    reasons: countOf(repeated.map(({ reason }) => reason ?? undefined)),
  };
}

const SIZE_NAMES = ["page", "sent", "gzip", "brotli", "zstd", "answer", "link"] as const;

const eachSize = (make: (name: keyof Sizes) => number): Sizes =>
  Object.fromEntries(SIZE_NAMES.map((name) => [name, make(name)])) as Sizes;

const NO_SIZES = eachSize(() => 0);

const meanOf = (visits: readonly Pick<TriedVisit, "sizes">[]): Sizes | null =>
  visits.length === 0
    ? null
    : eachSize((name) => sumOf(visits.map(({ sizes }) => sizes[name])) / visits.length);

function mediansOf(times: readonly TriedVisit["pair"][]): TriedVisit["pair"] {
  const known = times.filter((one) => one !== null);
  const firstByteMs = medianOf(known.map((one) => one.firstByteMs));
  const wholeMs = medianOf(known.map((one) => one.wholeMs));
  return firstByteMs === undefined || wholeMs === undefined ? null : { firstByteMs, wholeMs };
}

/** The smallest of what compression alone makes of a page. */
export const bestCompressed = ({ page, gzip, brotli, zstd }: Sizes): number =>
  Math.min(page, gzip, brotli, zstd);
