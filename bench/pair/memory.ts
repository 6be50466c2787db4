/**
 * What both daemons hold while a hundred thousand varied pages cross with a small store: resident memory, sampled, against
 * the bound that `check` states. Half of the visits ask for a page that was asked for before. Every body is checked.
 */
import type { ChildProcess } from "node:child_process";
import { memoryBound, originMemory } from "../../protocol/daemon/memory-bound.ts";
import { chanceFor } from "../demo-site/chance.ts";
import { memoryOf, throwUnlessLinux } from "./consumption.ts";
import { note } from "./flaws.ts";
import { pidOf } from "./load.ts";
import { type StageOptions, startStage } from "./stage.ts";
import { timedVisitor } from "./timed-visit.ts";
import { VARIED_PATH } from "./web-server.ts";

const MIB = 2 ** 20;
const STORE_MIB = 32;
/** `store.size` of both sides: filled many times over. @internal */
export const STORE_BYTES = STORE_MIB * MIB;
/** Of both sides: the store, and the defaults of what else the bound depends on. */
const SETTINGS = {
  store: { sizeBytes: STORE_BYTES },
  memory: { budgetBytes: 128 * MIB },
  limits: { headBytes: 64 * 1024 },
};

const SAMPLE_MS = 250;
const SEED = 2408;
/** Pages asked for again are among so many latest ones. */
const REVISITED = 2_000;

export interface MemoryOptions extends StageOptions {
  readonly requests: number;
  readonly concurrency: number;
  readonly onProgress: (done: number) => void;
}

export interface MemoryReport {
  readonly requests: number;
  readonly concurrency: number;
  readonly storeBytes: number;
  /** What a daemon stays below here; of both sides the smaller one. */
  readonly boundBytes: number;
  readonly daemons: Readonly<Record<"edge" | "originSide", DaemonMemory>>;
  readonly seconds: number;
  readonly wrong: number;
  readonly firstFlaws: readonly string[];
}

interface DaemonMemory {
  /** When it was ready, before the first visit. */
  readonly atStartBytes: number;
  /** The largest sample of each tenth of the visits: whether it still grows at the end. */
  readonly largestByTenth: readonly number[];
  readonly peakBytes: number;
}

/** @internal */
export const boundFor = (concurrency: number): number =>
  memoryBound(originMemory(SETTINGS), { links: 1, connections: 0, requests: concurrency });

/** The page that visit `number` asks for: half new ones, half among the latest. @internal */
export function pageOfVisit(number: number): number {
  const chance = chanceFor(SEED, "memory", number);
  if (number === 0 || chance.next() < 0.5) return number;
  return Math.max(0, number - chance.between(1, REVISITED));
}

export async function measureMemory(options: MemoryOptions): Promise<MemoryReport> {
  throwUnlessLinux();
  const { clock, signal, requests, concurrency, onProgress } = options;
  await using running = new AsyncDisposableStack();
  const store = { store: { size: `${STORE_MIB} MiB` } };
  const stage = await startStage({ ...options, settings: { edge: store, origin: store } }, running);
  const watched = { edge: watch(stage.children.edge), originSide: watch(stage.children.originSide) };
  const from = clock.now();
  const firstFlaws: string[] = [];
  let [sent, done, wrong] = [0, 0, 0];

  const sampling = new AbortController();
  running.defer(async () => sampling.abort());
  const samples = (async () => {
    while (!sampling.signal.aborted) {
      const tenth = Math.min(9, Math.floor((done / requests) * 10));
      for (const one of Object.values(watched)) one.sample(tenth);
      onProgress(done);
      await clock.sleep(SAMPLE_MS, sampling.signal).catch(() => undefined);
    }
  })();
  const visitUntilAllAreSent = async () => {
    const visitor = timedVisitor(stage.pair, clock);
    try {
      while (sent < requests) {
        sent += 1;
        const path = `${VARIED_PATH}${pageOfVisit(sent)}`;
        const { flaw } = await visitor.visit(path, "none", signal);
        done += 1;
        if (flaw === undefined) continue;
        wrong += 1;
        note(firstFlaws, `${path}: ${flaw}`);
        stage.throwIfFailed();
      }
    } finally {
      visitor.close();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, visitUntilAllAreSent));
  sampling.abort();
  await samples;
  return {
    requests,
    concurrency,
    storeBytes: STORE_BYTES,
    boundBytes: boundFor(concurrency),
    daemons: { edge: watched.edge.read(), originSide: watched.originSide.read() },
    seconds: (clock.now() - from) / 1000,
    wrong,
    firstFlaws,
  };
}

function watch(child: ChildProcess) {
  const pid = pidOf(child);
  const atStartBytes = memoryOf(pid).residentBytes;
  const largestByTenth: number[] = [];
  return {
    sample(tenth: number): void {
      largestByTenth[tenth] = Math.max(largestByTenth[tenth] ?? 0, memoryOf(pid).residentBytes);
    },
    read: (): DaemonMemory => ({
      atStartBytes,
      // A tenth that was over before a sample was taken is as the one before.
      largestByTenth: Array.from({ length: 10 }, (_, at) => largestByTenth[at] ?? 0),
      peakBytes: memoryOf(pid).peakBytes,
    }),
  };
}
