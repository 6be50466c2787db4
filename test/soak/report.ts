/** The report of a soak, as a table and some lines. */
import { medianOf } from "../../bench/report/statistics.ts";
import { percent, renderTable, wholeNumber } from "../../bench/report/table.ts";
import type { Sample, SoakReport } from "./soak.ts";
import { CALM } from "./tally.ts";
import { OUTCOMES } from "./visits.ts";

/** Share of the visits outside the faults' own seconds. */
export const LEAST_RIGHT = 0.995;

export const passed = ({ tally, doubles, damagedBodies, complaints }: SoakReport): boolean =>
  tally.of("wrong") + tally.of("hung") + doubles.length + damagedBodies + complaints.length === 0 &&
  tally.rightShare >= LEAST_RIGHT;

export const reportOf = (report: SoakReport): string => {
  const { tally, ran, doubles, damagedBodies, complaints } = report;
  const columns = ["", "ran", ...OUTCOMES].map((title, n) => ({
    title,
    align: n === 0 ? ("left" as const) : ("right" as const),
  }));
  const rows = [CALM, ...ran.keys()].map((name) => {
    const counts = tally.counts.get(name);
    const times = name === CALM ? "" : String(ran.get(name as never) ?? 0);
    return [name, times, ...OUTCOMES.map((outcome) => wholeNumber(counts?.[outcome] ?? 0))];
  });
  return [
    renderTable(columns, rows),
    "",
    `right outside the faults' own seconds: ${percent(tally.rightShare)}`,
    `processed twice: ${doubles.length}; bodies of requests damaged: ${damagedBodies}`,
    `timers of the soak itself ran late by up to ${Math.round(report.latestMs)} ms`,
    ...growthOf(report.samples),
    ...[...tally.flaws, ...doubles.map((id) => `processed twice: ${id}`)],
    ...complaints.map((line) => `logged: ${line}`),
  ].join("\n");
};

const MIB = 2 ** 20;
/** Of its samples, those before that many are not looked at: caches fill. */
const WARM_UP_SHARE = 0.2;

/** From the median of the first third to that of the last third of what the last process of each side lived through. */
const growthOf = (samples: readonly Sample[]): string[] =>
  (["edge-side", "origin-side"] as const).flatMap((side) => {
    const pid = samples.findLast((each) => each.side === side)?.pid;
    const own = samples.filter((each) => each.pid === pid);
    const warm = own.slice(Math.floor(own.length * WARM_UP_SHARE));
    const third = Math.ceil(warm.length / 3);
    const [early, late] = [warm.slice(0, third), warm.slice(-third)];
    const change = (of: (sample: Sample) => number) =>
      `${medianOf(early.map(of))?.toFixed(1)} → ${medianOf(late.map(of))?.toFixed(1)}`;
    return [
      `${side}, ${warm.length} samples of its last process: held after collection ${change((each) => each.heldBytes / MIB)} MiB ` +
        `(without versions ${change((each) => (each.heldBytes - each.storeBytes) / MIB)}), ` +
        `resident ${change((each) => each.residentBytes / MIB)} MiB, descriptors ${change((each) => each.descriptors)}`,
    ];
  });
