/**
 * A try's report as one HTML page that needs no network: figures, charts (uPlot, inlined) and the same as tables, light or dark as the reader's
 * system is. Its policy lets nothing run but the scripts that stand in it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { bytesInWords as size, wholeNumber } from "../../protocol/daemon/text-table.ts";
import { inWords } from "../../protocol/scope/no-base-words.ts";
import { printLink } from "../pair/link-flags.ts";
import { sumOf } from "../report/statistics.ts";
import { CHART_SCRIPT, STYLE } from "./html-parts.ts";
import { bestCompressed, type Sizes, type TriedPage, type TryReport } from "./try-report.ts";
import { hostsOf, saved, sentencesOf } from "./try-text.ts";

const HEADINGS = ["page", "sent now", "gzip -6", "brotli 5", "zstd 3", "link", "saved"] as const;

const { resolve } = createRequire(import.meta.url);

export function htmlReport(report: TryReport): string {
  const scripts = [readFileSync(resolve("uplot/dist/uPlot.iife.min.js"), "utf8").trim(), CHART_SCRIPT];
  const style = `${readFileSync(resolve("uplot/dist/uPlot.min.css"), "utf8").trim()}\n${STYLE}`;
  const hosts = hostsOf(report).join(", ");
  const { pages, again, first, at, line, versions } = report;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${scripts.map(hashOf).join(" ")}; style-src ${hashOf(style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${text(`What Coilgun would save: ${hosts}`)}</title>
<style>${style}</style>
<main>
<header>
<h1>What Coilgun would save on ${text(hosts)}</h1>
<p>${text(`${pages.length} ${pages.length === 1 ? "page" : "pages"}, ${report.visits} answers of the site itself, each carried through a real pair of daemons on ${at.slice(0, 10)}.`)}</p>
</header>
${tiles(report)}
<h2>What crosses the link, visit by visit</h2>
<figure><div id="bytes" class="chart" role="img" aria-label="Mean bytes of a page at each visit: as it is, compressed, and on the link. The same figures stand in the table below."></div>
<figcaption>Mean bytes of a page, on a logarithmic scale. At the first visit nothing is known of a page, unless another of its kind was seen.</figcaption></figure>
${fold("The same as a table", bytesTable(report))}
<h2>How long the visitor waits</h2>
<figure><div id="times" class="chart" role="img" aria-label="Mean milliseconds until the whole page is there at each visit, straight and through the pair. The same figures stand in the table below."></div>
<figcaption>${text(`Mean milliseconds until the whole page is there: ${printLink(line)}. The time that the site takes to make a page comes on top of both. All of it runs on one machine: where that is busy, it shows.`)}</figcaption></figure>
${fold("The same as a table", timesTable(report))}
<h2>Page by page</h2>
${table(
  ["address", ...HEADINGS, "changed", "whole or passed because"],
  [
    ...pages.map((page) => [page.url, ...cells(page.again ?? page.first), changed(page), why(page)]),
    ...(pages.length > 1 ? [["all, mean", ...cells(again ?? first), "", ""]] : []),
  ],
)}
<h2>In words</h2>
<ul>${sentencesOf(report)
    .map((sentence) => `<li>${text(sentence)}</li>`)
    .join("\n")}</ul>
<footer>${text(`Coilgun ${versions.coilgun}, Node ${versions.node}, zstd ${versions.zstd}, brotli ${versions.brotli}; ${at}. Addresses are shown without what looks like a secret; no cookie is in this file.`)}</footer>
</main>
<script type="application/json" id="figures">${json(seriesOf(report))}</script>
${scripts.map((script) => `<script>${script}</script>`).join("\n")}
</html>
`;
}

const hashOf = (inline: string): string => `'sha256-${createHash("sha256").update(inline).digest("base64")}'`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const text = (plain: string): string => plain.replace(/[&<>"']/g, (one) => ENTITIES[one] ?? one);
/** JSON in which nothing ends the script element that it stands in. */
const json = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

function tiles(report: TryReport): string {
  const { again, first, gigabytesPerMonth: month, faults, visits } = report;
  const sizes = again ?? first;
  const tile = (figure: string, meaning: string) =>
    `<li><strong>${text(figure)}</strong> ${text(meaning)}</li>`;
  return `<ul class="tiles">
${tile(saved(sizes), `less than the best of gzip, brotli and zstd${again === null ? ", at a first visit" : ", for a page that was seen before"}`)}
${tile(size(sizes.link), `on the link for a page of ${size(sizes.page)}, of which the best compression makes ${size(bestCompressed(sizes))}`)}
${month === null ? "" : tile(`${month.link.toFixed(2)} GB`, `a month on the link at ${wholeNumber(report.visitsPerDay)} visits a day, where gzip makes ${month.gzip.toFixed(2)} GB`)}
${tile(`${visits - faults} of ${visits}`, "answers came byte for byte as the site sent them")}
</ul>`;
}

const cells = (sizes: Sizes): string[] => [
  ...([sizes.page, sizes.sent, sizes.gzip, sizes.brotli, sizes.zstd, sizes.link] as const).map(size),
  saved(sizes),
];

const changed = ({ changed: times, visits }: TriedPage): string => `${times} of ${visits.length - 1}`;

const why = ({ reasons }: TriedPage): string =>
  Object.entries(reasons)
    .map(([reason, times]) => `${inWords(reason)} (${times})`)
    .join("; ");

const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="wide"><table><thead><tr>${headings.map((one) => `<th scope="col">${text(one)}</th>`).join("")}</tr></thead><tbody>${rows
    .map(
      ([name = "", ...others]) =>
        `<tr><th scope="row">${text(name)}</th>${others.map((one) => `<td>${text(one)}</td>`).join("")}</tr>`,
    )
    .join("")}</tbody></table></div>`;

const fold = (title: string, inside: string): string =>
  `<details><summary>${text(title)}</summary>${inside}</details>`;

/** Means over the pages, of each visit that any page had. */
interface Series {
  readonly visits: readonly number[];
  readonly bytes: readonly { readonly name: string; readonly values: readonly number[] }[];
  readonly times: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

function seriesOf({ pages }: TryReport): Series {
  const byVisit = Map.groupBy(
    pages.flatMap((page) => page.visits),
    ({ visit }) => visit,
  );
  const visits = [...byVisit.keys()].toSorted((a, b) => a - b);
  const means = (figureOf: (visit: TriedPage["visits"][number]) => number | undefined) =>
    visits.map((visit) => {
      const known = (byVisit.get(visit) ?? []).flatMap((one) => figureOf(one) ?? []);
      return known.length === 0 ? null : sumOf(known) / known.length;
    });
  const bytes = (name: string, size: keyof Sizes) => ({
    name,
    values: means(({ sizes }) => sizes[size]).map((value) => value ?? 0),
  });
  return {
    visits,
    bytes: [
      bytes("page", "page"),
      bytes("gzip -6", "gzip"),
      bytes("brotli 5", "brotli"),
      bytes("zstd 3", "zstd"),
      bytes("link", "link"),
    ],
    times: [
      { name: "straight", values: means(({ straight }) => straight?.wholeMs) },
      { name: "through the pair", values: means(({ pair }) => pair?.wholeMs) },
    ],
  };
}

function bytesTable(report: TryReport): string {
  const { visits, bytes } = seriesOf(report);
  const rows = visits.map((visit, at) => [
    String(visit),
    ...bytes.map(({ values }) => size(values[at] ?? 0)),
  ]);
  return table(["visit", ...bytes.map(({ name }) => name)], rows);
}

function timesTable(report: TryReport): string {
  const { visits, times } = seriesOf(report);
  const shown = (value: number | null | undefined) => (value == null ? "-" : `${value.toFixed(1)} ms`);
  const rows = visits.map((visit, at) => [String(visit), ...times.map(({ values }) => shown(values[at]))]);
  return table(["visit", ...times.map(({ name }) => name)], rows);
}
