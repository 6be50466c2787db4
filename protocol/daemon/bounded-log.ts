/**
 * A log of which no event has more lines a second than somebody could read: whoever makes an event happen, a visitor or a peer, could
 * otherwise fill a disk with it. What was left out is summed up in a line of its own when the second is over.
 */
import type { LogLevel } from "../config/log-settings.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log, LogFields } from "./log.ts";

/** Lines of one event in one second. @internal */
export const LINES_A_SECOND = 20;
const SECOND_MS = 1_000;
/** Events are fixed phrases, so there are some dozens of them. Beyond that they share a count. */
const MOST_EVENTS = 200;
const OTHERS = "other events";

/** `log` with what it says bounded, for it and for all logs that are made from the result, together. */
export const boundedLog = (log: Log, clock: Pick<Clock, "after">): Log =>
  bounded(log, new LineCounts(log, clock));

const bounded = (log: Log, counts: LineCounts): Log => {
  const at = (level: LogLevel) => (event: string, fields?: LogFields) => {
    if (counts.mayWrite(level, event)) log[level](event, fields);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => bounded(log.with(fields), counts),
  };
};

interface Count {
  readonly level: LogLevel;
  readonly event: string;
  lines: number;
}

class LineCounts {
  readonly #log: Log;
  readonly #clock: Pick<Clock, "after">;
  readonly #counts = new Map<string, Count>();

  constructor(log: Log, clock: Pick<Clock, "after">) {
    this.#log = log;
    this.#clock = clock;
  }

  mayWrite(level: LogLevel, event: string): boolean {
    const count = this.#countOf(level, event);
    count.lines += 1;
    return count.lines <= LINES_A_SECOND;
  }

  #countOf(level: LogLevel, event: string): Count {
    const kind = this.#counts.size < MOST_EVENTS ? event : OTHERS;
    const known = this.#counts.get(`${level} ${event}`) ?? this.#counts.get(`${level} ${kind}`);
    if (known !== undefined) return known;
    const count = { level, event: kind, lines: 0 };
    if (this.#counts.size === 0) this.#clock.after(SECOND_MS, () => this.#sumUp());
    this.#counts.set(`${level} ${kind}`, count);
    return count;
  }

  #sumUp(): void {
    const counts = [...this.#counts.values()];
    this.#counts.clear();
    for (const { level, event, lines } of counts)
      if (lines > LINES_A_SECOND)
        this.#log[level](event, { more: `${lines - LINES_A_SECOND} more in the last second` });
  }
}
