/**
 * A Redis or Valkey as a tier below memory, shared by all daemons of a side: puts are gathered, what was put by another daemon is not
 * put again, and what the store cannot take is not written. SPEC section "Version store".
 */
import { isDeepStrictEqual } from "node:util";
import type { Log } from "../../daemon/log.ts";
import { openRedis, type Redis } from "../../redis/client.ts";
import type { RedisUrl } from "../../redis/redis-address.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Fingerprint, type ShortFingerprint, shortOf } from "../../store/fingerprint.ts";
import { hostName, type Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import { bytesOf, Gathered } from "../gathered.ts";
import {
  type Forgotten,
  isAbout,
  isOf,
  type LowerTier,
  type StoredList,
  type StoredScope,
  type StoredVersion,
} from "../lower-tier.ts";
import { derivedKey } from "../store-key.ts";
import { CompareKeys } from "./compare-keys.ts";
import { type Erasure, ForgetNews, type LastHeard } from "./forget-news.ts";
import type { PartitionNames } from "./partition-names.ts";
import { SharedKeys, type Side } from "./shared-keys.ts";
import { SharedReader } from "./shared-reader.ts";
import type { Sealing } from "./shared-version.ts";
import { SharedWriter } from "./shared-writer.ts";
import { Untold } from "./untold.ts";

/** What is put waits so long for more. */
const GATHER_MS = 50;
/** After the store refused to take something. */
const PAUSE_MS = 5_000;
/** So few that answers do not wait for their coding, and so far apart that most of the time is left for answers. */
const WRITTEN_AT_ONCE = 8;
const BETWEEN_MS = 10;
/** Sessions and URLs that wait to be erased, while the store does not answer; beyond, all of their partition is. @internal */
export const MOST_ERASING = 256;
/** For what is left to write at the end. */
const CLOSE_MS = 1_000;
const HINT = "pages are remembered by this daemon alone until it is back";

interface SharedTierOptions {
  readonly url: RedisUrl;
  readonly storeKey: Uint8Array;
  /** What the names of small files of this side begin with, beside the store key. */
  readonly untoldPath: string;
  readonly side: Side;
  readonly sessionMs: number;
  readonly lastHeard: LastHeard | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export class SharedTier implements LowerTier {
  readonly name = "shared";
  readonly askAgainMs = 1_000;
  heard: ((what: Forgotten) => void) | undefined;
  readonly #options: SharedTierOptions;
  readonly #redis: Redis;
  readonly #keys: SharedKeys;
  readonly #news: ForgetNews;
  readonly #reader: SharedReader;
  readonly #writer: SharedWriter;
  readonly #compareKeys: CompareKeys;
  readonly #gathered: Gathered;
  /** What is being written; undefined in place of what was forgotten meanwhile. */
  #batch: (StoredVersion | undefined)[] = [];
  #writing: Promise<void> = Promise.resolve();
  /** Scopes whose keys are not erased yet, and when they are. */
  readonly #erasing = new Map<Forgotten, { readonly done: Promise<void>; next?: Promise<void> }>();
  #pausedUntil = 0;
  #isClosing = false;

  /** Never waits for the store. */
  constructor(options: SharedTierOptions) {
    this.#options = options;
    const { url, clock, log, side, storeKey, untoldPath: path } = options;
    this.#gathered = new Gathered({ clock, gatherMs: GATHER_MS, due: () => void this.#write() });
    const untold = new Untold({ path, key: derivedKey(storeKey, "shared untold"), log });
    this.#redis = openRedis(url.reveal(), {
      clock,
      name: `coilgun-${side}`,
      changed: (isConnected, why) =>
        isConnected
          ? log.info("shared store reached", { store: `${url}` })
          : log.warn("shared store not reached", { store: `${url}`, why, hint: HINT }),
    });
    this.#keys = new SharedKeys({ ...options, redis: this.#redis, now: () => clock.now() });
    this.#news = new ForgetNews({
      redis: this.#redis,
      clock,
      name: `{${this.#keys.prefix}}:news`,
      key: derivedKey(storeKey, "shared news"),
      lastHeard: options.lastHeard,
      untold,
      heard: (what) => {
        this.#drop(what);
        this.heard?.(what);
      },
    });
    const parts = { redis: this.#redis, keys: this.#keys };
    this.#reader = new SharedReader(parts);
    this.#writer = new SharedWriter({ ...options, ...parts });
    this.#compareKeys = new CompareKeys({ ...options, ...parts });
    for (const what of untold.left())
      void this.forget(what).then(
        () => untold.told(what),
        () => undefined,
      );
  }

  get storeId(): StoreId {
    return this.#keys.storeId;
  }

  get answers(): boolean {
    return this.#redis.isConnected && this.#news.isFresh;
  }

  get dropped(): number {
    return this.#gathered.dropped;
  }

  async nominated(
    partition: Partition,
    shorts: readonly ShortFingerprint[],
  ): Promise<readonly StoredVersion[]> {
    const names = await this.#namesToRead(partition);
    return names === undefined ? [] : this.#reader.nominated(partition, names, shorts);
  }

  async listed(
    partition: Partition,
    lists: readonly StoredList[],
    peerStore?: StoreId,
    held: ReadonlySet<Fingerprint> = new Set(),
  ): Promise<readonly StoredVersion[]> {
    const names = await this.#namesToRead(partition);
    return names === undefined ? [] : this.#reader.listed(partition, names, lists, { peerStore, held });
  }

  put(version: StoredVersion): void {
    if (this.#options.clock.now() < this.#pausedUntil || !this.#redis.isConnected) this.#gathered.dropped++;
    else this.#gathered.add(version);
  }

  async forget(what: Forgotten): Promise<void> {
    this.#drop(what);
    if ("fingerprints" in what) {
      // Behind what is being written.
      await this.#writing;
      const names = await this.#keys.partition(what.partition);
      if (names !== undefined) await this.#eraseVersions(names, what);
      return;
    }
    const isPart = "session" in what || what.url !== undefined;
    if (isPart && this.#erasing.size >= MOST_ERASING)
      return this.forget({ of: "of" in what ? what.of : { partition: what.partition }, url: undefined });
    const under = [...this.#erasing].find(([each]) => isDeepStrictEqual(each, what))?.[1];
    if (under === undefined) {
      const done = this.#erase(what);
      this.#erasing.set(what, { done });
      return done;
    }
    // What was put since it began may have another key: once more, for all that ask meanwhile.
    under.next ??= under.done.then(() => this.forget(what));
    return under.next;
  }

  async #eraseVersions(
    names: PartitionNames,
    { partition, fingerprints, places }: Extract<Forgotten, { readonly fingerprints: unknown }>,
  ): Promise<void> {
    const named = fingerprints.map((each) => names.version(shortOf(each)));
    const fields = fingerprints.map((each) => names.place("version", each));
    const keys = places.flatMap(({ scopeKey, key }) =>
      Object.values(names.list(this.#keys.scopeOf(partition, scopeKey), key)),
    );
    await Promise.all([
      ...named.map((name) => this.#redis.ask(name, ["DEL", name])),
      ...keys.map((key) => this.#redis.ask(key, ["HDEL", key, ...fields])),
    ]);
  }

  async #erase(what: Exclude<Forgotten, { readonly fingerprints: unknown }>): Promise<void> {
    try {
      await this.#news.tell(what, this.#dropKeys(what));
    } finally {
      this.#erasing.delete(what);
      // What was learnt of it meanwhile.
      this.#drop(what, false);
    }
  }

  async close(): Promise<void> {
    this.#compareKeys.close();
    this.#news.close();
    this.#gathered.hurry();
    this.#isClosing = true;
    await Promise.race([this.#write(), this.#options.clock.sleep(CLOSE_MS)]);
    this.#redis.close();
  }

  /** What is known of them here; gives what is to be erased in the store. */
  #dropKeys(what: Exclude<Forgotten, { readonly fingerprints: unknown }>): Erasure {
    return "of" in what
      ? this.#keys.dropScope(named(what.of), what.url)
      : this.#keys.dropSession(what.partition, what.session);
  }

  /** Here, of what is on its way too. */
  #drop(what: Forgotten, isBatchToo = true): void {
    if (!("fingerprints" in what)) this.#dropKeys(what);
    if (!isBatchToo) return;
    this.#gathered.forget(what);
    this.#batch = this.#batch.map((each) => (each !== undefined && isOf(each, what) ? undefined : each));
  }

  /** Undefined where there is nothing to be read, or nothing may be: the salt may still be the one that is being erased. */
  async #namesToRead(partition: Partition): Promise<PartitionNames | undefined> {
    const isErasing = () => [...this.#erasing.keys()].some((what) => isAbout(partition, what));
    if (isErasing()) return undefined;
    const names = await this.#keys.partition(partition);
    return isErasing() ? undefined : names;
  }

  /** One batch after the other. Never rejects. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      for (;;) {
        const taken = this.#gathered.take(WRITTEN_AT_ONCE);
        if (taken.length === 0) break;
        this.#batch = [...taken];
        try {
          await this.#writeBatch();
        } catch (error) {
          this.#gathered.dropped += taken.length;
          if (this.#pausedUntil === 0)
            this.#options.log.warn("shared store takes nothing", {
              store: `${this.#options.url}`,
              why: error instanceof Error ? error.message : String(error),
              hint: HINT,
            });
          this.#pausedUntil = this.#options.clock.now() + PAUSE_MS;
          this.#gathered.dropAll();
          return;
        } finally {
          this.#gathered.settled(bytesOf(taken));
          this.#batch = [];
        }
        this.#pausedUntil = 0;
        if (!this.#isClosing && this.#gathered.isReady) await this.#options.clock.sleep(BETWEEN_MS);
      }
    });
    return this.#writing;
  }

  /**
   * The keys first, then the news: whoever erased a key before has said so by then, and whoever erases it later makes unreadable what is
   * written here, however late it comes.
   */
  async #writeBatch(): Promise<void> {
    // Each key once, though many versions are sealed with it.
    const asked = new Map<string, Promise<Sealing>>();
    const sealings = await Promise.all(
      this.#batch.map((version) => {
        if (version === undefined) return undefined;
        const name = `${version.partition} ${version.place.scopeKey}`;
        const sealing = asked.get(name) ?? this.#sealingOf(version);
        asked.set(name, sealing);
        return sealing;
      }),
    );
    await this.#news.read();
    await this.#writer.write(
      sealings.flatMap((sealing, i) => {
        const version = this.#batch[i];
        return version && sealing ? [{ version, ...sealing }] : [];
      }),
    );
  }

  async #sealingOf({ partition, place }: StoredVersion): Promise<Sealing> {
    const names = await this.#keys.partitionToWrite(partition);
    const scope = this.#keys.scopeOf(partition, place.scopeKey);
    return { names, seal: await this.#keys.sealToWrite(names, scope) };
  }
}

const named = (of: StoredScope): StoredScope => ("host" in of ? { host: hostName(of.host) } : of);
