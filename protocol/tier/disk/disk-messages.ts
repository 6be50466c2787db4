/** What the thread of a file is asked, and what it says. */
import type { ShortFingerprint } from "../../store/fingerprint.ts";
import type { Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import type { Forgotten, StoredList, StoredVersion } from "../lower-tier.ts";

/** `now`: milliseconds since 1970. */
export type DiskQuestion =
  | { readonly kind: "put"; readonly versions: readonly StoredVersion[]; readonly now: number }
  | {
      readonly kind: "nominated";
      readonly partition: Partition;
      readonly shorts: readonly ShortFingerprint[];
    }
  | {
      readonly kind: "listed";
      readonly partition: Partition;
      readonly lists: readonly StoredList[];
      readonly peerStore: StoreId | undefined;
    }
  | { readonly kind: "forget"; readonly what: Forgotten }
  | { readonly kind: "expire"; readonly now: number }
  | { readonly kind: "close" };

export interface Asked {
  readonly id: number;
  readonly question: DiskQuestion;
}

/** The answer to question 0 says that the file is open. */
export type Told =
  | { readonly id: number; readonly versions: readonly StoredVersion[]; readonly opened?: Opened }
  | {
      readonly id: number;
      readonly failed: string;
      /** The file is of no use any more, and its name no longer that of one that was. */
      readonly damaged: boolean;
    };

export interface Opened {
  readonly storeId: StoreId;
  /** Why what was there before was thrown away. */
  readonly madeAnew: string | undefined;
}
