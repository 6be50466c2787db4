/**
 * One line per finished exchange, for people's own tools: to a file, to standard output, or nowhere. Lines wait in memory until they
 * are written, one write at a time, and never hold up an exchange, even if standard output is a pipe that nobody reads. A file that cannot
 * be written (a full disk, a folder that is gone) is opened and tried again each second; lines wait for it as long as there is room, and
 * those that found none are counted. The only writer of standard output in a running daemon.
 */
import { closeSync, fstatSync, openSync, write } from "node:fs";
import { devNull } from "node:os";
import { promisify } from "node:util";
import type { AccessLogSettings, AccessLogTarget } from "../config/access-log-settings.ts";
import type { Clock } from "../runtime/clock.ts";
import { codeOf } from "../runtime/user-error.ts";
import { mayStand } from "./end-process.ts";
import type { Log } from "./log.ts";

export interface AccessLog {
  /** How lines are to be written; undefined: nobody wants any. */
  readonly wants: Pick<AccessLogSettings, "format" | "userAgent"> | undefined;
  /** `line`: with its end. */
  write(line: string): void;
  /**
   * Goes on at `next`, if it is given, and in a new file where the one at its path was moved away (logrotate); one that failed is
   * tried again at once.
   */
  reopen(next?: AccessLogSettings): void;
  /** Resolves when every line is out, or given up because it cannot be written, or not within CLOSE_MS. */
  close(): Promise<void>;
}

/** Lines wait in memory when the disk or the reader is slow; one that comes when there are this many bytes is lost. @internal */
export const MOST_WAITING_BYTES = 1024 * 1024;
/** Lines that wait are written together, so many bytes at a time. */
const WRITE_BYTES = 256 * 1024;
const HINT =
  "make room on the disk, or let this user write the file and its folder; it is tried again each second";
/** Until what could not be written is tried again. @internal */
export const RETRY_MS = 1_000;
/**
 * Where lines come in company, what comes within this time is written at once: a write for each would cost more than
 * the line. @internal
 */
export const GATHER_MS = 20;
/** The same where the reader of standard output is only slow. */
const SLOW_READER_MS = 100;
/** A write that is under way when the log is closed may stand still: a disk hangs, or nobody reads a pipe. @internal */
export const CLOSE_MS = 5_000;

/** Not by process.stdout, which would make a pipe one that refuses bytes while it is full. */
const STDOUT_FD = 1;
const FILE_MODE = 0o640;
const LINE_END = "\n".charCodeAt(0);

export interface AccessLogDependencies {
  readonly clock: Clock;
  /** Told once when it cannot be written, once when it goes on, and of lines that were lost. */
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

export const openAccessLog = (
  settings: AccessLogSettings,
  dependencies: AccessLogDependencies,
): AccessLog => {
  const lines = new LineWriter(dependencies);
  const log: { -readonly [Key in keyof AccessLog]: AccessLog[Key] } = {
    wants: undefined,
    write(line) {
      if (settings.target.to !== "off") lines.add(line);
    },
    reopen(next = settings) {
      settings = next;
      log.wants = next.target.to === "off" ? undefined : next;
      lines.reopen(next.target);
    },
    close: () => lines.close(),
  };
  log.reopen();
  return log;
};

const openTarget = (target: AccessLogTarget): number =>
  target.to === "stdout" ? STDOUT_FD : openSync(target.to === "file" ? target.path : devNull, "a", FILE_MODE);

/** Standard output belongs to the whole program. */
const closeTarget = (fd: number | undefined): void => {
  if (fd !== undefined && fd !== STDOUT_FD) closeSync(fd);
};

const writeSome = promisify(write);

/** Lines that wait and are written together. */
interface Lines {
  readonly lines: string[];
  chars: number;
}

const NO_LINES: Readonly<Lines> = { lines: [], chars: 0 };

const areLines = (waiting: Lines | AccessLogTarget | undefined): waiting is Lines =>
  waiting !== undefined && "lines" in waiting;

class LineWriter {
  readonly #clock: Clock;
  readonly #log: AccessLogDependencies["log"];
  /** Lines, and between them where to go on: few, since lines come together. */
  readonly #waiting: (Lines | AccessLogTarget)[] = [];
  #waitingBytes = 0;
  /** Lines that found no room since that was last told. */
  #lost = 0;
  #target: AccessLogTarget = { to: "off" };
  #fd: number | undefined;
  /** Lines under way, and how much of them is written. */
  #batch: Buffer = Buffer.alloc(0);
  #written = 0;
  /** Lines of the last batch. */
  #together = 0;
  #failing = false;
  /** Ends a wait; a new one for each. */
  #pause = new AbortController();
  #closing = false;
  #running: Promise<void> | undefined;

  constructor({ clock, log }: AccessLogDependencies) {
    this.#clock = clock;
    this.#log = log;
  }

  add(line: string): void {
    if (this.#closing) return;
    if (this.#waitingBytes >= MOST_WAITING_BYTES) {
      this.#lost += 1;
      return;
    }
    this.#waitingBytes += line.length;
    const last = this.#waiting.at(-1);
    if (areLines(last) && last.chars < WRITE_BYTES) {
      last.lines.push(line);
      last.chars += line.length;
    } else this.#waiting.push({ lines: [line], chars: line.length });
    this.#run();
  }

  reopen(target: AccessLogTarget): void {
    if (this.#closing) return;
    this.#waiting.push(target);
    // Where nothing is under way it would cut the next pause short.
    if (this.#running !== undefined) this.#pause.abort();
    this.#run();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#pause.abort();
    const over = new AbortController();
    const late = this.#clock.sleep(CLOSE_MS, over.signal).then(() => this.#giveUp());
    await Promise.race([this.#running, late]);
    over.abort();
    if (this.#running === undefined) {
      closeTarget(this.#fd);
      this.#fd = undefined;
    }
    this.#tellLost();
  }

  #run(): void {
    this.#running ??= this.#writeOut().finally(() => {
      this.#running = undefined;
    });
  }

  async #writeOut(): Promise<void> {
    while (this.#waiting.length > 0 || this.#written < this.#batch.length) {
      if (this.#maySoonBeMore) await this.#rest(GATHER_MS);
      try {
        await this.#step();
      } catch (error) {
        if (!(await this.#mayTryAgain(error as Error))) return this.#giveUp();
      }
    }
    if (!this.#failing) this.#tellLost();
  }

  get #maySoonBeMore(): boolean {
    const [first] = this.#waiting;
    return (
      areLines(first) &&
      (first.lines.length > 1 || this.#waiting.length > 1 || this.#together > 1) &&
      this.#written === this.#batch.length &&
      this.#waitingBytes < WRITE_BYTES &&
      !this.#failing
    );
  }

  /** Opens, or writes some. Throws what the system says. */
  async #step(): Promise<void> {
    if (this.#written === this.#batch.length && !this.#nextBatch()) return this.#open();
    if (this.#fd === undefined) this.#open();
    const left = this.#batch.length - this.#written;
    const written = writeSome(this.#fd ?? STDOUT_FD, this.#batch, this.#written, left);
    const { bytesWritten } = await written.finally(mayStand());
    this.#written += bytesWritten;
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.info("access log goes on", { lost: this.#lost });
    this.#lost = 0;
  }

  /** Lines up to the next place to go on at; false: that is now. */
  #nextBatch(): boolean {
    const next = this.#waiting.shift();
    const { lines, chars } = areLines(next) ? next : NO_LINES;
    this.#waitingBytes -= chars;
    this.#batch = Buffer.from(lines.join(""));
    this.#written = 0;
    this.#together = lines.length;
    if (lines.length > 0) return true;
    if (next !== undefined && !areLines(next)) this.#target = next;
    return false;
  }

  #open(): void {
    closeTarget(this.#fd);
    this.#fd = undefined;
    this.#fd = openTarget(this.#target);
    const torn = this.#written > 0 && this.#batch[this.#written - 1] !== LINE_END;
    if (!torn || this.#target.to === "stdout" || fstatSync(this.#fd).size > 0) return;
    // The line's beginning stands in a file that is not here any more.
    this.#written = this.#batch.indexOf(LINE_END, this.#written) + 1;
    this.#lost += 1;
  }

  /** Resolves when it is time; with false when the log is to be closed. */
  async #mayTryAgain(error: Error): Promise<boolean> {
    const slow = codeOf(error) === "EAGAIN";
    if (!slow) {
      closeTarget(this.#fd);
      this.#fd = undefined;
      if (!this.#failing) this.#log.error("access log failed", { error, hint: HINT });
      this.#failing = true;
    }
    if (this.#closing) return false;
    await this.#rest(slow ? SLOW_READER_MS : RETRY_MS);
    return true;
  }

  /** Ends early where the log is opened anew, and at once where it is closed. */
  async #rest(ms: number): Promise<void> {
    if (this.#closing) return;
    await this.#clock.sleep(ms, this.#pause.signal).catch(() => {});
    this.#pause = new AbortController();
  }

  #giveUp(): void {
    for (let at = this.#written; at < this.#batch.length; at = this.#batch.indexOf(LINE_END, at) + 1)
      this.#lost += 1;
    this.#written = this.#batch.length;
    for (const next of this.#waiting.splice(0)) if (areLines(next)) this.#lost += next.lines.length;
  }

  #tellLost(): void {
    if (this.#lost > 0) this.#log.warn("access log too slow", { lost: this.#lost });
    this.#lost = 0;
  }
}
