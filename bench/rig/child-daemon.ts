/**
 * One Coilgun daemon as a child: started from its source or its built form, whichever the harness itself runs from;
 * its log lines (standard error) and access lines (standard output) read as JSON; ended by SIGTERM, and by force when
 * that is not enough. A child never outlives the harness, however that ends.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../protocol/runtime/clock.ts";

/** Time to start and say so; generous for a slow machine that runs the sources. */
const START_MS = 60_000;
/** Time to finish after SIGTERM before it is killed. */
const STOP_MS = 10_000;
/** Log lines kept to explain why a daemon failed. */
const LINES_KEPT = 12;

export type LogLine = Readonly<Record<string, unknown>>;

export interface ChildDaemon {
  /** Resolves with log line number `count` (seen or to come; 1) whose event is `event`; rejects if the daemon ends first. */
  logged(event: string, signal?: AbortSignal, count?: number): Promise<LogLine>;
  /** Asks it to end and waits until it has; resolves with its exit code, null when it had to be killed. */
  stop(): Promise<number | null>;
  /** Resolves when the daemon ends without having been asked to. */
  readonly died: Promise<Error>;
  /** For its process number, and for questions to what was loaded before it (`nodeOptions`). */
  readonly child: ChildProcess;
}

export interface ChildDaemonOptions {
  readonly side: "edge-side" | "origin-side";
  readonly configFile: string;
  readonly clock: Clock;
  readonly onAccessLine: (line: unknown) => void;
  /** Options of Node itself, such as `--import`; what is loaded so may be asked over the child's channel. */
  readonly nodeOptions?: readonly string[] | undefined;
  /** Where it writes the TLS secrets of the connections that it dials, for who reads the link from outside. */
  readonly keyLogFile?: string | undefined;
  /** Another program that behaves as a daemon does: of another checkout, or a test's own. */
  readonly entry?: string | undefined;
}

/**
 * The other executables stand beside this file, with this file's own ending: .ts in development, .js when built. The tests name the folder
 * of built ones, which start sooner.
 */
const entryOf = (side: ChildDaemonOptions["side"]): string => {
  const built = process.env.COILGUN_BUILT;
  if (built !== undefined) return join(built, side, "main.js");
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../../${side}/main.${ending}`, import.meta.url));
};

export function startDaemon({
  side,
  configFile,
  clock,
  onAccessLine,
  nodeOptions = [],
  keyLogFile,
  entry = entryOf(side),
}: ChildDaemonOptions): ChildDaemon {
  const channel = nodeOptions.length > 0 ? (["ipc"] as const) : [];
  const flags = [...nodeOptions, ...(keyLogFile === undefined ? [] : [`--tls-keylog=${keyLogFile}`])];
  const child = spawn(process.execPath, [...flags, entry, "run", "--config", configFile], {
    stdio: ["ignore", "pipe", "pipe", ...channel],
  }) as Child;
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);

  const log = readLog(child);
  createInterface({ input: child.stdout }).on("line", (line) => onAccessLine(jsonOrText(line)));

  let stopping = false;
  const ended = endOf(child);
  const died = Promise.withResolvers<Error>();
  void ended.then((why) => {
    process.off("exit", killAtExit);
    const error = new Error(
      `the ${side} daemon ended (${why}). Its last log lines:\n${log.tail() || "  (none)"}`,
    );
    log.close(error);
    if (!stopping) died.resolve(error);
  });

  return {
    child,
    died: died.promise,
    logged: (event, signal, count = 1) =>
      clock.within(START_MS, signal, (within) => log.line(event, count, within)),
    async stop() {
      stopping = true;
      child.kill("SIGTERM");
      try {
        await clock.within(STOP_MS, undefined, (within) => orAborted(ended, within));
      } catch {
        child.kill("SIGKILL");
        await ended;
      }
      return child.exitCode;
    },
  };
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

const endOf = async (child: Child): Promise<string> => {
  try {
    const [code, signal] = await once(child, "close");
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  } catch (error) {
    return `could not be started: ${error instanceof Error ? error.message : error}`;
  }
};

/** Of each event, as many lines can be waited for. */
const MOST_WAITED_FOR = 300;

/** The log of a child: lines kept for failures, and promises of the first lines of an event. */
function readLog(child: Child) {
  const lines: string[] = [];
  const slots = new Map<string, PromiseWithResolvers<LogLine>>();
  const seen = new Map<string, number>();
  let failure: Error | undefined;
  const slot = (event: string, count: number) => {
    const name = `${event} ${count}`;
    const found = slots.get(name);
    if (found !== undefined) return found;
    const made = Promise.withResolvers<LogLine>();
    // A promise that nobody waits for is not an unhandled rejection.
    made.promise.catch(() => undefined);
    slots.set(name, made);
    if (failure !== undefined) made.reject(failure);
    return made;
  };
  createInterface({ input: child.stderr }).on("line", (text) => {
    lines.push(text);
    if (lines.length > LINES_KEPT) lines.shift();
    const line = jsonOrText(text);
    if (typeof line !== "object" || line === null) return;
    const event = (line as LogLine).event ?? (line as LogLine).msg;
    if (typeof event !== "string") return;
    const count = (seen.get(event) ?? 0) + 1;
    seen.set(event, count);
    if (count <= MOST_WAITED_FOR) slot(event, count).resolve(line as LogLine);
  });
  return {
    line: (event: string, count: number, signal: AbortSignal) =>
      orAborted(slot(event, count).promise, signal),
    tail: () => lines.map((line) => `  ${line}`).join("\n"),
    close(error: Error) {
      failure = error;
      for (const waiting of slots.values()) waiting.reject(error);
    },
  };
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", stop));
}

const jsonOrText = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
};
