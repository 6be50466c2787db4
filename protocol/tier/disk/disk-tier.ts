/**
 * A file of versions as a tier below memory: puts go to its thread together, a few times a second; what it cannot take soon
 * enough is not written. A disk that is full gets nothing for a minute, a file that is damaged or was removed nothing more; a thread
 * that stands still is replaced. The log says so once, and what helps.
 */
import { rm } from "node:fs/promises";
import type { Log, LogFields } from "../../daemon/log.ts";
import { DeadlineError, type Timer } from "../../runtime/clock.ts";
import type { ShortFingerprint } from "../../store/fingerprint.ts";
import type { Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import { bytesOf, Gathered } from "../gathered.ts";
import type { Forgotten, LowerTier, StoredList, StoredVersion } from "../lower-tier.ts";
import type { DiskQuestion } from "./disk-messages.ts";
import { DiskThread, type DiskThreadOptions, FileLost, FROZEN_MS, ThreadFrozen } from "./disk-thread.ts";
import { filesOf } from "./schema.ts";

/** What is put waits so long for more, or for the rest of its page: at most that is lost when the process is killed. */
const GATHER_MS = 250;
/** After the disk refused to take something. */
const PAUSE_MS = 60_000;
/** How often what ended is looked for in the file, and whether that is there still. @internal */
export const EXPIRE_MS = 60_000;

/** Threads that stood still one after another: the file is used no more. */
const MOST_FROZEN = 3;

interface DiskTierOptions extends DiskThreadOptions {
  readonly log: Log;
}

export class DiskTier implements LowerTier {
  readonly name = "file";
  readonly askAgainMs = 60_000;
  readonly storeId: StoreId;
  readonly #options: DiskTierOptions;
  #thread: DiskThread;
  readonly #forgetting = new Set<Promise<void>>();
  /** Since the last answer. */
  #frozen = 0;
  readonly #gathered: Gathered;
  #expiry: Timer | undefined;
  #failed = false;
  #closing = false;
  #pausedUntil = 0;

  private constructor(options: DiskTierOptions, thread: DiskThread, storeId: StoreId) {
    this.#options = options;
    this.#thread = thread;
    this.storeId = storeId;
    this.#gathered = new Gathered({
      clock: options.clock,
      gatherMs: GATHER_MS,
      due: () => void this.#write(),
    });
    this.#expire();
  }

  /** Resolves when the file is open; undefined where it cannot be had, which the log says. */
  static async open(options: DiskTierOptions): Promise<DiskTier | undefined> {
    const { log, path } = options;
    const thread = new DiskThread(options);
    try {
      const { storeId, madeAnew } = await thread.opened;
      if (madeAnew !== undefined)
        log.warn("file of versions made anew", { file: path, why: madeAnew, hint: "the store starts empty" });
      return new DiskTier(options, thread, storeId);
    } catch (error) {
      await thread.end();
      log.error("file of versions cannot be used", {
        file: path,
        why: reasonOf(error),
        hint: CANNOT_BE_USED,
      });
      return undefined;
    }
  }

  get answers(): boolean {
    return !this.#failed;
  }

  get dropped(): number {
    return this.#gathered.dropped;
  }

  nominated(partition: Partition, shorts: readonly ShortFingerprint[]): Promise<readonly StoredVersion[]> {
    return this.#ask({ kind: "nominated", partition, shorts });
  }

  listed(
    partition: Partition,
    lists: readonly StoredList[],
    peerStore?: StoreId,
  ): Promise<readonly StoredVersion[]> {
    return this.#ask({ kind: "listed", partition, lists, peerStore });
  }

  put(version: StoredVersion): void {
    const pauses = this.#options.clock.now() < this.#pausedUntil;
    if (this.#failed || pauses) this.#gathered.dropped++;
    else this.#gathered.add(version);
  }

  async forget(what: Forgotten): Promise<void> {
    this.#gathered.forget(what);
    const forgotten = this.#ask({ kind: "forget", what }).then(
      () => {},
      () => this.#erase(),
    );
    this.#forgetting.add(forgotten);
    await forgotten.finally(() => this.#forgetting.delete(forgotten));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#expiry?.cancel();
    this.#gathered.hurry();
    await Promise.all([this.#write(), this.#thread.close()]).catch(() => undefined);
    await Promise.allSettled([...this.#forgetting, this.#end(this.#thread)]);
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const taken = this.#gathered.take();
    if (taken.length === 0) return;
    const bytes = bytesOf(taken);
    // Copies: they go to another thread.
    const versions = taken.map((version) => ({ ...version, body: new Uint8Array(version.body) }));
    const now = this.#options.clock.today();
    try {
      await this.#ask({ kind: "put", versions, now });
      this.#pausedUntil = 0;
    } catch (error) {
      this.#gathered.dropped += versions.length;
      if (!(error instanceof ThreadFrozen)) this.#pause(error);
    }
    this.#gathered.settled(bytes);
  }

  #about(error: unknown, hint: string): LogFields {
    return { file: this.#options.path, why: reasonOf(error), hint };
  }

  #pause(why: unknown): void {
    if (this.#pausedUntil === 0 && !this.#failed)
      this.#options.log.error("file of versions cannot be written", this.#about(why, CANNOT_BE_WRITTEN));
    this.#pausedUntil = this.#options.clock.now() + PAUSE_MS;
  }

  async #ask(question: DiskQuestion): Promise<readonly StoredVersion[]> {
    if (this.#failed) throw new Error("the file failed");
    const thread = this.#thread;
    try {
      const versions = await thread.ask(question);
      this.#frozen = 0;
      return versions;
    } catch (error) {
      if (error instanceof ThreadFrozen) this.#replace(thread, error);
      else if (error instanceof FileLost) this.#fail(error);
      // What a thread was not told it may be told by the next one, and what must be forgotten is.
      if (question.kind === "forget" && error instanceof ThreadFrozen) return this.#ask(question);
      throw error;
    }
  }

  #fail(why: unknown): void {
    if (!this.#failed) this.#options.log.error("file of versions failed", this.#about(why, FAILED));
    this.#failed = true;
  }

  /** Another thread goes on with the same file. */
  #replace(frozen: DiskThread, why: ThreadFrozen): void {
    if (this.#failed || frozen !== this.#thread) return;
    if (this.#closing) return this.#fail(why);
    void this.#end(frozen);
    if (++this.#frozen === MOST_FROZEN) return this.#fail(why);
    const { log, path } = this.#options;
    log.warn("thread of the file of versions replaced", { file: path, why: why.message });
    const thread = new DiskThread(this.#options);
    this.#thread = thread;
    thread.opened.then(
      ({ storeId }) => {
        // What peers were told of the one before is not in it.
        if (storeId !== this.storeId) this.#fail(new FileLost("it was made anew"));
      },
      (error: unknown) => this.#fail(error),
    );
  }

  async #end(thread: DiskThread): Promise<void> {
    const { log, path } = this.#options;
    if (!(await thread.end())) log.warn("thread of the file of versions cannot be ended", { file: path });
  }

  /** What cannot be forgotten must not be there when the next process starts. Rejects when that cannot be had either. */
  async #erase(): Promise<void> {
    const { clock, log, path } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = clock.after(FROZEN_MS, () => late.reject(new DeadlineError(FROZEN_MS)));
    try {
      const gone = filesOf(path).map((file) => rm(file, { force: true }));
      await Promise.race([late.promise, Promise.all(gone)]);
    } catch (error) {
      log.error("file of versions cannot be erased", { file: path, why: reasonOf(error) });
      throw error;
    } finally {
      timer.cancel();
    }
  }

  #expire(): void {
    if (this.#failed) return;
    const { clock } = this.#options;
    void this.#ask({ kind: "expire", now: clock.today() }).catch(() => undefined);
    this.#expiry = clock.after(EXPIRE_MS, () => this.#expire());
  }
}

const UNTIL_THEN = "until then what it does not hold is in memory only, and forgotten when this process ends";
const CANNOT_BE_USED = `free the disk, or let this user write the file and its folder, or name another path; then restart; ${UNTIL_THEN}`;
const CANNOT_BE_WRITTEN = `free the disk; it is tried again every minute; ${UNTIL_THEN}`;
const FAILED = `look at the disk, and restart; ${UNTIL_THEN}`;
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
