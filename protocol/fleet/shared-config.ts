/**
 * A daemon's shared config, from its start on. It starts with the last good copy, so that a store that is out of reach keeps nothing
 * from starting; only where there is no copy that can be used is the store waited for. What it then serves is written as the next copy.
 */
import { ConfigError } from "../config/parse-config.ts";
import type { Log } from "../daemon/log.ts";
import type { Following, Reload } from "../daemon/run-daemon.ts";
import { openRedis } from "../redis/client.ts";
import type { Clock } from "../runtime/clock.ts";
import { Complaint } from "../runtime/user-error.ts";
import { ConfigFollower } from "./config-follower.ts";
import { ConfigStore } from "./config-store.ts";
import { type Fleet, type FleetKind, fleetOf } from "./fleet-settings.ts";
import { readCopy, writeCopy } from "./last-copy.ts";
import { type FleetConfig, openServable } from "./signed-config.ts";

interface SharedOptions<Config> {
  readonly clock: Clock;
  /** Reads the machine's own file, with that version beside it. Throws ConfigError. */
  load(shared?: FleetConfig): Config;
  /** For tests. @internal */
  readonly open?: typeof openRedis;
}

class SharedConfig<Config> {
  readonly #fleet: Fleet;
  readonly #options: SharedOptions<Config>;
  #served: FleetConfig;
  #follower: ConfigFollower | undefined;

  constructor(fleet: Fleet, options: SharedOptions<Config>, served: FleetConfig) {
    this.#fleet = fleet;
    this.#options = options;
    this.#served = served;
  }

  /** What a reload by hand reads: the version that is served, and a refused one is tried again after it. */
  load(): Config {
    const config = this.#options.load(this.#served);
    this.#follower?.retry();
    return config;
  }

  follow(reload: Reload<Config>, log: Log): Following {
    const { clock, load, open } = this.#options;
    this.#keep(log);
    const follower = new ConfigFollower(this.#fleet, {
      clock,
      log,
      served: this.#served,
      putsBack: true,
      apply: async (config) => {
        const reloaded = await reload(() => load(config));
        if (!reloaded.reloaded) return reloaded.problems.join("; ");
        this.#served = config;
        this.#keep(log);
        return undefined;
      },
      ...(open && { open }),
    });
    this.#follower = follower;
    return { state: () => follower.state, stop: () => follower.stop() };
  }

  #keep(log: Log): void {
    try {
      writeCopy(this.#fleet, this.#served);
    } catch (error) {
      log.error("shared config has no copy", { file: this.#fleet.copy, error });
    }
  }
}

/** What `runDaemon` takes. */
interface Source<Config> {
  load(): Config;
  readonly follow?: (reload: Reload<Config>, log: Log) => Following;
}

/** The machine's own file alone where it names no `config`. Throws Complaint or ConfigError where there is no version to start with. */
export const startShared = async <Config>(
  file: string,
  kind: FleetKind,
  options: SharedOptions<Config>,
): Promise<Source<Config>> => {
  const fleet = fleetOf(file, kind);
  if (fleet === undefined) return { load: () => options.load() };
  const shared = new SharedConfig(fleet, options, await firstVersion(fleet, options));
  return { load: () => shared.load(), follow: (reload, log) => shared.follow(reload, log) };
};

const firstVersion = async <Config>(fleet: Fleet, options: SharedOptions<Config>): Promise<FleetConfig> => {
  const copy = readCopy(fleet);
  if (copy.config !== undefined) {
    try {
      options.load(copy.config);
      return copy.config;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // The machine's own file may have changed with a newer version.
      const newer = await fetchConfig(fleet, options).catch(() => undefined);
      if (newer === undefined || newer.version <= copy.config.version) throw error;
      options.load(newer);
      return newer;
    }
  }
  try {
    const first = await fetchConfig(fleet, options);
    options.load(first);
    return first;
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    throw new Complaint(`config: ${fleet.place.shown}: ${error.message}; and ${copy.why}`);
  }
};

/** Longest wait for a store that does not answer. */
const ANSWER_MS = 5_000;

interface StoreOptions {
  readonly clock: Clock;
  readonly open?: typeof openRedis;
}

/** Runs `use` with the store, and lets go of it. Throws Complaint where it is out of reach. */
export const withStore = async <T>(
  fleet: Fleet,
  { clock, open = openRedis }: StoreOptions,
  use: (store: ConfigStore) => Promise<T>,
): Promise<T> => {
  const connected = Promise.withResolvers<void>();
  const cannot = (why: string) => new Complaint(`the store cannot be reached: ${why}`);
  const redis = open(fleet.place.address, {
    clock,
    name: `coilgun-${fleet.side}-config`,
    changed: (isConnected, why = "it closed the connection") =>
      isConnected ? connected.resolve() : connected.reject(cannot(why)),
  });
  const timer = clock.after(ANSWER_MS, () =>
    connected.reject(cannot(`no answer within ${ANSWER_MS / 1_000} s`)),
  );
  try {
    await connected.promise;
    return await use(new ConfigStore(redis, fleet));
  } catch (error) {
    if (error instanceof Complaint || error instanceof ConfigError) throw error;
    throw new Complaint(`the store refused: ${error instanceof Error ? error.message : error}`);
  } finally {
    timer.cancel();
    redis.close();
  }
};

/** The newest version that is stored. Throws Complaint. */
export const fetchConfig = async (fleet: Fleet, options: StoreOptions): Promise<FleetConfig> => {
  const signed = await withStore(fleet, options, (store) => store.newest());
  if (signed === "")
    throw new Complaint(
      `nothing is stored there yet; store a first version with \`coilgun-${fleet.side} config put\``,
    );
  return openServable(signed, fleet);
};
