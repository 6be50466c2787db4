/** What is known of each URL and template for which a common base may be made, by partition, within bounds. */
import { LRUCache } from "lru-cache";
import { hostOf, type Partition } from "../../../protocol/store/partition.ts";
import { CommonSources } from "./common-sources.ts";
import { VisitorIdentities } from "./visitor-identity.ts";

/** From one try for a URL or template to the next; doubles while it does not help, up to the longest. @internal */
export const FIRST_PAUSE_MS = 1_000;
/** URLs and templates that are watched for each partition; the longest unused gives way. */
const MOST_WATCHED = 64;
/** Partitions that are watched at once, of hosts that a setting names, and of others. */
const MOST_PARTITIONS = 64;

/** What is known of one URL or template. */
export interface Watched {
  readonly sources: CommonSources;
  nextTryAt: number;
  pauseMs: number;
  /** The cheapest answer on the present base. */
  leastBytes: number;
  /** The dearest answer for which a base was made. */
  madeForBytes: number;
}

interface OfPartition {
  readonly identities: VisitorIdentities;
  readonly watched: LRUCache<string, Watched>;
}

export class WatchedPages {
  readonly #isNamed: (host: string) => boolean;
  readonly #named = new LRUCache<Partition, OfPartition>({ max: MOST_PARTITIONS });
  /** Visitors can make up any number of these: they take nothing from the others. */
  readonly #unnamed = new LRUCache<Partition, OfPartition>({ max: MOST_PARTITIONS });

  /** `isNamed`: as the store's. */
  constructor(isNamed: (host: string) => boolean) {
    this.#isNamed = isNamed;
  }

  of(partition: Partition): OfPartition {
    const partitions = this.#isNamed(hostOf(partition)) ? this.#named : this.#unnamed;
    const known = partitions.get(partition) ?? {
      identities: new VisitorIdentities(),
      watched: new LRUCache<string, Watched>({ max: MOST_WATCHED }),
    };
    partitions.set(partition, known);
    return known;
  }
}

export const unwatched = (): Watched => ({
  sources: new CommonSources(),
  nextTryAt: 0,
  pauseMs: FIRST_PAUSE_MS,
  leastBytes: Number.POSITIVE_INFINITY,
  madeForBytes: 0,
});
