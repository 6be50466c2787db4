/**
 * The latency of one page at a time, by way of the pair, the plain proxy and straight, in turn within one round: what
 * disturbs the machine disturbs all alike. Alone; beside a large download that takes the same way; and small answers
 * beside three of them.
 */
import type { Percentiles } from "../report/statistics.ts";
import { percentilesOf } from "../report/statistics.ts";
import { type Downloads, startDownloads } from "./downloads.ts";
import { note } from "./flaws.ts";
import { type LinkSettings, type Stage, type StageOptions, startStage } from "./stage.ts";
import { ENCODINGS, type Encodings, type TimedVisitor, timedVisitor } from "./timed-visit.ts";

const WAYS = ["pair", "plain", "straight"] as const;
export type Way = (typeof WAYS)[number];

export const LINKS = ["loopback", "emulated"] as const;
export type LinkKind = (typeof LINKS)[number];

interface LatencyCase {
  readonly path: string;
  /** Downloads that run beside, the same way. */
  readonly downloads: number;
  readonly encodings: readonly Encodings[];
  /** On which links the question means something. */
  readonly links: readonly LinkKind[];
}

const LATENCY_CASES = {
  "page-10k": { path: "/changing-10k", downloads: 0, encodings: ENCODINGS, links: LINKS },
  "page-44k": { path: "/changing-44k", downloads: 0, encodings: ENCODINGS, links: LINKS },
  "page-100k": { path: "/changing-100k", downloads: 0, encodings: ENCODINGS, links: LINKS },
  small: { path: "/small", downloads: 0, encodings: ["none"], links: LINKS },
  "beside-download": { path: "/changing-44k", downloads: 1, encodings: ["gzip, br"], links: LINKS },
  "small-beside-bulk": { path: "/small", downloads: 3, encodings: ["none"], links: ["emulated"] },
} as const satisfies Readonly<Record<string, LatencyCase>>;

export type LatencyName = keyof typeof LATENCY_CASES;
export const LATENCY_NAMES = Object.keys(LATENCY_CASES) as LatencyName[];

/** Visits that build the bases and open the connections, of each way; checked, not counted. */
const WARM_UP_VISITS = 6;
/** Visitors at a time that warm the programs up, or an emulated link would take minutes. */
const WARM_UP_VISITORS = 16;
/** However short a case: fewer would be no figure. */
const LEAST_ROUNDS = 3;
/** Downloads take turns: so many times each way. */
const DOWNLOAD_TURNS = 3;
/** Until windows have grown and queues have filled as far as they will. */
const SETTLE_MS = 2_000;

export interface LatencyRow {
  readonly link: LinkKind;
  readonly name: LatencyName;
  readonly encodings: Encodings;
  readonly ways: Readonly<Partial<Record<Way, LatencyOfWay>>>;
}

export interface LatencyOfWay {
  readonly visits: number;
  readonly ms: Percentiles | null;
  readonly longestMs: number;
  /** On the link, both ways, for a visit; null beside downloads, which share it. */
  readonly linkBytesPerVisit: number | null;
  /** Bits a second of the downloads that ran beside; null without. */
  readonly downloadBitsPerSecond: number | null;
  readonly wrong: number;
}

export interface LatencyOptions extends StageOptions {
  readonly seconds: number;
  /** Visits before each case, each way: a daemon runs for weeks, and Node compiles what has run some hundred times. */
  readonly warmUpVisits: number;
  readonly names: readonly LatencyName[];
  readonly links: readonly LinkKind[];
  readonly emulation: LinkSettings;
  /** Called before each case. */
  readonly onCase: (done: number, total: number, label: string) => void;
}

export interface LatencyReport {
  readonly rows: readonly LatencyRow[];
  readonly emulation: LinkSettings;
  readonly firstFlaws: readonly string[];
}

/** Runs the cases. Wrong bodies are in the report; rejects when something does not start or dies. */
export async function measureLatency(options: LatencyOptions): Promise<LatencyReport> {
  const plan = options.links.map((link) => ({ link, cases: casesOn(link, options.names) }));
  const total = plan.reduce((sum, { cases }) => sum + cases.length, 0);
  const rows: LatencyRow[] = [];
  const flaws: string[] = [];
  for (const { link, cases } of plan) {
    if (cases.length === 0) continue;
    await using running = new AsyncDisposableStack();
    const stage = await startStage(
      { ...options, link: link === "emulated" ? options.emulation : undefined },
      running,
    );
    const visitors = {} as Record<Way, TimedVisitor>;
    for (const way of WAYS) {
      visitors[way] = timedVisitor(stage[way], options.clock);
      running.defer(async () => visitors[way].close());
    }
    const scene: Scene = { ...options, stage, visitors, flaws };
    for (const { name, encodings } of cases) {
      options.onCase(rows.length, total, `${name}, ${link}, accepting ${encodings}`);
      const ways = await runCase(scene, LATENCY_CASES[name], encodings);
      rows.push({ link, name, encodings, ways });
      stage.throwIfFailed();
    }
  }
  return { rows, emulation: options.emulation, firstFlaws: flaws };
}

const casesOn = (link: LinkKind, names: readonly LatencyName[]) =>
  names
    .filter((name) => (LATENCY_CASES[name].links as readonly LinkKind[]).includes(link))
    .flatMap((name) => LATENCY_CASES[name].encodings.map((encodings) => ({ name, encodings })));

interface Scene extends LatencyOptions {
  readonly stage: Stage;
  readonly visitors: Readonly<Record<Way, TimedVisitor>>;
  readonly flaws: string[];
}

/** What one way has shown so far. */
class Tally {
  readonly times: number[] = [];
  visits = 0;
  wrong = 0;
  linkBytes = 0;
  downloaded = 0;
  downloadMs = 0;

  of(beside: boolean): LatencyOfWay {
    return {
      visits: this.visits,
      ms: percentilesOf(this.times) ?? null,
      longestMs: Math.max(0, ...this.times),
      linkBytesPerVisit: beside || this.visits === 0 ? null : this.linkBytes / this.visits,
      downloadBitsPerSecond: beside ? (this.downloaded * 8) / (this.downloadMs / 1000) : null,
      wrong: this.wrong,
    };
  }
}

async function runCase(
  scene: Scene,
  { path, downloads }: LatencyCase,
  encodings: Encodings,
): Promise<LatencyRow["ways"]> {
  const ways: readonly Way[] = downloads === 0 ? WAYS : ["pair", "plain"];
  const tallies = new Map(ways.map((way) => [way, new Tally()]));
  const visitBy = async (visitor: TimedVisitor, way: Way, tally: Tally) => {
    const visited = await visitor.visit(path, encodings, scene.signal);
    if (visited.flaw !== undefined) {
      tally.wrong += 1;
      note(scene.flaws, `${path} by way of ${way}: ${visited.flaw}`);
    }
    return visited;
  };
  const visit = async (way: Way, tally: Tally, counted: boolean) => {
    const { ms, bytes, flaw } = await visitBy(scene.visitors[way], way, tally);
    if (!counted) return;
    tally.visits += 1;
    if (flaw === undefined) tally.times.push(ms);
    if (way === "straight") tally.linkBytes += bytes;
  };
  for (const [way, tally] of tallies) {
    await warmUp(scene, way, (visitor) => visitBy(visitor, way, tally));
    for (let warm = 0; warm < WARM_UP_VISITS; warm += 1) await visit(way, tally, false);
  }
  if (downloads === 0) await inTurn(scene, tallies, visit);
  else await besideDownloads(scene, tallies, visit, downloads);
  return Object.fromEntries([...tallies].map(([way, tally]) => [way, tally.of(downloads > 0)]));
}

/** Not timed, and checked like all others. */
async function warmUp(
  { stage, warmUpVisits, clock }: Scene,
  way: Way,
  visitBy: (visitor: TimedVisitor) => Promise<unknown>,
): Promise<void> {
  let left = warmUpVisits;
  const visitUntilWarm = async () => {
    const visitor = timedVisitor(stage[way], clock);
    try {
      while (left-- > 0) await visitBy(visitor);
    } finally {
      visitor.close();
    }
  };
  await Promise.all(Array.from({ length: WARM_UP_VISITORS }, visitUntilWarm));
}

type VisitOnce = (way: Way, tally: Tally, counted: boolean) => Promise<void>;

async function inTurn(
  { stage, seconds, clock }: Scene,
  tallies: ReadonlyMap<Way, Tally>,
  visit: VisitOnce,
): Promise<void> {
  const counted = ["pair", "plain"] as const;
  const before = await Promise.all(counted.map((way) => stage.linkBytes(way)));
  const until = clock.now() + seconds * 1000;
  for (let round = 0; round < LEAST_ROUNDS || clock.now() < until; round += 1) {
    for (const [way, tally] of tallies) await visit(way, tally, true);
  }
  const after = await Promise.all(counted.map((way) => stage.linkBytes(way)));
  for (const [at, way] of counted.entries()) {
    const tally = tallies.get(way);
    if (tally !== undefined) tally.linkBytes = (after[at] ?? 0) - (before[at] ?? 0);
  }
}

async function besideDownloads(
  scene: Scene,
  tallies: ReadonlyMap<Way, Tally>,
  visit: VisitOnce,
  downloads: number,
): Promise<void> {
  const { clock, signal, stage, seconds } = scene;
  const turnMs = (seconds * 1000) / DOWNLOAD_TURNS;
  for (let turn = 0; turn < DOWNLOAD_TURNS; turn += 1) {
    for (const [way, tally] of tallies) {
      const running = await startDownloads(stage[way], downloads, signal);
      try {
        await clock.sleep(Math.min(SETTLE_MS, turnMs), signal);
        const [from, received] = [clock.now(), running.received];
        do await visit(way, tally, true);
        while (clock.now() < from + turnMs);
        tally.downloaded += running.received - received;
        tally.downloadMs += clock.now() - from;
      } finally {
        endOf(running, way, tally, scene.flaws);
      }
    }
  }
}

function endOf(running: Downloads, way: Way, tally: Tally, flaws: string[]): void {
  running.stop();
  if (running.flaw === undefined) return;
  tally.wrong += 1;
  note(flaws, `by way of ${way}: ${running.flaw}`);
}
