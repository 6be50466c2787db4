/** The last lines of the log, for the page: what was said at `info` and above, whatever level is written. */
import { dateNow } from "../admin/status.ts";
import type { LogLevel } from "../config/log-settings.ts";
import type { Clock } from "../runtime/clock.ts";
import { withoutSecrets } from "../runtime/redact.ts";
import type { Log, LogFields } from "./log.ts";

/** @internal */
export const MOST_EVENTS = 50;
const LONGEST_CHARS = 300;

interface RecentEvent {
  readonly at: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: string;
}

export interface RecentEvents {
  readonly log: Log;
  /** Newest first. */
  latest(): RecentEvent[];
}

/** `log`, and what is said to it. */
export const recentEvents = (log: Log, clock: Pick<Clock, "today">): RecentEvents => {
  const events: RecentEvent[] = [];
  const keep = (level: LogLevel, event: string, fields: LogFields) => {
    events.push({ at: dateNow(clock), level, event, fields: textOf(fields) });
    if (events.length > MOST_EVENTS) events.shift();
  };
  const heard = (to: Log, always: LogFields): Log => {
    const at = (level: LogLevel) => (event: string, fields?: LogFields) => {
      keep(level, event, { ...always, ...fields });
      to[level](event, fields);
    };
    return {
      debug: (event, fields) => to.debug(event, fields),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (more) => heard(to.with(more), { ...always, ...more }),
    };
  };
  return { log: heard(log, {}), latest: () => events.toReversed() };
};

/** `key=k address=10.0.0.7`. */
const textOf = (fields: LogFields): string => {
  const text = Object.entries(fields)
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : String(value)}`)
    .join(" ");
  return withoutSecrets(text.length > LONGEST_CHARS ? `${text.slice(0, LONGEST_CHARS)}…` : text);
};
