/** What a request may build on, fetched from a tier below memory where the store has one. SPEC section "Version store". */
import type { ShortFingerprint } from "../store/fingerprint.ts";
import type { Partition } from "../store/partition.ts";
import type { VersionStore } from "../store/version-store.ts";
import { TieredStore } from "./tiered-store.ts";

/** Fetches what an edge offers and memory misses; undefined where there is nothing to wait for. */
export const fetchNominated = (
  store: VersionStore,
  partition: Partition,
  shorts: readonly string[],
): Promise<void> | undefined =>
  store instanceof TieredStore && shorts.length > 0
    ? store.fetchNominated(partition, shorts as readonly ShortFingerprint[])
    : undefined;
