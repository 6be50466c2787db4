/** What `bench pair --load --against` found, to read: a table of at most 80 columns. */
import { medianOf } from "../report/statistics.ts";
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import {
  type AgainstReport,
  type AgainstRow,
  isAgainstFlawless,
  type Ratios,
  type RoundOfSide,
  type Side,
} from "./against.ts";
import { acknowledgement, ratio } from "./pair-table.ts";
import { BROWSER_ENCODINGS } from "./timed-visit.ts";

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

const COLUMNS = [
  left("load"),
  left("accepts"),
  ...["this/s", "that/s", "ratio", "worst", "CPU ms", "that", "ratio", "worst"].map(right),
];

export function againstTable(report: AgainstReport): string {
  return [
    renderTable(COLUMNS, [
      ...report.rows.map(cellsOf),
      "-",
      overall("geom. mean", report.geometricMean),
      overall("all rounds", report.median),
    ]),
    "",
    ...acknowledgement(isAgainstFlawless(report), report.firstFlaws),
    `That: ${report.against}`,
    `Driven by ${report.driver}: ${report.concurrency} connections,`,
    `${report.rounds} rounds of ${report.seconds} s each, by turns. Figures are medians of the rounds; ratios are`,
    "this to that, round by round. CPU: of both daemons, for a request.",
    `A browser accepts ${BROWSER_ENCODINGS}.`,
  ].join("\n");
}

const cellsOf = ({ name, encodings, rounds, ratios, worst }: AgainstRow): string[] => {
  const median = (side: Side, of: (round: RoundOfSide) => number) =>
    medianOf(rounds.map((round) => of(round[side]))) ?? Number.NaN;
  const rate = (side: Side) => wholeNumber(median(side, ({ requestsPerSecond }) => requestsPerSecond));
  const cpu = (side: Side) => milliseconds(median(side, ({ cpuMsPerRequest }) => cpuMsPerRequest));
  return [
    name,
    encodings === BROWSER_ENCODINGS ? "browser" : encodings,
    ...[rate("this"), rate("that"), ratio(ratios.requestsPerSecond), ratio(worst.requestsPerSecond)],
    ...[cpu("this"), cpu("that"), ratio(ratios.cpuPerRequest), ratio(worst.cpuPerRequest)],
  ];
};

const overall = (title: string, { requestsPerSecond, cpuPerRequest }: Ratios): string[] => [
  ...[title, "", "", "", ratio(requestsPerSecond), "", "", "", ratio(cpuPerRequest)],
];
