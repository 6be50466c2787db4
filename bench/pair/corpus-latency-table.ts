/** What `bench pair --corpus` found, to read. */
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import { type CorpusLatency, type CorpusLatencyReport, isCorpusLatencyFlawless } from "./corpus-latency.ts";
import { printLink } from "./link-flags.ts";
import { acknowledgement } from "./pair-table.ts";
import { BROWSER_ENCODINGS } from "./timed-visit.ts";

const COLUMNS: readonly Column[] = [
  ...["accepts", "way"].map((title) => ({ title, align: "left" }) as const),
  ...["first p50", "p95", "whole p50", "p95", "beyond the echo: first p50", "whole p50", "p95", "n"].map(
    (title) => ({ title, align: "right" }) as const,
  ),
];

export function corpusLatencyTable(report: CorpusLatencyReport): string {
  const lines = report.rows.flatMap(({ encodings, echo, ways }) =>
    Object.entries({ ...ways, echo }).map(([name, of], at) => [
      at === 0 ? (encodings === BROWSER_ENCODINGS ? "browser" : encodings) : "",
      name,
      ...figuresOf(of),
      ...(of === echo ? ["", "", ""] : beyond(of, echo)),
      String(of.visits),
    ]),
  );
  const means = report.rows.map(({ meanBytes }) => wholeNumber(meanBytes)).join(" and ");
  return [
    renderTable(COLUMNS, lines),
    "",
    ...acknowledgement(isCorpusLatencyFlawless(report), report.firstFlaws),
    `Milliseconds, one page at a time, by turns. Successive captured versions, ${means} bytes in the mean;`,
    "the echo is one of 200 bytes over a link of its own.",
    `Emulated link: ${printLink(report.emulation)}, without loss or slow start.`,
  ].join("\n");
}

const figuresOf = ({ first, whole }: CorpusLatency): string[] =>
  [first?.p50, first?.p95, whole?.p50, whole?.p95].map(milliseconds);

const beyond = ({ first, whole }: CorpusLatency, { whole: echo }: CorpusLatency): string[] =>
  first === null || whole === null || echo === null
    ? ["-", "-", "-"]
    : [first.p50 - echo.p50, whole.p50 - echo.p50, whole.p95 - echo.p95].map(milliseconds);
