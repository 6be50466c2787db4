/**
 * One JSON line per finished exchange, for people's own tools: to a file, to standard output, or nowhere. Lines are written
 * as they come, by pino's destination (sonic-boom), and never hold up an exchange, even if standard output is a pipe that
 * nobody reads. The only writer of standard output in a running daemon.
 */
import { openSync } from "node:fs";
import pino from "pino";
import type { AccessLogTarget } from "../config/schema.ts";

export interface AccessLog {
  write(record: object): void;
  /** Goes on in a new file where the one at its path was moved away (logrotate); one that failed is tried again. */
  reopen(): void;
  /** Resolves when every line is out. */
  close(): Promise<void>;
}

/** Lines wait in memory when the disk or the reader is slow; beyond this many bytes they are dropped, and counted. @internal */
export const MOST_WAITING_BYTES = 1024 * 1024;
/** A line that begins within that bound is kept whole. */
const LINE_BYTES = 4 * 1024;

/** Lines that wait are written together, so many bytes at a time. */
const WRITE_BYTES = 256 * 1024;

/** Not by process.stdout, which would make a pipe one that refuses bytes while it is full. */
const STDOUT_FD = 1;
const FILE_MODE = 0o640;

const NOWHERE: AccessLog = { write() {}, reopen() {}, async close() {} };

export interface AccessLogTrouble {
  /** The file cannot be written; told once, until it is opened again. */
  failed(error: Error): void;
  /** So many lines found no room, and are lost. */
  dropped(lines: number): void;
}

export const openAccessLog = (target: AccessLogTarget, trouble: AccessLogTrouble): AccessLog => {
  if (target.to === "off") return NOWHERE;
  let out = open(target, trouble);
  return {
    write: (record) => out?.write(`${JSON.stringify(record, rounded)}\n`),
    reopen() {
      if (target.to === "stdout") return;
      void out?.close();
      out = open(target, trouble);
    },
    close: async () => out?.close(),
  };
};

/** At once, so that a path that cannot be opened is never pino's: its destination would throw when the process ends. */
const open = (
  target: Exclude<AccessLogTarget, { to: "off" }>,
  trouble: AccessLogTrouble,
): OpenLog | undefined => {
  try {
    return new OpenLog(target.to === "stdout" ? STDOUT_FD : openSync(target.path, "a", FILE_MODE), trouble);
  } catch (error) {
    trouble.failed(error as Error);
    return undefined;
  }
};

/** Its types know of texts only; to write bytes takes half of the CPU. */
type LineDestination = Omit<ReturnType<typeof pino.destination>, "write"> & { write(line: Buffer): boolean };

/** A file that is open, or standard output. */
class OpenLog {
  readonly #out: LineDestination;
  readonly #trouble: AccessLogTrouble;
  readonly #closed = Promise.withResolvers<void>();
  /** It failed, or is closed: what is written now goes nowhere. */
  #over = false;
  #failed = false;
  #dropped = 0;

  constructor(fd: number, trouble: AccessLogTrouble) {
    this.#trouble = trouble;
    this.#out = pino.destination({
      dest: fd,
      sync: false,
      maxLength: MOST_WAITING_BYTES + LINE_BYTES,
      maxWrite: WRITE_BYTES,
      contentMode: "buffer",
    }) as unknown as LineDestination;
    this.#out.on("drop", () => this.#dropped++);
    this.#out.on("drain", () => this.#tellDropped());
    this.#out.on("close", () => this.#closed.resolve());
    this.#out.on("error", (error: Error) => this.#fail(error));
  }

  write(line: string): void {
    if (!this.#over) this.#out.write(Buffer.from(line));
  }

  /** Standard output belongs to the whole program, and is written out but not closed. */
  close(): Promise<void> {
    if (!this.#over) this.#out.end();
    this.#over = true;
    return this.#closed.promise.then(() => this.#tellDropped());
  }

  /** What waits is given up: pino would try it again and again when the process ends. */
  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#over = true;
    this.#out.destroy();
    this.#trouble.failed(error);
    this.#closed.resolve();
  }

  #tellDropped(): void {
    if (this.#dropped > 0) this.#trouble.dropped(this.#dropped);
    this.#dropped = 0;
  }
}

/** Microseconds are as much as a clock can tell. */
const rounded = (_name: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Math.round(value * 1000) / 1000 : value;
