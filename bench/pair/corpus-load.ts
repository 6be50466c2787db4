/**
 * Pages of a corpus under load: this checkout, others and the plain proxy in front of one web server in one run, each loaded by turns. Every
 * round gives one ratio to each of the others, so that what disturbs the machine for longer than a round disturbs all alike.
 */
import type { ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { parseHostPort } from "../../protocol/config/units.ts";
import { medianOf } from "../report/statistics.ts";
import { makeCertificate } from "../rig/certificate-files.ts";
import { type BetweenDaemons, joinPair } from "../rig/daemon-pair.ts";
import { throwUnlessCheckout } from "./against.ts";
import { checkMeanwhile } from "./check-meanwhile.ts";
import { ask } from "./child-channel.ts";
import { cpuMsOf, memoryOf, processesOf, throwUnlessLinux } from "./consumption.ts";
import { type CorpusName, corpusPages, flawOfPage, pathOf } from "./corpus-pages.ts";
import { note } from "./flaws.ts";
import { runH2load } from "./h2load.ts";
import { pidOf } from "./load.ts";
import { startProgram, WATCHED } from "./program.ts";
import type { StageOptions } from "./stage.ts";
import { BROWSER_ENCODINGS, type Encodings, HOST } from "./timed-visit.ts";
import type { VitalSigns } from "./vital-signs.ts";
import { runWrk, wholeSeconds, wrkVersion } from "./wrk.ts";

const CORPUS_ENCODINGS: readonly Encodings[] = ["none", BROWSER_ENCODINGS];
/** Before the rounds that count, of each way. */
const WARM_UP_ROUNDS = 2;
const ANY_PORT = "127.0.0.1:0";

export interface CorpusRound {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly errors: number;
  /** Answers that were checked in full beside the load, and those of them that were wrong. */
  readonly checked: number;
  readonly wrong: number;
  /** Sent to visitors, heads too, for a request. */
  readonly visitorBytes: number;
  /** Of all processes of the way, at the round's end. */
  readonly residentBytes: number;
  readonly processes: readonly ProcessRound[];
}

/** One process of a way in one round. */
export interface ProcessRound {
  /** User and system, all threads, for a request; checked answers count as requests. */
  readonly cpuMs: number;
  readonly fullCollectionsPerSecond: number;
  readonly loopDelayP99Ms: number;
}

export interface CorpusWay {
  /** "this", the folder of another checkout, or "http-proxy-3". */
  readonly name: string;
  readonly rounds: readonly CorpusRound[];
  /** This checkout to that way, the median of the rounds; undefined of this checkout. */
  readonly ratios?: { readonly requestsPerSecond: number; readonly cpuPerRequest: number };
}

export interface CorpusRow {
  readonly name: CorpusName;
  readonly encodings: Encodings;
  readonly ways: readonly CorpusWay[];
}

export interface CorpusReport {
  readonly rows: readonly CorpusRow[];
  readonly http2: boolean;
  readonly concurrency: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly firstFlaws: readonly string[];
}

export interface CorpusOptions extends StageOptions {
  /** The folder of the corpus. */
  readonly corpus: string;
  /** Folders of other checkouts. */
  readonly against: readonly string[];
  readonly names: readonly CorpusName[];
  /** Over HTTP/2 and TLS, by h2load; without the plain proxy, which does not speak it. */
  readonly http2: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly concurrency: number;
  readonly onCase: (done: number, total: number, label: string) => void;
}

interface Way {
  readonly name: string;
  /** host:port of the listener without TLS, where answers are checked, and of the one that gets the load. */
  readonly checked: string;
  readonly loaded: string;
  readonly processes: readonly ChildProcess[];
}

/** Runs the cases. Wrong answers are in the report; rejects when something is missing, does not start or dies. */
export async function measureCorpusLoad(options: CorpusOptions): Promise<CorpusReport> {
  throwUnlessLinux();
  if (!options.http2 && wrkVersion() === undefined)
    throw new Error("--corpus needs wrk: install it (apt-get install wrk)");
  const folder = resolve(options.corpus);
  const pages = corpusPages(folder);
  await using running = new AsyncDisposableStack();
  const webServer = await startProgram("corpus-server", { folder }, options);
  running.defer(() => webServer.close());
  const ways = await startWays(options, webServer.address, running);
  const cases = options.names.flatMap((name) => CORPUS_ENCODINGS.map((encodings) => ({ name, encodings })));
  const rows: CorpusRow[] = [];
  const firstFlaws: string[] = [];
  for (const { name, encodings } of cases) {
    options.onCase(rows.length, cases.length, `${name}, accepting ${encodings}`);
    const page = pages.get(pathOf(name));
    if (page === undefined) throw new Error(`no page for ${name}`);
    const flawIn = (body: Buffer, tag: string | undefined) => flawOfPage(page, body, tag);
    const rounds = new Map<Way, CorpusRound[]>(ways.map((way) => [way, []]));
    for (let round = -WARM_UP_ROUNDS; round < options.rounds; round += 1)
      for (const [way, kept] of rounds) {
        const { flaws, ...figures } = await runRound(options, way, pathOf(name), encodings, flawIn);
        for (const flaw of flaws) note(firstFlaws, `${name} of ${way.name}: ${flaw}`);
        if (round >= 0) kept.push(figures);
      }
    rows.push({ name, encodings, ways: withRatios([...rounds].map(([way, kept]) => [way.name, kept])) });
  }
  const { http2, concurrency, rounds } = options;
  return { rows, http2, concurrency, rounds, seconds: wholeSeconds(options.seconds), firstFlaws };
}

async function startWays(
  options: CorpusOptions,
  webServer: string,
  running: AsyncDisposableStack,
): Promise<Way[]> {
  const { clock, signal, http2 } = options;
  const against = options.against.map((checkout) => resolve(checkout));
  for (const checkout of against) throwUnlessCheckout(checkout);
  const { remove, ...files } = await makeCertificate(HOST);
  running.defer(remove);
  const visitors = http2 ? [ANY_PORT, { listen: ANY_PORT, ...files }] : ANY_PORT;
  const ways: Way[] = [];
  for (const checkout of [undefined, ...against]) {
    const pair = await joinPair(
      {
        routes: [{ host: HOST, origin: webServer }],
        clock,
        signal,
        checkout,
        nodeOptions: WATCHED,
        settings: { edge: { accessLog: "off", visitors }, origin: { accessLog: "off" } },
      },
      async (address): Promise<BetweenDaemons> => ({ address, close: async () => undefined }),
    );
    running.defer(() => pair.stop());
    const [checked = "", loaded = checked] = pair.visitors.split(" ");
    ways.push({ name: checkout ?? "this", checked, loaded, processes: [pair.edge, pair.originSide] });
  }
  if (http2) return ways;
  const plain = await startProgram(
    "plain-proxy",
    { target: webServer },
    { ...options, nodeOptions: WATCHED },
  );
  running.defer(() => plain.close());
  const { address } = plain;
  return [...ways, { name: "http-proxy-3", checked: address, loaded: address, processes: [plain.child] }];
}

async function runRound(
  { clock, signal, http2, seconds, concurrency }: CorpusOptions,
  way: Way,
  path: string,
  encodings: Encodings,
  flawIn: (body: Buffer, tag: string | undefined) => string | undefined,
): Promise<CorpusRound & { readonly flaws: readonly string[] }> {
  const signsOf = (child: ChildProcess) =>
    ask(child, "vital signs", undefined, { clock, signal }) as Promise<VitalSigns>;
  const sentIn = (signs: VitalSigns | undefined) => signs?.inbound[parseHostPort(way.loaded).port]?.sent ?? 0;
  const cpu = () => way.processes.map((child) => sumOver(processesOf(pidOf(child)), cpuMsOf));
  const stopping = new AbortController();
  const [before] = await Promise.all(way.processes.map(signsOf));
  const cpuBefore = cpu();
  const from = performance.now();
  const checking = checkMeanwhile({ address: way.checked, path, encodings }, stopping.signal, flawIn);
  try {
    const volley = { address: way.loaded, path, encodings, connections: concurrency, seconds };
    const { requests, requestsPerSecond, errors } = await (http2 ? runH2load : runWrk)(volley, signal);
    stopping.abort();
    const { firstFlaws, ...checks } = await checking;
    const cpuAfter = cpu();
    const tookSeconds = (performance.now() - from) / 1000;
    const after = await Promise.all(way.processes.map(signsOf));
    const answered = requests + checks.checked;
    return {
      ...{ requests, requestsPerSecond, errors, ...checks },
      // Over HTTP/2 the checked answers leave by another port.
      visitorBytes: (sentIn(after[0]) - sentIn(before)) / (http2 ? requests : answered),
      residentBytes: sumOver(way.processes, (child) => memoryOf(pidOf(child)).residentBytes),
      processes: after.map(({ collection, loopDelayMs }, at) => ({
        cpuMs: ((cpuAfter[at] ?? 0) - (cpuBefore[at] ?? 0)) / answered,
        fullCollectionsPerSecond: collection.full / tookSeconds,
        loopDelayP99Ms: loopDelayMs.p99,
      })),
      flaws: errors > 0 ? [`${errors} requests failed`, ...firstFlaws] : firstFlaws,
    };
  } finally {
    stopping.abort();
  }
}

const sumOver = <Each>(values: readonly Each[], of: (value: Each) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0);

/** The CPU milliseconds of all processes of a way for a request. */
export const cpuOf = ({ processes }: CorpusRound): number => sumOver(processes, ({ cpuMs }) => cpuMs);

/** The first way is this checkout; the others get what it is to them, round by round. @internal */
export const withRatios = (ways: readonly (readonly [string, readonly CorpusRound[]])[]): CorpusWay[] =>
  ways.map(([name, rounds], at) => {
    const [, own = []] = ways[0] ?? [];
    const median = (of: (round: CorpusRound) => number) =>
      medianOf(own.map((round, number) => of(round) / of(rounds[number] ?? round))) ?? Number.NaN;
    return {
      name,
      rounds,
      ...(at > 0 && {
        ratios: {
          requestsPerSecond: median(({ requestsPerSecond }) => requestsPerSecond),
          cpuPerRequest: median(cpuOf),
        },
      }),
    };
  });

/** Every round measured something, and nothing in it was wrong. */
export const isCorpusLoadFlawless = ({ rows, firstFlaws }: CorpusReport): boolean =>
  firstFlaws.length === 0 &&
  rows.every(({ ways }) =>
    ways
      .flatMap(({ rounds }) => rounds)
      .every(({ requests, checked, errors, wrong }) => requests > 0 && checked > 0 && errors + wrong === 0),
  );
