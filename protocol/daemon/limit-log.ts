/**
 * Limits that are reached: one line when it begins, one when it ends, with how often and how long, and counts for whoever measures.
 * A limit is over when it was not reached for QUIET_MS. Whoever can reach it costs the log two lines, and one timer.
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Log, LogFields } from "./log.ts";

/** All there are, as their settings are called. */
const LIMITS = ["limits.visitors"] as const;
type LimitName = (typeof LIMITS)[number];

/** @internal */
export const QUIET_MS = 10_000;

interface Episode {
  count: number;
  readonly since: number;
  last: number;
  timer: Timer;
}

export class LimitLog {
  readonly #options: { readonly clock: Clock; readonly log: Pick<Log, "warn" | "info"> };
  readonly #counts = new Map<LimitName, number>(LIMITS.map((limit) => [limit, 0]));
  readonly #episodes = new Map<LimitName, Episode>();

  constructor(options: { readonly clock: Clock; readonly log: Pick<Log, "warn" | "info"> }) {
    this.#options = options;
  }

  /** How often each limit was reached so far. */
  counts(): ReadonlyMap<LimitName, number> {
    return this.#counts;
  }

  /** `fields`: what the first line says of it. */
  reached(limit: LimitName, fields: LogFields): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1);
    const episode = this.#episodes.get(limit);
    if (episode !== undefined) {
      episode.count++;
      episode.last = now;
      return;
    }
    log.warn("limit reached", { limit, ...fields });
    const timer = clock.after(QUIET_MS, () => this.#look(limit));
    this.#episodes.set(limit, { count: 1, since: now, last: now, timer });
  }

  stop(): void {
    for (const { timer } of this.#episodes.values()) timer.cancel();
    this.#episodes.clear();
  }

  #look(limit: LimitName): void {
    const { clock, log } = this.#options;
    const episode = this.#episodes.get(limit);
    if (episode === undefined) return;
    const left = episode.last + QUIET_MS - clock.now();
    if (left > 0) {
      episode.timer = clock.after(left, () => this.#look(limit));
      return;
    }
    this.#episodes.delete(limit);
    const { count, since, last } = episode;
    log.info("limit no longer reached", { limit, times: count, ms: Math.round(last - since) });
  }
}
