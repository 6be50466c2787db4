/**
 * The latency of captured pages over an emulated link, one at a time: through the pair, the plain proxy, and, as what the link takes by itself,
 * an echo of 200 bytes, by turns: what disturbs the machine disturbs all alike.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { parseHostPort } from "../../protocol/config/units.ts";
import { type Percentiles, percentilesOf } from "../report/statistics.ts";
import { CorpusSeries, seriesPath } from "./corpus-series.ts";
import { note } from "./flaws.ts";
import { startProgram } from "./program.ts";
import { type LinkSettings, type Stage, type StageOptions, startStage } from "./stage.ts";
import { BROWSER_ENCODINGS, type Encodings, type TimedVisitor, timedVisitor } from "./timed-visit.ts";

const CORPUS_LATENCY_ENCODINGS: readonly Encodings[] = ["none", BROWSER_ENCODINGS];
const WAYS = ["pair", "plain"] as const;
type PageWay = (typeof WAYS)[number];
const ECHO_BYTES = 200;
/** Visitors at a time while the programs warm up. */
const WARM_UP_VISITORS = 16;

/** Of one way, or of the echo, of which the first byte is not told apart. */
export interface CorpusLatency {
  readonly visits: number;
  /** From the request to the answer's head, and to its last byte, in milliseconds; null where no answer was right. */
  readonly first: Percentiles | null;
  readonly whole: Percentiles | null;
  readonly wrong: number;
}

interface CorpusLatencyRow {
  readonly encodings: Encodings;
  /** Of the pages that were visited. */
  readonly meanBytes: number;
  readonly echo: CorpusLatency;
  readonly ways: Readonly<Record<PageWay, CorpusLatency>>;
}

export interface CorpusLatencyReport {
  readonly rows: readonly CorpusLatencyRow[];
  readonly emulation: LinkSettings;
  readonly firstFlaws: readonly string[];
}

export interface CorpusLatencyOptions extends StageOptions {
  /** A corpus (bench/corpus). */
  readonly corpus: string;
  /** For each way of accepting. */
  readonly seconds: number;
  /** Visits of each way before them, not counted. */
  readonly warmUpVisits: number;
  readonly emulation: LinkSettings;
  readonly onCase: (done: number, total: number, label: string) => void;
}

/** Rejects when something does not start or dies; wrong bodies are in the report. Throws CorpusError. */
export async function measureCorpusLatency(options: CorpusLatencyOptions): Promise<CorpusLatencyReport> {
  const { corpus, emulation } = options;
  const series = new CorpusSeries(corpus);
  await using running = new AsyncDisposableStack();
  const webServer = { program: "series-server", settings: { folder: corpus } };
  const stage = await startStage({ ...options, link: emulation, webServer }, running);
  const echo = await startEcho(options, running);
  const flaws: string[] = [];
  const rows: CorpusLatencyRow[] = [];
  for (const encodings of CORPUS_LATENCY_ENCODINGS) {
    options.onCase(rows.length, CORPUS_LATENCY_ENCODINGS.length, `accepting ${encodings}`);
    rows.push(await runCase({ ...options, series, stage, echo, flaws, encodings }));
    stage.throwIfFailed();
  }
  return { rows, emulation, firstFlaws: flaws };
}

interface Case extends CorpusLatencyOptions {
  readonly series: CorpusSeries;
  readonly stage: Stage;
  /** Resolves with the milliseconds of one. */
  readonly echo: () => Promise<number>;
  readonly flaws: string[];
  readonly encodings: Encodings;
}

const runCase = async (of: Case): Promise<CorpusLatencyRow> => {
  for (const way of WAYS) await warmUp(of, way);
  const tallies = { pair: new Tally(), plain: new Tally(), echo: new Tally() };
  const visitors = { pair: new SeriesVisitor(of, "pair"), plain: new SeriesVisitor(of, "plain") };
  const until = of.clock.now() + of.seconds * 1000;
  for (let at = 0; at === 0 || of.clock.now() < until; at++) {
    for (const way of WAYS) tallies[way].add(await visitors[way].visit(at));
    const ms = await of.echo();
    tallies.echo.add({ firstMs: ms, ms, bytes: ECHO_BYTES, flaw: undefined });
  }
  for (const way of WAYS) visitors[way].close();
  const ways = { pair: tallies.pair.sum, plain: tallies.plain.sum };
  return { encodings: of.encodings, meanBytes: tallies.pair.meanBytes, echo: tallies.echo.sum, ways };
};

/** Not timed, and checked like all others. */
const warmUp = async (of: Case, way: PageWay): Promise<void> => {
  let at = 0;
  const visits = async () => {
    const visitor = new SeriesVisitor(of, way);
    while (at < of.warmUpVisits) await visitor.visit(at++);
    visitor.close();
  };
  await Promise.all(Array.from({ length: WARM_UP_VISITORS }, visits));
};

interface SeriesVisit {
  readonly firstMs: number;
  readonly ms: number;
  readonly bytes: number;
  readonly flaw: string | undefined;
}

/** One visitor of one way, on a connection that it keeps. */
class SeriesVisitor {
  readonly #of: Case;
  readonly #way: PageWay;
  readonly #visitor: TimedVisitor;
  #name = "";
  #bytes = 0;

  constructor(of: Case, way: PageWay) {
    this.#of = of;
    this.#way = way;
    this.#visitor = timedVisitor(of.stage[way], of.clock, (body, tag) => {
      this.#bytes = body.length;
      return of.series.flawOf(this.#name, body, tag);
    });
  }

  /** Visit number `at` of all: whose series it is, the order says. */
  async visit(at: number): Promise<SeriesVisit> {
    const { series, encodings, signal, flaws } = this.#of;
    this.#name = series.order[at % series.order.length] as string;
    const { firstMs, ms, flaw } = await this.#visitor.visit(
      seriesPath(this.#way, this.#name),
      encodings,
      signal,
    );
    if (flaw !== undefined) note(flaws, `${this.#name} by way of ${this.#way}: ${flaw}`);
    return { firstMs, ms, flaw, bytes: this.#bytes };
  }

  close(): void {
    this.#visitor.close();
  }
}

class Tally {
  readonly #first: number[] = [];
  readonly #whole: number[] = [];
  #bytes = 0;
  #wrong = 0;

  add(visited: SeriesVisit): void {
    if (visited.flaw !== undefined) {
      this.#wrong++;
      return;
    }
    this.#first.push(visited.firstMs);
    this.#whole.push(visited.ms);
    this.#bytes += visited.bytes;
  }

  get meanBytes(): number {
    return this.#bytes / this.#whole.length;
  }

  get sum(): CorpusLatency {
    return {
      visits: this.#whole.length + this.#wrong,
      first: percentilesOf(this.#first) ?? null,
      whole: percentilesOf(this.#whole) ?? null,
      wrong: this.#wrong,
    };
  }
}

/** Over a link of its own, on a connection that is kept. Resolves with a function that takes the time of one. */
const startEcho = async (
  { clock, signal, emulation }: CorpusLatencyOptions,
  running: AsyncDisposableStack,
): Promise<() => Promise<number>> => {
  const start = async (name: string, settings: object): Promise<string> => {
    const program = await startProgram(name, settings, { clock, signal });
    running.defer(() => program.close());
    return program.address;
  };
  const target = await start("echo-server", {});
  const socket = connect({
    ...parseHostPort(await start("emulator", { target, ...emulation })),
    noDelay: true,
  });
  running.defer(async () => void socket.destroy());
  await once(socket, "connect", { signal });
  return async () => {
    const from = performance.now();
    socket.write(Buffer.alloc(ECHO_BYTES, "e"));
    for (let heard = 0; heard < ECHO_BYTES; ) {
      const [piece] = (await once(socket, "data", { signal })) as [Buffer];
      heard += piece.length;
    }
    return performance.now() - from;
  };
};

export const isCorpusLatencyFlawless = ({ rows }: CorpusLatencyReport): boolean =>
  rows.every(({ ways }) => WAYS.every((way) => ways[way].wrong === 0 && ways[way].visits > 0));
