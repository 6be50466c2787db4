/**
 * Which pages a store let go of lately, and why, for the log alone: so that whoever reads it sees that the store is too small, or
 * keeps things for too short a time. Bounded: 500 KB for each reason at most.
 */
import { RecentKeys } from "../runtime/recent-keys.ts";
import type { ScopeKey } from "./page-index.ts";
import type { Partition } from "./partition.ts";
import type { HeldVersion } from "./stored-version.ts";

/** Pages that are remembered as lost for one reason. */
const MOST_LOST = 4_096;
/** All share the bound: a peer can name any number of hosts. */
const ALL = "";

/** There was no room for it; or it was not used for as long as its kind is kept. */
export type Loss = "evicted" | "expired";

export class LostPages {
  readonly #lost: Record<Loss, RecentKeys> = {
    evicted: new RecentKeys(MOST_LOST),
    expired: new RecentKeys(MOST_LOST),
  };

  /** Versions, since the start. */
  readonly counts: Record<Loss, number> = { evicted: 0, expired: 0 };

  /** To be called while the version stands in its lists still. */
  note({ owner, places }: HeldVersion, loss: Loss): void {
    this.counts[loss]++;
    for (const { audience, url } of places)
      this.#lost[loss].add(ALL, owner.partition, audience.scopeKey, url);
  }

  /** Why the versions of this URL are not found by whom they were for; undefined where none is known to be lost. */
  why(partition: Partition, scopeKey: ScopeKey, url: string): Loss | undefined {
    if (this.#lost.evicted.has(ALL, partition, scopeKey, url)) return "evicted";
    return this.#lost.expired.has(ALL, partition, scopeKey, url) ? "expired" : undefined;
  }
}
