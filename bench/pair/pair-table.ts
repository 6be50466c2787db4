/** What `bench pair` found, to read: a table for each of its three questions, and a verdict. */
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import type { LatencyOfWay, LatencyReport, LatencyRow, Way } from "./latency.ts";
import { printLink } from "./link-flags.ts";
import { type Health, LOAD_WAYS, type LoadOfWay, type LoadReport, type LoadRow, OWN } from "./load.ts";
import type { MemoryReport } from "./memory.ts";

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

export const ratio = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "-");
const mebibytes = (bytes: number): string => `${wholeNumber(bytes / 2 ** 20)} MiB`;

const LATENCY_COLUMNS = [
  left("ms, one at a time"),
  left("link"),
  left("accepting"),
  ...["pair p50", "p95", "plain p50", "p95", "straight p50", "p95"].map(right),
  ...["pair link B", "plain link B", "n", "wrong"].map(right),
];

export function latencyTable(report: LatencyReport): string {
  const rows = report.rows.map((row) => [
    row.name,
    row.link,
    row.encodings,
    ...times(row.ways.pair),
    ...times(row.ways.plain),
    ...times(row.ways.straight),
    bytes(row.ways.pair),
    bytes(row.ways.plain),
    String(row.ways.pair?.visits ?? 0),
    String(wrongIn(row)),
  ]);
  return [
    renderTable(LATENCY_COLUMNS, rows),
    "",
    ...acknowledgement(isLatencyFlawless(report), report.firstFlaws),
    ...report.rows.flatMap((row) => besideLines(row, report)),
    `Emulated link: ${printLink(report.emulation)}, without loss or slow start. Link bytes: both ways, for one visit.`,
  ].join("\n");
}

const times = (of: LatencyOfWay | undefined): [string, string] => [
  milliseconds(of?.ms?.p50),
  milliseconds(of?.ms?.p95),
];

const bytes = (of: LatencyOfWay | undefined): string =>
  typeof of?.linkBytesPerVisit === "number" ? wholeNumber(of.linkBytesPerVisit) : "-";

const wrongIn = ({ ways }: LatencyRow): number =>
  Object.values(ways).reduce((sum, { wrong }) => sum + wrong, 0);

/** What the downloads beside got, and how much longer a small answer took than alone. */
function besideLines(row: LatencyRow, report: LatencyReport): string[] {
  return (["pair", "plain"] as const).flatMap((way) => {
    const of = row.ways[way];
    if (of === undefined || of.downloadBitsPerSecond === null) return [];
    const got = `${row.name}, ${row.link}, ${way}: downloads ran at ${(of.downloadBitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
    const waited = row.name === "small-beside-bulk" ? waitedLonger(of, way, report) : "";
    return [`${got}${waited}.`];
  });
}

function waitedLonger(of: LatencyOfWay, way: Way, report: LatencyReport): string {
  const alone = report.rows.find(({ name, link }) => name === "small" && link === "emulated");
  const aloneMs = alone?.ways[way]?.ms?.p50;
  if (aloneMs === undefined || of.ms === null) return "";
  const goal = report.emulation.rttMs + SMALL_ANSWER_MS;
  const waited = of.longestMs - aloneMs;
  return `; a small answer took at most ${milliseconds(of.longestMs)} ms, ${milliseconds(waited)} ms more than alone (goal: ${goal} ms, one round trip and ${SMALL_ANSWER_MS} ms: ${waited <= goal ? "kept" : "missed"})`;
}

/** What a small answer may wait beside bulk, beyond a round trip. */
const SMALL_ANSWER_MS = 50;

export const isLatencyFlawless = ({ rows, firstFlaws }: LatencyReport): boolean =>
  firstFlaws.length === 0 &&
  rows.every((row) => wrongIn(row) === 0 && Object.values(row.ways).every(hasTimes));

const hasTimes = ({ ms }: LatencyOfWay): boolean => ms !== null;

const LOAD_COLUMNS = [
  left("load"),
  left("accepting"),
  left("way"),
  ...[
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/request",
    "of each",
    "on its loop",
    "web server",
    "link B",
  ].map(right),
  ...["checked", "errors", "wrong"].map(right),
];

export function loadTable(report: LoadReport): string {
  const rows = report.rows.flatMap((row) => [
    ...LOAD_WAYS.map((way) => loadRow(row, way, row.ways[way])),
    ["", "", "pair/plain", ratio(row.ratios.requestsPerSecond), "", "", ratio(row.ratios.cpuPerRequest)],
    "-" as const,
  ]);
  const peaks = Object.entries(report.peakBytes).map(([who, peak]) => `${who} ${mebibytes(peak)}`);
  return [
    renderTable(LOAD_COLUMNS, rows),
    "",
    healthTable(report),
    "",
    ...acknowledgement(isLoadFlawless(report), report.firstFlaws),
    `${report.concurrency} requests at a time, ${report.seconds} s each. Peak memory: ${peaks.join(", ")}.`,
  ].join("\n");
}

function loadRow(row: LoadRow, way: "pair" | "plain", of: LoadOfWay): string[] {
  const pieces = OWN[way].map((who) => of.cpuMsPerRequest[who] ?? 0);
  const onLoops = OWN[way].map((who) => of.loopCpuMsPerRequest[who] ?? 0);
  return [
    row.name,
    row.encodings,
    way,
    wholeNumber(of.requestsPerSecond),
    milliseconds(of.ms.p50),
    milliseconds(of.ms.p99),
    milliseconds(pieces.reduce((sum, piece) => sum + piece, 0)),
    pieces.map(milliseconds).join("+"),
    onLoops.map(milliseconds).join("+"),
    milliseconds(of.cpuMsPerRequest.webServer),
    wholeNumber(of.linkBytesPerRequest),
    String(of.checked),
    String(of.errors),
    String(of.wrong),
  ];
}

const HEALTH_COLUMNS = [
  left("event loops"),
  left("accepting"),
  left("of"),
  ...["delay p99 ms", "longest span ms", "longest collection ms", "collection of time"].map(right),
];

const healthTable = ({ rows }: LoadReport): string =>
  renderTable(
    HEALTH_COLUMNS,
    rows.flatMap(({ name, encodings, ways }) =>
      Object.values(ways).flatMap(({ health }) =>
        Object.entries(health).map(([who, of]) => [name, encodings, who, ...healthCells(of)]),
      ),
    ),
  );

const healthCells = (of: Health): string[] => [
  milliseconds(of.loopDelayP99Ms),
  milliseconds(of.longestSpanMs),
  milliseconds(of.longestCollectionMs),
  `${(of.collectionShare * 100).toFixed(1)} %`,
];

export const isLoadFlawless = ({ rows, firstFlaws }: LoadReport): boolean =>
  firstFlaws.length === 0 &&
  rows.every(({ ways }) =>
    Object.values(ways).every(({ requests, errors, wrong }) => requests > 0 && errors === 0 && wrong === 0),
  );

const MEMORY_COLUMNS = [
  left("resident memory"),
  ...["at start", "largest of first half", "of second half", "last tenth", "peak", "bound"].map(right),
];

export function memoryTable(report: MemoryReport): string {
  const rows = Object.entries(report.daemons).map(([who, { atStartBytes, largestByTenth, peakBytes }]) => [
    who,
    mebibytes(atStartBytes),
    mebibytes(Math.max(...largestByTenth.slice(0, 5))),
    mebibytes(Math.max(...largestByTenth.slice(5))),
    mebibytes(largestByTenth.at(-1) ?? 0),
    mebibytes(peakBytes),
    mebibytes(report.boundBytes),
  ]);
  return [
    renderTable(MEMORY_COLUMNS, rows),
    "",
    ...acknowledgement(report.wrong === 0 && report.firstFlaws.length === 0, report.firstFlaws),
    `${wholeNumber(report.requests)} visits, ${report.concurrency} at a time, ${wholeNumber(report.requests / report.seconds)} a second. store.size ${mebibytes(report.storeBytes)}; the bound is the README's formula with that.`,
  ].join("\n");
}

export const isMemoryFlawless = ({ wrong, firstFlaws, daemons, boundBytes }: MemoryReport): boolean =>
  wrong === 0 &&
  firstFlaws.length === 0 &&
  Object.values(daemons).every(({ peakBytes }) => peakBytes <= boundBytes);

/** Whether all that was checked was right, and the first things that were not. */
export const acknowledgement = (flawless: boolean, flaws: readonly string[]): string[] =>
  flawless
    ? ["Every answer that was checked arrived byte for byte."]
    : ["Something arrived wrong or not at all:", ...flaws.map((flaw) => `  ${flaw}`)];
