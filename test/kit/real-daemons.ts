/**
 * Daemons as their users run them: processes of their own, with config files in a temporary folder, on ports of 127.0.0.1
 * that the system chose; what they log and what stands in their access logs can be waited for. Disposing a scene kills
 * what still runs and removes the folder.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { stringify } from "yaml";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { FIXTURE_SECRET } from "./config-fixtures.ts";
import { type Ended, runCommand, startCommand } from "./run-command.ts";

/** Longest wait for a line; it only turns a hang into a failure that says what was waited for. */
const LINE_MS = 100_000;

export type Line = Readonly<Record<string, unknown>>;
export type Settings = Readonly<Record<string, unknown>>;
type Side = "edge-side" | "origin-side";

export interface RealDaemon {
  readonly pid: number;
  /** All it has logged. */
  readonly log: readonly Line[];
  /** Resolves with the line number `count` (from 1) of this event, logged already or to come. */
  logged(event: string, count?: number): Promise<Line>;
  /** All lines of its access log so far. */
  readonly accessed: readonly Line[];
  /** The line number `count` (from 1) of its access log. */
  access(count: number): Promise<Line>;
  /** A port that its ready line names. */
  port(of: "visitors" | "tunnel"): number;
  /** Writes its config file anew; it reads it at SIGHUP. */
  configure(settings: Settings): void;
  signal(name: NodeJS.Signals): void;
  /** Kills it at once and waits until it is gone. */
  kill(): Promise<void>;
  readonly ended: Promise<Ended>;
}

export interface Scene extends AsyncDisposable {
  readonly folder: string;
  /** Starts `run`; resolves when it has said that it is ready. `root`: of another checkout. */
  start(side: Side, settings: Settings, nodeArgs?: readonly string[], root?: string): Promise<RealDaemon>;
  /** Writes a config file, runs another command of that side with it, and resolves when it has ended. */
  command(side: Side, settings: Settings, ...words: readonly string[]): Promise<Ended>;
}

const OBSERVED: Settings = { accessLog: "stdout", log: { format: "json" } };
export const HOST = "www.example.com";
export const KEY = { id: "k", secret: FIXTURE_SECRET };
export const ANY_PORT = "127.0.0.1:0";

/** As edge.yaml says it: serves HOST with KEY on free ports. */
export const edgeYaml = (settings: Settings = {}): Settings => ({
  visitors: ANY_PORT,
  tunnel: ANY_PORT,
  keys: [{ ...KEY, hosts: [HOST] }],
  ...OBSERVED,
  ...settings,
});

/** As origin.yaml says it: dials `tunnel` with KEY, and asks the web server on `web` for pages of HOST. */
export const originYaml = (tunnel: number, web: number, settings: Settings = {}): Settings => ({
  edges: [{ address: `127.0.0.1:${tunnel}`, key: KEY, connections: 1 }],
  routes: [{ host: HOST, origin: `http://127.0.0.1:${web}` }],
  redial: { first: "10ms", max: "100ms" },
  ...OBSERVED,
  ...settings,
});

export const openScene = (): Scene => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-e2e-"));
  const running = new Set<RealDaemon>();
  let files = 0;
  const newFile = () => join(folder, `${files++}.yaml`);
  return {
    folder,
    async start(side, settings, nodeArgs, root) {
      const daemon = startReal(side, newFile(), folder, settings, nodeArgs, root);
      running.add(daemon);
      void daemon.ended.then(() => running.delete(daemon));
      await daemon.logged("ready");
      return daemon;
    },
    command(side, settings, ...words) {
      const file = newFile();
      writeYaml(file, settings);
      return runCommand(side, [...words, "--config", file], folder);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map((daemon) => daemon.kill()));
      rmSync(folder, { recursive: true });
    },
  };
};

const writeYaml = (file: string, settings: Settings): void =>
  writeFileSync(file, stringify(settings), { mode: 0o600 });

const startReal = (
  side: Side,
  file: string,
  folder: string,
  settings: Settings,
  nodeArgs: readonly string[] = [],
  root?: string,
): RealDaemon => {
  writeYaml(file, settings);
  const { child, ended } = startCommand(side, ["run", "--config", file], folder, nodeArgs, root);
  // Whoever runs the tests may stop them at any moment.
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  void ended.then(() => process.off("exit", killAtExit));
  const log = linesOf(child.stderr, ended);
  const access = linesOf(child.stdout, ended);
  const nth = (of: Lines, count: number, what: string, is: (line: Line) => boolean): Promise<Line> =>
    of.find(() => of.all.filter(is)[count - 1], `${side}: ${what} ${count}`);
  return {
    pid: child.pid ?? 0,
    log: log.all,
    accessed: access.all,
    logged: (event, count = 1) => nth(log, count, `"${event}"`, (line) => line.event === event),
    access: (count) => nth(access, count, "access line", () => true),
    port(of) {
      const address = log.all.find(({ event }) => event === "ready")?.[of];
      return Number(String(address).split(":")[1]);
    },
    configure: (next) => writeYaml(file, next),
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    ended,
  };
};

interface Lines {
  readonly all: readonly Line[];
  find(look: () => Line | undefined, what: string): Promise<Line>;
}

const linesOf = (stream: Readable | null, ended: Promise<Ended>): Lines => {
  if (stream === null) throw new Error("the daemon's output is not a pipe");
  const all: Line[] = [];
  const looking = new Set<() => void>();
  createInterface({ input: stream }).on("line", (text) => {
    all.push(lineOf(text));
    for (const look of looking) look();
  });
  return {
    all,
    find: (look, what) =>
      systemClock.within(LINE_MS, undefined, (signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<Line>();
        const again = () => {
          const found = look();
          if (found !== undefined) resolve(found);
        };
        const fail = (why: string) =>
          reject(new Error(`${what} did not come (${why}); heard ${JSON.stringify(all, null, 1)}`));
        looking.add(again);
        again();
        signal.addEventListener("abort", () => fail("in time"), { once: true });
        ended.then(({ code }) => fail(`the daemon ended with code ${code}`));
        return promise.finally(() => looking.delete(again));
      }),
  };
};

/** What is no JSON (a stack) is kept for the failure it belongs to. */
const lineOf = (text: string): Line => {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return { text };
  }
};
