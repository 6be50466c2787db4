/**
 * `coilgun-bench replay <folder>`: what a pair of daemons makes of captured pages. Serves a corpus from a local origin
 * in the order of capture, through two real processes over a real socket with the real TLS, checks every body byte
 * for byte, and reports per family and in total what crossed the link.
 */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { type Corpus, onlyFamilies, readCorpus } from "../corpus/corpus.ts";
import { groundOfMeasurement } from "../corpus/versions.ts";
import { progressBar, type Terminal } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import type { PairSettings } from "../rig/pair-config.ts";
import { visitorOf } from "../rig/visitor.ts";
import { startReplayOrigin } from "./replay-origin.ts";
import { isFlawless, type ReplayReport, reportOn } from "./replay-report.ts";
import { replayTable } from "./replay-table.ts";
import { hostOf, visitAll } from "./replay-visits.ts";

interface ReplayOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Count the first visits too, which build the bases. */
  readonly countAll: boolean;
  readonly settings: PairSettings;
  /** Where progress is shown. */
  readonly terminal: Terminal;
}

/** Replays the corpus. Rejects when the pair does not start or a daemon dies; bad pages are in the report. */
async function replay(corpus: Corpus, options: ReplayOptions): Promise<ReplayReport> {
  const { clock, signal, terminal, countAll } = options;
  await using running = new AsyncDisposableStack();
  const origin = await startReplayOrigin();
  running.defer(() => origin.close());
  const pair = await startPair({
    routes: corpus.families.map((family) => ({ host: hostOf(family), origin: origin.address })),
    clock,
    signal,
    settings: options.settings,
    tapped: true,
  });
  running.defer(() => pair.stop());
  const visitor = visitorOf(pair.visitors, clock);
  running.defer(async () => visitor.close());

  const total = corpus.families.reduce((sum, family) => sum + family.versions.length, 0);
  const progress = progressBar(terminal, total);
  running.defer(async () => progress.end());
  const visits = await visitAll(
    corpus,
    { origin, visitor, link: pair.link, tap: pair.tap, exchanges: pair.exchanges, clock, signal },
    { countAll, onVisit: (done, family) => progress.at(done, family.name) },
  );
  return reportOn(visits, {
    settings: {
      codec: options.settings.codec ?? "default",
      bases: options.settings.bases ?? "default",
      commonBases: options.settings.commonBases ?? true,
    },
    links: pair.link.connections,
    countedAll: countAll,
    versions: groundOfMeasurement(),
  });
}

interface ReplayFlags {
  readonly all: boolean;
  readonly json?: string;
  readonly families?: readonly string[];
  readonly codec?: string;
  readonly bases?: string;
  /** False for `--no-common-bases`. */
  readonly commonBases: boolean;
}

export const replayCommand = (): Command =>
  new Command("replay")
    .description("send captured pages through a real pair of daemons and report what crosses the link")
    .argument("<folder>", "a corpus: manifest.json and version files (format: bench/README.md)")
    .option("--json <file>", "write the report as JSON, with stable names")
    .option("--all", "count the first visits too, which build the bases", false)
    .option("--families <names>", "only these families, separated by commas", (names) => names.split(","))
    .addOption(new Option("--codec <name>", "let the pair use only this codec").choices(["zstd", "vcdiff"]))
    .addOption(
      new Option("--bases <scope>", "which versions may be bases").choices(["session", "site", "url", "off"]),
    )
    .option("--no-common-bases", "make none of what several people's pages share")
    .action((folder: string, flags: ReplayFlags) =>
      interruptible(async (signal) => {
        const whole = readCorpus(folder);
        const corpus = flags.families === undefined ? whole : onlyFamilies(whole, flags.families);
        const report = await replay(corpus, {
          clock: systemClock,
          signal,
          countAll: flags.all,
          settings: { codec: flags.codec, bases: flags.bases, commonBases: flags.commonBases },
          terminal: process.stderr,
        });
        process.stdout.write(`${replayTable(report)}\n`);
        if (flags.json !== undefined)
          await writeFile(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
        return isFlawless(report) ? 0 : 1;
      }),
    );
