/**
 * How V8 collects what lives shortly. Node 24's V8 lets the young generation of the heap grow to 32 MiB before it scavenges, but
 * counts Buffers against a limit of their own that is reached long before: then it collects the whole heap, 10 to 14 times a second
 * under load. A smaller young generation is scavenged first, and takes dead Buffers along; and Buffers count towards the limit of
 * the whole heap, which grows with what is alive. bench/RESULTS.md "Collections".
 */
import { setFlagsFromString } from "node:v8";

/** MiB; V8 takes twice as much where pointers are not compressed, as in Node. */
const YOUNG_GENERATION_MIB = 8;
/** By so much more than is alive the heap may grow: with more, a full collection is rare while pages come and go, and memory stays near what it was. */
const GROWING_PERCENT = 100;
/** Node versions on which this was measured: V8 writes a complaint to standard error about a flag that it does not know. */
const MEASURED_ON = /^24\./;

/** Call once, before the daemon starts; it holds for what is allocated from then on, however the process was started. */
export const keepYoungGenerationSmall = (node: string = process.versions.node): boolean => {
  const measured = MEASURED_ON.test(node);
  if (!measured) return false;
  setFlagsFromString("--external-memory-accounted-in-global-limit");
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  setFlagsFromString(`--scavenger-max-new-space-capacity-mb=${YOUNG_GENERATION_MIB}`);
  return true;
};
