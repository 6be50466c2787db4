/**
 * The life of a daemon from its config file to its exit code: start, say that it is ready, reload on SIGHUP, open the access log again on
 * SIGUSR1, stop in order on SIGTERM or SIGINT, and at once on the second of them. A config that cannot be used never replaces one that
 * is in use.
 */

import inspector from "node:inspector";
import { type AdminDuties, Answers } from "../admin/answers.ts";
import { type Admin, serveAdmin } from "../admin/serve-admin.ts";
import type { Program, SharedConfigState, Watched } from "../admin/status.ts";
import type { AdminListen } from "../config/admin-settings.ts";
import type { LogSettings } from "../config/log-settings.ts";
import { ConfigError, printProblem } from "../config/parse-config.ts";
import { systemClock } from "../runtime/clock.ts";
import { keepFreedMemory, keepYoungGenerationSmall } from "../runtime/young-generation.ts";
import { boundedLog } from "./bounded-log.ts";
import { EXIT, ownVersion } from "./cli.ts";
import type { Finding } from "./findings.ts";
import { type Log, type LogFields, makeLog, type RootLog } from "./log.ts";
import { recentEvents } from "./recent-events.ts";
import type { Reloaded } from "./reload.ts";
import { ServiceManager } from "./service-manager.ts";
import { untilLinked } from "./until-linked.ts";

/** The settings that every daemon has. */
export interface CommonSettings {
  readonly log: LogSettings;
  /** Where it is asked about itself. */
  readonly admin: readonly AdminListen[];
}

export interface RunningDaemon<Config> {
  /** Takes over what can change while running; resolves with the settings that a restart only takes over, old and new value. */
  reload(config: Config): Promise<readonly string[]>;
  /** Goes on in a new access log where the one in use was moved away. */
  reopenAccessLog(): void;
  /** What it shows of itself, where its config has `admin`. */
  readonly watched?: Watched;
  /** What commands may ask of it, beside `reload`. */
  readonly duties?: AdminDuties;
  /** Finishes what is under way, within a bound, and lets go of everything. */
  stop(): Promise<void>;
}

/** Takes over what `load` gives, one reload after the other. A config that cannot be used, or taken over, leaves the one in use. */
export type Reload<Config> = (load: () => Config) => Promise<Reloaded>;

/** What follows a config that is shared with other machines. */
export interface Following {
  state(): SharedConfigState;
  stop(): void;
}

/** Where signals come from: `process`, or a test. @internal */
export interface SignalSource {
  on(signal: NodeJS.Signals, run: () => void): unknown;
  off(signal: NodeJS.Signals, run: () => void): unknown;
}

export interface DaemonToRun<Config extends CommonSettings, Daemon extends RunningDaemon<Config>> {
  /** The program, such as `coilgun-edge`. */
  readonly name: string;
  /** Throws ConfigError. */
  load(): Config;
  /** What is worth a warning though it is valid, of the config that was loaded last. */
  readonly doubts?: (config: Config) => readonly Finding[];
  start(config: Config, log: Log): Promise<Daemon>;
  /** What the one line that says "ready" tells: addresses above all. */
  describe(daemon: Daemon, config: Config): LogFields;
  /** Has the daemon take over each new version of a shared config; called once it serves. */
  readonly follow?: ((reload: Reload<Config>, log: Log) => Following) | undefined;
  /** Those of the process, which is the daemon's alone then: how it collects garbage is for the daemon to say, too. */
  readonly signals?: SignalSource;
  readonly makeLog?: (settings: LogSettings) => RootLog;
  /** What the service manager asked for: `process.env`, or a test's. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Resolves with the exit code when the daemon has ended; rejects with whatever kept it from starting. */
export const runDaemon = async <Config extends CommonSettings, Daemon extends RunningDaemon<Config>>(
  options: DaemonToRun<Config, Daemon>,
): Promise<number> => {
  const isWholeProcess = options.signals === undefined;
  if (isWholeProcess) {
    keepYoungGenerationSmall();
    keepFreedMemory();
  }
  const signals = options.signals ?? process;
  const config = options.load();
  const root = (options.makeLog ?? makeLog)(config.log);
  const events = recentEvents(root, systemClock);
  const { log } = events;
  // Without listeners SIGUSR1 opens Node's debugger, and SIGUSR2 and SIGHUP end the process: also while it starts.
  let reopen = (): void => {};
  let isReloadDue = false;
  let hangUp = (): void => {
    isReloadDue = true;
  };
  const listeners = { SIGUSR1: () => reopen(), SIGUSR2: () => {}, SIGHUP: () => hangUp() };
  const on = (more: Readonly<Record<string, () => void>>) => {
    for (const [signal, run] of Object.entries(more)) signals.on(signal as NodeJS.Signals, run);
  };
  on(listeners);
  const startedAt = systemClock.now();
  const daemon = await options.start(config, boundedLog(log, systemClock));
  if (isWholeProcess) closeDebugger();
  reopen = () => {
    daemon.reopenAccessLog();
    log.info("access log opened again");
  };

  const starting = new AbortController();
  const manager = new ServiceManager(systemClock, options.env);
  let stopping = false;
  // One after the other: two reloads at once could leave the older config in use.
  let reloads: Promise<unknown> = Promise.resolve();
  let inUse = config;
  const reload = (load = () => options.load()): Promise<Reloaded> => {
    const result = reloads.then(async () => {
      if (stopping) return STOPPING;
      manager.reloading();
      const reloaded = await reloadOnce({ ...options, load }, daemon, log, inUse, (next) => {
        inUse = next;
        root.setLevel(next.log.level);
      });
      manager.ready(SERVES);
      return reloaded;
    });
    reloads = result;
    return result;
  };
  const { name } = options;
  let following: Following | undefined;
  const program: Program = {
    name,
    version: ownVersion(),
    startedAt,
    events: () => events.latest(),
    sharedConfig: () => following?.state(),
  };
  const admin = await serveCommands(config.admin, program, daemon.watched, log, {
    ...daemon.duties,
    reload: async () => ({ status: 200, body: { ...(await reload()) } }),
    // Secrets print themselves as such, files as their path.
    config: async () => ({ status: 200, body: { config: inUse } }),
  }).catch(async (error: unknown) => {
    await daemon.stop();
    throw error;
  });

  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  const stop = () => {
    if (stopping) {
      log.warn("stopped at once, by a second signal");
      return end(EXIT.failed);
    }
    stopping = true;
    log.info("stopping");
    starting.abort();
    manager.stopping();
    following?.stop();
    // The next process may take the socket while this one finishes.
    Promise.all([admin?.close(), daemon.stop()]).then(
      () => {
        log.info("stopped");
        end(EXIT.done);
      },
      (error: unknown) => {
        log.error("stopping failed", { error });
        end(EXIT.failed);
      },
    );
  };

  const commands = { SIGTERM: stop, SIGINT: stop };
  on(commands);
  hangUp = () => void reload();
  // An origin side that waits to dial again holds neither socket nor a timer that counts: this keeps the process.
  const keeper = new MessageChannel();
  keeper.port1.ref();
  warn(options, config, log);
  log.info("ready", options.describe(daemon, config));
  if (isReloadDue) hangUp();
  following = options.follow?.(reload, log);
  void untilLinked(daemon.watched, systemClock, starting.signal).then(
    () => manager.ready(SERVES),
    () => {},
  );
  try {
    return await ended;
  } finally {
    keeper.port1.close();
    manager.close();
    for (const [signal, run] of Object.entries({ ...listeners, ...commands }))
      signals.off(signal as NodeJS.Signals, run);
  }
};

/** One that a SIGUSR1 opened before there were listeners, to whoever may connect on this machine; not one that was asked for. */
const closeDebugger = (): void => {
  const asked = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].some((each) =>
    each.includes("--inspect"),
  );
  if (!asked) inspector.close();
};

const SERVES = "serving";
const STOPPING: Reloaded = { reloaded: false, problems: ["it is stopping"] };

const warn = <Config extends CommonSettings, Daemon extends RunningDaemon<Config>>(
  { doubts }: DaemonToRun<Config, Daemon>,
  config: Config,
  log: Log,
): void => {
  for (const finding of doubts?.(config) ?? [])
    if (finding.outcome !== "ok") log.warn("config warning", { what: finding.what, advice: finding.advice });
};

const serveCommands = (
  listen: readonly AdminListen[],
  program: Program,
  watched: Watched | undefined,
  log: Log,
  duties: AdminDuties,
): Promise<Admin | undefined> => {
  if (watched === undefined || listen.length === 0) return Promise.resolve(undefined);
  const answers = new Answers(watched, program);
  return serveAdmin({ program: program.name, listen, answers, duties, clock: systemClock, log });
};

const reloadOnce = async <Config extends CommonSettings, Daemon extends RunningDaemon<Config>>(
  options: DaemonToRun<Config, Daemon>,
  daemon: Daemon,
  log: Log,
  inUse: Config,
  takeOver: (config: Config) => void,
): Promise<Reloaded> => {
  try {
    const config = options.load();
    const restart = await daemon.reload(config);
    takeOver(config);
    warn(options, config, log);
    log.info("config reloaded");
    if (restart.length > 0) log.warn("settings need a restart", { settings: restart });
    return { reloaded: true, restart };
  } catch (error) {
    if (!(error instanceof ConfigError)) {
      log.error("reload failed", { error });
      // A part may have been taken over already.
      await daemon.reload(inUse).catch(() => undefined);
      return { reloaded: false, problems: [error instanceof Error ? error.message : String(error)] };
    }
    const problems = error.problems.map(printProblem);
    log.error("config not reloaded: the one in use stays", { problems });
    return { reloaded: false, problems };
  }
};
