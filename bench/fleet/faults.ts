/**
 * What visitors of a fleet see while both shared stores are killed, hang, are slow, full or emptied: failed visits, the slowest hundredth
 * beside the same seconds without a fault before, and how long after its end every daemon asks its store again. In rounds, all of which
 * count together, so that a machine that has much else to do for some seconds does not decide.
 */
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Chance } from "../demo-site/chance.ts";
import { startProgram } from "../pair/program.ts";
import { HOST, timedVisitor } from "../pair/timed-visit.ts";
import { percentileOf } from "../report/statistics.ts";
import { type Column, milliseconds, renderTable, wholeNumber } from "../report/table.ts";
import { type FaultyRelay, startFaultyRelay } from "../rig/faulty-relay.ts";
import type { RedisServer } from "../rig/redis-server.ts";
import { type Fleet, startFleet, startStores } from "./fleet-rig.ts";

interface FaultsOptions {
  readonly chance: Chance;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Only faults whose name contains this. */
  readonly only: string;
  /** How often each is measured. */
  readonly rounds: number;
}

interface Store {
  readonly redis: RedisServer;
  /** On the way to it. */
  readonly relay: FaultyRelay;
}

interface Fault {
  readonly name: string;
  begin(store: Store): unknown;
  end(store: Store): unknown;
}

const SLOW_MS = 500;

const slowed = ({ relay }: Store, delayMs: number) => {
  relay.connected = ({ toOrigin }) => toOrigin.slow({ delayMs });
  for (const connection of relay.connections) connection.toOrigin.slow({ delayMs });
};

const FAULTS: readonly Fault[] = [
  { name: "killed", begin: ({ redis }) => redis.kill(), end: ({ redis }) => redis.start() },
  { name: "frozen", begin: ({ redis }) => redis.freeze(), end: ({ redis }) => redis.thaw() },
  { name: `slow, ${SLOW_MS} ms`, begin: (store) => slowed(store, SLOW_MS), end: (store) => slowed(store, 0) },
  {
    name: "full",
    begin: ({ redis }) => redis.ask("CONFIG", "SET", "maxmemory", "1"),
    end: ({ redis }) => redis.ask("CONFIG", "SET", "maxmemory", "0"),
  },
  {
    name: "emptied",
    begin: ({ redis }) => redis.ask("FLUSHALL"),
    end: () => undefined,
  },
];

const EDGES = 3;
const ORIGIN_SIDES = 2;
/** Each has one page under way. */
const VISITORS = 12;
const VISITS_PER_SECOND = 120;
/** After every edge has had every page. */
const WARM_UP_SECONDS = 8;
const PHASE_SECONDS = 8;
/** Of visits those to a page that nobody asked for before; the others are to one of the last. */
const NEW_PAGES = 0.1;
const LAST_PAGES = 300;
const BACK_MS = 60_000;
const LOOK_MS = 100;

export interface FaultRow {
  readonly name: string;
  readonly visits: number;
  readonly failed: number;
  /** The slowest hundredth, in milliseconds: before the fault, in twice the time, and in the second half of that to the first; and during it. */
  readonly calm: number | undefined;
  readonly noise: number;
  readonly harmed: number | undefined;
  /** The most milliseconds after the end of the fault until every daemon asked its store again; undefined: it never did. */
  readonly backMs: number | undefined;
}

interface Phase {
  readonly ms: number[];
  failed: number;
}

export const measureFaults = async (options: FaultsOptions): Promise<readonly FaultRow[]> => {
  const { clock, signal, only, rounds } = options;
  await using undo = new AsyncDisposableStack();
  const web = await startProgram("web-server", {}, { clock, signal });
  undo.defer(() => web.close());
  const { edge, origin } = await startStores(undo);
  const stores = await Promise.all(
    [edge, origin].map(async (redis) => ({ redis, relay: await startFaultyRelay(redis.path, clock) })),
  );
  for (const { relay } of stores) undo.defer(() => relay.close());
  const [edgeUrl = "", originUrl = ""] = stores.map(({ relay }) => `redis://${relay.address}`);
  const fleet = undo.use(
    await startFleet({
      edges: EDGES,
      originSides: ORIGIN_SIDES,
      routes: [{ host: HOST, origin: web.address }],
      stores: { edge: edgeUrl, origin: originUrl },
      clock,
      signal,
    }),
  );
  const { all, during } = visitorsOf(fleet, options, undo);
  await all();
  await during(WARM_UP_SECONDS);
  const rows: FaultRow[] = [];
  for (const { name, begin, end } of FAULTS.filter((fault) => fault.name.includes(only))) {
    const first: Phase[] = [];
    const second: Phase[] = [];
    const harmed: Phase[] = [];
    const back: (number | undefined)[] = [];
    for (let round = 0; round < rounds; round++) {
      first.push(await during(PHASE_SECONDS));
      second.push(await during(PHASE_SECONDS));
      await Promise.all(stores.map(begin));
      harmed.push(await during(PHASE_SECONDS));
      await Promise.all(stores.map(end));
      back.push(await backAfter(fleet, options));
      fleet.throwIfDied();
    }
    const calm = [...first, ...second];
    const slowest = (phases: readonly Phase[]) =>
      percentileOf(
        phases.flatMap(({ ms }) => ms),
        0.99,
      ) ?? Number.NaN;
    rows.push({
      name,
      visits: harmed.reduce((sum, { ms }) => sum + ms.length, 0),
      failed: [...calm, ...harmed].reduce((sum, { failed }) => sum + failed, 0),
      calm: slowest(calm),
      noise: slowest(second) / slowest(first),
      harmed: slowest(harmed),
      backMs: back.includes(undefined) ? undefined : Math.max(...back.map((ms) => ms ?? 0)),
    });
  }
  return rows;
};

/** Visitors that ask at a steady pace, and what they saw in some seconds; before that, for every page at every edge. */
const visitorsOf = (fleet: Fleet, { chance, clock, signal }: FaultsOptions, undo: AsyncDisposableStack) => {
  const visitors = Array.from({ length: VISITORS }, (_, n) =>
    timedVisitor(fleet.visitors[n % EDGES] ?? "", clock),
  );
  for (const visitor of visitors) undo.defer(() => visitor.close());
  let pages = LAST_PAGES;
  const page = () =>
    chance.next() < NEW_PAGES ? pages++ : chance.between(Math.max(0, pages - LAST_PAGES), pages - 1);
  const all = () =>
    Promise.all(
      visitors.map(async (visitor, n) => {
        for (let at = Math.floor(n / EDGES); at < LAST_PAGES; at += VISITORS / EDGES)
          await visitor.visit(`/varied/${at}`, "none", signal);
      }),
    );
  const during = async (seconds: number): Promise<Phase> => {
    const phase: Phase = { ms: [], failed: 0 };
    const began = clock.now();
    const everyMs = (VISITORS * 1_000) / VISITS_PER_SECOND;
    await Promise.all(
      visitors.map(async (visitor, n) => {
        for (let at = (everyMs * n) / VISITORS; at < seconds * 1_000; at += everyMs) {
          await clock.sleep(Math.max(0, began + at - clock.now()), signal);
          const { ms, flaw } = await visitor.visit(`/varied/${page()}`, "none", signal);
          if (flaw === undefined) phase.ms.push(ms);
          else phase.failed++;
        }
      }),
    );
    return phase;
  };
  return { all, during };
};

const backAfter = async (fleet: Fleet, { clock, signal }: FaultsOptions): Promise<number | undefined> => {
  const from = clock.now();
  while (clock.now() - from < BACK_MS) {
    const all = await fleet.metrics();
    if (all.every((metrics) => /^coilgun_store_tier_reached\{tier="shared"\} 1$/m.test(metrics)))
      return clock.now() - from;
    await clock.sleep(LOOK_MS, signal);
  }
  return undefined;
};

const COLUMNS: readonly Column[] = [
  { title: "both stores", align: "left" },
  ...[
    "visits",
    "failed",
    "p99 ms before",
    "second half to first",
    "meanwhile",
    "ratio",
    "asked again after, s",
  ].map((title): Column => ({ title, align: "right" })),
];

export const faultsTable = (rows: readonly FaultRow[]): string =>
  renderTable(
    COLUMNS,
    rows.map(({ name, visits, failed, calm, noise, harmed, backMs }) => [
      name,
      wholeNumber(visits),
      wholeNumber(failed),
      milliseconds(calm),
      noise.toFixed(2),
      milliseconds(harmed),
      ((harmed ?? 0) / (calm ?? 1)).toFixed(2),
      backMs === undefined ? "never" : (backMs / 1_000).toFixed(1),
    ]),
  );
