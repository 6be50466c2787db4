/**
 * `coilgun-bench store <folder>`: how many versions of captured pages a store holds for a MiB that it charges, as they came and once
 * those that are not used are packed, and how long one takes to read then. Each family is a host; its versions come in the order of
 * their capture, so the store keeps of each URL the newest few.
 */
import { Command } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import { type Version, VersionStore } from "../../protocol/store/version-store.ts";
import { type Corpus, readCorpus } from "../corpus/corpus.ts";
import { groundOfMeasurement } from "../corpus/versions.ts";
import { percentileOf, sumOf } from "../report/statistics.ts";
import { milliseconds, renderTable } from "../report/table.ts";
import { interruptible } from "../rig/interrupt.ts";

const MIB = 1024 * 1024;
/** Larger than any corpus is. */
const STORE_BYTES = 4096 * MIB;
/** Bytes that do not change for so long are those of a store at rest: longer than a version takes to cool, or to be let go. */
const AT_REST_MS = 11_000;
const LEAST_TIMED_BYTES = 20_000;

interface StoreFigures {
  readonly versions: number;
  readonly bodyBytes: number;
  readonly chargedRaw: number;
  readonly chargedPacked: number;
  /** Milliseconds to read a version that is packed, with the one it is packed on, for each 100,000 bytes. */
  readonly readMs: readonly number[];
  readonly wrong: number;
}

interface Bench {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function measureStore(corpus: Corpus, { clock, signal }: Bench): Promise<StoreFigures> {
  const store = new VersionStore({ clock, bytes: STORE_BYTES, lifetimes: { retiredMs: 0 } });
  const came: { readonly version: Version; readonly file: string; readonly bytes: number }[] = [];
  for (const { name, kind, versions } of corpus.families)
    for (const { file, bytes } of versions) {
      const body = corpus.read(file);
      const version = store.remember(partitionOf({ keyId: "bench", host: name }), {
        url: kind === "template" ? `/${file}` : "/",
        templates: [],
        body,
        fingerprint: fingerprintOf(body),
        scope: { kind: "public", retention: "keep" },
      });
      if (version !== undefined) came.push({ version, file, bytes });
    }
  const chargedRaw = store.bytes;
  await atRest(store, { clock, signal });
  const chargedPacked = store.bytes;
  const held = came.filter(({ version }) => store.holds(version));
  const readMs: number[] = [];
  let wrong = 0;
  for (const { version, file, bytes } of held) {
    const startedAt = clock.now();
    const { body } = version;
    if (bytes >= LEAST_TIMED_BYTES) readMs.push(((clock.now() - startedAt) / bytes) * 100_000);
    if (!body.equals(corpus.read(file))) wrong++;
  }
  const versions = store.count;
  store.close();
  return {
    versions,
    bodyBytes: sumOf(held.map(({ bytes }) => bytes)),
    chargedRaw,
    chargedPacked,
    readMs,
    wrong,
  };
}

async function atRest(store: VersionStore, { clock, signal }: Bench): Promise<void> {
  for (let before = -1; before !== store.bytes; ) {
    before = store.bytes;
    await clock.sleep(AT_REST_MS, signal);
  }
}

function storeTable({ versions, bodyBytes, chargedRaw, chargedPacked, readMs, wrong }: StoreFigures): string {
  const row = (title: string, bytes: number): string[] => [
    title,
    (bytes / MIB).toFixed(1),
    ((versions * MIB) / bytes).toFixed(1),
    (chargedRaw / bytes).toFixed(2),
  ];
  const of = (share: number): string => milliseconds(percentileOf(readMs, share));
  const { node, zstd, cores, cpu } = groundOfMeasurement();
  return [
    renderTable(
      [
        { title: `${versions} versions, ${(bodyBytes / MIB).toFixed(1)} MiB`, align: "left" },
        ...["MiB charged", "versions a MiB", "times"].map((title) => ({ title, align: "right" }) as const),
      ],
      [row("as they came", chargedRaw), row("packed", chargedPacked)],
    ),
    "",
    `Read once packed, ms for 100 KB: ${of(0.5)} median, ${of(0.95)} p95. Wrong bytes: ${wrong} versions.`,
    `Node ${node}, zstd ${zstd}, ${cores} cores of ${cpu}.`,
  ].join("\n");
}

export const storeCommand = (): Command =>
  new Command("store")
    .description("measure how many versions of captured pages a store holds for a MiB")
    .argument("<folder>", "a corpus: manifest.json and version files (format: bench/README.md)")
    .action((folder: string) =>
      interruptible(async (signal) => {
        const figures = await measureStore(readCorpus(folder), { clock: systemClock, signal });
        process.stdout.write(`${storeTable(figures)}\n`);
        return figures.wrong === 0 ? 0 : 1;
      }),
    );
