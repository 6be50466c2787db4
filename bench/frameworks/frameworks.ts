/**
 * `coilgun-bench frameworks`: real applications, each straight and through a real pair with the same visits. Installs pinned
 * versions into a cache folder; what comes from Debian is named where it is missing.
 */
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { parseTime, UnitError } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { groundOfMeasurement } from "../corpus/versions.ts";
import type { Terminal } from "../report/table.ts";
import { makeCertificate } from "../rig/certificate-files.ts";
import { startCountingRelay } from "../rig/counting-relay.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { APPLICATIONS } from "./apps/all.ts";
import type { Application } from "./apps/application.ts";
import {
  type ApplicationReport,
  frameworksTable,
  isFlawless,
  ratioOf,
  reportOnApplication,
} from "./framework-report.ts";
import { missingFor, startApplication } from "./install.ts";
import { startRecorder } from "./recorder.ts";
import { visitApplication } from "./tours.ts";

interface RunOptions {
  readonly cache: string;
  readonly checkout: string | undefined;
  readonly pauseMs: number;
  readonly dictionaries: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Visitors' networks come as a proxy in front names them. */
const TRUSTED = { trustedProxies: ["127.0.0.0/8"] };

async function runApplication(app: Application, options: RunOptions): Promise<ApplicationReport> {
  const { clock, signal, checkout, pauseMs, dictionaries } = options;
  await using running = new AsyncDisposableStack();
  const host = `${app.name}.frameworks.test`;
  const site = await startApplication(app, { ...options, host });
  running.defer(() => site.stop());
  const straight = site.place.address;
  const recorder = await startRecorder(straight);
  running.defer(() => recorder.close());
  // Before another checkout as well: a page that comes through a relay a moment later may stream.
  const relay = await startCountingRelay(straight);
  running.defer(() => relay.close());
  const files = dictionaries ? await makeCertificate(host) : undefined;
  running.defer(async () => files?.remove());
  const start = async (origin: string, folder?: string) => {
    const routes = [{ host, origin }];
    const visitors = files && {
      listen: "127.0.0.1:0",
      certificate: files.certificate,
      privateKey: files.privateKey,
    };
    const settings = {
      edge: { ...TRUSTED, ...(visitors && { visitors }) },
      // Another checkout may not know the setting.
      dictionaries: dictionaries && folder === undefined ? "on" : undefined,
    };
    const pair = await startPair({ routes, clock, signal, settings, checkout: folder });
    running.defer(() => pair.stop());
    return { pair, bytes: () => pair.link.read().toEdge + pair.link.read().toOrigin };
  };
  const here = await start(recorder.address);
  const there = checkout === undefined ? undefined : await start(relay.address, checkout);
  const [before, thatBefore = 0] = [here.bytes(), there?.bytes()];
  const measured = await visitApplication(app, {
    ways: { straight, recorder, pair: here.pair, that: there?.pair, host, dictionaries, clock, signal },
    change: site.change,
    pauseMs,
  });
  return reportOnApplication(app.name, measured, {
    linkBytes: here.bytes() - before,
    thatLinkBytes: there && there.bytes() - thatBefore,
  });
}

async function runAll(apps: readonly Application[], options: RunOptions & { readonly terminal: Terminal }) {
  const applications: ApplicationReport[] = [];
  const leftOut: string[] = [];
  for (const app of apps) {
    options.terminal.write(`${app.name}\n`);
    const missing = missingFor(app);
    if (missing !== undefined) {
      leftOut.push(`${app.name} ${missing}`);
      continue;
    }
    try {
      applications.push(await runApplication(app, options));
    } catch (error) {
      options.signal.throwIfAborted();
      leftOut.push(`${app.name} failed: ${error instanceof Error ? error.message : error}`);
    }
  }
  return {
    applications,
    leftOut,
    geometricMean: ratioOf(applications),
    versions: groundOfMeasurement(),
  };
}

interface FrameworkFlags {
  readonly only?: readonly Application[];
  readonly against?: string;
  readonly cache: string;
  readonly pause: number;
  readonly dictionaries: boolean;
  readonly json?: string;
}

const parseOnly = (names: string): Application[] =>
  names.split(",").map((name) => {
    const app = APPLICATIONS.find((one) => one.name === name);
    if (app !== undefined) return app;
    throw new InvalidArgumentError(`${name} is none of ${APPLICATIONS.map((one) => one.name).join(", ")}.`);
  });

const parsePause = (text: string): number => {
  try {
    return parseTime(text);
  } catch (error) {
    if (error instanceof UnitError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
};

export const frameworksCommand = (): Command =>
  new Command("frameworks")
    .description(
      "visit real applications straight and through a pair, and report what crosses the link and what differs",
    )
    .option("--only <names>", "only these applications, separated by commas", parseOnly)
    .option("--against <checkout>", "make the same visits with the daemons of another checkout too")
    .option(
      "--cache <folder>",
      "where applications are installed",
      join(tmpdir(), "coilgun-frameworks-cache"),
    )
    .option("--pause <time>", "between two new visitors", parsePause, 1_000)
    .option(
      "--dictionaries",
      "visitors are Chromium over HTTPS and HTTP/2, and take dictionaries: what they get is compared, too",
      false,
    )
    .option("--json <file>", "write the report as JSON, with stable names")
    .action((flags: FrameworkFlags) =>
      interruptible(async (signal) => {
        const cache = resolve(flags.cache);
        mkdirSync(cache, { recursive: true });
        const report = await runAll(flags.only ?? APPLICATIONS, {
          cache,
          checkout: flags.against && resolve(flags.against),
          pauseMs: flags.pause,
          dictionaries: flags.dictionaries,
          clock: systemClock,
          signal,
          terminal: process.stderr,
        });
        process.stdout.write(`${frameworksTable(report)}\n`);
        if (flags.json !== undefined)
          await writeFile(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
        return isFlawless(report) && report.applications.length > 0 ? 0 : 1;
      }),
    );
