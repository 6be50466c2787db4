/**
 * `coilgun-bench resting`: visitors come all at once to a web server that gives each connection a thread or a process, through the pair
 * and through nginx as it is without settings, which closes each connection after its request. By turns, in one run.
 */
import { once } from "node:events";
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { Command } from "commander";
import { parseHostPort } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { medianOf } from "../report/statistics.ts";
import { type Column, milliseconds, renderTable } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { measureClosing } from "./closing.ts";
import { APACHE, nginxBefore, PUMA, startOutside } from "./outside-servers.ts";

const HOST = "resting.bench.test";
const VISITORS = 50;
const ROUNDS = 9;
const MOST_ROUNDS = 99;
/** Not counted, each way: programs that have just started run slower than those that have run for a minute. */
const WARM_UP_PAGES = 1_600;
const WARM_UP_AT_ONCE = 16;
/** Between two crowds: shorter than connections rest anywhere. */
const BETWEEN_MS = 1_000;
/** Of the pair's time to nginx's. */
const GOAL = 3;
const PAGE_MS = 30_000;

/** POSTs of each of twenty visitors, to a web server that closes what rests for a second. */
const CLOSING_ROUNDS = 26;

const WEB_SERVERS = { "Puma, 5 threads": PUMA, "Apache, prefork": APACHE } as const;

interface RestingRow {
  readonly name: string;
  /** Milliseconds until the last visitor of a crowd has its page, of each round. */
  readonly pairMs: readonly number[];
  readonly nginxMs: readonly number[];
}

interface RestingOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly rounds: number;
}

async function measureResting(options: RestingOptions): Promise<RestingRow[]> {
  const { clock, signal, rounds } = options;
  const rows: RestingRow[] = [];
  for (const [name, recipe] of Object.entries(WEB_SERVERS)) {
    await using undo = new AsyncDisposableStack();
    const web = undo.use(await startOutside(recipe, clock, signal));
    const nginx = undo.use(await startOutside(nginxBefore(web.address), clock, signal));
    const pair = await startPair({
      routes: [{ host: HOST, origin: web.address }],
      clock,
      signal,
      settings: { edge: { accessLog: "off" }, origin: { accessLog: "off" } },
    });
    undo.defer(() => pair.stop());
    const row = { name, pairMs: [] as number[], nginxMs: [] as number[] };
    const ways = [
      [pair.visitors, row.pairMs],
      [nginx.address, row.nginxMs],
    ] as const;
    for (const [address] of ways)
      for (let n = 0; n < WARM_UP_PAGES; n += WARM_UP_AT_ONCE)
        await crowd(address, WARM_UP_AT_ONCE, clock, signal);
    for (let round = 0; round < rounds; round++)
      for (const [address, into] of ways) {
        await clock.sleep(BETWEEN_MS, signal);
        into.push(await crowd(address, VISITORS, clock, signal));
      }
    rows.push(row);
  }
  return rows;
}

/** Rejects where a visitor gets no page. */
const crowd = async (
  address: string,
  visitors: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> => {
  const from = clock.now();
  await clock.within(PAGE_MS, signal, (within) =>
    Promise.all(Array.from({ length: visitors }, () => page(address, within))),
  );
  return clock.now() - from;
};

const page = async (address: string, signal: AbortSignal): Promise<void> => {
  const asked = request({ ...parseHostPort(address), headers: { Host: HOST }, agent: false, signal }).end();
  const [response] = await once(asked, "response");
  const body = await buffer(response);
  if (response.statusCode !== 200 || !body.includes("A page"))
    throw new Error(`a visitor got status ${response.statusCode} instead of a page`);
};

const COLUMNS: readonly Column[] = [
  { title: `${VISITORS} visitors at once, ms`, align: "left" },
  ...["pair", "worst", "nginx", "worst", "ratio"].map((title): Column => ({ title, align: "right" })),
];

const ratioOf = ({ pairMs, nginxMs }: RestingRow): number =>
  (medianOf(pairMs) ?? Number.NaN) / (medianOf(nginxMs) ?? Number.NaN);

const restingTable = (rows: readonly RestingRow[]): string =>
  renderTable(
    COLUMNS,
    rows.map((row) => [
      row.name,
      ...[row.pairMs, row.nginxMs].flatMap((ms) => [
        milliseconds(medianOf(ms)),
        milliseconds(Math.max(...ms)),
      ]),
      ratioOf(row).toFixed(2),
    ]),
  );

export const restingCommand = (): Command =>
  new Command("resting")
    .description("compare with nginx before web servers that give each connection a thread or a process")
    .option("--rounds <number>", "crowds, each way", wholeNumberFrom(1, MOST_ROUNDS), ROUNDS)
    .action(({ rounds }: { readonly rounds: number }) =>
      interruptible(async (signal) => {
        const rows = await measureResting({ clock: systemClock, signal, rounds });
        const { posts, failed } = await measureClosing({
          clock: systemClock,
          signal,
          rounds: CLOSING_ROUNDS,
        });
        process.stdout.write(
          `${restingTable(rows)}\nOf ${posts} POSTs to a web server that closes after a second of rest ${failed} failed.\n`,
        );
        return failed === 0 && rows.every((row) => ratioOf(row) <= GOAL) ? 0 : 1;
      }),
    );
