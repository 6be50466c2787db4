/**
 * `coilgun-bench pair`: what the pair costs and gains beside a plain reverse proxy, in one run. Latency one page at a
 * time (the default), requests a second and CPU under load (`--load`), or memory (`--memory`). Or, under load, this checkout
 * beside another one (`--load --against`), or pages of a corpus through all of them (`--load --corpus`).
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { gathering } from "../../protocol/daemon/cli.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { groundOfMeasurement } from "../corpus/versions.ts";
import { type Progress, progressBar } from "../report/table.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { AGAINST_NAMES, isAgainstFlawless, measureAgainst, UNOBSERVED } from "./against.ts";
import { againstTable } from "./against-table.ts";
import { isCorpusLatencyFlawless, measureCorpusLatency } from "./corpus-latency.ts";
import { corpusLatencyTable } from "./corpus-latency-table.ts";
import { isCorpusLoadFlawless, measureCorpusLoad } from "./corpus-load.ts";
import { CORPUS_NAMES } from "./corpus-pages.ts";
import { corpusTable } from "./corpus-table.ts";
import { LATENCY_NAMES, LINKS, type LinkKind, measureLatency } from "./latency.ts";
import { parseBuffer, parseRate, parseRtt } from "./link-flags.ts";
import { LOAD_NAMES, measureLoad } from "./load.ts";
import { measureMemory } from "./memory.ts";
import {
  isLatencyFlawless,
  isLoadFlawless,
  isMemoryFlawless,
  latencyTable,
  loadTable,
  memoryTable,
} from "./pair-table.ts";

const MOST_SECONDS = 600;
const MOST_CONCURRENCY = 1_000;
const MOST_REQUESTS = 10_000_000;
const MOST_ROUNDS = 99;
const SECONDS = 8;
/** Of a round, of which there are many. */
const AGAINST_SECONDS = 3;
/** Each visit takes a round trip. */
const CORPUS_SECONDS = 60;

export interface PairFlags {
  readonly load: boolean;
  readonly memory: boolean;
  readonly against: readonly string[];
  readonly corpus?: string;
  readonly http2: boolean;
  readonly observed: boolean;
  readonly rounds: number;
  readonly only?: readonly string[];
  readonly link: LinkKind | "both";
  readonly rtt: number;
  readonly rate: number | null;
  readonly buffer: number;
  readonly seconds?: number;
  readonly warmUp: number;
  readonly concurrency: number;
  readonly requests: number;
  readonly profile?: string;
  readonly json?: string;
}

/** What a question found, ready to be shown. */
interface Outcome {
  readonly table: string;
  readonly report: object;
  readonly flawless: boolean;
}

export const pairCommand = (): Command =>
  new Command("pair")
    .description("compare the pair with a plain reverse proxy: latency, or load, or memory")
    .addOption(
      new Option("--load", "requests a second, CPU and event loops").default(false).conflicts("memory"),
    )
    .option("--memory", "resident memory of both daemons with a small store", false)
    .addOption(
      new Option(
        "--against <checkout>",
        "with --load: beside the pair of another checkout of Coilgun; with --corpus: or of several",
      )
        .argParser(gathering((folder: string, before: readonly string[]) => [...before, folder]))
        .default([])
        .conflicts(["memory", "profile"]),
    )
    .addOption(
      new Option(
        "--corpus <folder>",
        "pages of a corpus: over the emulated link, beside an echo; with --load: beside a plain reverse proxy",
      ).conflicts(["memory", "profile", "observed"]),
    )
    .option("--http2", "with --load --corpus: by h2load over TLS, without the plain proxy", false)
    .addOption(
      new Option("--observed", "with --load: access log, timing and metrics beside none of them")
        .default(false)
        .conflicts(["memory", "profile", "against"]),
    )
    .option(
      "--rounds <number>",
      "with --against, --corpus and --observed: of each case, by turns",
      wholeNumberFrom(1, MOST_ROUNDS),
      9,
    )
    .addOption(
      new Option("--only <cases>", "only these cases, separated by commas")
        .argParser((names) => names.split(","))
        .conflicts("memory"),
    )
    .addOption(
      ofLatency("--link <which>", "for latency")
        .choices([...LINKS, "both"])
        .default("both"),
    )
    .addOption(ofLatency("--rtt <time>", "of the emulated link").argParser(parseRtt).default(100, "100ms"))
    .addOption(
      ofLatency("--rate <rate>", "of the emulated link, each way; or unlimited")
        .argParser(parseRate)
        .default(1_250_000, "10mbit"),
    )
    .addOption(
      ofLatency("--buffer <size>", "what a sender's socket takes before it pushes back")
        .argParser(parseBuffer)
        .default(4 * 2 ** 20, "4 MiB"),
    )
    .addOption(
      new Option(
        "--seconds <number>",
        `for each case (under load: each way), ${SECONDS}; with --against: for each round, ${AGAINST_SECONDS}`,
      )
        .argParser(secondsIn)
        .conflicts("memory"),
    )
    .addOption(
      ofLatency("--warm-up <visits>", "before each case, each way, not counted; 0: cold programs")
        .argParser(warmUpVisits)
        .default(400),
    )
    .option(
      "--concurrency <number>",
      "requests at a time: --load, --memory",
      wholeNumberFrom(1, MOST_CONCURRENCY),
      32,
    )
    .option("--requests <number>", "with --memory: visits", wholeNumberFrom(1, MOST_REQUESTS), 100_000)
    .option("--profile <folder>", "write CPU profiles of both daemons")
    .option("--json <file>", "write the report as JSON, with stable names")
    .action((flags: PairFlags) =>
      interruptible(async (signal) => {
        throwUnlessInstalled();
        const outcome = await run(flags, signal);
        process.stdout.write(`${outcome.table}\n${groundLine()}\n`);
        if (flags.json !== undefined) {
          const report = { ...outcome.report, versions: groundOfMeasurement() };
          await writeFile(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
        }
        return outcome.flawless ? 0 : 1;
      }),
    );

const ofLatency = (flags: string, description: string): Option =>
  new Option(flags, description).conflicts(["load", "memory"]);

async function run(flags: PairFlags, signal: AbortSignal): Promise<Outcome> {
  let progress: Progress | undefined;
  const shown = (total: number) => {
    progress ??= progressBar(process.stderr, total);
    return progress;
  };
  const onCase = (done: number, total: number, label: string) => shown(total).at(done, label);
  const { concurrency, requests, rounds } = flags;
  const { corpus, http2 } = flags;
  const [against = flags.observed ? UNOBSERVED : undefined, ...more] = flags.against;
  const rare = against !== undefined || corpus !== undefined;
  const seconds = flags.seconds ?? (rare ? AGAINST_SECONDS : SECONDS);
  const profile = flags.profile === undefined ? undefined : resolve(flags.profile);
  const stage = { clock: systemClock, signal, profile, onCase };
  try {
    if (flags.memory) {
      const onProgress = (done: number) => shown(requests).at(done, `${done} visits`);
      const terminal = process.stderr.isTTY === true;
      const report = await measureMemory({
        ...stage,
        requests,
        concurrency,
        // Elsewhere than on a terminal every sample would be a line.
        onProgress: terminal ? onProgress : () => undefined,
      });
      return { report, table: memoryTable(report), flawless: isMemoryFlawless(report) };
    }
    if (corpus === undefined && (http2 || more.length > 0))
      throw new Error("--http2 and several --against belong to --load --corpus: say those too");
    const emulation = { rttMs: flags.rtt, bytesPerSecond: flags.rate, bufferBytes: flags.buffer };
    if (corpus !== undefined && !flags.load) {
      throwUnlessAboutLatency(flags);
      const report = await measureCorpusLatency({
        ...stage,
        corpus,
        seconds: flags.seconds ?? CORPUS_SECONDS,
        emulation,
        warmUpVisits: flags.warmUp,
      });
      return { report, table: corpusLatencyTable(report), flawless: isCorpusLatencyFlawless(report) };
    }
    if (corpus !== undefined) {
      const names = chosen(flags.only, CORPUS_NAMES);
      const others = { against: flags.against, corpus, http2 };
      const report = await measureCorpusLoad({ ...stage, ...others, names, rounds, seconds, concurrency });
      return { report, table: corpusTable(report), flawless: isCorpusLoadFlawless(report) };
    }
    if (against !== undefined) {
      if (!flags.load) throw new Error("--against and --observed compare load: say --load too");
      const names = chosen(flags.only, AGAINST_NAMES);
      const report = await measureAgainst({ ...stage, against, names, rounds, seconds, concurrency });
      return { report, table: againstTable(report), flawless: isAgainstFlawless(report) };
    }
    if (flags.load) {
      const names = chosen(flags.only, LOAD_NAMES);
      const report = await measureLoad({ ...stage, seconds, concurrency, names });
      return { report, table: loadTable(report), flawless: isLoadFlawless(report) };
    }
    const report = await measureLatency({
      ...stage,
      seconds,
      warmUpVisits: flags.warmUp,
      names: chosen(flags.only, LATENCY_NAMES),
      links: flags.link === "both" ? LINKS : [flags.link],
      emulation,
    });
    return { report, table: latencyTable(report), flawless: isLatencyFlawless(report) };
  } finally {
    progress?.end();
  }
}

/** Pages of a corpus over a link have no cases to choose, and no other checkout beside them. */
const throwUnlessAboutLatency = ({ against, http2, only, link }: PairFlags): void => {
  if (against.length > 0 || http2 || only !== undefined || link === "loopback")
    throw new Error(
      "--corpus with --against, --http2 or --only is about load: say --load too. Without it the link is the emulated one",
    );
};

/** The cases that were asked for, in their usual order; all of them if none was. Throws with those there are. @internal */
export function chosen<Name extends string>(
  asked: readonly string[] | undefined,
  names: readonly Name[],
): readonly Name[] {
  const unknown = asked?.filter((name) => !names.some((known) => known === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`no case is named ${unknown.join(", ")}; there are ${names.join(", ")}`);
  }
  return asked === undefined ? names : names.filter((name) => asked.includes(name));
}

/** Plain proxy and load generator are for measuring only, so an installed Coilgun comes without them. */
function throwUnlessInstalled(): void {
  for (const name of ["http-proxy-3", "autocannon"]) {
    try {
      import.meta.resolve(name);
    } catch {
      throw new Error(`this command needs ${name}: run it in a checkout, after npm ci`);
    }
  }
}

function groundLine(): string {
  const { coilgun, node, zstd, cores, cpu } = groundOfMeasurement();
  return `Coilgun ${coilgun}, Node ${node}, zstd ${zstd}, ${cores} cores of ${cpu}.`;
}

function secondsIn(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= MOST_SECONDS) return value;
  throw new InvalidArgumentError(`must be a number of seconds up to ${MOST_SECONDS}.`);
}

function warmUpVisits(text: string): number {
  return text === "0" ? 0 : wholeNumberFrom(1, MOST_REQUESTS)(text);
}
