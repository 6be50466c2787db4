/**
 * This checkout beside another one, in one run: both pairs of daemons are up, in front of one web server, and get the same load
 * by turns. Each round gives one ratio of requests a second and one of CPU per request, so that what disturbs the machine for
 * longer than a round disturbs both alike.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { geometricMean, medianOf } from "../report/statistics.ts";
import { type BetweenDaemons, type DaemonPair, joinPair } from "../rig/daemon-pair.ts";
import type { PairSettings } from "../rig/pair-config.ts";
import { cpuMsOf, processesOf, throwUnlessLinux } from "./consumption.ts";
import { type Driver, type Fired, startDriver } from "./driver.ts";
import { note } from "./flaws.ts";
import { LOAD_CASES, pidOf } from "./load.ts";
import { startProgram } from "./program.ts";
import type { StageOptions } from "./stage.ts";
import { BROWSER_ENCODINGS, type Encodings, HOST } from "./timed-visit.ts";

export const AGAINST_NAMES = ["steady-10k", "changing-10k"] as const satisfies (keyof typeof LOAD_CASES)[];
type AgainstName = (typeof AGAINST_NAMES)[number];
const AGAINST_ENCODINGS: readonly Encodings[] = ["none", BROWSER_ENCODINGS];

/** In place of another checkout: the same with nothing told of visits. */
export const UNOBSERVED = "the same with accessLog, serverTiming and hostMetrics off";

/** "this" is the checkout that the bench runs from. */
const SIDES = ["this", "that"] as const;
export type Side = (typeof SIDES)[number];

/** What one side did in one round. */
export interface RoundOfSide {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Of both daemons, user and system, all threads; checked answers count as requests. */
  readonly cpuMsPerRequest: number;
  readonly checked: number;
  readonly errors: number;
  readonly wrong: number;
}

/** @internal */
export type AgainstRound = Readonly<Record<Side, RoundOfSide>>;

/** This to that: above 1 of requests a second and below 1 of CPU per request is better than that checkout. */
export interface Ratios {
  readonly requestsPerSecond: number;
  readonly cpuPerRequest: number;
}

export interface AgainstRow {
  readonly name: AgainstName;
  readonly encodings: Encodings;
  readonly rounds: readonly AgainstRound[];
  /** Median of the rounds' ratios, and the round that was worst for this checkout. */
  readonly ratios: Ratios;
  readonly worst: Ratios;
}

export interface AgainstReport {
  readonly rows: readonly AgainstRow[];
  /** Of the cases' ratios. */
  readonly geometricMean: Ratios;
  /** Of the ratios of all rounds of all cases. */
  readonly median: Ratios;
  readonly against: string;
  readonly driver: string;
  readonly concurrency: number;
  readonly rounds: number;
  /** Of each round, each side. */
  readonly seconds: number;
  readonly firstFlaws: readonly string[];
}

export interface AgainstOptions extends StageOptions {
  /** The folder of the other checkout, with its node_modules; or this one, watched, is held against itself with nobody watching. */
  readonly against: string | typeof UNOBSERVED;
  readonly names: readonly AgainstName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly concurrency: number;
  readonly onCase: (done: number, total: number, label: string) => void;
}

/** Runs the cases. Wrong answers are in the report; rejects when something does not start or dies. */
export async function measureAgainst(options: AgainstOptions): Promise<AgainstReport> {
  throwUnlessLinux();
  const observed = options.against === UNOBSERVED;
  const against = observed ? UNOBSERVED : resolve(options.against);
  if (!observed) throwUnlessCheckout(against);
  await using running = new AsyncDisposableStack();
  const driver = await startDriver(options, running);
  const webServer = await startProgram("web-server", {}, options);
  running.defer(() => webServer.close());
  const pairOf = async (checkout: string | undefined, settings: Settings): Promise<Pair> => {
    const pair = await startQuietPair(options, webServer.address, checkout, settings);
    running.defer(() => pair.stop());
    return pair;
  };
  const folder = mkdtempSync(join(tmpdir(), "coilgun-observed-"));
  running.defer(() => rmSync(folder, { recursive: true, force: true }));
  const pairs = {
    this: await pairOf(undefined, observed ? observedIn(folder) : QUIET),
    that: await pairOf(observed ? undefined : against, QUIET),
  };
  const scene = { ...options, driver, pairs, flaws: [] };
  const cases = options.names.flatMap((name) => AGAINST_ENCODINGS.map((encodings) => ({ name, encodings })));
  const rows: AgainstRow[] = [];
  for (const each of cases) {
    options.onCase(rows.length, cases.length, `${each.name}, accepting ${each.encodings}`);
    rows.push({ ...each, ...ratiosOf(await runCase(scene, each)) });
  }
  return {
    rows,
    ...sumUpRows(rows),
    against,
    driver: driver.name,
    concurrency: options.concurrency,
    rounds: options.rounds,
    seconds: driver.secondsOf(options.seconds),
    firstFlaws: scene.flaws,
  };
}

/** Throws with what is missing; asked before anything is started. */
export function throwUnlessCheckout(folder: string): void {
  for (const needed of ["edge-side/main.ts", "origin-side/main.ts", "node_modules"]) {
    if (existsSync(join(folder, needed))) continue;
    const why = needed === "node_modules" ? "run npm ci there first" : "name the folder of a checkout";
    throw new Error(`${folder} has no ${needed}: ${why}`);
  }
}

type Pair = DaemonPair<BetweenDaemons>;

type Settings = Pick<PairSettings, "edge" | "origin">;

/** Settings that every version knows. */
const QUIET: Settings = { edge: { accessLog: "off" }, origin: { accessLog: "off" } };

/** All that tells of visits. */
const observedIn = (folder: string): Settings => {
  const of = (side: string) => ({
    accessLog: { file: join(folder, `${side}.log`), userAgent: true },
    admin: join(folder, `${side}.sock`),
    hostMetrics: true,
  });
  return { edge: { ...of("edge"), serverTiming: true }, origin: of("origin") };
};

/** With the settings given, and else the defaults; nothing stands between the daemons. */
const startQuietPair = (
  { clock, signal }: StageOptions,
  webServer: string,
  checkout: string | undefined,
  settings: Settings,
): Promise<Pair> =>
  joinPair(
    {
      routes: [{ host: HOST, origin: webServer }],
      clock,
      signal,
      checkout,
      settings,
    },
    async (edgeTunnel) => ({ address: edgeTunnel, close: async () => undefined }),
  );

interface Scene extends AgainstOptions {
  readonly driver: Driver;
  readonly pairs: Readonly<Record<Side, Pair>>;
  readonly flaws: string[];
}

type Case = Pick<AgainstRow, "name" | "encodings">;

async function runCase(scene: Scene, of: Case): Promise<AgainstRound[]> {
  const rounds: AgainstRound[] = [];
  // The first is to warm up both, and not counted.
  for (let round = 0; round <= scene.rounds; round += 1) {
    const both = { this: await runRound(scene, of, "this"), that: await runRound(scene, of, "that") };
    if (round > 0) rounds.push(both);
  }
  return rounds;
}

async function runRound(scene: Scene, { name, encodings }: Case, side: Side): Promise<RoundOfSide> {
  const { driver, seconds, concurrency } = scene;
  const pair = scene.pairs[side];
  const cpuMs = () => cpuMsOfAll([pair.edge, pair.originSide]);
  const before = cpuMs();
  const fired = await driver.fire({
    address: pair.visitors,
    path: LOAD_CASES[name],
    encodings,
    connections: concurrency,
    seconds,
  });
  const used = cpuMs() - before;
  pair.exchanges.throwIfFailed();
  for (const flaw of fired.firstFlaws) note(scene.flaws, `${name} of ${side} checkout: ${flaw}`);
  return roundOf(fired, used);
}

const cpuMsOfAll = (children: readonly ChildProcess[]): number =>
  children
    .flatMap((child) => processesOf(pidOf(child)))
    .map(cpuMsOf)
    .reduce((sum, ms) => sum + ms, 0);

/** @internal */
export const roundOf = (
  { requests, requestsPerSecond, checked, errors, wrong }: Fired,
  cpuMs: number,
): RoundOfSide => ({
  requests,
  requestsPerSecond,
  cpuMsPerRequest: cpuMs / (requests + checked),
  checked,
  errors,
  wrong,
});

const RATIOS = { requestsPerSecond: "requestsPerSecond", cpuPerRequest: "cpuMsPerRequest" } as const;

/** One ratio for each round. */
const each = (rounds: readonly AgainstRound[], name: keyof Ratios): number[] =>
  rounds.map((round) => round.this[RATIOS[name]] / round.that[RATIOS[name]]);

const median = (values: readonly number[]): number => medianOf(values) ?? Number.NaN;

/** @internal */
export const ratiosOf = (
  rounds: readonly AgainstRound[],
): Pick<AgainstRow, "rounds" | "ratios" | "worst"> => ({
  rounds,
  ratios: {
    requestsPerSecond: median(each(rounds, "requestsPerSecond")),
    cpuPerRequest: median(each(rounds, "cpuPerRequest")),
  },
  worst: {
    requestsPerSecond: Math.min(...each(rounds, "requestsPerSecond")),
    cpuPerRequest: Math.max(...each(rounds, "cpuPerRequest")),
  },
});

/** @internal */
export const sumUpRows = (rows: readonly AgainstRow[]): Pick<AgainstReport, "geometricMean" | "median"> => {
  const mean = (name: keyof Ratios) => geometricMean(rows.map(({ ratios }) => ratios[name])) ?? Number.NaN;
  const ofAll = (name: keyof Ratios) => median(rows.flatMap(({ rounds }) => each(rounds, name)));
  return {
    geometricMean: { requestsPerSecond: mean("requestsPerSecond"), cpuPerRequest: mean("cpuPerRequest") },
    median: { requestsPerSecond: ofAll("requestsPerSecond"), cpuPerRequest: ofAll("cpuPerRequest") },
  };
};

/** Every round measured something, and nothing in it was wrong. */
export const isAgainstFlawless = ({ rows, firstFlaws }: AgainstReport): boolean =>
  firstFlaws.length === 0 &&
  rows.every(({ rounds }) =>
    rounds
      .flatMap((round) => SIDES.map((side) => round[side]))
      .every(({ requests, checked, errors, wrong }) => requests > 0 && checked > 0 && errors + wrong === 0),
  );
