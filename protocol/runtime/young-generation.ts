/**
 * How V8 collects what lives shortly. Node 24's V8 lets the young generation of the heap grow to 32 MiB before it scavenges, but
 * counts Buffers against a limit of their own that is reached long before: then it collects the whole heap, 10 to 14 times a second
 * under load. A smaller young generation is scavenged first, and takes dead Buffers along. That Buffers count towards the limit of the
 * whole heap (--external-memory-accounted-in-global-limit) gave pages of 200 KB 1.5 times the speed, and bodies of 100 MB that stream
 * 25 to 70 MB more memory than the bound that is stated. bench/RESULTS.md "Collections".
 */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** MiB of each half; where V8 has started, its own setting for this is read no more. */
const YOUNG_GENERATION_MIB = 8;
/** Of both halves. Without a bound they grow to 128 MiB in all. */
const YOUNG_BYTES = 2 * YOUNG_GENERATION_MIB * 1024 * 1024;
/** Node versions on which this was measured: V8 writes a complaint to standard error about a flag that it does not know. */
const MEASURED_ON = /^24\./;

/** Call once, before the daemon starts; it holds for what is allocated from then on, however the process was started. */
export const keepYoungGenerationSmall = (node: string = process.versions.node): boolean => {
  const measured = MEASURED_ON.test(node);
  if (!measured) return false;
  boundGrowth();
  return true;
};

/**
 * V8 takes the bound of the young generation when the process starts, and by how much it grows (not at all, or twofold) at each
 * collection. It shrinks at rest, and must grow again then.
 */
const boundGrowth = (): void => {
  let factor = 2;
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    const wanted = young !== undefined && young.space_size >= YOUNG_BYTES ? 1 : 2;
    if (wanted !== factor) setFlagsFromString(`--semi-space-growth-factor=${wanted}`);
    factor = wanted;
  }).observe({ entryTypes: ["gc"] });
};
