/** What a process has used, as Linux tells it in /proc: CPU time, and resident memory now and at its peak. */
import { readFileSync } from "node:fs";

/** USER_HZ: the unit of CPU times in /proc, 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Throws with what to do about it where there is no /proc; asked before anything is started. */
export function throwUnlessLinux(platform: string = process.platform): void {
  if (platform === "linux") return;
  throw new Error(
    `CPU time and memory are read from /proc, which ${platform} does not have: run this on Linux`,
  );
}

/** CPU milliseconds, user and system together, that process `pid` has used. */
export const cpuMsOf = (pid: number): number => cpuMsIn(readFileSync(`/proc/${pid}/stat`, "utf8"));

/** Of the thread that runs the event loop alone; the rest is the thread pool, collection and compilation beside it. */
export const loopCpuMsOf = (pid: number): number =>
  cpuMsIn(readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8"));

export interface Memory {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export const memoryOf = (pid: number): Memory => memoryIn(readFileSync(`/proc/${pid}/status`, "utf8"));

/** Of the text of /proc/<pid>/stat. The program's name stands in brackets and may hold anything, brackets too. @internal */
export function cpuMsIn(stat: string): number {
  const fields = stat
    .slice(stat.lastIndexOf(")") + 1)
    .trim()
    .split(/\s+/);
  // utime and stime: fields 14 and 15 of proc(5), which counts from 1; two stand before the bracket's end.
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`no CPU times in: ${stat}`);
  return (ticks / TICKS_PER_SECOND) * 1000;
}

/** Of the text of /proc/<pid>/status. @internal */
export function memoryIn(status: string): Memory {
  const kibibytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    if (found === undefined) throw new Error(`no ${name} in the status of a process`);
    return Number(found) * 1024;
  };
  return { residentBytes: kibibytes("VmRSS"), peakBytes: kibibytes("VmHWM") };
}
