/**
 * A file of versions as a tier below memory: puts go to its thread together, a few times a second; what it cannot take soon
 * enough is not written. A disk that is full gets nothing for a minute, a file that is damaged nothing more; the log says so once.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Log, LogFields } from "../../daemon/log.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ShortFingerprint } from "../../store/fingerprint.ts";
import type { Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import { bytesOf, Gathered } from "../gathered.ts";
import type { Forgotten, LowerTier, StoredList, StoredVersion } from "../lower-tier.ts";
import type { DiskQuestion, Opened, Told } from "./disk-messages.ts";
import type { VersionFileOptions } from "./version-file.ts";

/** What is put waits so long for more: at most that is lost when the process is killed. */
const GATHER_MS = 250;
/** After the disk refused to take something. */
const PAUSE_MS = 60_000;
/** How often what ended is looked for in the file. */
const EXPIRE_MS = 60_000;

interface DiskTierOptions extends VersionFileOptions {
  readonly clock: Clock;
  readonly log: Log;
}

export class DiskTier implements LowerTier {
  readonly name = "file";
  readonly answers = true;
  readonly askAgainMs = 60_000;
  readonly storeId: StoreId;
  readonly #options: DiskTierOptions;
  readonly #thread: DiskThread;
  readonly #gathered: Gathered;
  #flush: Timer | undefined;
  #expiry: Timer | undefined;
  #failed = false;
  #pausedUntil = 0;

  private constructor(options: DiskTierOptions, thread: DiskThread, storeId: StoreId) {
    this.#options = options;
    this.#thread = thread;
    this.storeId = storeId;
    this.#gathered = new Gathered(options.clock);
    this.#expire();
  }

  /** Resolves when the file is open; undefined where it cannot be had, which the log says. */
  static async open(options: DiskTierOptions): Promise<DiskTier | undefined> {
    const { log, path, clock: _, ...rest } = options;
    const { bytes, storeKey, sessionMs } = rest;
    const thread = new DiskThread({ path, bytes, storeKey, sessionMs });
    try {
      const { storeId, madeAnew } = await thread.opened;
      if (madeAnew !== undefined)
        log.warn("file of versions made anew", { file: path, why: madeAnew, hint: "the store starts empty" });
      return new DiskTier(options, thread, storeId);
    } catch (error) {
      await thread.end();
      log.error("file of versions cannot be used", { file: path, why: reasonOf(error), hint: HINT });
      return undefined;
    }
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
    else if (this.#gathered.add(version)) this.#flushSoon();
  }

  async forget(what: Forgotten): Promise<void> {
    this.#gathered.forget(what);
    await this.#ask({ kind: "forget", what });
  }

  async close(): Promise<void> {
    this.#expiry?.cancel();
    this.#gathered.hurry();
    await Promise.all([this.#write(), this.#thread.close()]).catch(() => undefined);
    await this.#thread.end();
  }

  #flushSoon(): void {
    this.#flush ??= this.#options.clock.after(GATHER_MS, () => void this.#write());
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    this.#flush?.cancel();
    this.#flush = undefined;
    const taken = this.#gathered.take();
    if (!this.#gathered.isEmpty) this.#flushSoon();
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
      if (this.#pausedUntil === 0 && !this.#failed)
        this.#options.log.error("file of versions cannot be written", this.#about(error));
      this.#pausedUntil = this.#options.clock.now() + PAUSE_MS;
    }
    this.#gathered.settled(bytes);
  }

  #about(error: unknown): LogFields {
    return { file: this.#options.path, why: reasonOf(error), hint: HINT };
  }

  async #ask(question: DiskQuestion): Promise<readonly StoredVersion[]> {
    if (this.#failed) throw new Error("the file failed");
    try {
      return await this.#thread.ask(question);
    } catch (error) {
      if (!this.#failed && error instanceof FileLost) {
        this.#failed = true;
        this.#options.log.error("file of versions failed", this.#about(error));
      }
      throw error;
    }
  }

  #expire(): void {
    this.#expiry = this.#options.clock.after(EXPIRE_MS, () => {
      if (this.#failed) return;
      void this.#ask({ kind: "expire", now: this.#options.clock.today() }).catch(() => undefined);
      this.#expire();
    });
    if (!this.#failed)
      void this.#ask({ kind: "expire", now: this.#options.clock.today() }).catch(() => undefined);
  }
}

const HINT = "what it does not hold is in memory only, and forgotten when this process ends";
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Nothing can be asked any more. */
class FileLost extends Error {}

interface Waiting {
  resolve(versions: readonly StoredVersion[]): void;
  reject(error: unknown): void;
}

/** Questions to the thread, and its answers in their order. */
class DiskThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened = Promise.withResolvers<Opened>();
  #asked = 0;
  #ended: FileLost | undefined;

  constructor(options: VersionFileOptions) {
    const file = new URL(`./disk-worker${extname(import.meta.url)}`, import.meta.url);
    // Some releases of Node 24 call node:sqlite experimental; it is asked for nothing that has changed since.
    this.#worker = new Worker(file, {
      workerData: options,
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    this.#worker.on("message", (told: Told) => this.#told(told));
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(new Error("its thread ended")));
  }

  get opened(): Promise<Opened> {
    return this.#opened.promise;
  }

  ask(question: DiskQuestion): Promise<readonly StoredVersion[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly StoredVersion[]>();
    if (this.#ended !== undefined) {
      reject(this.#ended);
      return promise;
    }
    const id = ++this.#asked;
    this.#waiting.set(id, { resolve, reject });
    const bodies = question.kind === "put" ? question.versions.map(({ body }) => body.buffer) : [];
    this.#worker.postMessage({ id, question }, bodies);
    return promise;
  }

  /** Whoever waits for it is not left before it has come. */
  close(): Promise<unknown> {
    this.#worker.ref();
    return this.ask({ kind: "close" });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #told(told: Told): void {
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
  }

  #end(error: unknown): void {
    this.#ended ??= new FileLost(reasonOf(error));
    this.#opened.reject(this.#ended);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
