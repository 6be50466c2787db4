/**
 * Who shares a store, and who gives way when it is full: the key that holds most, of its hosts the one that holds most, and
 * of its versions the one used longest ago. So a key loses nothing to others while it holds less than its part, the store divided by the
 * keys that have anything in it, and neither does a host within its key. SPEC section "Version store".
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../runtime/clock.ts";
import type { LostPages } from "./lost-pages.ts";
import { PARTITION_BYTES } from "./memory-accounting.ts";
import { keyOf, type Partition } from "./partition.ts";
import { type HeldVersion, PartitionVersions } from "./stored-version.ts";

/** The partitions of one key. */
interface KeyShare {
  bytes: number;
  readonly owners: Set<PartitionVersions>;
}

export interface SharesOptions {
  readonly clock: Clock;
  readonly maxBytes: number;
  readonly lost: LostPages;
  /** It is held no more. */
  dropped(version: HeldVersion): void;
}

export class Shares {
  readonly #options: SharesOptions;
  readonly #owners = new Map<Partition, PartitionVersions>();
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

  get partitions(): ReadonlyMap<Partition, PartitionVersions> {
    return this.#owners;
  }

  /** Made where there is none; gone with `letGo`. */
  ownerOf(partition: Partition): PartitionVersions {
    const known = this.#owners.get(partition);
    if (known !== undefined) return known;
    const owner = new PartitionVersions(partition, this.#newHeld());
    this.#owners.set(partition, owner);
    this.#shareOf(owner).owners.add(owner);
    this.#add(owner, PARTITION_BYTES);
    return owner;
  }

  /** A version takes so many bytes from now on. */
  charge(version: HeldVersion, bytes: number): void {
    const before = version.accountedBytes;
    version.accountedBytes = bytes;
    this.#add(version.owner, bytes - before);
    this.#count += Number(bytes > 0) - Number(before > 0);
  }

  /** Drops versions until the rest fits. */
  makeRoom(): void {
    while (this.#bytes > this.#options.maxBytes && dropOne(largest(this.#keys.values())));
  }

  /** A partition that holds nothing is no partition. */
  letGo(owner: PartitionVersions): void {
    if (owner.count > 0) return;
    this.#add(owner, -PARTITION_BYTES);
    const share = this.#shareOf(owner);
    share.owners.delete(owner);
    if (share.owners.size === 0) this.#keys.delete(keyOf(owner.partition));
    this.#owners.delete(owner.partition);
  }

  #add(owner: PartitionVersions, bytes: number): void {
    owner.bytes += bytes;
    this.#shareOf(owner).bytes += bytes;
    this.#bytes += bytes;
  }

  #shareOf({ partition }: PartitionVersions): KeyShare {
    const keyId = keyOf(partition);
    const share = this.#keys.get(keyId) ?? { bytes: 0, owners: new Set() };
    this.#keys.set(keyId, share);
    return share;
  }

  #newHeld(): LRUCache<HeldVersion, number> {
    const { clock, maxBytes, lost, dropped } = this.#options;
    return new LRUCache<HeldVersion, number>({
      maxSize: maxBytes,
      updateAgeOnGet: true,
      ttlResolution: 0, // else lru-cache sets timers of its own
      perf: { now: () => clock.now() + 1 }, // to lru-cache, a start at 0 means no end
      dispose: (_, version, why) => {
        if (why === "evict") lost.note(version, "evicted");
        if (why === "expire") lost.note(version, "expired");
        if (why !== "set") dropped(version);
      },
    });
  }
}

/** Whether there was one. */
const dropOne = (share: KeyShare | undefined): boolean =>
  largest(share?.owners ?? [])?.held.pop() !== undefined;

const largest = <Holder extends { readonly bytes: number }>(
  holders: Iterable<Holder>,
): Holder | undefined => {
  let found: Holder | undefined;
  for (const each of holders) if (found === undefined || each.bytes > found.bytes) found = each;
  return found;
};
