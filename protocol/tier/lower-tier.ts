/**
 * What stands below the versions in memory and outlives them: a file of this machine. A hope, never a need: whoever asks it has a
 * time limit, and goes on without (tiered-store.ts). SPEC section "Version store".
 */
import type { Retention } from "../scope/scope.ts";
import type { Fingerprint, ShortFingerprint } from "../store/fingerprint.ts";
import type { ScopeKey } from "../store/page-index.ts";
import type { Partition } from "../store/partition.ts";
import type { StoreId } from "../store/stored-version.ts";

/** One version as one page of one audience. */
export interface StoredPlace {
  readonly scopeKey: ScopeKey;
  readonly url: string;
  readonly templates: readonly string[];
}

/** `no-store` never comes below memory. */
type StoredRetention = Exclude<Retention, "no-store">;

export interface StoredVersion {
  readonly partition: Partition;
  readonly fingerprint: Fingerprint;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The peers' stores that are known to hold it too. */
  readonly stores: readonly StoreId[];
  readonly retention: StoredRetention;
  readonly place: StoredPlace;
}

/** The versions that an audience finds under a URL or a template. */
export interface StoredList {
  readonly scopeKey: ScopeKey;
  readonly key: string;
}

export type StoredScope = { readonly partition: Partition } | { readonly host: string };

/** What is to be erased. */
export type Forgotten =
  | { readonly of: StoredScope; readonly url: string | undefined }
  | { readonly partition: Partition; readonly fingerprints: readonly Fingerprint[] }
  | { readonly partition: Partition; readonly session: ScopeKey };

export interface LowerTier {
  /** Names what it holds to peers, for as long as it holds it. */
  readonly storeId: StoreId;
  /** Those that the short fingerprints can only mean. Rejects when it cannot say. */
  nominated(partition: Partition, shorts: readonly ShortFingerprint[]): Promise<readonly StoredVersion[]>;
  /**
   * At most MAX_OFFERS versions of the lists, those of the first list first and the newest first; with `peerStore`, only what that
   * store is known to hold too. Rejects when it cannot say.
   */
  listed(
    partition: Partition,
    lists: readonly StoredList[],
    peerStore?: StoreId,
  ): Promise<readonly StoredVersion[]>;
  /** Soon, and perhaps: what was put within the last second may be lost. */
  put(version: StoredVersion): void;
  /** Resolves when nothing of it can be read any more, here or in the file; what was put before does not come back. */
  forget(what: Forgotten): Promise<void>;
  /** Writes what is left to write. */
  close(): Promise<void>;
}
