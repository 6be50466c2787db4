/**
 * `coilgun-bench replay <folder>`: what a pair of daemons makes of captured pages. Serves a corpus from a local origin
 * in the order of capture, through two real processes over a real socket with the real TLS, checks every body byte
 * for byte, and reports per family and in total what crossed the link.
 */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { readCapture } from "../corpus/capture.ts";
import { onlyFamilies, readCorpus } from "../corpus/corpus.ts";
import { groundOfMeasurement } from "../corpus/versions.ts";
import { progressBar, type Terminal } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import type { PairSettings } from "../rig/pair-config.ts";
import { visitorOf } from "../rig/visitor.ts";
import { hostOf, type PlannedVisit, visitsOfCapture, visitsOfCorpus } from "./planned-visits.ts";
import { startReplayOrigin } from "./replay-origin.ts";
import { isFlawless, type ReplayReport, reportOn } from "./replay-report.ts";
import { replayTable } from "./replay-table.ts";
import { visitAll } from "./replay-visits.ts";

interface ReplayOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Count the first visits too, which build the bases. */
  readonly countAll: boolean;
  readonly settings: PairSettings;
  /** Where progress is shown. */
  readonly terminal: Terminal;
}

/** What is replayed: the hosts that are asked, and the visits. */
interface Plan {
  readonly hosts: readonly string[];
  readonly visits: readonly PlannedVisit[];
  readonly edge?: PairSettings["edge"];
}

/** Throws CorpusError when the folder holds neither a capture nor a corpus with these families. */
function planOf(folder: string, only: readonly string[] | undefined): Plan {
  const capture = readCapture(folder);
  if (capture === undefined) {
    const whole = readCorpus(folder);
    const corpus = only === undefined ? whole : onlyFamilies(whole, only);
    return { hosts: corpus.families.map(hostOf), visits: visitsOfCorpus(corpus) };
  }
  if (only !== undefined) throw new Error("a capture is replayed as a whole: leave --families out");
  // The visitors' networks come as a proxy in front names them.
  return {
    hosts: [new URL(`http://${capture.host}`).hostname],
    visits: visitsOfCapture(capture),
    edge: { trustedProxies: ["127.0.0.0/8"] },
  };
}

/** Replays the plan. Rejects when the pair does not start or a daemon dies; bad pages are in the report. */
async function replay(plan: Plan, options: ReplayOptions): Promise<ReplayReport> {
  const { clock, signal, terminal, countAll } = options;
  await using running = new AsyncDisposableStack();
  const origin = await startReplayOrigin();
  running.defer(() => origin.close());
  const pair = await startPair({
    routes: plan.hosts.map((host) => ({ host, origin: origin.address })),
    clock,
    signal,
    settings: { ...options.settings, edge: plan.edge },
    tapped: true,
  });
  running.defer(() => pair.stop());
  const visitor = visitorOf(pair.visitors, clock);
  running.defer(async () => visitor.close());

  const progress = progressBar(terminal, plan.visits.length);
  running.defer(async () => progress.end());
  const visits = await visitAll(
    plan.visits,
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
    .argument(
      "<folder>",
      "a corpus or a capture: manifest.json and the files it names (format: bench/README.md)",
    )
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
        const report = await replay(planOf(folder, flags.families), {
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
