/** bench/frameworks/framework-report.ts: sums of counted visits, differences by kind, and the ratio to another checkout. */
import { expect, it } from "vitest";
import { groundOfMeasurement } from "../../../bench/corpus/versions.ts";
import {
  frameworksTable,
  isFlawless,
  ratioOf,
  reportOnApplication,
} from "../../../bench/frameworks/framework-report.ts";
import type { Measured } from "../../../bench/frameworks/tours.ts";

const visit = (changes: Partial<Measured> = {}): Measured => ({
  phase: "same visitor",
  counted: true,
  path: "/",
  rawBytes: 1000,
  gzipBytes: 200,
  logged: {
    edge: { target: "/", status: 200, answer: "whole", answerBytes: 20, reason: "private" },
    origin: undefined,
  },
  linkBytes: 100,
  thatLinkBytes: undefined,
  visitorBytes: 300,
  dictionaryBytes: 0,
  thatVisitorBytes: undefined,
  body: "same",
  flaw: undefined,
  fields: [],
  ...changes,
});

const report = (name: string, visits: readonly Measured[], linkBytes: number, thatLinkBytes?: number) =>
  reportOnApplication(name, visits, { linkBytes, thatLinkBytes });

const tableOf = (...applications: ReturnType<typeof report>[]) =>
  frameworksTable({
    applications,
    leftOut: ["rails needs: apt-get install ruby-rails"],
    geometricMean: ratioOf(applications),
    versions: groundOfMeasurement(),
  });

it("sums the counted visits of each phase, and shows reasons and what was left out", () => {
  const made = report(
    "app",
    [visit({ counted: false, rawBytes: 9 }), visit(), visit({ phase: "new visitors" })],
    300,
  );
  expect(made.phases.map(({ phase, visits, rawBytes }) => ({ phase, visits, rawBytes }))).toEqual([
    { phase: "same visitor", visits: 1, rawBytes: 1000 },
    { phase: "new visitors", visits: 1, rawBytes: 1000 },
  ]);
  const table = tableOf(made);
  expect(table).toMatch(/^app +same visitor +1 +1,000 +200 +20 +2\.00 % +10\.0 % +10\.0 % +0\/0\/1\/0$/m);
  expect(table).toContain("same visitor, private: 1");
  expect(table).toContain("Left out: rails needs: apt-get install ruby-rails");
});

it("counts what differs by field and by how it was changed", () => {
  const etag = { field: "etag", straight: '"a"', pair: 'W/"a"' };
  const vary = { field: "vary", straight: undefined, pair: "Accept-Encoding" };
  const { fields } = report("app", [visit({ fields: [etag, vary] }), visit({ fields: [vary] })], 1);
  expect(fields).toEqual([
    { field: "vary added", example: "(none) -> Accept-Encoding", times: 2 },
    { field: "etag weakened", example: '"a" -> W/"a"', times: 1 },
  ]);
});

it("is flawed by one wrong body, even of a visit that does not count", () => {
  const made = report("app", [visit(), visit({ counted: false, body: "wrong", flaw: "at byte 7" })], 1);
  expect(made.bodies).toEqual({ same: 1, "by itself": 0, "sent otherwise": 0, wrong: 1 });
  expect(made.flaws).toEqual(["/: at byte 7"]);
  const versions = groundOfMeasurement();
  expect(isFlawless({ applications: [made], leftOut: [], geometricMean: undefined, versions })).toBe(false);
});

it("takes the geometric mean over applications that were run with both checkouts", () => {
  expect(ratioOf([report("a", [visit()], 10, 100), report("b", [visit()], 40, 100)])).toBeCloseTo(0.2, 12);
  expect(ratioOf([report("a", [visit()], 10)])).toBeUndefined();
  expect(tableOf(report("a", [visit()], 10, 100))).toContain("geometric mean: 0.100");
});

it("compares what visitors got in second visits alone", () => {
  const visits = [
    visit({ thatVisitorBytes: 1_200 }),
    visit({ thatVisitorBytes: 9_999, phase: "new visitors" }),
    visit({ thatVisitorBytes: 9_999, counted: false }),
  ];
  expect(tableOf(report("a", visits, 10, 100))).toContain(
    "at the visitor, this checkout to that one: 0.250.",
  );
  expect(tableOf(report("a", [visit()], 10))).not.toContain("at the visitor, this");
});
