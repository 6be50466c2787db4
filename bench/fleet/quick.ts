/**
 * What a shared store costs where it is asked, and where it is not: the time of a visit to a page that another edge knows, and requests a
 * second where memory has what it needs; with and without a store, by turns.
 */
import type { Clock } from "../../protocol/runtime/clock.ts";
import { startProgram } from "../pair/program.ts";
import { HOST, timedVisitor } from "../pair/timed-visit.ts";
import { runWrk } from "../pair/wrk.ts";
import { medianOf } from "../report/statistics.ts";
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import { type Fleet, startFleet, startStores } from "./fleet-rig.ts";

interface QuickOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What is put is in the store after so long. */
const WRITTEN_MS = 1_000;
const LOOKUPS = 400;
/** Of the daemons: one run of V8's compiler differs from the next by some hundredths of a request's time. */
const STARTS = 3;
/** Of each start. */
const ROUNDS = 6;
const ROUND_SECONDS = 2;
/** Of each, before anything counts: V8 compiles what runs often for some seconds, and with a store there is more of it. */
const WARM_UP_SECONDS = 8;
const CONNECTIONS = 32;
const HIT_PATHS = ["/steady-10k", "/changing-10k"] as const;

/** The first with a store, the second without. */
const startBoth = async (
  edges: number,
  undo: AsyncDisposableStack,
  { clock, signal }: QuickOptions,
): Promise<readonly [Fleet, Fleet]> => {
  const web = await startProgram("web-server", {}, { clock, signal });
  undo.defer(() => web.close());
  const { urls } = await startStores(undo);
  const routes = [{ host: HOST, origin: web.address }];
  const start = async (stores: typeof urls | undefined) =>
    undo.use(await startFleet({ edges, originSides: 1, routes, stores, clock, signal }));
  return [await start(urls), await start(undefined)];
};

export interface Lookups {
  /** Medians, in milliseconds. */
  readonly withStore: number | undefined;
  readonly without: number | undefined;
  /** Versions that the second edge read from the store. */
  readonly read: number;
  readonly wrong: number;
}

/** Each page comes to the first edge, and then to the second. */
export const measureLookups = async (options: QuickOptions): Promise<Lookups> => {
  const { clock, signal } = options;
  await using undo = new AsyncDisposableStack();
  const fleets = await startBoth(2, undo, options);
  const ways = fleets.map(({ visitors }) => visitors.map((address) => timedVisitor(address, clock)));
  for (const visitor of ways.flat()) undo.defer(() => visitor.close());
  const ms: readonly number[][] = [[], []];
  let wrong = 0;
  const visitAll = async (edge: number) => {
    for (let n = 0; n < LOOKUPS; n++)
      for (const at of n % 2 === 0 ? [0, 1] : [1, 0]) {
        const seen = await ways[at]?.[edge]?.visit(`/varied/${n}`, "none", signal);
        if (seen?.flaw !== undefined) wrong++;
        else if (seen !== undefined && edge === 1) ms[at]?.push(seen.ms);
      }
  };
  await visitAll(0);
  await clock.sleep(WRITTEN_MS, signal);
  await visitAll(1);
  const [, metrics = ""] = await fleets[0].metrics();
  const read = Number(/^coilgun_store_tier_versions_total\{.*read.*\} (\d+)$/m.exec(metrics)?.[1]);
  const [withStore, without] = ms.map((each) => medianOf(each));
  return { withStore, without, read, wrong };
};

export const lookupTable = ({ withStore = 0, without = 0, read }: Lookups): string =>
  renderTable(columns("visits", "p50 ms with", "without", "more", "versions read"), [
    [
      "page that another edge knows",
      wholeNumber(LOOKUPS),
      milliseconds(withStore),
      milliseconds(without),
      milliseconds(withStore - without),
      wholeNumber(read),
    ],
  ]);

export interface Hits {
  readonly path: string;
  /** Requests a second; medians of the rounds. */
  readonly withStore: number;
  readonly without: number;
  /** The median of the rounds' ratios. */
  readonly ratio: number;
  readonly errors: number;
}

interface HitRound {
  readonly path: string;
  readonly withStore: number;
  readonly without: number;
  readonly errors: number;
}

export const measureHits = async (
  options: QuickOptions & { readonly only: string },
): Promise<readonly Hits[]> => {
  const rounds: HitRound[] = [];
  for (let start = 0; start < STARTS; start++) rounds.push(...(await hitsOfOneStart(options)));
  return HIT_PATHS.filter((path) => path.includes(options.only)).map((path) => {
    const own = rounds.filter((round) => round.path === path);
    const median = (of: (round: HitRound) => number) => medianOf(own.map(of)) ?? 0;
    return {
      path,
      withStore: median((round) => round.withStore),
      without: median((round) => round.without),
      ratio: median((round) => round.withStore / round.without),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    };
  });
};

const hitsOfOneStart = async (options: QuickOptions & { readonly only: string }): Promise<HitRound[]> => {
  const { signal, only } = options;
  await using undo = new AsyncDisposableStack();
  const fleets = await startBoth(1, undo, options);
  const rounds: HitRound[] = [];
  for (const path of HIT_PATHS.filter((each) => each.includes(only))) {
    const volley = async (at: number, seconds: number) => {
      const address = fleets[at]?.visitors[0] ?? "";
      const asked = { address, path, encodings: "none", connections: CONNECTIONS, seconds } as const;
      return runWrk(asked, signal);
    };
    for (const at of [0, 1, 0, 1]) await volley(at, WARM_UP_SECONDS / 2);
    for (let round = 0; round < ROUNDS; round++) {
      const isFirst = round % 2 === 0;
      const first = await volley(isFirst ? 0 : 1, ROUND_SECONDS);
      const second = await volley(isFirst ? 1 : 0, ROUND_SECONDS);
      const [withStore, without] = isFirst ? [first, second] : [second, first];
      rounds.push({
        path,
        withStore: withStore.requestsPerSecond,
        without: without.requestsPerSecond,
        errors: withStore.errors + without.errors,
      });
    }
  }
  return rounds;
};

export const hitsTable = (hits: readonly Hits[]): string =>
  renderTable(
    columns("requests/s with", "without", "ratio"),
    hits.map(({ path, withStore, without, ratio }) => [
      path,
      wholeNumber(withStore),
      wholeNumber(without),
      ratio.toFixed(3),
    ]),
  );

const columns = (...titles: readonly string[]): Column[] => [
  { title: "page", align: "left" },
  ...titles.map((title): Column => ({ title, align: "right" })),
];
