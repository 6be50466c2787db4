/**
 * What sends the load of a comparison: wrk where it is on the PATH, else autocannon, which costs more than what it measures.
 * Either way some answers are checked in full meanwhile.
 */
import { checkMeanwhile } from "./check-meanwhile.ts";
import { ask } from "./child-channel.ts";
import type { Volley, VolleyResult } from "./load-gun.ts";
import { startProgram } from "./program.ts";
import type { StageOptions } from "./stage.ts";
import { runWrk, wholeSeconds, wrkVersion } from "./wrk.ts";

/** Beyond a volley's own time, for answers that are slow. */
const SLACK_MS = 60_000;

export interface Fired {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Statuses other than 2xx and 3xx (wrk), or than 200 (autocannon); failed and lost requests. */
  readonly errors: number;
  /** Answers that were checked in full beside the load, and those of them that were wrong. */
  readonly checked: number;
  readonly wrong: number;
  readonly firstFlaws: readonly string[];
}

export interface Driver {
  /** Its name and version, for the report. */
  readonly name: string;
  /** How long a volley of so many seconds takes: not every driver counts in fractions. */
  secondsOf(seconds: number): number;
  /** Rejects when the driver fails; a wrong answer is counted. */
  fire(volley: Volley): Promise<Fired>;
}

/** The driver of this machine; `running` ends it. */
export async function startDriver(options: StageOptions, running: AsyncDisposableStack): Promise<Driver> {
  const version = wrkVersion();
  if (version !== undefined) {
    const fire = (volley: Volley) => fireWrk(volley, options.signal);
    return { name: `wrk ${version}`, secondsOf: wholeSeconds, fire };
  }
  const { clock, signal } = options;
  const gun = await startProgram("load-gun", {}, options);
  running.defer(() => gun.close());
  return {
    name: "autocannon (there is no wrk on the PATH)",
    secondsOf: (seconds) => seconds,
    async fire(volley) {
      const withinMs = volley.seconds * 1000 + SLACK_MS;
      const { seconds, ...result } = (await ask(gun.child, "volley", volley, {
        clock,
        signal,
        withinMs,
      })) as VolleyResult;
      return { ...result, requestsPerSecond: result.requests / seconds };
    },
  };
}

async function fireWrk(volley: Volley, signal: AbortSignal | undefined): Promise<Fired> {
  const stopping = new AbortController();
  const checking = checkMeanwhile(volley, stopping.signal);
  try {
    const result = await runWrk(volley, signal);
    stopping.abort();
    const checks = await checking;
    const failed = result.errors > 0 ? [`${result.errors} requests failed`] : [];
    return { ...result, ...checks, firstFlaws: [...failed, ...checks.firstFlaws] };
  } finally {
    // When wrk failed, the visit under way ends with the daemons; nobody waits for it.
    stopping.abort();
  }
}
