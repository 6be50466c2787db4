// bench/pair/against.ts and against-table.ts: ratios round by round, the verdict and the table, of made figures.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type AgainstReport,
  type AgainstRound,
  isAgainstFlawless,
  type RoundOfSide,
  ratiosOf,
  roundOf,
  sumUpRows,
  throwUnlessCheckout,
} from "../../../bench/pair/against.ts";
import { againstTable } from "../../../bench/pair/against-table.ts";

const side = (requestsPerSecond: number, cpuMsPerRequest: number): RoundOfSide => ({
  requests: 100,
  requestsPerSecond,
  cpuMsPerRequest,
  checked: 3,
  errors: 0,
  wrong: 0,
});

/** Three rounds; the machine is three times as slow in the second, for both. */
const ROUNDS: readonly AgainstRound[] = [
  { this: side(1_200, 0.9), that: side(1_000, 1) },
  { this: side(400, 2.7), that: side(400, 3) },
  { this: side(1_100, 1.1), that: side(1_000, 1) },
];
const SLOWER: readonly AgainstRound[] = [{ this: side(500, 2), that: side(1_000, 1) }];

const reportOf = (over: Partial<AgainstReport> = {}): AgainstReport => {
  const rows = [
    { name: "steady-10k", encodings: "none", ...ratiosOf(ROUNDS) },
    { name: "changing-10k", encodings: "gzip, deflate, br, zstd", ...ratiosOf(ROUNDS) },
  ] as const;
  return {
    rows,
    ...sumUpRows(rows),
    against: "/somewhere/else",
    driver: "wrk 4.2.0",
    concurrency: 32,
    rounds: 3,
    seconds: 2,
    firstFlaws: [],
    ...over,
  };
};

it("spreads the CPU of a round over the checked answers too", () => {
  const fired = { requests: 90, requestsPerSecond: 45, errors: 1, checked: 10, wrong: 2, firstFlaws: [] };
  expect(roundOf(fired, 250)).toEqual({
    requests: 90,
    requestsPerSecond: 45,
    cpuMsPerRequest: 2.5,
    checked: 10,
    errors: 1,
    wrong: 2,
  });
});

describe("the ratios", () => {
  it("are medians of rounds against each other, so that a slow round counts for nothing", () => {
    const { ratios, worst } = ratiosOf(ROUNDS);
    expect(ratios.requestsPerSecond).toBeCloseTo(1.1, 9);
    expect(ratios.cpuPerRequest).toBeCloseTo(0.9, 9);
    expect(worst.requestsPerSecond).toBeCloseTo(1, 9);
    expect(worst.cpuPerRequest).toBeCloseTo(1.1, 9);
  });

  it("of all cases together are a geometric mean of the cases, and the median of all rounds", () => {
    const { geometricMean, median } = sumUpRows([
      { name: "steady-10k", encodings: "none", ...ratiosOf(ROUNDS) },
      { name: "changing-10k", encodings: "none", ...ratiosOf(SLOWER) },
    ]);
    expect(geometricMean.requestsPerSecond).toBeCloseTo(Math.sqrt(1.1 * 0.5), 9);
    expect(geometricMean.cpuPerRequest).toBeCloseTo(Math.sqrt(0.9 * 2), 9);
    expect(median.requestsPerSecond).toBeCloseTo((1 + 1.1) / 2, 9);
    expect(median.cpuPerRequest).toBeCloseTo((0.9 + 1.1) / 2, 9);
  });
});

describe("the verdict", () => {
  it("is good when every round was answered and checked", () => {
    expect(isAgainstFlawless(reportOf())).toBe(true);
  });

  it.each([
    { what: "an error", over: { errors: 1 } },
    { what: "a wrong answer", over: { wrong: 1 } },
    { what: "nothing asked", over: { requests: 0 } },
    { what: "nothing checked", over: { checked: 0 } },
  ])("is bad for $what of the other checkout in one round", ({ over }) => {
    const rounds = ROUNDS.map((round, at) =>
      at === 1 ? { ...round, that: { ...round.that, ...over } } : round,
    );
    const rows = [{ name: "steady-10k", encodings: "none", ...ratiosOf(rounds) }] as const;
    const report = reportOf({ rows, firstFlaws: ["what it was"] });
    expect(isAgainstFlawless({ ...report, firstFlaws: [] })).toBe(false);
    expect(againstTable(report)).toContain("what it was");
  });
});

it("fits 80 columns, with figures of any machine", () => {
  const fast = ratiosOf([{ this: side(98_765.4, 12.34), that: side(98_765.4, 12.34) }]);
  const rows = reportOf().rows.map((row) => ({ ...row, ...fast }));
  const table = againstTable(reportOf({ rows, concurrency: 1_000, rounds: 99, seconds: 600 }));
  for (const line of table.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(table).toContain("98,765");
  expect(table).toContain("Driven by wrk 4.2.0");
  expect(table).toContain("That: /somewhere/else");
});

it("says what another checkout lacks before anything is started", () => {
  const folder = mkdtempSync(join(tmpdir(), "against-test-"));
  try {
    expect(() => throwUnlessCheckout(folder)).toThrow("has no edge-side/main.ts: name the folder of");
    for (const name of ["edge-side", "origin-side"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "main.ts"), "");
    }
    expect(() => throwUnlessCheckout(folder)).toThrow("has no node_modules: run npm ci there first");
    mkdirSync(join(folder, "node_modules"));
    expect(() => throwUnlessCheckout(folder)).not.toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
