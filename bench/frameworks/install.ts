/**
 * Installing an application and running it: a folder of the cache for each pinned set of files and packages, a copy of its data
 * for each run. All that is started is a process group of its own, and is gone in the end, whatever happens.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { listenOnLoopback } from "../rig/loopback.ts";
import { visitorOf } from "../rig/visitor.ts";
import { type Application, type Command, contentOf, type Place } from "./apps/application.ts";

/** A build on a busy machine takes minutes. */
const INSTALL_MS = 15 * 60_000;
const START_MS = 120_000;
const LOOK_EVERY_MS = 250;
const STOP_MS = 5_000;

/** What the application needs and the machine lacks, as a sentence; undefined when all is there. */
export function missingFor({ debian = [] }: Application): string | undefined {
  const missing = debian.filter((name) => !DEBIAN_PACKAGES().has(name));
  return missing.length === 0
    ? undefined
    : `needs: apt-get install --no-install-recommends ${missing.join(" ")}`;
}

let installed: ReadonlySet<string> | undefined;
const DEBIAN_PACKAGES = (): ReadonlySet<string> => {
  const status = "/var/lib/dpkg/status";
  const stanzas = existsSync(status) ? readFileSync(status, "utf8").split("\n\n") : [];
  installed ??= new Set(
    stanzas
      .filter((stanza) => /^Status: install ok installed$/m.test(stanza))
      .map((stanza) => /^Package: (.+)$/m.exec(stanza)?.[1] ?? ""),
  );
  return installed;
};

export interface Running {
  readonly place: Place;
  /** Change number `n` of what the pages show. */
  change(n: number): Promise<void>;
  stop(): Promise<void>;
}

export interface RunSettings {
  readonly cache: string;
  readonly host: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Installs what is not in the cache, and starts it. Rejects with the last output of what failed. */
export async function startApplication(app: Application, settings: RunSettings): Promise<Running> {
  const folder = join(settings.cache, `${app.folder ?? app.name}-${fingerprintOf(app)}`);
  const run = mkdtempSync(join(tmpdir(), "coilgun-frameworks-"));
  const undo = new AsyncDisposableStack();
  undo.defer(async () => rmSync(run, { recursive: true, force: true }));
  try {
    const address = await freeAddress();
    const place: Place = {
      folder,
      state: join(run, "state"),
      address,
      port: address.slice(address.indexOf(":") + 1),
      host: settings.host,
      content: join(run, "content.json"),
    };
    if (!existsSync(join(folder, DONE)))
      await install(app, { ...place, state: join(folder, "state") }, settings);
    cpSync(join(folder, "state"), place.state, { recursive: true });
    const show = (edition: number) => writeFileSync(place.content, JSON.stringify(contentOf(edition)));
    show(0);
    const services = app.start(place).map((command, at) => start(command, folder, join(run, `${at}.log`)));
    for (const service of services) undo.defer(() => end(service, settings.clock));
    try {
      await answering(place, services, settings);
    } catch (error) {
      const logs = services.map((_, at) => tailOf(join(run, `${at}.log`))).join("\n");
      throw new Error(
        `${app.name} did not start: ${error instanceof Error ? error.message : error}\n${logs}`,
      );
    }
    return {
      place,
      change: async (n) =>
        app.change === undefined ? show(n) : finished(app.change(place, n), folder, settings),
      stop: () => undo.disposeAsync(),
    };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

const DONE = ".installed";

const fingerprintOf = ({ npm, files, install }: Application): string =>
  createHash("sha256")
    .update(JSON.stringify([npm, files, install?.toString()]))
    .digest("hex")
    .slice(0, 10);

async function install(app: Application, place: Place, settings: RunSettings): Promise<void> {
  const { folder } = place;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(place.state, { recursive: true });
  for (const [name, text] of Object.entries(app.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  writeFileSync(place.content, "");
  if (app.npm !== undefined) {
    if (app.files?.["package.json"] === undefined)
      writeFileSync(join(folder, "package.json"), '{"private":true}');
    const packages = Object.entries(app.npm).map(([name, version]) => `${name}@${version}`);
    await finished(
      { run: ["npm", "install", "--no-audit", "--no-fund", "--save-exact", ...packages] },
      folder,
      settings,
    );
  }
  writeFileSync(place.content, JSON.stringify(contentOf(0)));
  for (const command of app.install?.(place) ?? []) await finished(command, folder, settings);
  writeFileSync(join(folder, DONE), "");
}

/** Runs a command to its end, with low priority; rejects with its last lines when it fails. */
async function finished(command: Command, folder: string, { clock, signal }: RunSettings): Promise<void> {
  const log = join(folder, "install.log");
  const child = start({ ...command, run: ["nice", ...command.run] }, folder, log);
  try {
    await clock.within(INSTALL_MS, signal, (within) => once(child, "close", { signal: within }));
  } finally {
    await end(child, clock);
  }
  if (child.exitCode !== 0) throw new Error(`${command.run.join(" ")} failed:\n${tailOf(log)}`);
}

const killGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals) => {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
};

function start({ run: [program, ...args], env }: Command, cwd: string, log: string): ChildProcess {
  const output = openSync(log, "w");
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
    detached: true,
  });
  child.on("error", () => undefined);
  const atExit = () => killGroup(child, "SIGKILL");
  process.once("exit", atExit);
  child.once("close", () => process.off("exit", atExit));
  return child;
}

async function end(child: ChildProcess, clock: Clock): Promise<void> {
  const running = child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const closed: Promise<unknown> = running ? once(child, "close") : Promise.resolve();
  killGroup(child, "SIGTERM");
  await clock.within(STOP_MS, undefined, () => closed).catch(() => killGroup(child, "SIGKILL"));
  await closed;
  killGroup(child, "SIGKILL");
}

async function freeAddress(): Promise<string> {
  const server = createServer();
  const address = await listenOnLoopback(server);
  server.close();
  await once(server, "close");
  return address;
}

/** Resolves when the application answers; rejects when a process ends or time is up. */
async function answering(
  { address, host }: Place,
  services: readonly ChildProcess[],
  { clock, signal }: RunSettings,
): Promise<void> {
  await clock.within(START_MS, signal, async (within) => {
    for (;;) {
      const visitor = visitorOf(address, clock);
      try {
        const { status } = await visitor.visit({ host, path: "/", contentType: "text/html" }, within);
        if (status < 500) return;
        await clock.sleep(LOOK_EVERY_MS, within);
      } catch {
        within.throwIfAborted();
        const ended = services.find(
          ({ exitCode, signalCode, pid }) => exitCode !== null || signalCode !== null || pid === undefined,
        );
        if (ended !== undefined) throw new Error(`${ended.spawnargs.join(" ")} ended`);
        await clock.sleep(LOOK_EVERY_MS, within);
      } finally {
        visitor.close();
      }
    }
  });
}

const LINES_SHOWN = 12;
const tailOf = (log: string): string =>
  existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-LINES_SHOWN).join("\n") : "";
