/**
 * The thread of a file of versions: questions to it, and its answers in their order. One that says nothing to a question for too long
 * stands still: all that waits for it is rejected then, and it can be ended without waiting for it.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { mayStand } from "../../daemon/end-process.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { StoredVersion } from "../lower-tier.ts";
import type { DiskQuestion, Opened, Told } from "./disk-messages.ts";
import type { VersionFileOptions } from "./version-file.ts";

/** A thread that is asked and says nothing for so long stands still. */
export const FROZEN_MS = 5_000;
/** To open a file that a process left which was killed, and to erase much of one, it has longer. @internal */
export const LONG_MS = 30_000;
/** What waits in a system call for a disk cannot be ended. @internal */
export const END_MS = 1_000;

/** Nothing can be asked any more. */
export class FileLost extends Error {}

/** Another thread may still answer. */
export class ThreadFrozen extends Error {}

export interface DiskThreadOptions extends VersionFileOptions {
  readonly clock: Clock;
  /** In place of disk-worker: a test's. */
  readonly thread?: URL | undefined;
}

interface Waiting {
  readonly timeoutMs: number;
  resolve(versions: readonly StoredVersion[]): void;
  reject(error: unknown): void;
}

export class DiskThread {
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened = Promise.withResolvers<Opened>();
  #asked = 0;
  /** The thread has not answered so many questions, the opening among them; above 0 it may stand in a system call. */
  #unanswered = 0;
  #stands = () => {};
  #ended: Error | undefined;
  #closing = false;
  /** Runs while an answer is waited for. */
  #timeout: Timer | undefined;

  constructor({ clock, thread, path, bytes, storeKey, sessionMs }: DiskThreadOptions) {
    this.#clock = clock;
    const file = thread ?? new URL(`./disk-worker${extname(import.meta.url)}`, import.meta.url);
    const workerData: VersionFileOptions = { path, bytes, storeKey, sessionMs };
    // Some releases of Node 24 call node:sqlite experimental; it is asked for nothing that has changed since.
    this.#worker = new Worker(file, { workerData, execArgv: ["--disable-warning=ExperimentalWarning"] });
    this.#worker.on("message", (told: Told) => this.#told(told));
    this.#worker.on("error", (error) => this.#end(new FileLost(error.message)));
    this.#worker.on("exit", () => {
      this.#stands();
      this.#end(this.#closing ? new Error("it is closed") : new FileLost("its thread ended"));
    });
    // Nobody may be waiting for it.
    this.#opened.promise.catch(() => {});
    this.#begins();
    this.#wait(LONG_MS);
  }

  /** Rejects with FileLost, ThreadFrozen, or what kept the file from being opened. */
  get opened(): Promise<Opened> {
    return this.#opened.promise;
  }

  /** Rejects with FileLost, ThreadFrozen, or what kept the thread from doing it. */
  ask(question: DiskQuestion): Promise<readonly StoredVersion[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly StoredVersion[]>();
    if (this.#ended !== undefined) {
      reject(this.#ended);
      return promise;
    }
    const id = ++this.#asked;
    const timeoutMs = question.kind === "forget" ? LONG_MS : FROZEN_MS;
    if (this.#timeout === undefined) this.#wait(timeoutMs);
    this.#waiting.set(id, { timeoutMs, resolve, reject });
    const bodies = question.kind === "put" ? question.versions.map(({ body }) => body.buffer) : [];
    this.#begins();
    this.#worker.postMessage({ id, question }, bodies);
    return promise;
  }

  /**
   * Whoever waits for it is not left before it has come; and nobody has longer any more. What is asked behind it is
   * rejected, and no FileLost.
   */
  close(): Promise<unknown> {
    this.#worker.ref();
    this.#wait(FROZEN_MS);
    const closed = this.ask({ kind: "close" });
    this.#closing = true;
    return closed;
  }

  /** False: it goes on until the process ends, which it then does without waiting for it (end-process). */
  async end(): Promise<boolean> {
    this.#timeout?.cancel();
    this.#worker.unref();
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#clock.after(END_MS, () => resolve(false));
    const ended = this.#worker.terminate().then(() => {
      timer.cancel();
      return true;
    });
    return Promise.race([ended, late]);
  }

  #begins(): void {
    if (this.#unanswered++ === 0) this.#stands = mayStand();
  }

  #told(told: Told): void {
    if (--this.#unanswered === 0) this.#stands();
    if ("failed" in told) {
      const error = told.damaged ? new FileLost(told.failed) : new Error(told.failed);
      this.#waiting.get(told.id)?.reject(error);
      if (told.id === 0) this.#opened.reject(error);
    } else {
      this.#waiting.get(told.id)?.resolve(told.versions);
      if (told.opened !== undefined) {
        this.#worker.unref();
        this.#opened.resolve(told.opened);
      }
    }
    this.#waiting.delete(told.id);
    this.#timeout?.cancel();
    this.#timeout = undefined;
    for (const { timeoutMs } of this.#waiting.values()) return this.#wait(timeoutMs);
  }

  #wait(ms: number): void {
    this.#timeout?.cancel();
    this.#timeout = this.#clock.after(ms, () =>
      this.#end(new ThreadFrozen(`its thread said nothing for ${ms / 1_000} s`)),
    );
  }

  #end(error: Error): void {
    this.#timeout?.cancel();
    this.#ended ??= error;
    this.#opened.reject(this.#ended);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
