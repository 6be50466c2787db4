/**
 * One JSON line per finished exchange, for people's own tools: to a file, to standard output, or nowhere. Lines are written
 * as they come and never hold up an exchange. The only writer of standard output in a running daemon.
 */
import { createWriteStream } from "node:fs";
import type { AccessLogTarget } from "../config/schema.ts";

export interface AccessLog {
  write(record: object): void;
  /** Resolves when every line is out. */
  close(): Promise<void>;
}

/** Lines wait in memory when the disk or the reader is slow; beyond this many bytes they are dropped, and counted. @internal */
export const MOST_WAITING_BYTES = 1024 * 1024;

const NOWHERE: AccessLog = { write() {}, async close() {} };

export interface AccessLogTrouble {
  /** The file cannot be written. */
  failed(error: Error): void;
  /** So many lines found no room, and are lost. */
  dropped(lines: number): void;
}

export const openAccessLog = (target: AccessLogTarget, trouble: AccessLogTrouble): AccessLog => {
  if (target.to === "off") return NOWHERE;
  let dropped = 0;
  const out =
    target.to === "stdout" ? process.stdout : createWriteStream(target.path, { flags: "a", mode: 0o640 });
  out.on("error", trouble.failed);
  out.on("drain", () => {
    if (dropped > 0) trouble.dropped(dropped);
    dropped = 0;
  });
  return {
    write(record) {
      if (out.writableLength > MOST_WAITING_BYTES) dropped++;
      else out.write(`${JSON.stringify(record, rounded)}\n`);
    },
    close: () =>
      new Promise((resolve) => {
        // Standard output belongs to the whole program and is not closed.
        if (out === process.stdout) out.write("", () => resolve());
        else out.end(() => resolve());
      }),
  };
};

/** Microseconds are as much as a clock can tell. */
const rounded = (_name: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Math.round(value * 1000) / 1000 : value;
