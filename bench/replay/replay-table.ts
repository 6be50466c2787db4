/**
 * A replay's report for people. Bytes are means per exchange, so that families of different length can be compared;
 * `answer` is what crossed the link as the answer's body, `link` everything on its socket in both directions.
 */
import { type Column, milliseconds, percent, renderTable, wholeNumber } from "../report/table.ts";
import { ANSWERS } from "../rig/exchange-log.ts";
import { HEAPS, type Spent } from "../rig/link-tap.ts";
import type { ReportedKind } from "./planned-visits.ts";
import type { FamilyReport, ReplayReport, Shares, SpentReport, Sums } from "./replay-report.ts";

const COLUMNS: readonly Column[] = [
  { title: "bytes per exchange", align: "left" },
  { title: "n", align: "right" },
  { title: "raw", align: "right" },
  { title: "gzip -6", align: "right" },
  { title: "brotli 5", align: "right" },
  { title: "zstd 3", align: "right" },
  { title: "answer", align: "right" },
  { title: "of raw", align: "right" },
  { title: "link", align: "right" },
  { title: ANSWERS.join("/"), align: "right" },
  { title: "enc ms", align: "right" },
  { title: "dec ms", align: "right" },
  { title: "wrong", align: "right" },
];

const KINDS: readonly { readonly kind: ReportedKind; readonly title: string }[] = [
  { kind: "timeseries", title: "time series, geometric mean of raw" },
  { kind: "template", title: "templates, geometric mean of raw" },
  { kind: "visitors", title: "first visits of sessions, geometric mean of raw" },
  { kind: "session", title: "sessions, geometric mean of raw" },
];

export function replayTable(report: ReplayReport): string {
  const rows = KINDS.flatMap(({ kind, title }) => {
    const families = report.families.filter((family) => family.kind === kind);
    if (families.length === 0) return [];
    return [...families.map(familyRow), sharesRow(title, report.shares[kind]), "-" as const];
  });
  return [
    renderTable(COLUMNS, [...rows, sumsRow("all, mean", report.totals)]),
    "",
    ...closingLines(report),
  ].join("\n");
}

const familyRow = (family: FamilyReport): string[] => sumsRow(family.name, family);

function sumsRow(name: string, sums: Sums): string[] {
  const mean = (bytes: number) => (sums.exchanges === 0 ? "-" : wholeNumber(bytes / sums.exchanges));
  return [
    name,
    String(sums.exchanges),
    mean(sums.rawBytes),
    mean(sums.gzip6Bytes),
    mean(sums.brotli5Bytes),
    mean(sums.zstd3Bytes),
    mean(sums.answerBytes),
    sums.rawBytes === 0 ? "-" : percent(sums.answerBytes / sums.rawBytes),
    mean(sums.linkBytesToEdge + sums.linkBytesToOrigin),
    ANSWERS.map((answer) => sums.answers[answer]).join("/"),
    milliseconds(sums.encodeMs?.p50),
    milliseconds(sums.decodeMs?.p50),
    String(sums.mismatches + sums.errors),
  ];
}

function sharesRow(title: string, shares: Shares): string[] {
  const shown = (share: number | null) => (share === null ? "-" : percent(share));
  return [
    title,
    "",
    "",
    shown(shares.gzip6),
    shown(shares.brotli5),
    shown(shares.zstd3),
    "",
    shown(shares.answer),
    shown(shares.link),
  ];
}

const HEAP_TITLES: Readonly<Record<(typeof HEAPS)[number], string>> = {
  answers: "answer",
  requestHeads: "request head",
  answerHeads: "answer head",
  digests: "digest",
  others: "other frames",
  websocket: "WebSocket",
  tls: "TLS",
};

const GOAL_TITLES: Readonly<Record<string, string>> = {
  besideAnswer: "beside the answer",
  repeatRequestHead: "request head of a repeat visit",
  repeatAnswerHead: "answer head of a repeat visit",
};

const oneDecimal = (value: number): string => value.toFixed(1);

function spentLines({ all, repeatVisits, goals }: SpentReport): string[] {
  if (all === null) return [];
  const line = (title: string, spent: Spent) =>
    `${title}: ${HEAPS.filter((heap) => heap !== "answers")
      .map((heap) => `${HEAP_TITLES[heap]} ${oneDecimal(spent[heap])}`)
      .join(", ")}.`;
  return [
    line("Bytes an exchange spends", all),
    ...(repeatVisits === null ? [] : [line("Of a repeat visit", repeatVisits)]),
    ...goals.flatMap(({ name, atMost, measured }) =>
      measured === null
        ? []
        : [`Goal: ${GOAL_TITLES[name] ?? name} at most ${atMost} bytes; measured ${oneDecimal(measured)}.`],
    ),
  ];
}

function closingLines({
  totals,
  spentPerExchange,
  pagesUpTo100KB: small,
  versions,
  links,
  firstErrors,
}: ReplayReport): string[] {
  const acknowledgement =
    totals.mismatches === 0 && totals.errors === 0
      ? "Every page arrived byte for byte."
      : `${totals.mismatches} pages arrived damaged, ${totals.errors} not at all:`;
  const overhead = totals.overheadBytesPerExchange;
  return [
    acknowledgement,
    ...firstErrors.map((error) => `  ${error}`),
    ...Object.entries(totals.reasons).map(
      ([reason, count]) => `Whole or without a base, ${reason}: ${count}.`,
    ),
    ...(overhead === null
      ? []
      : [
          `Everything on the link, both ways, is ${percent((totals.linkBytesToEdge + totals.linkBytesToOrigin) / totals.rawBytes)} of raw over all counted visits.`,
          `Beside its answer an exchange costs ${wholeNumber(overhead)} bytes on the link, both ways together.`,
        ]),
    ...spentLines(spentPerExchange),
    `Pages up to 100 KB (${small.exchanges}): encode p50 ${milliseconds(small.encodeMs?.p50)} ms, p95 ${milliseconds(small.encodeMs?.p95)} ms; decode p50 ${milliseconds(small.decodeMs?.p50)} ms, p95 ${milliseconds(small.decodeMs?.p95)} ms.`,
    ...(links === 1
      ? []
      : [`The link was opened ${links} times: it was lost on the way, see the daemons' logs.`]),
    `Coilgun ${versions.coilgun}, Node ${versions.node}, zstd ${versions.zstd}, brotli ${versions.brotli}, ${versions.cores} cores of ${versions.cpu}.`,
  ];
}
