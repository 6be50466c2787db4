/** bench/pair/load.ts, pair-table.ts, downloads.ts, memory.ts: the sums, the verdicts and the tables, of made figures. */
import { describe, expect, it } from "vitest";
import { repeats } from "../../../bench/pair/downloads.ts";
import { note } from "../../../bench/pair/flaws.ts";
import type { LatencyOfWay, LatencyReport } from "../../../bench/pair/latency.ts";
import { type LoadOfWay, type LoadReport, sumUp } from "../../../bench/pair/load.ts";
import { boundFor, type MemoryReport, pageOfVisit, STORE_BYTES } from "../../../bench/pair/memory.ts";
import {
  isLatencyFlawless,
  isLoadFlawless,
  isMemoryFlawless,
  latencyTable,
  loadTable,
  memoryTable,
} from "../../../bench/pair/pair-table.ts";
import { seeded } from "../../kit/random.ts";

const signs = (longest: number, collected: number) => ({
  loopDelayMs: { p50: 1, p99: longest / 2, longest },
  collection: { ms: collected, longestMs: collected, count: 1, full: 0 },
  inbound: {},
  dialled: { received: 0, sent: 0 },
});

const round = (requests: number, over: { longest: number; errors?: number }) => ({
  volley: {
    requests,
    seconds: 2,
    ms: Array.from({ length: requests }, (_, at) => at + 1),
    errors: over.errors ?? 0,
    checked: 10,
    wrong: 0,
    firstFlaws: [],
  },
  cpuMs: { edge: 110, originSide: 220, webServer: 55 },
  loopCpuMs: { edge: 99, originSide: 110, webServer: 55 },
  signs: { edge: signs(over.longest, 11), originSide: signs(1, 22) },
  linkBytes: 11_000,
});

describe("the sums of a load", () => {
  const sums = sumUp("pair", [round(100, { longest: 30 }), round(100, { longest: 90, errors: 2 })]);

  it("counts what the load asked, and spreads costs over the checked answers too", () => {
    expect(sums).toMatchObject({ requests: 200, requestsPerSecond: 50, checked: 20, errors: 2, wrong: 0 });
    expect(sums.cpuMsPerRequest).toEqual({ edge: 1, originSide: 2, webServer: 0.5 });
    expect(sums.loopCpuMsPerRequest).toEqual({ edge: 0.9, originSide: 1, webServer: 0.5 });
    expect(sums.linkBytesPerRequest).toBe(100);
  });

  it("takes percentiles over all rounds, health from the worst", () => {
    expect(sums.ms).toEqual({ p50: 50, p99: 99 });
    expect(sums.health.edge).toEqual({
      loopDelayP99Ms: 45,
      longestSpanMs: 90,
      longestCollectionMs: 11,
      collectionShare: 0.0055,
    });
  });
});

const loadOfWay = (over: Partial<LoadOfWay> = {}): LoadOfWay => ({
  ...sumUp("pair", [round(100, { longest: 3 })]),
  ...over,
});
const loadReport = (pair: LoadOfWay, firstFlaws: readonly string[] = []): LoadReport => ({
  rows: [
    {
      name: "steady-10k",
      encodings: "none",
      ways: { pair, plain: loadOfWay() },
      ratios: { requestsPerSecond: 0.5, cpuPerRequest: 2.25 },
    },
  ],
  concurrency: 32,
  seconds: 8,
  peakBytes: { edge: 2 ** 28 },
  firstFlaws,
});

const latencyOfWay = (over: Partial<LatencyOfWay> = {}): LatencyOfWay => ({
  visits: 20,
  ms: { p50: 104, p95: 110 },
  longestMs: 120,
  linkBytesPerVisit: 321,
  downloadBitsPerSecond: null,
  wrong: 0,
  ...over,
});
const latencyReport = (bulk: LatencyOfWay): LatencyReport => ({
  rows: [
    { link: "emulated", name: "small", encodings: "none", ways: { pair: latencyOfWay() } },
    { link: "emulated", name: "small-beside-bulk", encodings: "none", ways: { pair: bulk } },
  ],
  emulation: { rttMs: 100, bytesPerSecond: 1_250_000, bufferBytes: 1 },
  firstFlaws: [],
});
const besideBulk = (longestMs: number) =>
  latencyOfWay({ longestMs, linkBytesPerVisit: null, downloadBitsPerSecond: 9_500_000 });

const memoryReport = (peakBytes: number, wrong = 0): MemoryReport => {
  const daemon = {
    atStartBytes: 2 ** 27,
    largestByTenth: Array.from({ length: 10 }, () => 2 ** 28),
    peakBytes,
  };
  return {
    requests: 100_000,
    concurrency: 32,
    storeBytes: STORE_BYTES,
    boundBytes: boundFor(32),
    daemons: { edge: daemon, originSide: daemon },
    seconds: 100,
    wrong,
    firstFlaws: [],
  };
};

describe("a verdict", () => {
  it("is bad for one wrong answer, one error, or a case that measured nothing", () => {
    expect(isLoadFlawless(loadReport(loadOfWay()))).toBe(true);
    for (const over of [{ wrong: 1 }, { errors: 1 }, { requests: 0 }]) {
      expect(isLoadFlawless(loadReport(loadOfWay(over))), JSON.stringify(over)).toBe(false);
    }
    expect(isLoadFlawless(loadReport(loadOfWay(), ["while warming up"]))).toBe(false);
    expect(isLatencyFlawless(latencyReport(besideBulk(130)))).toBe(true);
    expect(isLatencyFlawless(latencyReport(latencyOfWay({ wrong: 1 })))).toBe(false);
    expect(isLatencyFlawless(latencyReport(latencyOfWay({ ms: null })))).toBe(false);
  });

  it("on memory is bad beyond the bound", () => {
    expect(isMemoryFlawless(memoryReport(boundFor(32)))).toBe(true);
    expect(isMemoryFlawless(memoryReport(boundFor(32) + 1))).toBe(false);
    expect(isMemoryFlawless(memoryReport(2 ** 28, 1))).toBe(false);
  });
});

describe("a table", () => {
  it("shows load with its ratios", () => {
    const table = loadTable(loadReport(loadOfWay({ errors: 3 }), ["status 502"]));
    expect(table).toMatch(/pair\/plain +0\.50 +2\.25$/m);
    expect(table).toContain("Something arrived wrong or not at all:\n  status 502");
    expect(table).toContain("edge 256 MiB");
  });

  it("says whether a small answer waited longer than a round trip and 50 ms", () => {
    expect(latencyTable(latencyReport(besideBulk(254)))).toContain("150.00 ms more than alone");
    expect(latencyTable(latencyReport(besideBulk(254)))).toContain("kept");
    expect(latencyTable(latencyReport(besideBulk(254.1)))).toContain("missed");
    expect(latencyTable(latencyReport(besideBulk(200)))).toContain("downloads ran at 9.5 Mbit/s");
  });

  it("shows memory against the bound", () => {
    expect(memoryTable(memoryReport(2 ** 28))).toMatch(/^edge .* 128 MiB .* 256 MiB .* 860 MiB$/m);
  });
});

it("keeps the first flaws only", () => {
  const flaws: string[] = [];
  for (let at = 0; at < 100; at += 1) note(flaws, `flaw ${at}`);
  expect(flaws).toHaveLength(5);
  expect(flaws[0]).toBe("flaw 0");
});

it("compares a download with its block, wherever a piece begins, across the block's end too", () => {
  const random = seeded();
  const block = random.bytes(1_000);
  const endless = Buffer.concat([block, block, block, block]);
  for (let round = 0; round < 200; round += 1) {
    const [at, length] = [random.int(0, 1_999), random.int(1, 1_999)];
    const piece = Buffer.from(endless.subarray(at, at + length));
    expect(repeats(block, at, piece)).toBe(true);
    const wrong = random.int(0, length - 1);
    piece[wrong] = (piece[wrong] ?? 0) ^ 1;
    expect(repeats(block, at, piece), `byte ${wrong} of ${length} at ${at}`).toBe(false);
  }
});

it("asks for new pages and earlier ones about evenly, never for one that does not exist", () => {
  const pages = Array.from({ length: 5_000 }, (_, number) => pageOfVisit(number));
  const fresh = pages.filter((page, number) => page === number).length;
  expect(fresh).toBeGreaterThan(2_200);
  expect(fresh).toBeLessThan(2_800);
  for (const [number, page] of pages.entries()) {
    expect(page).toBeGreaterThanOrEqual(Math.max(0, number - 2_000));
    expect(page).toBeLessThanOrEqual(number);
  }
});
