/** What is known of each URL and template for which a common base may be made, by partition, within bounds. */
import { LRUCache } from "lru-cache";
import { hostOf, type Partition } from "../../../protocol/store/partition.ts";
import { CommonSources } from "./common-sources.ts";
import { VisitorIdentities } from "./visitor-identity.ts";

/** From one try for a URL or template to the next; doubles while it does not help, up to the longest. */
export const FIRST_PAUSE_MS = 1_000;
/** An answer on a common base that is this many times the cheapest one says that pages have drifted. */
const DRIFTED = 1.5;
/** Dear answers until a base is made anew that serves worse than one before it; twice as many for each time, up to the most. */
const FIRST_ANEW = 2;
const MOST_ANEW = 8;
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
  /** The cheapest answer on any base so far. */
  bestBytes: number;
  /** Dear answers on a base since pages drifted, and after how many of them it is made anew, should one before it have served better. */
  dearAnswers: number;
  anewAfter: number;
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
  bestBytes: Number.POSITIVE_INFINITY,
  dearAnswers: 0,
  anewAfter: FIRST_ANEW,
});

export const hasDrifted = ({ leastBytes }: Watched, answerBytes: number): boolean =>
  answerBytes >= DRIFTED * leastBytes;

/** Made of the first page of another kind, a base lacks what only pages of that kind share, and no answer on it is cheap. */
export const isAnewDue = ({ bestBytes, dearAnswers, anewAfter }: Watched, answerBytes: number): boolean =>
  dearAnswers >= anewAfter && answerBytes >= DRIFTED * bestBytes;

/** A base was made: another one where pages drifted, or there was none; otherwise the same, of more people. */
export const noteMade = (known: Watched, answerBytes: number): void => {
  if (known.leastBytes === Number.POSITIVE_INFINITY || hasDrifted(known, answerBytes)) {
    known.dearAnswers = 0;
    known.anewAfter = FIRST_ANEW;
  } else known.anewAfter = known.anewAfter < MOST_ANEW ? known.anewAfter * 2 : Number.POSITIVE_INFINITY;
  known.leastBytes = Number.POSITIVE_INFINITY;
};
