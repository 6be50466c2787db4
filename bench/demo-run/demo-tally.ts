/**
 * What the demo adds up per page kind, and its table. `sent` is what the site produced and what it would have cost
 * compressed; `crossed` is what the link carried instead; `arrived` is whether the visitor got the same bytes.
 */
import { addBaselines, type Baselines, baselinesOf, NO_BYTES } from "../corpus/baselines.ts";
import { kindOf, PAGE_KINDS, type PageKind } from "../demo-site/pages.ts";
import type { ServedPage } from "../demo-site/site.ts";
import { percentilesOf } from "../report/statistics.ts";
import { type Column, percent, renderTable } from "../report/table.ts";
import type { LinkBytes } from "../rig/counting-relay.ts";
import type { LoggedExchange } from "../rig/exchange-log.ts";

interface Row {
  readonly visits: number;
  readonly rawBytes: number;
  readonly baselines: Baselines;
  readonly answerBytes: number;
  readonly totalMs: readonly number[];
}

const NO_VISITS: Row = { visits: 0, rawBytes: 0, baselines: NO_BYTES, answerBytes: 0, totalMs: [] };

export class DemoTally {
  readonly #rows = new Map<PageKind, Row>(PAGE_KINDS.map((kind) => [kind, NO_VISITS]));
  #uncompressed: ServedPage[] = [];
  readonly #compressing = new Set<Promise<void>>();
  #wrong = 0;

  /** A page left the site. It is compressed for comparison once it has arrived, so as not to slow its own way. */
  served(page: ServedPage): void {
    this.#uncompressed.push(page);
  }

  /** An exchange ended on the link. */
  crossed({ edge }: LoggedExchange): void {
    this.#compressServed();
    const kind = kindOf(edge.target);
    if (kind === undefined) return;
    const row = this.#row(kind);
    this.#rows.set(kind, {
      ...row,
      answerBytes: row.answerBytes + (edge.answerBytes ?? 0),
      totalMs: edge.totalMs === undefined ? row.totalMs : [...row.totalMs, edge.totalMs],
    });
  }

  /** A visitor compared what came with what the site sent. */
  arrived(unharmed: boolean): void {
    if (!unharmed) this.#wrong += 1;
  }

  get wrong(): number {
    return this.#wrong;
  }

  /** Resolves when the baselines of everything served so far are in. */
  async settled(): Promise<void> {
    this.#compressServed();
    await Promise.all(this.#compressing);
  }

  table(): string {
    const rows = [...this.#rows].map(([kind, row]) => cellsOf(kind, row));
    return renderTable(COLUMNS, [...rows, "-", cellsOf("all", this.#total())]);
  }

  /** One line on everything that crossed the link's socket. */
  linkLine({ toEdge, toOrigin }: LinkBytes): string {
    const bytes = toEdge + toOrigin;
    const { rawBytes } = this.#total();
    const share = rawBytes === 0 ? "" : `, ${percent(bytes / rawBytes)} of raw`;
    return `On the link in all, both ways, with heads and TLS: ${kilobytes(bytes)} KB${share}.`;
  }

  #compressServed(): void {
    const pages = this.#uncompressed;
    this.#uncompressed = [];
    for (const { kind, body } of pages) {
      const made = baselinesOf(body).then((baselines) => {
        const row = this.#row(kind);
        this.#rows.set(kind, {
          ...row,
          visits: row.visits + 1,
          rawBytes: row.rawBytes + body.length,
          baselines: addBaselines(row.baselines, baselines),
        });
        this.#compressing.delete(made);
      });
      this.#compressing.add(made);
    }
  }

  #row(kind: PageKind): Row {
    return this.#rows.get(kind) ?? NO_VISITS;
  }

  #total(): Row {
    return [...this.#rows.values()].reduce((sum, row) => ({
      visits: sum.visits + row.visits,
      rawBytes: sum.rawBytes + row.rawBytes,
      baselines: addBaselines(sum.baselines, row.baselines),
      answerBytes: sum.answerBytes + row.answerBytes,
      totalMs: [...sum.totalMs, ...row.totalMs],
    }));
  }
}

/** Levels as web servers set them: gzip 6, brotli 5. With the widest values of an hour a line has 80 characters at most. */
const COLUMNS: readonly Column[] = [
  { title: "page kind", align: "left" },
  { title: "visits", align: "right" },
  { title: "raw KB", align: "right" },
  { title: "gzip", align: "right" },
  { title: "brotli", align: "right" },
  { title: "Coilgun", align: "right" },
  { title: "of raw", align: "right" },
  { title: "vs gzip", align: "right" },
  { title: "p50 ms", align: "right" },
];

const kilobytes = (bytes: number): string =>
  bytes < 9_950 ? (bytes / 1000).toFixed(1) : String(Math.round(bytes / 1000));

function cellsOf(name: string, row: Row): string[] {
  const { gzip6Bytes, brotli5Bytes } = row.baselines;
  const known = row.answerBytes > 0 && row.rawBytes > 0;
  const p50 = percentilesOf(row.totalMs)?.p50;
  return [
    name,
    String(row.visits),
    kilobytes(row.rawBytes),
    kilobytes(gzip6Bytes),
    kilobytes(brotli5Bytes),
    kilobytes(row.answerBytes),
    known ? percent(row.answerBytes / row.rawBytes) : "-",
    known ? `${(gzip6Bytes / row.answerBytes).toFixed(1)} x` : "-",
    p50 === undefined ? "-" : p50.toFixed(1),
  ];
}
