/** bench/replay/replay-report.ts: sums, shares and means of made-up visits; names are retained, as other programs read them. */
import { describe, expect, it } from "vitest";
import type { Family } from "../../../bench/corpus/corpus.ts";
import { groundOfMeasurement } from "../../../bench/corpus/versions.ts";
import { reportOn } from "../../../bench/replay/replay-report.ts";
import { replayTable } from "../../../bench/replay/replay-table.ts";
import type { ReplayedVisit } from "../../../bench/replay/replay-visits.ts";
import { NOTHING_SPENT } from "../../../bench/rig/link-tap.ts";

const familyOf = (name: string, kind: Family["kind"]): Family => ({
  name,
  kind,
  contentType: "text/html",
  versions: [],
});
const series = familyOf("series", "timeseries");
const other = familyOf("other", "timeseries");
const pages = familyOf("pages", "template");

const visit = (changes: Partial<ReplayedVisit> = {}): ReplayedVisit => ({
  family: series,
  counted: true,
  rawBytes: 1000,
  baselines: { gzip6Bytes: 200, brotli5Bytes: 180, zstd3Bytes: 190 },
  answer: "delta",
  reason: undefined,
  answerBytes: 10,
  link: { toEdge: 60, toOrigin: 50 },
  spent: { ...NOTHING_SPENT, answers: 10, requestHeads: 30, answerHeads: 50, tls: 20 },
  encodeMs: 1,
  decodeMs: 0.5,
  totalMs: 3,
  mismatch: false,
  error: undefined,
  ...changes,
});

const report = (...visits: readonly ReplayedVisit[]) =>
  reportOn(visits, {
    settings: { codec: "default", bases: "default", commonBases: true },
    links: 1,
    countedAll: false,
    versions: groundOfMeasurement(),
  });

describe("a replay's report", () => {
  it("has the names that are promised", () => {
    const made = report(visit(), visit({ family: pages }));
    expect(Object.keys(made)).toEqual([
      "families",
      "geomean",
      "shares",
      "totals",
      "spentPerExchange",
      "pagesUpTo100KB",
      "settings",
      "links",
      "countedAll",
      "versions",
      "firstErrors",
    ]);
    expect(made.families[0]).toEqual({
      name: "series",
      kind: "timeseries",
      exchanges: 1,
      rawBytes: 1000,
      gzip6Bytes: 200,
      brotli5Bytes: 180,
      zstd3Bytes: 190,
      answerBytes: 10,
      linkBytesToEdge: 60,
      linkBytesToOrigin: 50,
      overheadBytesPerExchange: 100,
      answers: { same: 0, delta: 1, whole: 0, passed: 0 },
      reasons: {},
      encodeMs: { p50: 1, p95: 1 },
      decodeMs: { p50: 0.5, p95: 0.5 },
      mismatches: 0,
      errors: 0,
    });
  });

  it("takes the geometric mean over families, not over visits", () => {
    const made = report(
      visit({ answerBytes: 10 }),
      visit({ answerBytes: 10 }),
      visit({ family: other, answerBytes: 40 }),
    );
    expect(made.geomean.timeseries).toBeCloseTo(0.02, 12);
    expect(made.geomean.template).toBeNull();
  });

  it("leaves a family of which nothing was counted out of the mean", () => {
    const made = report(visit(), visit({ family: other, counted: false }));
    expect(made.geomean.timeseries).toBeCloseTo(0.01, 12);
    expect(made.families[1]).toMatchObject({
      exchanges: 0,
      rawBytes: 0,
      encodeMs: null,
      overheadBytesPerExchange: null,
    });
  });

  it("keeps answers that encode nothing out of the times", () => {
    const same = visit({ answer: "same", answerBytes: 0, encodeMs: undefined, decodeMs: undefined });
    const made = report(same, visit());
    expect(made.totals.encodeMs).toEqual({ p50: 1, p95: 1 });
    expect(report(same).totals.encodeMs).toBeNull();
  });

  it("reports the times of pages up to 100 KB apart: 100,000 bytes are in, one more is not", () => {
    const made = report(visit({ rawBytes: 100_000, encodeMs: 2 }), visit({ rawBytes: 100_001, encodeMs: 9 }));
    expect(made.pagesUpTo100KB).toMatchObject({ exchanges: 1, encodeMs: { p50: 2, p95: 2 } });
  });

  it("says what an exchange spends its bytes on, apart for repeat visits, and what the goals are", () => {
    const never = { ...visit(), counted: false, spent: { ...NOTHING_SPENT, tls: 999 } };
    const page = visit({ family: pages, spent: { ...NOTHING_SPENT, answers: 10, requestHeads: 90 } });
    const { all, repeatVisits, goals } = report(visit(), page, never).spentPerExchange;
    expect(all).toEqual({ ...NOTHING_SPENT, answers: 10, requestHeads: 60, answerHeads: 25, tls: 10 });
    expect(repeatVisits).toEqual(visit().spent);
    expect(goals).toEqual([
      { name: "besideAnswer", atMost: 200, measured: 95 },
      { name: "repeatRequestHead", atMost: 60, measured: 30 },
      { name: "repeatAnswerHead", atMost: 40, measured: 50 },
    ]);
    expect(report(never).spentPerExchange).toMatchObject({ all: null, repeatVisits: null });
    expect(replayTable(report(visit()))).toContain(
      "Goal: answer head of a repeat visit at most 40 bytes; measured 50.0.",
    );
  });

  it("becomes a table with a line per family and a mean per kind", () => {
    const table = replayTable(report(visit(), visit({ family: pages, answerBytes: 100 })));
    expect(table).toMatch(
      /^series +1 +1,000 +200 +180 +190 +10 +1\.00 % +110 +0\/1\/0\/0 +1\.00 +0\.50 +0$/m,
    );
    expect(table).toMatch(/^templates, geometric mean of raw +20\.0 % +18\.0 % +19\.0 % +10\.0 % +11\.0 %$/m);
    expect(table).toContain("an exchange costs 55 bytes");
  });
});
