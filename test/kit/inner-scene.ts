/**
 * Both daemons inside the test, as `run` runs them: config files, the log's own lines, SIGHUP, SIGTERM and exit codes, without the
 * second of CPU that each process takes to start. What only a process can show (a kill, its memory, its end) is in real-daemons.
 */
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { loadEdgeConfig } from "../../edge-side/config/load-edge-config.ts";
import { startEdge } from "../../edge-side/run/daemon.ts";
import { loadOriginConfig } from "../../origin-side/config/load-origin-config.ts";
import { startOrigin } from "../../origin-side/run/daemon.ts";
import type { LogSettings } from "../../protocol/config/log-settings.ts";
import { printHostPort } from "../../protocol/config/units.ts";
import { makeLog } from "../../protocol/daemon/log.ts";
import { runDaemon, type SignalSource } from "../../protocol/daemon/run-daemon.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { GrowingFile } from "./growing-file.ts";
import type { Line, RealDaemon, Settings } from "./real-daemons.ts";
import { until } from "./until.ts";

/** As a real one, but for what only a process has. */
export interface InnerDaemon
  extends Pick<RealDaemon, "log" | "logged" | "access" | "port" | "configure" | "signal"> {
  /** Its exit code. */
  readonly ended: Promise<number>;
}

export interface InnerScene extends AsyncDisposable {
  /** Starts `run`; resolves when it has said that it is ready. */
  start(side: "edge-side" | "origin-side", settings: Settings): Promise<InnerDaemon>;
}

/** The test's event loop is everybody's: how busy it is says nothing of an origin side. */
const IDLE = () => 0;
/** Of a daemon that is told to stop when its test is over. */
const DRAIN = "1s";

/** `clock`: of the daemons; the machine's own normally. */
export const openInnerScene = (clock?: Clock): InnerScene => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-inner-"));
  const running = new Set<InnerDaemon>();
  return {
    async start(side, settings) {
      const daemon = startInner(side, join(folder, `${running.size}`), settings, clock);
      running.add(daemon);
      const early = daemon.ended.then((code) => Promise.reject(new Error(`it ended with code ${code}`)));
      await Promise.race([daemon.logged("ready"), early]);
      early.catch(() => {});
      return daemon;
    },
    async [Symbol.asyncDispose]() {
      for (const daemon of running) if (!daemon.log.some(isStopping)) daemon.signal("SIGTERM");
      await Promise.all([...running].map(({ ended }) => ended));
      rmSync(folder, { recursive: true });
    },
  };
};

const isStopping = ({ event }: Line): boolean => event === "stopping";

const startInner = (
  side: "edge-side" | "origin-side",
  path: string,
  settings: Settings,
  clock: Clock | undefined,
): InnerDaemon => {
  const file = `${path}.yaml`;
  const accessFile = `${path}.log`;
  const configure = (next: Settings) => {
    const times = { drain: DRAIN, ...(next.times as Settings | undefined) };
    writeFileSync(file, stringify({ ...next, times, accessLog: accessFile }), { mode: 0o600 });
  };
  configure(settings);
  const signals = new EventEmitter();
  const log: Line[] = [];
  const surroundings = {
    clock: clock ?? systemClock,
    signals: signals as SignalSource,
    makeLog: (of: LogSettings) =>
      makeLog(of, { write: (line: string) => log.push(JSON.parse(line) as Line) }),
  };
  const ended = side === "edge-side" ? runEdge(file, surroundings) : runOrigin(file, surroundings);
  const access = new GrowingFile(accessFile);
  const nth = (event: string, count: number) => log.filter((line) => line.event === event)[count - 1];
  return {
    ended,
    log,
    configure,
    async logged(event, count = 1) {
      await until(() => nth(event, count) !== undefined, `${side}: "${event}" ${count}`);
      return nth(event, count) as Line;
    },
    async access(count) {
      await until(() => access.lines.length >= count, `${side}: access line ${count}`);
      return JSON.parse(access.lines[count - 1] ?? "") as Line;
    },
    port: (of) => Number(String(nth("ready", 1)?.[of]).split(":")[1]),
    signal: (name) => void signals.emit(name),
  };
};

interface Surroundings {
  readonly clock: Clock;
  readonly signals: SignalSource;
  readonly makeLog: (settings: LogSettings) => ReturnType<typeof makeLog>;
}

const runEdge = (file: string, { clock, ...surroundings }: Surroundings): Promise<number> =>
  runDaemon({
    name: "coilgun-edge",
    load: () => loadEdgeConfig(file),
    start: (config, log) => startEdge(config, { log, clock, load: IDLE }),
    describe: ({ visitorsAddress, tunnelAddress }) => ({
      visitors: printHostPort(visitorsAddress),
      tunnel: printHostPort(tunnelAddress),
    }),
    ...surroundings,
  });

const runOrigin = (file: string, { clock, ...surroundings }: Surroundings): Promise<number> =>
  runDaemon({
    name: "coilgun-origin",
    load: () => loadOriginConfig(file),
    start: (config, log) => startOrigin(config, { log, clock, load: IDLE }),
    describe: () => ({}),
    ...surroundings,
  });
