/** The soak in a few seconds: three faults, every visit held against what was sent, and a report although it is ended before its time. */
import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import type { FaultName } from "./faults.ts";
import { passed, reportOf } from "./report.ts";
import { runSoak } from "./soak.ts";

watchLeaks();

const seed = randomInt(2 ** 31);
const FAULTS: FaultName[] = [
  "links are cut within a frame",
  "both read their config again",
  "web server restarts",
];

it(`nothing is wrong, processed twice or hung; ended in the fourth fault it tells of three (seed ${seed})`, async () => {
  const over = new AbortController();
  let begun = 0;
  const report = await runSoak({
    seed,
    seconds: 600,
    faults: FAULTS,
    visitors: 4,
    pauseMs: 100,
    calmMs: 100,
    onEvent() {
      if (++begun > FAULTS.length) over.abort(new Error("enough"));
    },
    signal: over.signal,
  });
  const { tally, doubles, damagedBodies, complaints, ran } = report;
  const told = reportOf(report);
  expect([tally.of("wrong"), tally.of("hung"), doubles, damagedBodies], told).toEqual([0, 0, [], 0]);
  expect(tally.of("right"), told).toBeGreaterThan(0);
  expect([...ran.keys()].toSorted(), told).toEqual(FAULTS.toSorted());
  expect(complaints, told).toEqual([expect.stringMatching(/^ended after .*enough$/)]);
  expect(passed(report)).toBe(false);
});
