/**
 * How busy the event loop is: the share of time in which it did not wait for anything, over the last moments. Where it is
 * high, work that only saves bytes has to be cheap.
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import type { Clock } from "./clock.ts";

/** A sample is as old as this at most, and covers as much at least. @internal */
export const SAMPLE_MS = 50;

/** From 0, idle, to 1, saturated. */
export type Load = () => number;

/** Node's own. */
const POOL_THREADS = 4;
/** So many tasks at a time keep the thread pool, or all processors, busy. */
export const FULL_POOL = Math.min(POOL_THREADS, availableParallelism());

export const eventLoopLoad = (
  clock: Clock,
  utilization: typeof performance.eventLoopUtilization = performance.eventLoopUtilization,
): Load => {
  let before = utilization();
  let sampledAt = clock.now();
  let load = 0;
  return () => {
    if (clock.now() - sampledAt < SAMPLE_MS) return load;
    const now = utilization();
    load = utilization(now, before).utilization;
    before = now;
    sampledAt = clock.now();
    return load;
  };
};
