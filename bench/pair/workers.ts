/**
 * What several workers on each side gain and cost beside one: requests a second and CPU, in alternating rounds of one run, and
 * what a session's page costs until the workers that it comes to know it.
 */

import { type BetweenDaemons, type DaemonPair, joinPair } from "../rig/daemon-pair.ts";
import { ask } from "./child-channel.ts";
import { cpuMsOf, loopCpuMsOf, processesOf, throwUnlessLinux } from "./consumption.ts";
import { type CrowdCost, costOfCrowd } from "./crowd.ts";
import { note } from "./flaws.ts";
import { LOAD_CASES, type LoadName, pidOf } from "./load.ts";
import type { Volley, VolleyResult } from "./load-gun.ts";
import { type Program, startProgram } from "./program.ts";
import type { StageOptions } from "./stage.ts";
import { type Encodings, HOST } from "./timed-visit.ts";

/** Each number of workers gets its seconds in so many rounds, in turn. */
const ROUNDS = 4;
const WARM_UP = 0.5;
const SLACK_MS = 60_000;
/** One template goes to one worker of the origin side; a site has more. */
const TEMPLATES = 16;
/** The load comes from one address, as from a proxy: so its connections are spread. */
const SPREAD = ["127.0.0.0/8"];

const CASES: readonly { readonly name: LoadName; readonly encodings: Encodings }[] = [
  { name: "steady-10k", encodings: "none" },
  { name: "changing-10k", encodings: "none" },
  { name: "changing-10k", encodings: "gzip, br" },
  { name: "changing-100k", encodings: "none" },
];
const CROWD = { visitors: 40, visitsEach: 5, path: "/changing-44k" };

export interface WorkersOptions extends StageOptions {
  readonly workers: number;
  readonly seconds: number;
  readonly concurrency: number;
  readonly onCase: (done: number, total: number, label: string) => void;
}

export interface WorkersLoad {
  readonly workers: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  /** Of all processes of the pair. */
  readonly cpuMsPerRequest: number;
  /** Of the one event loop that used most: what a machine with cores enough would be limited by. */
  readonly busiestLoopMsPerRequest: number;
}

export interface WorkersReport {
  readonly rows: readonly {
    readonly name: LoadName;
    readonly encodings: Encodings;
    readonly one: WorkersLoad;
    readonly several: WorkersLoad;
  }[];
  readonly crowds: readonly (CrowdCost & { readonly label: string })[];
  readonly crowd: typeof CROWD;
  readonly workers: number;
  readonly concurrency: number;
  readonly seconds: number;
  readonly errors: number;
  readonly firstFlaws: readonly string[];
}

type Pair = DaemonPair<BetweenDaemons>;

export async function measureWorkers(options: WorkersOptions): Promise<WorkersReport> {
  throwUnlessLinux();
  const { workers, seconds, concurrency, onCase } = options;
  await using running = new AsyncDisposableStack();
  const webServer = await startProgram("web-server", {}, options);
  running.defer(() => webServer.close());
  const flaws: string[] = [];

  const crowds: (CrowdCost & { label: string })[] = [];
  const total = CASES.length + 3;
  for (const [label, count, trustedProxies] of [
    ["one worker", 1, []],
    [`${workers} workers, a visitor stays with one`, workers, []],
    [`${workers} workers, connections spread`, workers, SPREAD],
  ] as const) {
    onCase(crowds.length, total, label);
    await using pair = new AsyncDisposableStack();
    const started = await startPair(webServer, { ...options, workers: count }, { trustedProxies });
    pair.defer(() => started.stop());
    crowds.push({ label, ...(await costOfCrowd(started, CROWD, { flaws, signal: options.signal })) });
  }

  const gun = await startProgram("load-gun", {}, options);
  running.defer(() => gun.close());
  const quiet = { trustedProxies: SPREAD, accessLog: "off" };
  const pairs: Pair[] = [];
  for (const count of [1, workers]) {
    const pair = await startPair(webServer, { ...options, workers: count }, quiet, { accessLog: "off" });
    running.defer(() => pair.stop());
    pairs.push(pair);
  }
  const rows: WorkersReport["rows"][number][] = [];
  let errors = 0;
  for (const { name, encodings } of CASES) {
    onCase(crowds.length + rows.length, total, `${name}, accepting ${encodings}`);
    const rounds: Round[][] = pairs.map(() => []);
    for (let round = -1; round < ROUNDS; round += 1) {
      for (const [at, pair] of pairs.entries()) {
        const share = round < 0 ? WARM_UP : 1 / ROUNDS;
        const fired = await runRound(pair, gun, options, { name, encodings, seconds: seconds * share });
        errors += fired.volley.errors + fired.volley.wrong;
        for (const flaw of fired.volley.firstFlaws) note(flaws, `${name}: ${flaw}`);
        if (round >= 0) rounds[at]?.push(fired);
      }
    }
    rows.push({ name, encodings, one: sumUp(1, rounds[0] ?? []), several: sumUp(workers, rounds[1] ?? []) });
  }
  return { rows, crowds, crowd: CROWD, workers, concurrency, seconds, errors, firstFlaws: flaws };
}

const startPair = (
  webServer: Program,
  { clock, signal, workers }: WorkersOptions,
  edge: object,
  origin: object = {},
): Promise<Pair> =>
  joinPair(
    {
      routes: [{ host: HOST, origin: webServer.address }],
      clock,
      signal,
      // What strangers' pages bring comes at moments of its own, and would hide what a worker has to learn.
      settings: { commonBases: false, edge: { workers, ...edge }, origin: { workers, ...origin } },
      links: workers ** 2,
    },
    async (address): Promise<BetweenDaemons> => ({ address, close: async () => undefined }),
  );

interface Round {
  readonly volley: VolleyResult;
  readonly cpuMs: number;
  /** By process. */
  readonly loopMs: ReadonlyMap<number, number>;
}

async function runRound(
  pair: Pair,
  gun: Program,
  { clock, signal, concurrency }: WorkersOptions,
  what: { readonly name: LoadName; readonly encodings: Encodings; readonly seconds: number },
): Promise<Round> {
  const pids = [pair.edge, pair.originSide].flatMap((child) => processesOf(pidOf(child)));
  const used = () => pids.map((pid) => [cpuMsOf(pid), loopCpuMsOf(pid)] as const);
  const before = used();
  const volley = (await ask(
    gun.child,
    "volley",
    {
      address: pair.visitors,
      path: LOAD_CASES[what.name],
      templates: TEMPLATES,
      encodings: what.encodings,
      connections: concurrency,
      seconds: what.seconds,
    } satisfies Volley,
    { clock, signal, withinMs: what.seconds * 1000 + SLACK_MS },
  )) as VolleyResult;
  const after = used();
  const since = (at: number, of: 0 | 1) => (after[at]?.[of] ?? 0) - (before[at]?.[of] ?? 0);
  return {
    volley,
    cpuMs: pids.reduce((sum, _, at) => sum + since(at, 0), 0),
    loopMs: new Map(pids.map((pid, at) => [pid, since(at, 1)])),
  };
}

function sumUp(workers: number, rounds: readonly Round[]): WorkersLoad {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const requests = sum(({ volley }) => volley.requests);
  const answered = requests + sum(({ volley }) => volley.checked);
  const times = rounds.flatMap(({ volley }) => volley.ms).sort((a, b) => a - b);
  const pids = [...(rounds[0]?.loopMs.keys() ?? [])];
  const busiest = Math.max(0, ...pids.map((pid) => sum(({ loopMs }) => loopMs.get(pid) ?? 0)));
  return {
    workers,
    requests,
    requestsPerSecond: requests / sum(({ volley }) => volley.seconds),
    p50Ms: times[Math.floor(times.length / 2)] ?? Number.NaN,
    cpuMsPerRequest: sum(({ cpuMs }) => cpuMs) / answered,
    busiestLoopMsPerRequest: busiest / answered,
  };
}
