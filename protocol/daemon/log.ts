/**
 * What the daemons say to whoever runs them: one line per event on standard error, JSON or text. An event is a short
 * fixed phrase and what varies stands in fields, so that lines can be searched and counted. No secret leaves here:
 * Secret objects print themselves as "[secret]", and every finished line is scrubbed of anything that looks like one.
 * The only importer of pino.
 */
import pino from "pino";
import { LOG_LEVELS, type LogLevel, type LogSettings } from "../config/log-settings.ts";
import { withoutSecrets } from "../runtime/redact.ts";

/** An Error belongs under `error`: it is written with its type, message, code and stack. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` too. */
  with(fields: LogFields): Log;
}

/** The log a daemon begins with; the only one whose level can be changed, for all that were made from it. */
export interface RootLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Where finished lines go. */
export interface LineSink {
  write(line: string): void;
}

/** A log on standard error, or into `sink`. */
export const makeLog = (settings: LogSettings, sink?: LineSink): RootLog => {
  // Synchronous: the last lines before an exit are the ones that matter, and a daemon at work logs little.
  const out = sink ?? pino.destination({ fd: process.stderr.fd, sync: true });
  const asText = settings.format === "text" || (settings.format === "auto" && process.stderr.isTTY);
  const root = pino(
    {
      level: "debug",
      base: null,
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
      hooks: { streamWrite: withoutSecrets },
    },
    asText ? { write: (line: string) => out.write(textOf(line)) } : out,
  );
  const threshold = { rank: LOG_LEVELS.indexOf(settings.level) };
  return Object.assign(logOn(root, threshold), {
    setLevel: (level: LogLevel) => {
      threshold.rank = LOG_LEVELS.indexOf(level);
    },
  });
};

const logOn = (logger: pino.Logger, threshold: { readonly rank: number }): Log => {
  // The level is ours, not pino's: pino's children keep the one they were born with.
  const at = (level: LogLevel) => {
    const rank = LOG_LEVELS.indexOf(level);
    return (event: string, fields?: LogFields) => {
      if (rank >= threshold.rank) logger[level](fields ?? {}, event);
    };
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => logOn(logger.child(fields), threshold),
  };
};

/** `2026-01-31T12:00:00.000Z WARN  link lost  edge=edge.example.com:7443 why="no answer"`, from the line in JSON. */
const textOf = (json: string): string => {
  const { time, level, event, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const varying = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`);
  const fixed = `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(event)}`;
  return `${[fixed, ...varying].join(" ")}\n`;
};

const valueText = (value: unknown): string => {
  if (typeof value === "object" && value !== null && "stack" in value && "message" in value) {
    return JSON.stringify(value.message);
  }
  // Quotes keep a value with spaces or line breaks in one piece, on one line.
  return typeof value === "string" && /^[\x21\x23-\x7e]+$/.test(value) ? value : JSON.stringify(value);
};
