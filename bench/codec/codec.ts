/**
 * `coilgun-bench codec <folder>`: bytes and time of every codec, without daemons or a link. Each page is encoded on the
 * 1 to 4 latest versions before it, best last (time series: of that URL; template: of other pages), decoded again and
 * compared. The settings in protocol/codec/zstd-params.ts are chosen by this table.
 */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import type { Codec } from "../../protocol/codec/codec.ts";
import { CODEC_NAMES, type CodecName, codecNamed } from "../../protocol/codec/codecs.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { type Corpus, type Family, type FamilyKind, readCorpus } from "../corpus/corpus.ts";
import { type Ground, groundOfMeasurement } from "../corpus/versions.ts";
import { geometricMean, type Percentiles, percentilesOf, sumOf } from "../report/statistics.ts";
import {
  type Column,
  milliseconds,
  percent,
  progressBar,
  renderTable,
  type Terminal,
} from "../report/table.ts";
import { interruptible } from "../rig/interrupt.ts";

const BASE_COUNTS = [1, 2, 3, 4] as const;
/** The first page of a family that counts: the same pages whatever the number of bases. */
const FIRST_PAGE: Readonly<Record<FamilyKind, number>> = { timeseries: 1, template: 4, visitors: 4 };
const SMALL_PAGE_BYTES = 100 * 1024;

interface PageFigures {
  readonly rawBytes: number;
  readonly deltaBytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

interface Times {
  readonly pages: number;
  readonly encodeMs: (Percentiles & { readonly worst: number }) | null;
  readonly decodeMs: (Percentiles & { readonly worst: number }) | null;
}

interface CodecFigures {
  readonly codec: CodecName;
  readonly bases: number;
  /** Of each family: delta bytes / raw bytes. */
  readonly families: readonly { readonly name: string; readonly kind: FamilyKind; readonly share: number }[];
  /** Geometric mean of the families' shares; null where the kind has no family. */
  readonly shares: Readonly<Record<FamilyKind, number | null>>;
  readonly pagesUpTo100KB: Times;
  readonly allPages: Times;
}

/** @internal */
export interface CodecReport {
  readonly codecs: readonly CodecFigures[];
  readonly versions: Ground;
}

interface Bench {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** Measures every codec with every number of bases. Rejects when a page does not come back as it was. @internal */
export async function measureCodecs(
  corpus: Corpus,
  { clock, signal, terminal }: Bench,
): Promise<CodecReport> {
  const rounds = CODEC_NAMES.flatMap((codec) => BASE_COUNTS.map((bases) => ({ codec, bases })));
  const progress = progressBar(terminal, rounds.length);
  const codecs: CodecFigures[] = [];
  try {
    for (const { codec, bases } of rounds) {
      progress.at(codecs.length, `${codec}, bases: ${bases}`);
      const measured = [];
      for (const family of corpus.families) {
        signal.throwIfAborted();
        measured.push({ family, pages: await measureFamily(corpus, family, { codec, bases, clock }) });
      }
      codecs.push(figuresOf(codec, bases, measured));
    }
  } finally {
    progress.end();
  }
  return { codecs, versions: groundOfMeasurement() };
}

async function measureFamily(
  corpus: Corpus,
  family: Family,
  { codec: name, bases, clock }: { codec: CodecName; bases: number; clock: Clock },
): Promise<PageFigures[]> {
  const codec = codecNamed(name);
  const versions = family.versions.map(({ file }) => corpus.read(file));
  const figures: PageFigures[] = [];
  for (const [at, page] of versions.entries()) {
    if (at < FIRST_PAGE[family.kind]) continue;
    const usable = usableBases(codec, versions.slice(Math.max(0, at - bases), at), page);
    const began = clock.now();
    const delta = await codec.encode(usable, page);
    const encoded = clock.now();
    const decoded = await codec.decode(usable, delta, { pageBytes: page.length });
    const ended = clock.now();
    if (!decoded.equals(page)) throw new Error(`${name} damaged page ${at} of ${family.name}: this is a bug`);
    figures.push({
      rawBytes: page.length,
      deltaBytes: delta.length,
      encodeMs: encoded - began,
      decodeMs: ended - encoded,
    });
  }
  return figures;
}

/** As the origin side does: what the codec refuses is left out, then the worst until the rest fits. */
function usableBases(codec: Codec, candidates: readonly Buffer[], page: Buffer): readonly Buffer[] {
  const usable = candidates.filter((base) => codec.accepts(base));
  while (usable.length > 0 && !codec.fits(sumOf(usable.map((base) => base.length)), page.length))
    usable.shift();
  return usable;
}

function figuresOf(
  codec: CodecName,
  bases: number,
  measured: readonly { readonly family: Family; readonly pages: readonly PageFigures[] }[],
): CodecFigures {
  const families = measured
    .filter(({ pages }) => pages.length > 0)
    .map(({ family: { name, kind }, pages }) => ({
      name,
      kind,
      share: sumOf(pages.map((page) => page.deltaBytes)) / sumOf(pages.map((page) => page.rawBytes)),
    }));
  const shareOf = (kind: FamilyKind) =>
    geometricMean(families.filter((family) => family.kind === kind).map(({ share }) => share)) ?? null;
  const pages = measured.flatMap((family) => family.pages);
  return {
    codec,
    bases,
    families,
    shares: {
      timeseries: shareOf("timeseries"),
      template: shareOf("template"),
      visitors: shareOf("visitors"),
    },
    pagesUpTo100KB: timesOf(pages.filter((page) => page.rawBytes <= SMALL_PAGE_BYTES)),
    allPages: timesOf(pages),
  };
}

function timesOf(pages: readonly PageFigures[]): Times {
  const spread = (values: readonly number[]) => {
    const percentiles = percentilesOf(values);
    return percentiles === undefined ? null : { ...percentiles, worst: Math.max(...values) };
  };
  return {
    pages: pages.length,
    encodeMs: spread(pages.map((page) => page.encodeMs)),
    decodeMs: spread(pages.map((page) => page.decodeMs)),
  };
}

const right = (title: string): Column => ({ title, align: "right" });

/** The report for people: bytes of raw per family, then time. @internal */
export function codecTable({ codecs, versions }: CodecReport): string {
  const kinds = [
    { kind: "timeseries", title: "time series, geometric mean" },
    { kind: "template", title: "templates, geometric mean" },
    { kind: "visitors", title: "other people's pages, geometric mean" },
  ] as const;
  const rounds = codecs.map(({ codec, bases }) => right(`${codec} ${bases}`));
  const shown = (share: number | null | undefined) => (share == null ? "-" : percent(share));
  const rows = kinds.flatMap(({ kind, title }) => {
    const families = codecs[0]?.families.filter((family) => family.kind === kind) ?? [];
    const row = ({ name }: { name: string }) => [
      name,
      ...codecs.map((figures) => shown(figures.families.find((family) => family.name === name)?.share)),
    ];
    return [
      ...families.map(row),
      [title, ...codecs.map((figures) => shown(figures.shares[kind]))],
      "-" as const,
    ];
  });
  const times = codecs.map(({ codec, bases, pagesUpTo100KB: small, allPages: all }) => [
    `${codec} ${bases}`,
    ...[small.encodeMs, all.encodeMs, small.decodeMs, all.decodeMs].map((spread) =>
      [spread?.p50, spread?.p95, spread?.worst].map(milliseconds).join(" / "),
    ),
  ]);
  const timed = ["encode ms, to 100 KB", "encode ms, all", "decode ms, to 100 KB", "decode ms, all"];
  return [
    renderTable([{ title: "delta of raw; codec, bases", align: "left" }, ...rounds], rows),
    "",
    renderTable([{ title: "p50 / p95 / worst", align: "left" }, ...timed.map(right)], times),
    "",
    `Node ${versions.node}, zstd ${versions.zstd}, xdelta3-wasm ${versions["xdelta3-wasm"]}, ${versions.cores} cores of ${versions.cpu}.`,
  ].join("\n");
}

export const codecCommand = (): Command =>
  new Command("codec")
    .description("measure bytes and time of every codec with 1 to 4 bases, on captured pages")
    .argument("<folder>", "a corpus: manifest.json and version files (format: bench/README.md)")
    .option("--json <file>", "write the report as JSON, with stable names")
    .action((folder: string, flags: { readonly json?: string }) =>
      interruptible(async (signal) => {
        const report = await measureCodecs(readCorpus(folder), {
          clock: systemClock,
          signal,
          terminal: process.stderr,
        });
        process.stdout.write(`${codecTable(report)}\n`);
        if (flags.json !== undefined)
          await writeFile(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
        return 0;
      }),
    );
