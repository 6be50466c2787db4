/** A try's report for a terminal of 80 columns: a table, then what it means in sentences. */

import {
  type Column,
  percent,
  renderTable,
  bytesInWords as size,
  wholeNumber,
  wrapped,
} from "../../protocol/daemon/text-table.ts";
import { inWords } from "../../protocol/scope/no-base-words.ts";
import { printLink } from "../pair/link-flags.ts";
import { bestCompressed, type Sizes, type TriedPage, type TryReport } from "./try-report.ts";

const NAME_WIDTH = 23;

const COLUMNS: readonly Column[] = [
  { title: "seen again", align: "left" },
  ...["page", "gzip", "brotli", "zstd", "link", "saved"].map((title): Column => ({ title, align: "right" })),
];

export function tryText(report: TryReport): string {
  const { pages, again, visits, faults } = report;
  const [onlyHost] = hostsOf(report);
  const several = hostsOf(report).length > 1;
  const rows = pages.map((page) => rowOf(nameOf(page.url, several), page.again ?? page.first));
  const table = [
    ...rows,
    ...(pages.length > 1 ? ["-" as const, rowOf("all, mean", again ?? report.first)] : []),
  ];
  return [
    wrapped(
      `${several ? `${hostsOf(report).length} hosts` : onlyHost}: ${count(pages.length, "page")}, ${count(visits, "answer")}, ${
        faults === 0 ? "each carried through a pair byte for byte." : `${faults} of them DAMAGED on the way.`
      }`,
    ),
    "",
    renderTable(COLUMNS, table),
    "",
    ...sentencesOf(report).map((sentence) => wrapped(sentence)),
  ].join("\n");
}

/** What the figures mean, a sentence each; the HTML report has them too. */
export function sentencesOf(report: TryReport): string[] {
  return [
    ...faultSentences(report),
    ...savingSentences(report),
    ...report.pages.flatMap((page) => whySentence(page)),
    ...changeSentences(report),
    timeSentence(report),
    ...monthSentences(report),
    ...report.notes,
    "The link counts everything on its socket both ways, TLS and heads included; page, gzip -6, brotli 5 and zstd 3 are bodies alone. Saved is against the smallest of these.",
  ];
}

function faultSentences({ pages }: TryReport): string[] {
  return pages.flatMap(({ url, visits }) =>
    visits.flatMap(({ visit, fault }) =>
      fault === null ? [] : [`FAULT: ${url}, visit ${visit}: ${fault}.`],
    ),
  );
}

function savingSentences({ first, again }: TryReport): string[] {
  const sent = `the site sends ${size((again ?? first).sent)} now`;
  const against = (sizes: Sizes) =>
    `${size(sizes.link)}, where gzip needs ${size(sizes.gzip)}, brotli ${size(sizes.brotli)} and zstd ${size(sizes.zstd)}`;
  return [
    ...(again === null
      ? []
      : [`A page that was seen before crosses the link in ${against(again)} (${sent}), in the mean.`]),
    `At the first visit of a page, with nothing to build on but pages of its kind: ${against(first)}.`,
  ];
}

/** A page whose answers save nothing beside compression, and why. */
function whySentence({ url, again, reasons, visits }: TriedPage): string[] {
  const failed = visits.filter(({ status }) => status >= 400);
  const statuses = [...new Set(failed.map(({ status }) => status))].join(", ");
  const errors =
    failed.length === 0
      ? []
      : [`${url} answered with status ${statuses} at ${failed.length} of ${count(visits.length, "visit")}.`];
  const why = Object.entries(reasons)
    .map(([reason, times]) => `${inWords(reason)} (${reason}${times > 1 ? `, ${times} times` : ""})`)
    .join("; ");
  if (again === null || why === "") return errors;
  const nothing = again.link >= bestCompressed(again);
  return [...errors, `${url} ${nothing ? "saves nothing" : "was whole at times"}: ${why}.`];
}

function changeSentences({ pages }: TryReport): string[] {
  const repeated = pages.filter(({ again }) => again !== null);
  if (repeated.length === 0) return [];
  const always = repeated.filter(({ changed, visits }) => changed === visits.length - 1).length;
  const never = repeated.filter(({ changed }) => changed === 0).length;
  return [
    `Between one straight fetch and the next, ${always} of ${count(repeated.length, "page")} changed every time, ${never} never. That is no fault: what came through the pair is compared with what was fetched for it.`,
  ];
}

function timeSentence({ line, times }: TryReport): string {
  const { siteFirstByteMs, straight, pair } = times;
  const from = `Line of ${printLink(line)}`;
  if (straight === null || pair === null)
    return `${from}: nothing was timed, as no page was asked for twice.`;
  const site =
    siteFirstByteMs === null
      ? ""
      : ` The site's own time comes on top of both: ${ms(siteFirstByteMs)} to its first byte from here.`;
  return `${from}: first byte after ${ms(pair.firstByteMs)} through the pair and ${ms(straight.firstByteMs)} straight, whole page after ${ms(pair.wholeMs)} and ${ms(straight.wholeMs)}.${site}`;
}

function monthSentences({ gigabytesPerMonth: month, visitsPerDay }: TryReport): string[] {
  if (month === null) return [];
  return [
    `${wholeNumber(visitsPerDay)} visits a day like these are, in 30 days, ${gb(month.page)} of pages, ${gb(month.gzip)} in gzip, ${gb(month.brotli)} in brotli, ${gb(month.zstd)} in zstd, and ${gb(month.link)} on the link.`,
  ];
}

export const hostsOf = ({ pages }: TryReport): string[] => [
  ...new Set(pages.map(({ url }) => url.split("/")[2] ?? "")),
];

const rowOf = (name: string, sizes: Sizes): string[] => [
  name,
  size(sizes.page),
  size(sizes.gzip),
  size(sizes.brotli),
  size(sizes.zstd),
  size(sizes.link),
  saved(sizes),
];

/** What the link saves of the best that compression alone does. */
export function saved(sizes: Sizes): string {
  const best = bestCompressed(sizes);
  return sizes.link >= best ? "nothing" : percent(1 - sizes.link / best);
}

function nameOf(url: string, withHost: boolean): string {
  const [, , host, ...path] = url.split("/");
  const name = `${withHost ? host : ""}/${path.join("/")}`;
  return name.length <= NAME_WIDTH ? name : `${name.slice(0, 10)}…${name.slice(11 - NAME_WIDTH)}`;
}

const gb = (value: number): string =>
  `${value < 0.01 ? value.toFixed(4) : value.toFixed(value < 10 ? 2 : 1)} GB`;
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`;
