/** bench/demo-run/demo-tally.ts and demo-visits.ts: what the demo's table adds up, and that its visits cover every page kind. */
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { DemoTally } from "../../../bench/demo-run/demo-tally.ts";
import { visitsOfRound } from "../../../bench/demo-run/demo-visits.ts";
import { kindOf, PAGE_KINDS, renderTarget } from "../../../bench/demo-site/pages.ts";
import { visitOf } from "../../../bench/demo-site/site.ts";

const body = Buffer.from("a page ".repeat(5000));
const exchange = (target: string, answerBytes: number, totalMs: number) => ({
  edge: { target, status: 200, answer: "delta" as const, answerBytes, totalMs },
  origin: undefined,
});

it("adds up per kind what was sent, what it would cost compressed, and what crossed the link", async () => {
  const tally = new DemoTally();
  for (const requestId of ["1", "2"]) tally.served({ kind: "front page", target: "/", requestId, body });
  tally.crossed(exchange("/", 100, 4));
  tally.crossed(exchange("/", 60, 6));
  await tally.settled();
  const gzip = 2 * gzipSync(body, { level: 6 }).length;
  const row =
    tally
      .table()
      .split("\n")
      .find((line) => line.startsWith("front page")) ?? "";
  expect(row.split(/ {2,}/)).toEqual([
    "front page",
    "2",
    "70",
    (gzip / 1000).toFixed(1),
    expect.any(String),
    "0.2",
    "0.23 %",
    `${(gzip / 160).toFixed(1)} x`,
    "4.0",
  ]);
  expect(tally.linkLine({ toEdge: 500, toOrigin: 200 })).toContain("0.7 KB, 1.00 % of raw");
});

it("counts pages that did not arrive as they were sent", () => {
  const tally = new DemoTally();
  for (const unharmed of [true, false, true]) tally.arrived(unharmed);
  expect(tally.wrong).toBe(1);
});

it("fits a terminal of 80 columns", async () => {
  const tally = new DemoTally();
  const page = Buffer.alloc(49_999_000, "a page ");
  for (let visit = 0; visit < 2; visit++) {
    tally.served({ kind: "front page", target: "/", requestId: String(visit), body: page });
    tally.crossed(exchange("/", 49_999_000, 1_234.5));
  }
  await tally.settled();
  const lines = [...tally.table().split("\n"), tally.linkLine({ toEdge: 99_999_999, toOrigin: 1 })];
  expect(lines.length).toBeGreaterThan(8);
  for (const line of lines) expect(line.length, line).toBeLessThan(80);
});

it("shows dashes, not ratios, before anything has crossed", () => {
  expect(new DemoTally().table()).toMatch(/^all +0 .* - +- +-$/m);
});

it("passes over requests that are no pages, such as a browser's for an icon", () => {
  const tally = new DemoTally();
  tally.crossed(exchange("/favicon.ico", 50, 1));
  expect(tally.table()).toMatch(/^all +0 +0\.0 +0\.0 +0\.0 +0\.0/m);
});

it("plans one visit of every kind in each round, all to pages that exist", () => {
  for (const round of [0, 1, 17]) {
    const visits = visitsOfRound(2408, round);
    expect(visits.map(({ kind }) => kind)).toEqual(PAGE_KINDS);
    for (const { kind, path, cookie } of visits) {
      expect(kindOf(path)).toBe(kind);
      const visit = visitOf({ headers: { cookie } }, { seed: 2408, number: 1, moment: 0 });
      expect(renderTarget(visit, path), path).toBeDefined();
    }
  }
});

it("logs in as different sessions", () => {
  const cookies = [0, 1, 2].map(
    (round) => visitsOfRound(1, round).find(({ kind }) => kind === "account")?.cookie,
  );
  expect(new Set(cookies).size).toBe(3);
});
