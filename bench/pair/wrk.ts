/**
 * Load by `wrk`: written in C, it leaves more of a machine with few cores to what is measured than autocannon does. It is a
 * program of the system's; where there is none, another driver has to do.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Volley } from "./load-gun.ts";
import { headersOf } from "./timed-visit.ts";

/** Longer than any answer may take: what takes longer is an error. */
const TIMEOUT_SECONDS = 30;
/** Of time that a program may take to end, beyond the volley's. */
const SLACK_MS = 60_000;

export interface WrkResult {
  /** All that were answered, whatever the status. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Statuses that are neither 2xx nor 3xx, and failures of sockets. */
  readonly errors: number;
}

/** The version of the wrk that is on the PATH; undefined if none is. */
export function wrkVersion(): string | undefined {
  // It takes the question for a mistake in its usage, and exits with 1.
  const { error, stdout } = spawnSync("wrk", ["--version"], { encoding: "utf8" });
  if (error !== undefined) return undefined;
  return /^wrk (\S+)/m.exec(stdout)?.[1] ?? "of an unknown version";
}

/** wrk counts in whole seconds. */
export const wholeSeconds = (seconds: number): number => Math.max(1, Math.round(seconds));

/** @internal */
export function wrkArguments({ address, path, encodings, connections, seconds }: Volley): string[] {
  return [
    ...["--threads", "1", "--connections", String(connections)],
    ...["--duration", `${wholeSeconds(seconds)}s`, "--timeout", `${TIMEOUT_SECONDS}s`],
    ...Object.entries(headersOf(encodings)).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
    `http://${address}${path}`,
  ];
}

/** Rejects when wrk cannot be run or says nothing that can be read, and when `signal` fires. */
export async function runWrk(volley: Volley, signal?: AbortSignal): Promise<WrkResult> {
  return readWrk(await outputOf("wrk", wrkArguments(volley), volley.seconds, signal));
}

/** What a program that sends load for so many seconds prints. Rejects when it cannot be run or fails, and when `signal` fires. */
export async function outputOf(
  program: string,
  args: readonly string[],
  seconds: number,
  signal?: AbortSignal,
): Promise<string> {
  const timeout = wholeSeconds(seconds) * 1000 + SLACK_MS;
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    killSignal: "SIGKILL",
    timeout,
    ...(signal && { signal }),
  });
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  try {
    const [out, errors, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number | null]>,
    ]);
    if (code !== 0) throw new Error(`${program} ended with ${code ?? "a signal"}: ${errors || out}`);
    return out;
  } finally {
    process.off("exit", killAtExit);
  }
}

/** Reads what wrk has printed at its end. Throws when it is not that. @internal */
export function readWrk(out: string): WrkResult {
  const requests = /^\s*(\d+) requests in /m.exec(out)?.[1];
  const rate = /^Requests\/sec:\s+(\d+(?:\.\d+)?)$/m.exec(out)?.[1];
  if (requests === undefined || rate === undefined) throw new Error(`no figures of wrk in: ${out}`);
  const sockets = /^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$/m.exec(out);
  const statuses = /^\s*Non-2xx or 3xx responses: (\d+)$/m.exec(out);
  const failures = [...(sockets?.slice(1) ?? []), ...(statuses?.slice(1) ?? [])];
  return {
    requests: Number(requests),
    requestsPerSecond: Number(rate),
    errors: failures.reduce((sum, count) => sum + Number(count), 0),
  };
}
