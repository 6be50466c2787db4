// bench pair --load --corpus: pages that differ each time and can be checked, what h2load prints, ratios and the table, of made figures.
import { describe, expect, it } from "vitest";
import {
  type CorpusReport,
  type CorpusRound,
  isCorpusLoadFlawless,
  withRatios,
} from "../../../bench/pair/corpus-load.ts";
import { flawOfPage, numbered } from "../../../bench/pair/corpus-pages.ts";
import { corpusTable } from "../../../bench/pair/corpus-table.ts";
import { h2loadArguments, readH2load } from "../../../bench/pair/h2load.ts";
import { tagOf } from "../../../bench/pair/pages.ts";

describe("a page of the corpus", () => {
  const page = numbered(Buffer.from("one two three four five"), "text/plain");

  it("has its number at the first blank of its second half", () => {
    expect(page.make(7).toString()).toBe("one two three 0000000007 four five");
    expect(page.bytes).toBe(page.make(7).length);
  });

  it("is right only with the tag of its own number", () => {
    const body = page.make(7);
    expect(flawOfPage(page, body, tagOf(7))).toBeUndefined();
    expect(flawOfPage(page, body, tagOf(8))).toContain("are not version 8");
    expect(flawOfPage(page, body, undefined)).toContain("no version");
    expect(flawOfPage(page, body.subarray(1), tagOf(7))).toContain("are not version 7");
  });
});

describe("h2load", () => {
  const printed = (counts: string, codes: string) =>
    `finished in 3.00s, 2430.12 req/s, 1.20MB/s\nrequests: 7300 total, 7364 started, 7300 done, ${counts}, 0 timeout\nstatus codes: ${codes}, 0 5xx\n`;

  it.each([
    ["no failure", "7300 succeeded, 0 failed, 0 errored", "7300 2xx, 0 3xx, 0 4xx", 0],
    ["bad statuses", "7298 succeeded, 2 failed, 0 errored", "7298 2xx, 0 3xx, 2 4xx", 2],
    ["failed streams", "7300 succeeded, 64 failed, 64 errored", "7300 2xx, 0 3xx, 0 4xx", 64],
  ])("is read with %s", (_, counts, codes, errors) => {
    expect(readH2load(printed(counts, codes))).toEqual({
      requests: 7_300,
      requestsPerSecond: 2_430.12,
      errors,
    });
  });

  it("is told where to connect, and asks for the pair's host", () => {
    const words = h2loadArguments({ address: "127.0.0.1:1", path: "/11kb", encodings: "none", seconds: 2 });
    expect(words.join(" ")).toContain("-c 8 -m 8 -D 2 --connect-to=127.0.0.1:1");
    expect(words.at(-1)).toBe("https://pair.test/11kb");
    expect(() => readH2load("starting benchmark...\n")).toThrow("no figures of h2load");
  });
});

/** `full`: full collections a second of the origin side. */
const round = (requestsPerSecond: number, cpuMs: number, full = 0): CorpusRound => ({
  ...{ requests: 100, requestsPerSecond, errors: 0, checked: 3, wrong: 0 },
  ...{ visitorBytes: 1_234, residentBytes: 300 * 2 ** 20 },
  processes: [
    { cpuMs: cpuMs / 4, fullCollectionsPerSecond: 0, loopDelayP99Ms: 3 },
    { cpuMs: (3 * cpuMs) / 4, fullCollectionsPerSecond: full, loopDelayP99Ms: 4 },
  ],
});

const WAYS = withRatios([
  ["this", [round(3_000, 0.4, 1), round(900, 1.2, 3), round(2_000, 0.4, 2)]],
  ["/before", [round(1_000, 0.8), round(300, 2.4), round(1_000, 0.8)]],
]);

const reportOf = (ways: CorpusReport["rows"][number]["ways"]): CorpusReport => ({
  rows: [{ name: "11kb", encodings: "none", ways }],
  ...{ http2: false, concurrency: 32, rounds: 3, seconds: 8, firstFlaws: [] },
});

it("takes ratios round by round, so that a slow round counts for nothing", () => {
  const [own, before] = WAYS;
  expect(own?.ratios).toBeUndefined();
  expect(before?.ratios?.requestsPerSecond).toBeCloseTo(3, 9);
  expect(before?.ratios?.cpuPerRequest).toBeCloseTo(0.5, 9);
});

it("shows medians of each daemon, and which checkout is which", () => {
  const table = corpusTable(reportOf(WAYS));
  expect(table).toMatch(
    /11kb +none +this +2,000 +0\.40 = 0\.10 \+ 0\.30 +0\.0 \+ 2\.0 +3\.0 \+ 4\.0 +300 +1,234/,
  );
  expect(table).toMatch(/that 1 +1,000 +3\.00 +0\.80 = 0\.20 \+ 0\.60 +0\.50/);
  expect(table).toContain("That 1: /before");
});

it.each([
  ["an error", { errors: 1 }],
  ["a wrong answer", { wrong: 1 }],
  ["nothing checked", { checked: 0 }],
])("does not pass with %s in one round", (_, over) => {
  expect(isCorpusLoadFlawless(reportOf(WAYS))).toBe(true);
  const ways = withRatios([["this", [round(1, 1), { ...round(1, 1), ...over }]]]);
  expect(isCorpusLoadFlawless(reportOf(ways))).toBe(false);
});
