/**
 * What stands below the versions in memory and outlives them: a file of this machine, a store that machines share. A
 * hope, never a need: whoever asks it has a time limit, and goes on without (tiered-store.ts). SPEC section "Version
 * store".
 */
import type { Retention } from "../scope/scope.ts";
import type { Fingerprint, ShortFingerprint } from "../store/fingerprint.ts";
import type { ScopeKey } from "../store/page-index.ts";
import { hostName, hostOf, type Partition } from "../store/partition.ts";
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
  | {
      readonly partition: Partition;
      readonly fingerprints: readonly Fingerprint[];
      /** The URLs that they are known to be listed under. */
      readonly places: readonly StoredList[];
    }
  | { readonly partition: Partition; readonly session: ScopeKey };

/** Whether something of the partition is to be erased. */
export const isAbout = (partition: Partition, what: Forgotten): boolean => {
  if (!("of" in what)) return partition === what.partition;
  return "host" in what.of ? hostOf(partition) === hostName(what.of.host) : partition === what.of.partition;
};

/** Whether a version on its way is to be erased; of a URL all that is on its way to the partition is. */
export const isOf = ({ partition, fingerprint, place }: StoredVersion, what: Forgotten): boolean => {
  if (!isAbout(partition, what)) return false;
  if ("session" in what) return place.scopeKey === what.session;
  return "of" in what || what.fingerprints.includes(fingerprint);
};

export const standsIn = ({ scopeKey, url, templates }: StoredPlace, list: StoredList): boolean =>
  scopeKey === list.scopeKey && (url === list.key || templates.includes(list.key));

export interface LowerTier {
  /** For people. */
  readonly name: string;
  /** Whether it is to be expected that it answers. */
  readonly answers: boolean;
  /** What it did not have is asked for again after so long. */
  readonly askAgainMs: number;
  /** Versions that were not written. */
  readonly dropped: number;
  /** Set by who wants to know what others who share it forgot. */
  heard?: ((what: Forgotten) => void) | undefined;
  /** Names what it holds to peers, for as long as it holds it. */
  readonly storeId: StoreId;
  /** Those that the short fingerprints can only mean: what origin sides ask. Rejects when it cannot say. */
  nominated(partition: Partition, shorts: readonly ShortFingerprint[]): Promise<readonly StoredVersion[]>;
  /**
   * What edges ask: at most MAX_OFFERS versions of the lists, those of the first list first and the newest first; with
   * `peerStore`, only what that store is known to hold too. Those in `held` need not be read, though they count.
   * Rejects when it cannot say.
   */
  listed(
    partition: Partition,
    lists: readonly StoredList[],
    peerStore?: StoreId,
    held?: ReadonlySet<Fingerprint>,
  ): Promise<readonly StoredVersion[]>;
  /** Soon, and perhaps: what was put within the last second may be lost. The body is the store's, and only read. */
  put(version: StoredVersion): void;
  /** Resolves when nothing of it can be read any more, here or in the file; what was put before does not come back. */
  forget(what: Forgotten): Promise<void>;
  /** Writes what is left to write. */
  close(): Promise<void>;
}
