/** What a configuration says of the log. */

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto` is text on a terminal and JSON elsewhere. */
export const LOG_FORMATS = ["auto", "json", "text"] as const;
type LogFormat = (typeof LOG_FORMATS)[number];
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: LogFormat;
}
