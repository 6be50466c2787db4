/**
 * Requests a second, CPU time per request, memory and the health of the event loops under a load of fixed concurrency,
 * for pair and plain proxy in alternating rounds of one run.
 */
import type { ChildProcess } from "node:child_process";
import { ask } from "./child-channel.ts";
import { cpuMsOf, loopCpuMsOf, memoryOf, throwUnlessLinux } from "./consumption.ts";
import { note } from "./flaws.ts";
import type { Volley, VolleyResult } from "./load-gun.ts";
import { type Program, startProgram } from "./program.ts";
import { type Stage, type StageChildren, type StageOptions, startStage } from "./stage.ts";
import { ENCODINGS, type Encodings } from "./timed-visit.ts";
import type { VitalSigns } from "./vital-signs.ts";

const LOAD_CASES = {
  "steady-10k": "/steady-10k",
  "changing-10k": "/changing-10k",
  "changing-100k": "/changing-100k",
  "image-100k": "/image-100k",
} as const;

export type LoadName = keyof typeof LOAD_CASES;
export const LOAD_NAMES = Object.keys(LOAD_CASES) as LoadName[];

export const LOAD_WAYS = ["pair", "plain"] as const;
export type LoadWay = (typeof LOAD_WAYS)[number];

/** Each way gets its seconds in so many rounds, in turn. */
const ROUNDS = 4;
/** Of a case's seconds, before it, each way; not counted. */
const WARM_UP = 0.25;
/** Beyond a volley's own time, for answers that are slow. */
const SLACK_MS = 60_000;

export interface LoadRow {
  readonly name: LoadName;
  readonly encodings: Encodings;
  readonly ways: Readonly<Record<LoadWay, LoadOfWay>>;
  /** Pair to plain: requests a second, and CPU per request of all the way's own processes. */
  readonly ratios: { readonly requestsPerSecond: number; readonly cpuPerRequest: number };
}

export interface LoadOfWay {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly ms: { readonly p50: number; readonly p99: number };
  readonly linkBytesPerRequest: number;
  /** CPU milliseconds of each process for a request. */
  readonly cpuMsPerRequest: Readonly<Partial<Record<keyof StageChildren, number>>>;
  /** Of that, on the thread of the event loop. */
  readonly loopCpuMsPerRequest: Readonly<Partial<Record<keyof StageChildren, number>>>;
  readonly health: Readonly<Partial<Record<keyof StageChildren, Health>>>;
  readonly checked: number;
  readonly errors: number;
  readonly wrong: number;
}

/** Over all rounds of a case: the worst round's delay, the longest pause and span. */
export interface Health {
  readonly loopDelayP99Ms: number;
  readonly longestSpanMs: number;
  readonly longestCollectionMs: number;
  /** Share of the time that the event loop stood still for collection. */
  readonly collectionShare: number;
}

export interface LoadReport {
  readonly rows: readonly LoadRow[];
  readonly concurrency: number;
  readonly seconds: number;
  readonly peakBytes: Readonly<Partial<Record<keyof StageChildren, number>>>;
  readonly firstFlaws: readonly string[];
}

export interface LoadOptions extends StageOptions {
  /** For each case and way. */
  readonly seconds: number;
  readonly concurrency: number;
  readonly names: readonly LoadName[];
  readonly onCase: (done: number, total: number, label: string) => void;
}

/** The processes that a way consists of, without the web server behind both. */
export const OWN: Readonly<Record<LoadWay, readonly (keyof StageChildren)[]>> = {
  pair: ["edge", "originSide"],
  plain: ["plain"],
};

/** Runs the cases. Wrong answers are in the report; rejects when something does not start or dies. */
export async function measureLoad(options: LoadOptions): Promise<LoadReport> {
  throwUnlessLinux();
  await using running = new AsyncDisposableStack();
  const stage = await startStage(options, running);
  const gun = await startProgram("load-gun", {}, options);
  running.defer(() => gun.close());
  const flaws: string[] = [];
  const rows: LoadRow[] = [];
  const total = options.names.length * ENCODINGS.length;
  for (const name of options.names) {
    for (const encodings of ENCODINGS) {
      options.onCase(rows.length, total, `${name}, accepting ${encodings}`);
      rows.push(await runCase({ ...options, stage, gun, flaws }, name, encodings));
      stage.throwIfFailed();
    }
  }
  const peaks = Object.entries(stage.children).map(([who, child]) => [who, memoryOf(pidOf(child)).peakBytes]);
  return {
    rows,
    concurrency: options.concurrency,
    seconds: options.seconds,
    peakBytes: Object.fromEntries(peaks),
    firstFlaws: flaws,
  };
}

interface Scene extends LoadOptions {
  readonly stage: Stage;
  readonly gun: Program;
  readonly flaws: string[];
}

/** One volley, and what it cost everybody. */
interface Round {
  readonly volley: VolleyResult;
  readonly cpuMs: Readonly<Partial<Record<keyof StageChildren, number>>>;
  readonly loopCpuMs: Readonly<Partial<Record<keyof StageChildren, number>>>;
  readonly signs: Readonly<Partial<Record<keyof StageChildren, VitalSigns>>>;
  readonly linkBytes: number;
}

async function runCase(scene: Scene, name: LoadName, encodings: Encodings): Promise<LoadRow> {
  const rounds: Record<LoadWay, Round[]> = { pair: [], plain: [] };
  for (const way of LOAD_WAYS) await runRound(scene, way, name, encodings, scene.seconds * WARM_UP);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of LOAD_WAYS) {
      rounds[way].push(await runRound(scene, way, name, encodings, scene.seconds / ROUNDS));
    }
  }
  const pair = sumUp("pair", rounds.pair);
  const plain = sumUp("plain", rounds.plain);
  const own = (way: LoadWay, { cpuMsPerRequest }: LoadOfWay) =>
    OWN[way].reduce((sum, who) => sum + (cpuMsPerRequest[who] ?? 0), 0);
  return {
    name,
    encodings,
    ways: { pair, plain },
    ratios: {
      requestsPerSecond: pair.requestsPerSecond / plain.requestsPerSecond,
      cpuPerRequest: own("pair", pair) / own("plain", plain),
    },
  };
}

async function runRound(
  { stage, gun, clock, signal, concurrency, flaws }: Scene,
  way: LoadWay,
  name: LoadName,
  encodings: Encodings,
  seconds: number,
): Promise<Round> {
  const watched = OWN[way];
  const paid = [...watched, "webServer"] as const;
  for (const who of watched) await stage.signsOf(stage.children[who]);
  const bytesBefore = await stage.linkBytes(way);
  const used = (of: (pid: number) => number) => paid.map((who) => of(pidOf(stage.children[who])));
  const [cpuBefore, loopBefore] = [used(cpuMsOf), used(loopCpuMsOf)];
  const volley = (await ask(
    gun.child,
    "volley",
    {
      address: stage[way],
      path: LOAD_CASES[name],
      encodings,
      connections: concurrency,
      seconds,
    } satisfies Volley,
    { clock, signal, withinMs: seconds * 1000 + SLACK_MS },
  )) as VolleyResult;
  const [cpuAfter, loopAfter] = [used(cpuMsOf), used(loopCpuMsOf)];
  const since = (before: readonly number[], after: readonly number[]) =>
    Object.fromEntries(paid.map((who, at) => [who, (after[at] ?? 0) - (before[at] ?? 0)]));
  const signs: [string, VitalSigns][] = [];
  for (const who of watched) signs.push([who, await stage.signsOf(stage.children[who])]);
  for (const flaw of volley.firstFlaws) note(flaws, `${name} by way of ${way}: ${flaw}`);
  return {
    volley,
    cpuMs: since(cpuBefore, cpuAfter),
    loopCpuMs: since(loopBefore, loopAfter),
    signs: Object.fromEntries(signs),
    linkBytes: (await stage.linkBytes(way)) - bytesBefore,
  };
}

/** @internal */
export function sumUp(way: LoadWay, rounds: readonly Round[]): LoadOfWay {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const requests = sum(({ volley }) => volley.requests);
  const seconds = sum(({ volley }) => volley.seconds);
  // Checked answers cross the same processes and the same link.
  const answered = requests + sum(({ volley }) => volley.checked);
  const times = rounds.flatMap(({ volley }) => volley.ms).sort((a, b) => a - b);
  const at = (share: number) => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? Number.NaN;
  const paid = [...OWN[way], "webServer" as const];
  const perRequest = (costs: (round: Round) => Round["cpuMs"]) =>
    Object.fromEntries(paid.map((who) => [who, sum((round) => costs(round)[who] ?? 0) / answered]));
  const healthOf = (who: keyof StageChildren): Health => {
    const worst = (of: (signs: VitalSigns) => number) =>
      Math.max(0, ...rounds.flatMap(({ signs }) => (signs[who] === undefined ? [] : [of(signs[who])])));
    return {
      loopDelayP99Ms: worst(({ loopDelayMs }) => loopDelayMs.p99),
      longestSpanMs: worst(({ loopDelayMs }) => loopDelayMs.longest),
      longestCollectionMs: worst(({ collection }) => collection.longestMs),
      collectionShare: sum(({ signs }) => signs[who]?.collection.ms ?? 0) / (seconds * 1000),
    };
  };
  return {
    requests,
    requestsPerSecond: requests / seconds,
    ms: { p50: at(0.5), p99: at(0.99) },
    linkBytesPerRequest: sum(({ linkBytes }) => linkBytes) / answered,
    cpuMsPerRequest: perRequest(({ cpuMs }) => cpuMs),
    loopCpuMsPerRequest: perRequest(({ loopCpuMs }) => loopCpuMs),
    health: Object.fromEntries(OWN[way].map((who) => [who, healthOf(who)])),
    checked: sum(({ volley }) => volley.checked),
    errors: sum(({ volley }) => volley.errors),
    wrong: sum(({ volley }) => volley.wrong),
  };
}

/** A measured process runs, so it has a number. */
export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("a process of the measurement is not running");
  return pid;
}
