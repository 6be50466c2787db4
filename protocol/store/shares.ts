/**
 * Who shares a store, and who gives way when it is full: the key that holds most, of its hosts the one that holds most,
 * and of its versions the one used longest ago. So a key loses nothing to others while it holds less than its part, the
 * store divided by the keys that have anything in it, and neither does a host within its key. Hosts that no setting
 * names, of which visitors can make up any number, count as one. SPEC section "Version store".
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../runtime/clock.ts";
import type { LostPages } from "./lost-pages.ts";
import { accountedBytesOf, PARTITION_BYTES } from "./memory-accounting.ts";
import { hostOf, keyOf, type Partition } from "./partition.ts";
import type { Retired } from "./retired.ts";
import { type HeldVersion, type HostShare, type KeyShare, PartitionVersions } from "./stored-version.ts";

/** The hosts that are not named. */
const OTHERS = "*";

export interface SharesOptions {
  readonly clock: Clock;
  readonly maxBytes: number;
  readonly lost: LostPages;
  readonly retired: Retired;
  isNamed(host: string): boolean;
  /** It is held no more; `evicted`: it had to make room. */
  dropped(version: HeldVersion, evicted: boolean): void;
  readonly warmed: (version: HeldVersion) => void;
}

export class Shares {
  readonly #options: SharesOptions;
  readonly #owners = new Map<Partition, PartitionVersions>();
  readonly partitions: ReadonlyMap<Partition, PartitionVersions> = this.#owners;
  readonly #keys = new Map<string, KeyShare>();
  #bytes = 0;
  #count = 0;

  constructor(options: SharesOptions) {
    this.#options = options;
  }

  /** Bytes charged for all that is held. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** What is kept beside the versions. */
  get books(): { partitions: number; scopeKeys: number; lists: number; entries: number } {
    const sum = { partitions: this.#owners.size, scopeKeys: 0, lists: 0, entries: 0 };
    for (const { pages } of this.#owners.values()) {
      const { scopeKeys, lists, entries } = pages.sizes;
      sum.scopeKeys += scopeKeys;
      sum.lists += lists;
      sum.entries += entries;
    }
    return sum;
  }

  /** Made where there is none; gone with `letGo`. */
  ownerOf(partition: Partition): PartitionVersions {
    const known = this.#owners.get(partition);
    if (known !== undefined) return known;
    const share = this.#hostShareOf(partition);
    share.partitions++;
    const owner = new PartitionVersions({ partition, share, warmed: this.#options.warmed });
    this.#owners.set(partition, owner);
    this.#add(owner, PARTITION_BYTES);
    return owner;
  }

  /** A version takes so many bytes from now on. */
  charge(version: HeldVersion, bytes: number): void {
    const before = version.accountedBytes;
    version.accountedBytes = bytes;
    this.#add(version.owner, bytes - before);
    this.#count += Number(bytes > 0) - Number(before > 0);
    this.#options.retired.charge(version, bytes);
  }

  /** A version takes other bytes than before, which is no use of it. */
  recharge(version: HeldVersion): void {
    this.charge(version, accountedBytesOf(version));
    this.makeRoom();
  }

  /** Drops versions until the rest fits: those that no list names soonest. */
  makeRoom(): void {
    this.#options.retired.makeRoom();
    while (this.#bytes > this.#options.maxBytes && dropOne(largest(this.#keys.values())));
  }

  /** A partition that holds nothing is no partition. */
  letGo(owner: PartitionVersions): void {
    if (owner.count > 0) return;
    this.#add(owner, -PARTITION_BYTES);
    this.#owners.delete(owner.partition);
    if (--owner.share.partitions > 0) return;
    const { key } = owner.share;
    key.hosts.delete(owner.share.host);
    if (key.hosts.size === 0) this.#keys.delete(keyOf(owner.partition));
  }

  #add(owner: PartitionVersions, bytes: number): void {
    owner.bytes += bytes;
    owner.share.bytes += bytes;
    owner.share.key.bytes += bytes;
    this.#bytes += bytes;
  }

  #hostShareOf(partition: Partition): HostShare {
    const keyId = keyOf(partition);
    const key = this.#keys.get(keyId) ?? { bytes: 0, hosts: new Map() };
    this.#keys.set(keyId, key);
    const named = hostOf(partition);
    const host = this.#options.isNamed(named) ? named : OTHERS;
    const share = key.hosts.get(host) ?? { key, host, bytes: 0, partitions: 0, held: this.#newHeld() };
    key.hosts.set(host, share);
    return share;
  }

  #newHeld(): LRUCache<number, HeldVersion> {
    const { clock, maxBytes, lost, dropped } = this.#options;
    return new LRUCache<number, HeldVersion>({
      maxSize: maxBytes, // never reached: each counts as 1, and makeRoom knows what they take
      updateAgeOnGet: true,
      ttlResolution: 0, // else lru-cache sets timers of its own
      perf: { now: () => clock.now() + 1 }, // to lru-cache, a start at 0 means no end
      // Afterwards, because what depends on a version may go with it.
      disposeAfter: (version, _, why) => {
        if (why === "evict") lost.note(version, "evicted");
        if (why === "expire") lost.note(version, "expired");
        if (why !== "set") dropped(version, why === "evict");
      },
    });
  }
}

/** Whether there was one. */
const dropOne = (share: KeyShare | undefined): boolean =>
  largest(share?.hosts.values() ?? [])?.held.pop() !== undefined;

const largest = <Holder extends { readonly bytes: number }>(
  holders: Iterable<Holder>,
): Holder | undefined => {
  let found: Holder | undefined;
  for (const each of holders) if (found === undefined || each.bytes > found.bytes) found = each;
  return found;
};
