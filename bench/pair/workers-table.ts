/** What `bench pair --workers` found, for people. */
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import { ratio } from "./pair-table.ts";
import type { WorkersLoad, WorkersReport } from "./workers.ts";

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

const LOAD_COLUMNS = [
  left("load"),
  left("accepting"),
  left("workers"),
  ...["requests/s", "p50 ms", "CPU ms/request", "on the busiest loop"].map(right),
];
const CROWD_COLUMNS = [left("visitors with sessions"), ...["visits", "answer B/visit", "whole"].map(right)];

export function workersTable(report: WorkersReport): string {
  const rows = report.rows.flatMap(({ name, encodings, one, several }) => [
    ...[one, several].map((load) => [name, encodings, String(load.workers), ...cells(load)]),
    [
      "",
      "",
      `${several.workers}/1`,
      ratio(several.requestsPerSecond / one.requestsPerSecond),
      "",
      ratio(several.cpuMsPerRequest / one.cpuMsPerRequest),
      ratio(several.busiestLoopMsPerRequest / one.busiestLoopMsPerRequest),
    ],
    "-" as const,
  ]);
  const crowds = report.crowds.map(({ label, visits, answerBytes, whole }) => [
    label,
    String(visits),
    wholeNumber(answerBytes / visits),
    String(whole),
  ]);
  const { visitors, visitsEach, path } = report.crowd;
  return [
    renderTable(LOAD_COLUMNS, rows),
    "",
    renderTable(CROWD_COLUMNS, crowds),
    "",
    ...(isWorkersFlawless(report)
      ? ["Every answer that was checked arrived byte for byte."]
      : ["Something arrived wrong or not at all:", ...report.firstFlaws.map((flaw) => `  ${flaw}`)]),
    `${report.concurrency} requests at a time, ${report.seconds} s each; ${visitors} visitors, ${visitsEach} visits of ${path} each, on fresh connections.`,
  ].join("\n");
}

const cells = (load: WorkersLoad): string[] => [
  wholeNumber(load.requestsPerSecond),
  milliseconds(load.p50Ms),
  milliseconds(load.cpuMsPerRequest),
  milliseconds(load.busiestLoopMsPerRequest),
];

export const isWorkersFlawless = ({ errors, firstFlaws, rows }: WorkersReport): boolean =>
  errors === 0 &&
  firstFlaws.length === 0 &&
  rows.every(({ one, several }) => one.requests > 0 && several.requests > 0);
