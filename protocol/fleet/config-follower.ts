/**
 * Follows the shared config of a fleet: told of each new version by the store's channel, and looking by itself every two seconds, as
 * what is told while the store is out of reach is lost. A version counts if it is signed, newer than the one that is served, and can be
 * used whole; else the one that is served stays. A store that lost the version that is served, or fell behind it, is given it back.
 */

import type { SharedConfigState } from "../admin/status.ts";
import type { Log } from "../daemon/log.ts";
import { openRedis, type Redis } from "../redis/client.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { Complaint } from "../runtime/user-error.ts";
import { ConfigStore, KEEPS_ALL, SET_NOEVICTION } from "./config-store.ts";
import type { Fleet } from "./fleet-settings.ts";
import { type FleetConfig, openServable } from "./signed-config.ts";

/** Between two looks. @internal */
export const LOOK_MS = 2_000;

interface FollowerOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  /** What is served at first. */
  readonly served: FleetConfig | undefined;
  /** Whether a store that lost the version that is served is given it back. */
  readonly putsBack: boolean;
  /** Takes a version over; resolves with why it cannot be used, and then nothing of it is. */
  apply(config: FleetConfig): Promise<string | undefined>;
  /** For tests. @internal */
  readonly open?: typeof openRedis;
}

export class ConfigFollower {
  readonly #fleet: Fleet;
  readonly #options: FollowerOptions;
  readonly #redis: Redis;
  readonly #store: ConfigStore;
  #served: FleetConfig | undefined;
  /** The beginning of what was judged last. */
  #judged: string | undefined;
  #refused: string | undefined;
  #away: string | undefined;
  #policyKnown = false;
  #looking = false;
  #lookAgain = false;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(fleet: Fleet, options: FollowerOptions) {
    this.#fleet = fleet;
    this.#options = options;
    this.#served = options.served;
    const { clock, open = openRedis } = options;
    this.#redis = open(fleet.place.address, {
      clock,
      name: `coilgun-${fleet.side}-config`,
      changed: (isConnected, why) =>
        isConnected ? this.#look() : this.#outOfReach(why ?? "it closed the connection"),
    });
    this.#store = new ConfigStore(this.#redis, fleet);
    this.#store.subscribe(() => this.#look());
    this.#wait();
  }

  get state(): SharedConfigState {
    const { shown: from } = this.#fleet.place;
    const { version = 0, at = "" } = this.#served ?? {};
    const why = [this.#refused, this.#away].filter(Boolean).join("; ");
    const state =
      this.#refused !== undefined ? "refused" : this.#away !== undefined ? "unreachable" : "current";
    return { from, version, at, state, why };
  }

  /** What was refused may be right now, as the machine's own file has changed: it is judged again. */
  retry(): void {
    if (this.#refused !== undefined) this.#judged = undefined;
    this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#redis.close();
  }

  #wait(): void {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#look();
      this.#wait();
    });
  }

  /** One look at a time: a version is taken over whole before the next is looked at. */
  #look(): void {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    void (async () => {
      while (this.#lookAgain && !this.#isStopped) {
        this.#lookAgain = false;
        await this.#lookOnce();
      }
    })().finally(() => {
      this.#looking = false;
    });
  }

  async #lookOnce(): Promise<void> {
    try {
      const beginning = await this.#store.beginning();
      this.#inReach();
      if (beginning === this.#judged) return;
      await this.#judge(beginning);
      this.#judged = beginning;
      await this.#checkPolicy();
    } catch (error) {
      this.#outOfReach(error instanceof Error ? error.message : String(error));
    }
  }

  async #judge(beginning: string): Promise<void> {
    const { log, apply } = this.#options;
    const before = this.#served;
    const signed = beginning === "" ? "" : await this.#store.newest();
    if (signed === before?.signed) return this.#refuse(undefined);
    if (signed === "") {
      if (before === undefined)
        return this.#refuse("nothing is stored there yet; `config put` stores a first version");
      return this.#putBack(before, beginning, "it holds no version");
    }
    const config = this.#opened(signed);
    if (config === undefined) return;
    if (before !== undefined && config.version <= before.version) {
      const why = `version ${config.version} is not newer than version ${before.version}, which is served`;
      this.#refuse(why);
      if (config.version < before.version) await this.#putBack(before, beginning, why);
      return;
    }
    const why = await apply(config);
    if (why !== undefined) return this.#refuse(`version ${config.version}: ${why}`);
    this.#served = config;
    this.#refuse(undefined);
    log.info("shared config in use", { version: config.version, from: this.#fleet.place.shown });
  }

  #opened(signed: string): FleetConfig | undefined {
    try {
      return openServable(signed, this.#fleet);
    } catch (error) {
      this.#refuse(error instanceof Complaint ? error.message : "it is no signed config");
      return undefined;
    }
  }

  #refuse(why: string | undefined): void {
    if (why !== undefined && why !== this.#refused)
      this.#options.log.error("shared config refused: the one in use stays", {
        why,
        version: this.#served?.version,
        from: this.#fleet.place.shown,
      });
    this.#refused = why;
  }

  /** Another machine may be first: what it put there is looked at. */
  async #putBack(served: FleetConfig, beginning: string, why: string): Promise<void> {
    if (!this.#options.putsBack || !(await this.#store.put(served.signed, beginning))) return;
    this.#options.log.warn("shared config put back", { version: served.version, why });
    this.#refuse(undefined);
  }

  async #checkPolicy(): Promise<void> {
    if (this.#policyKnown) return;
    this.#policyKnown = true;
    // A user of the store may be allowed its keys alone.
    const policy = await this.#store.evictionPolicy().catch(() => undefined);
    if (policy !== undefined && policy !== KEEPS_ALL)
      this.#options.log.warn("shared config store may evict it", { policy, advice: SET_NOEVICTION });
  }

  #outOfReach(why: string): void {
    if (this.#away === undefined && !this.#isStopped)
      this.#options.log.warn("shared config out of reach", { why, from: this.#fleet.place.shown });
    this.#away ??= why;
  }

  #inReach(): void {
    if (this.#away === undefined) return;
    this.#away = undefined;
    this.#options.log.info("shared config in reach again", { from: this.#fleet.place.shown });
  }
}
