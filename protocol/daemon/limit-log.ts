/**
 * Limits that are reached: one line when it begins, one when it ends, with how often and how long, and counts for whoever measures.
 * A limit is over when it was not reached for QUIET_MS. Whoever can reach it costs the log two lines, and one timer.
 */
import type { Clock, Timer } from "../runtime/clock.ts";
import { codeOf } from "../runtime/user-error.ts";
import type { Log, LogFields } from "./log.ts";

/** All there are: as their settings are called, or what the system, or this code, sets. */
const LIMITS = [
  "descriptors",
  "keys[].links",
  "limits.bodyBytes",
  "limits.headBytes",
  "limits.pendingLinksPerAddress",
  "limits.streamsPerLink",
  "limits.targetBytes",
  "limits.visitors",
  "memory.budget",
  "memory.perKey",
  "requests that wait on a connection",
  "requests that wait on all connections",
  "routes[].connections",
  "times.idle",
] as const;
export type LimitName = (typeof LIMITS)[number];

/** Tells a LimitLog, where `log` is of one. `fields`: what the first line says of it. */
export const sayLimit = (log: Pick<Log, "warn">, limit: LimitName, fields: LogFields = {}): void =>
  log.warn("limit reached", { limit, ...fields, ...(limit === "descriptors" && { hint: MORE_DESCRIPTORS }) });

const MORE_DESCRIPTORS = "raise the limit of open files: ulimit -n, or LimitNOFILE= of the unit";

/** A listener could not accept a connection: that one is lost. */
export const sayAcceptFailed = (log: Pick<Log, "warn">, error: unknown): void => {
  if (!sayIfOutOfDescriptors(log, error)) log.warn("connection not accepted", { error });
};

const OUT_OF_DESCRIPTORS = new Set(["EMFILE", "ENFILE"]);

/** Where the C library cannot open its own files to find a name, it says that it is busy. */
const saysSo = (error: Error): boolean =>
  OUT_OF_DESCRIPTORS.has(codeOf(error)) ||
  (codeOf(error) === "EBUSY" && "syscall" in error && error.syscall === "getaddrinfo");

/** Whether that is what `error` says, or what caused it, or one of several. */
export const isOutOfDescriptors = (error: unknown): boolean => {
  for (let each = error; each instanceof Error; each = each.cause)
    if (saysSo(each) || (each instanceof AggregateError && each.errors.some(isOutOfDescriptors))) return true;
  return false;
};

/** Says so where that is what `error` says. */
export const sayIfOutOfDescriptors = (log: Pick<Log, "warn">, error: unknown): boolean => {
  const isOut = isOutOfDescriptors(error);
  if (isOut) sayLimit(log, "descriptors");
  return isOut;
};

/** @internal */
export const QUIET_MS = 10_000;

interface Episode {
  count: number;
  readonly since: number;
  last: number;
  timer: Timer;
}

export class LimitLog {
  readonly #options: { readonly clock: Clock; readonly log: Log };
  readonly #counts = new Map<LimitName, number>();
  readonly #episodes = new Map<LimitName, Episode>();

  /** The log that is given, but for limits that are reached. */
  readonly log: Log;

  constructor(options: { readonly clock: Clock; readonly log: Log }) {
    this.#options = options;
    this.log = this.#without(options.log);
  }

  /** How often each limit was reached so far, of those that were. */
  counts(): ReadonlyMap<LimitName, number> {
    return this.#counts;
  }

  #without(log: Log): Log {
    return {
      debug: (event, fields) => log.debug(event, fields),
      info: (event, fields) => log.info(event, fields),
      warn: (event, fields) => {
        const limit = event === "limit reached" ? LIMITS.find((each) => each === fields?.limit) : undefined;
        if (limit === undefined) log.warn(event, fields);
        else this.#reached(limit, log, fields);
      },
      error: (event, fields) => log.error(event, fields),
      with: (fields) => this.#without(log.with(fields)),
    };
  }

  #reached(limit: LimitName, log: Log, fields: LogFields | undefined): void {
    const { clock } = this.#options;
    const now = clock.now();
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1);
    const episode = this.#episodes.get(limit);
    if (episode !== undefined) {
      episode.count++;
      episode.last = now;
      return;
    }
    log.warn("limit reached", fields);
    const timer = clock.after(QUIET_MS, () => this.#look(limit));
    this.#episodes.set(limit, { count: 1, since: now, last: now, timer });
  }

  /** Says of those that are reached still how it was. */
  stop(): void {
    for (const limit of this.#episodes.keys()) this.#end(limit);
  }

  #look(limit: LimitName): void {
    const { clock } = this.#options;
    const episode = this.#episodes.get(limit);
    if (episode === undefined) return;
    const left = episode.last + QUIET_MS - clock.now();
    if (left > 0) {
      episode.timer = clock.after(left, () => this.#look(limit));
      return;
    }
    this.#end(limit);
  }

  #end(limit: LimitName): void {
    const episode = this.#episodes.get(limit);
    if (episode === undefined) return;
    const { count, since, last, timer } = episode;
    timer.cancel();
    this.#episodes.delete(limit);
    this.#options.log.info("limit no longer reached", { limit, times: count, ms: Math.round(last - since) });
  }
}
