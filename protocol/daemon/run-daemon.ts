/**
 * The life of a daemon from its config file to its exit code: start, say that it is ready, reload on SIGHUP, open the access log again on
 * SIGUSR1, stop in order on SIGTERM or SIGINT, and at once on the second of them. A config that cannot be used never replaces one that
 * is in use.
 */

import type { LogSettings } from "../config/log-settings.ts";
import { ConfigError, printProblem } from "../config/parse-config.ts";
import { systemClock } from "../runtime/clock.ts";
import { keepYoungGenerationSmall } from "../runtime/young-generation.ts";
import { boundedLog } from "./bounded-log.ts";
import { EXIT } from "./cli.ts";
import { type Log, type LogFields, makeLog, type RootLog } from "./log.ts";

export interface RunningDaemon<Config> {
  /** Takes over what can change while running. */
  reload(config: Config): Promise<void>;
  /** Goes on in a new access log where the one in use was moved away. */
  reopenAccessLog(): void;
  /** Finishes what is under way, within a bound, and lets go of everything. */
  stop(): Promise<void>;
}

/** Where signals come from: `process`, or a test. @internal */
export interface SignalSource {
  on(signal: NodeJS.Signals, run: () => void): unknown;
  off(signal: NodeJS.Signals, run: () => void): unknown;
}

export interface DaemonToRun<
  Config extends { readonly log: LogSettings },
  Daemon extends RunningDaemon<Config>,
> {
  /** Throws ConfigError. */
  load(): Config;
  start(config: Config, log: Log): Promise<Daemon>;
  /** What the one line that says "ready" tells: addresses above all. */
  describe(daemon: Daemon, config: Config): LogFields;
  readonly signals?: SignalSource;
  readonly makeLog?: (settings: LogSettings) => RootLog;
}

/** Resolves with the exit code when the daemon has ended; rejects with whatever kept it from starting. */
export const runDaemon = async <
  Config extends { readonly log: LogSettings },
  Daemon extends RunningDaemon<Config>,
>(
  options: DaemonToRun<Config, Daemon>,
): Promise<number> => {
  keepYoungGenerationSmall();
  const signals = options.signals ?? process;
  const config = options.load();
  const log = (options.makeLog ?? makeLog)(config.log);
  // Without listeners SIGUSR1 opens Node's debugger, and SIGUSR2 ends the process: also while it starts.
  let reopen = (): void => {};
  const listeners = { SIGUSR1: () => reopen(), SIGUSR2: () => {} };
  const on = (more: Readonly<Record<string, () => void>>) => {
    for (const [signal, run] of Object.entries(more)) signals.on(signal as NodeJS.Signals, run);
  };
  on(listeners);
  const daemon = await options.start(config, boundedLog(log, systemClock));
  reopen = () => {
    daemon.reopenAccessLog();
    log.info("access log opened again");
  };

  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  let stopping = false;
  const stop = () => {
    if (stopping) {
      log.warn("stopped at once, by a second signal");
      return end(EXIT.failed);
    }
    stopping = true;
    log.info("stopping");
    daemon.stop().then(
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

  // One after the other: two reloads at once could leave the older config in use.
  let reloads = Promise.resolve();
  const reload = () => {
    reloads = reloads.then(() => (stopping ? undefined : reloadOnce(options, daemon, log)));
  };

  const commands = { SIGTERM: stop, SIGINT: stop, SIGHUP: reload };
  on(commands);
  // An origin side that waits to dial again holds neither socket nor a timer that counts: this keeps the process.
  const keeper = new MessageChannel();
  keeper.port1.ref();
  log.info("ready", options.describe(daemon, config));
  try {
    return await ended;
  } finally {
    keeper.port1.close();
    for (const [signal, run] of Object.entries({ ...listeners, ...commands }))
      signals.off(signal as NodeJS.Signals, run);
  }
};

const reloadOnce = async <Config extends { readonly log: LogSettings }, Daemon extends RunningDaemon<Config>>(
  options: DaemonToRun<Config, Daemon>,
  daemon: Daemon,
  log: RootLog,
): Promise<void> => {
  try {
    const config = options.load();
    await daemon.reload(config);
    log.setLevel(config.log.level);
    log.info("config reloaded");
  } catch (error) {
    if (!(error instanceof ConfigError)) return log.error("reload failed", { error });
    log.error("config not reloaded: the one in use stays", { problems: error.problems.map(printProblem) });
  }
};
