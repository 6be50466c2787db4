/** What `bench pair --load --corpus` found, to read. */
import { medianOf } from "../report/statistics.ts";
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import {
  type CorpusReport,
  type CorpusRound,
  type CorpusWay,
  cpuOf,
  isCorpusLoadFlawless,
  type ProcessRound,
} from "./corpus-load.ts";
import { acknowledgement, ratio } from "./pair-table.ts";
import { BROWSER_ENCODINGS } from "./timed-visit.ts";

const COLUMNS: readonly Column[] = [
  ...["page", "accepts", "way"].map((title) => ({ title, align: "left" }) as const),
  ...["/s", "this is", "CPU ms", "this is", "full/s", "p99 ms", "MiB", "bytes"].map(
    (title) => ({ title, align: "right" }) as const,
  ),
];

export function corpusTable(report: CorpusReport): string {
  const others = report.rows[0]?.ways.map(({ name }) => name).filter((name) => name.includes("/")) ?? [];
  const shortName = (name: string) => (name.includes("/") ? `that ${others.indexOf(name) + 1}` : name);
  return [
    renderTable(
      COLUMNS,
      report.rows.flatMap(({ name, encodings, ways }) =>
        ways.map((way, at) => [
          ...(at === 0 ? [name, encodings === BROWSER_ENCODINGS ? "browser" : encodings] : ["", ""]),
          ...[shortName(way.name), ...figuresOf(way)],
        ]),
      ),
    ),
    "",
    ...acknowledgement(isCorpusLoadFlawless(report), report.firstFlaws),
    ...others.map((folder, at) => `That ${at + 1}: ${folder}`),
    report.http2
      ? "Over HTTP/2 and TLS by h2load, 8 connections of 8 streams;"
      : `By wrk, ${report.concurrency} connections;`,
    `${report.rounds} rounds of ${report.seconds} s each, by turns. Figures are medians of the rounds; "this is" the medians`,
    "of this checkout's ratio to that way, round by round. CPU for a request, full collections a second and the p99 of the",
    "event loop's delay: edge + origin side. MiB: resident, both together. Bytes: sent to visitors for a request.",
  ].join("\n");
}

const figuresOf = ({ rounds, ratios }: CorpusWay): string[] => {
  const median = (of: (round: CorpusRound) => number) => medianOf(rounds.map(of)) ?? Number.NaN;
  const each = (of: (process: ProcessRound) => number, shown: (value: number) => string) =>
    (rounds[0]?.processes ?? [])
      .map((_, at) => shown(median(({ processes }) => of(processes[at] ?? NOTHING))))
      .join(" + ");
  return [
    wholeNumber(median(({ requestsPerSecond }) => requestsPerSecond)),
    ratios === undefined ? "" : ratio(ratios.requestsPerSecond),
    `${milliseconds(median(cpuOf))} = ${each(({ cpuMs }) => cpuMs, milliseconds)}`,
    ratios === undefined ? "" : ratio(ratios.cpuPerRequest),
    each(
      ({ fullCollectionsPerSecond }) => fullCollectionsPerSecond,
      (count) => count.toFixed(1),
    ),
    each(
      ({ loopDelayP99Ms }) => loopDelayP99Ms,
      (ms) => ms.toFixed(1),
    ),
    wholeNumber(median(({ residentBytes }) => residentBytes) / 2 ** 20),
    wholeNumber(median(({ visitorBytes }) => visitorBytes)),
  ];
};

const NOTHING: ProcessRound = { cpuMs: 0, fullCollectionsPerSecond: 0, loopDelayP99Ms: 0 };
