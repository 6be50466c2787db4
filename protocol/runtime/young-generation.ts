/**
 * How V8 collects what lives shortly, which under load are mostly Buffers. Node 24's V8 scavenges for the sake of Buffers once 128 MiB of
 * young ones are there, and adds what all Buffers have grown by to its old generation, which may grow by 24 MiB where it is as small as
 * here: so it collected the whole heap 10 to 14 times a second. Here it scavenges from 32 MiB of young Buffers on, and the old
 * generation may grow to three times what was alive; what Buffers may grow by in all, 64 MiB, is V8's own. That they count towards
 * the limit of the whole heap (--external-memory-accounted-in-global-limit) would take 90 MB more of both daemons for one full
 * collection a second less, and no more requests. bench/TRIED.md "Collections".
 *
 * Nor does V8 make objects old at once where those that were made there lived on: what is made for one visit only was
 * taken for lasting once many were under way at a time, and then no scavenge freed a page that it refers to.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** MiB of each half; where V8 has started, its own setting for this is read no more, but for how many young Buffers make it scavenge. */
const YOUNG_GENERATION_MIB = 8;
/** Of both halves. Without a bound they grow to 128 MiB in all. */
const YOUNG_BYTES = 2 * YOUNG_GENERATION_MIB * 1024 * 1024;
/** By so much more than was alive the old generation may grow. */
const GROWING_PERCENT = 200;
/**
 * Of the old generation, beyond what was alive: then its garbage is collected, though it may grow further. It may grow
 * for the sake of Buffers, which V8 reckons among it: pages of 200 KB grow by 32 MiB between two scavenges, and with
 * less room they began a collection each time.
 */
const GARBAGE_BYTES = 16 * 1024 * 1024;
/** Milliseconds between two collections that are begun so, at least: a request is worth more than memory. */
const LEAST_APART_MS = 2_000;
/** Versions of Node on which this was measured: V8 writes a complaint to standard error about a flag that it does not know. */
export const isMeasuredOn = (node: string): boolean => /^24\./.test(node);

/** Call once in a process, before its daemon starts; it holds for what is allocated from then on, however the process was started. */
export const keepYoungGenerationSmall = (): void => {
  if (!isMeasuredOn(process.versions.node)) return;
  setFlagsFromString(`--scavenger-max-new-space-capacity-mb=${YOUNG_GENERATION_MIB}`);
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  setFlagsFromString("--no-allocation-site-pretenuring");
  watchCollections();
};

/** The flags that V8 reads at each collection, or when it allocates, are set after each. */
const watchCollections = (): void => {
  const young = new YoungGrowth();
  const old = new OldGarbage(usedBytesOf("old_space"));
  new PerformanceObserver((collections) => {
    young.collected();
    old.collected(collections.getEntries());
  }).observe({ entryTypes: ["gc"] });
};

/**
 * V8 takes the bound of the young generation when the process starts, and by how much it grows (not at all, or twofold) at each
 * collection. It shrinks at rest, and must grow again then.
 */
class YoungGrowth {
  #factor = 2;

  collected(): void {
    const wanted = (spaceOf("new_space")?.space_size ?? 0) >= YOUNG_BYTES ? 1 : 2;
    if (wanted !== this.#factor) setFlagsFromString(`--semi-space-growth-factor=${wanted}`);
    this.#factor = wanted;
  }
}

/**
 * Has V8 collect the old generation when enough garbage is in it: beside requests, as it does by itself, in steps of
 * less than a millisecond and a pause of some.
 */
class OldGarbage {
  #aliveBytes: number;
  /** As the entries of collections tell time; before the first, long ago. */
  #collectedAt = -LEAST_APART_MS;
  #isDue = false;

  constructor(aliveBytes: number) {
    this.#aliveBytes = aliveBytes;
  }

  collected(collections: readonly PerformanceEntry[]): void {
    const usedBytes = usedBytesOf("old_space");
    const ofAll = collections.findLast(isOfWholeHeap);
    if (ofAll !== undefined) {
      this.#aliveBytes = usedBytes;
      this.#collectedAt = ofAll.startTime;
      this.#begin(false);
    } else if (usedBytes > this.#aliveBytes + GARBAGE_BYTES) {
      const at = collections.at(-1)?.startTime ?? 0;
      this.#begin(at >= this.#collectedAt + LEAST_APART_MS);
    }
  }

  /** V8 begins when so many per cent of what the old generation may grow by are used; with 0, when it sees fit. */
  #begin(isDue: boolean): void {
    if (isDue !== this.#isDue) setFlagsFromString(`--incremental-marking-soft-trigger=${isDue ? 1 : 0}`);
    this.#isDue = isDue;
  }
}

/** Node's types do not know what the entries of collections tell. */
const isOfWholeHeap = (entry: PerformanceEntry & { readonly detail?: { readonly kind?: number } }): boolean =>
  entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;

const spaceOf = (name: string) => getHeapSpaceStatistics().find(({ space_name }) => space_name === name);
const usedBytesOf = (name: string): number => spaceOf(name)?.space_used_size ?? 0;

/** The most up to which glibc takes a freed block as a measure, and as much as V8 frees at a time. */
const BLOCK_BYTES = 31 * 1024 * 1024;

/**
 * Memory of Buffers that were freed stays with the process. glibc maps each large block anew, and gives back what is
 * free at its heap's end, so that under load each 4 KiB of a page is faulted in again: 3 to 15 times for a page of 200
 * KB. Freed is large what is no larger than the largest that was: one such block, which is never touched, ends that,
 * and twice as much may lie free. Other allocators do as they do.
 */
export const keepFreedMemory = (): void => void new ArrayBuffer(BLOCK_BYTES).transfer(0);
