/**
 * What a fleet with shared stores costs on its links beside one pair: the visits of a corpus, one family's in their order and the
 * families mixed, each through an edge at random and through the pair, every body compared.
 */
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Corpus } from "../corpus/corpus.ts";
import type { Chance } from "../demo-site/chance.ts";
import { hostOf, type PlannedVisit, visitsOfCorpus } from "../replay/planned-visits.ts";
import { startReplayOrigin } from "../replay/replay-origin.ts";
import { type Column, renderTable, wholeNumber } from "../report/table.ts";
import type { RedisServer } from "../rig/redis-server.ts";
import { visitorOf } from "../rig/visitor.ts";
import { startFleet, startStores } from "./fleet-rig.ts";

/** Pages of a site do not come all at once: what is put is written within that time. */
const BETWEEN_MS = 20;
const EDGES = 3;
const ORIGIN_SIDES = 2;

interface SpreadOptions {
  readonly corpus: Corpus;
  readonly chance: Chance;
  /** Visits in all. */
  readonly most: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Spread {
  readonly visits: number;
  /** Of all links, both ways. */
  readonly pairBytes: number;
  readonly fleetBytes: number;
  /** Of the fleet without a shared store. */
  readonly aloneBytes: number;
  /** Of both stores: what their daemons wrote to them, and read. */
  readonly storeBytes: readonly { readonly written: number; readonly read: number }[];
  readonly wrong: number;
}

export const measureSpread = async ({
  corpus,
  chance,
  most,
  clock,
  signal,
}: SpreadOptions): Promise<Spread> => {
  await using undo = new AsyncDisposableStack();
  const web = await startReplayOrigin();
  undo.defer(() => web.close());
  const stores = await startStores(undo);
  const routes = corpus.families.map((family) => ({ host: hostOf(family), origin: web.address }));
  const start = async (edges: number, originSides: number, urls?: typeof stores.urls) => {
    const fleet = undo.use(await startFleet({ edges, originSides, routes, stores: urls, clock, signal }));
    const visitors = fleet.visitors.map((address) => visitorOf(address, clock));
    for (const visitor of visitors) undo.defer(() => visitor.close());
    return { fleet, visitors, before: fleet.linkBytes() };
  };
  const ways = [
    await start(1, 1),
    await start(EDGES, ORIGIN_SIDES, stores.urls),
    await start(EDGES, ORIGIN_SIDES),
  ];
  let wrong = 0;
  const visits = mixed(visitsOfCorpus(corpus), chance).slice(0, most);
  for (const { visit, status, response } of visits) {
    const page = { ...visit, status, ...response() };
    web.publish(page);
    const edge = chance.between(0, EDGES - 1);
    for (const { visitors } of ways) {
      const seen = await visitors[edge % visitors.length]?.visit(visit, signal);
      if (seen === undefined || seen.status !== status || !seen.body.equals(page.body)) wrong++;
    }
    await clock.sleep(BETWEEN_MS, signal);
  }
  for (const { fleet } of ways) fleet.throwIfDied();
  const [pairBytes = 0, fleetBytes = 0, aloneBytes = 0] = ways.map(
    ({ fleet, before }) => fleet.linkBytes() - before,
  );
  const storeBytes = await Promise.all([stores.edge, stores.origin].map(bytesOf));
  return { visits: visits.length, pairBytes, fleetBytes, aloneBytes, storeBytes, wrong };
};

/** Each family's visits stay in their order. */
const mixed = (visits: readonly PlannedVisit[], chance: Chance): PlannedVisit[] => {
  const left = [...Map.groupBy(visits, ({ family }) => family.name).values()].map((of) => [...of]);
  return visits.flatMap(() => {
    // As often as it has visits left.
    let at = chance.between(0, left.reduce((sum, { length }) => sum + length, 0) - 1);
    for (const family of left) {
      if (at < family.length) return family.splice(0, 1);
      at -= family.length;
    }
    return [];
  });
};

const bytesOf = async (store: RedisServer) => {
  const info = String(await store.ask("INFO", "stats"));
  const count = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
  return { written: count("total_net_input_bytes"), read: count("total_net_output_bytes") };
};

const COLUMNS: readonly Column[] = [
  { title: "through", align: "left" },
  ...["visits", "link bytes", "to the pair's", "edges' store wrote, read", "origin sides' store"].map(
    (title): Column => ({ title, align: "right" }),
  ),
];

export const spreadTable = ({ visits, pairBytes, fleetBytes, aloneBytes, storeBytes }: Spread): string => {
  const row = (name: string, bytes: number, stores: readonly string[]) => [
    name,
    wholeNumber(visits),
    wholeNumber(bytes),
    (bytes / pairBytes).toFixed(3),
    ...stores,
  ];
  const stores = storeBytes.map(({ written, read }) => `${wholeNumber(written)}, ${wholeNumber(read)}`);
  return renderTable(COLUMNS, [
    row("one pair", pairBytes, ["-", "-"]),
    row(`${EDGES} edges, ${ORIGIN_SIDES} origin sides, shared`, fleetBytes, stores),
    row("the same without a shared store", aloneBytes, ["-", "-"]),
  ]);
};
