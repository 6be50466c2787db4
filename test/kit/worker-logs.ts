/** What the log of a daemon with workers says of them. */
import { expect } from "vitest";
import type { Line, RealDaemon } from "./real-daemons.ts";
import { until } from "./until.ts";

/** Its workers' process ids, in the order of their numbers; of one that was started again, the newest. */
export const workerPids = (daemon: RealDaemon): number[] => {
  const pids = new Map<number, number>();
  for (const line of daemon.log)
    if (line.event === "worker serves") pids.set(Number(line.worker), Number(line.pid));
  return [...pids].sort(([a], [b]) => a - b).map(([, pid]) => pid);
};

/** Resolves when each of its workers has said `event`, `times` times or more. */
export const allSay = (daemon: RealDaemon, event: string, workers: number, times = 1): Promise<void> =>
  until(
    () =>
      Array.from({ length: workers }, (_, i) => i + 1).every(
        (worker) => saidBy(daemon, worker, event).length >= times,
      ),
    `${event} of ${workers} workers`,
  );

export const saidBy = (daemon: RealDaemon, worker: number, event: string): Line[] =>
  daemon.log.filter((line) => line.worker === worker && line.event === event);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Fails when one of these processes is still there. */
export const expectGone = async (pids: readonly number[]): Promise<void> => {
  expect(pids.length).toBeGreaterThan(0);
  await until(() => !pids.some(isAlive), `the end of processes ${pids.join(", ")}`);
};

/** Links that an edge, or one worker of it, has by its log. */
export const linksOf = (edge: RealDaemon, worker?: number): number => {
  const count = (event: string) =>
    edge.log.filter(
      (line) => line.event === event && line.key !== undefined && [undefined, line.worker].includes(worker),
    ).length;
  return count("link up") - count("link down");
};

/** Whether every link that its other side let go has ended. */
export const drained = (edge: RealDaemon): boolean => {
  const ended = edge.log.filter(({ event, code }) => event === "link down" && code === "shutting-down");
  return ended.length === edge.log.filter(({ event }) => event === "link draining").length;
};
