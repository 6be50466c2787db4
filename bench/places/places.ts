/**
 * `coilgun-bench places`: while visitors of one network keep what places of the web server they can get, how long those of other
 * networks wait for a page. Both daemons have their default settings. Networks are what a trusted proxy says they are.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Command, InvalidArgumentError, Option } from "commander";
import { type HostPort, parseHostPort } from "../../protocol/config/units.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { percentileOf } from "../report/statistics.ts";
import { type Column, milliseconds, renderTable } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { ATTACKER, ATTACKS, type Attack, HOST } from "./attacks.ts";
import { PAGE, type PlacesServer, startPlacesServer } from "./web-server.ts";

const SECONDS = 60;
const MOST_SECONDS = 600;
/** A page for a visitor of another network, whether or not those before it have come. */
const ASK_EVERY_MS = 25;
/** And every so many, where it gets pages, one for the attackers' own. */
const OWN_EVERY = 4;
const NETWORKS = 200;
const PAGE_MS = 30_000;
/** On an idle machine nobody waits for longer. */
const GOAL_MS = 300;
/** Until code is compiled. */
const WARM_UP_PAGES = 300;
/** Until an attack holds what it can. */
const BEGIN_MS = 30_000;
const BEGIN_EVERY_MS = 20;
const MS_PER_NS = 1e-6;

/** PEM files. */
interface ListenerCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

interface PlacesOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly seconds: number;
  readonly attacks: readonly Attack[];
  readonly listener: ListenerCertificate;
  readonly haste?: number;
  /** Not counted, one after the other. */
  readonly warmUpPages?: number;
}

interface Waits {
  readonly asked: number;
  /** Of those that were answered. */
  readonly ms: readonly number[];
  /** Why others were not. */
  readonly flaws: readonly string[];
}

interface PlacesRow {
  readonly name: string;
  /** Most requests that the web server had under way beside pages. */
  readonly held: number;
  readonly others: Waits;
  /** Undefined where the attackers' network may go without. */
  readonly own: Waits | undefined;
  /** How late this very process was at most: a page waits so much longer for a reason of the machine. */
  readonly lateMs: number;
}

/** @internal */
export async function measurePlaces(options: PlacesOptions): Promise<PlacesRow[]> {
  const { clock, signal, listener } = options;
  const rows: PlacesRow[] = [];
  for (const attack of options.attacks) {
    await using undo = new AsyncDisposableStack();
    const web = undo.use(await startPlacesServer(clock));
    const pair = await startPair({
      routes: [{ host: HOST, origin: web.address }],
      clock,
      signal,
      settings: {
        edge: {
          accessLog: "off",
          trustedProxies: ["127.0.0.1"],
          visitors: { listen: "127.0.0.1:0", ...listener },
        },
        origin: { accessLog: "off" },
      },
    });
    undo.defer(() => pair.stop());
    rows.push(await underAttack(attack, parseHostPort(pair.visitors), web, options));
  }
  return rows;
}

const underAttack = async (
  attack: Attack,
  visitors: HostPort,
  web: PlacesServer,
  { clock, signal, seconds, haste = 1, warmUpPages = WARM_UP_PAGES }: PlacesOptions,
): Promise<PlacesRow> => {
  const over = new AbortController();
  const stop = () => over.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const asker = new Asker(visitors, clock);
  for (let n = 0; n < warmUpPages; n++) await asker.page(ATTACKER, signal);
  const running = attack.run({ visitors, clock, signal: over.signal, haste });
  const lateness = monitorEventLoopDelay({ resolution: 5 });
  try {
    const begun = clock.now();
    while (web.held < attack.holds) {
      if (clock.now() - begun > BEGIN_MS)
        throw new Error(`${attack.name} holds ${web.held} requests, not ${attack.holds}`);
      await clock.sleep(BEGIN_EVERY_MS, signal);
    }
    lateness.enable();
    let held = 0;
    const until = clock.now() + seconds * 1_000;
    for (let n = 0; clock.now() < until; n++) {
      asker.ask("others", `198.18.${1 + (n % NETWORKS)}.1`);
      if (attack.sparesOwn && n % OWN_EVERY === 0) asker.ask("own", ATTACKER);
      held = Math.max(held, web.held);
      await clock.sleep(ASK_EVERY_MS, signal);
    }
    const { others, own } = await asker.all();
    return { name: attack.name, held, others, own, lateMs: lateness.max * MS_PER_NS };
  } finally {
    lateness.disable();
    signal.removeEventListener("abort", stop);
    stop();
    asker.close();
    await running;
  }
};

/** Asks for pages without waiting for those before. */
class Asker {
  readonly #visitors: HostPort;
  readonly #clock: Clock;
  // As a proxy in front has them: kept, and any visitor's.
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  readonly #asked: Promise<void>[] = [];
  readonly #waits = {
    others: { asked: 0, ms: [] as number[], flaws: [] as string[] },
    own: { asked: 0, ms: [] as number[], flaws: [] as string[] },
  };

  constructor(visitors: HostPort, clock: Clock) {
    this.#visitors = visitors;
    this.#clock = clock;
  }

  ask(whose: "others" | "own", address: string): void {
    const waits = this.#waits[whose];
    waits.asked++;
    const from = this.#clock.now();
    const page = this.#clock.within(PAGE_MS, undefined, (signal) => this.page(address, signal));
    this.#asked.push(
      page.then(
        () => void waits.ms.push(this.#clock.now() - from),
        (error) => void waits.flaws.push(error instanceof Error ? error.message : String(error)),
      ),
    );
  }

  async all(): Promise<{ readonly others: Waits; readonly own: Waits | undefined }> {
    await Promise.all(this.#asked);
    const { others, own } = this.#waits;
    return { others, own: own.asked === 0 ? undefined : own };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects where it is not the page. */
  async page(address: string, signal: AbortSignal): Promise<void> {
    const headers = { Host: HOST, "X-Forwarded-For": address };
    const asked = request({ ...this.#visitors, path: "/page", headers, agent: this.#agent, signal }).end();
    const [response] = await once(asked, "response");
    const page = await text(response);
    if (response.statusCode !== 200 || page !== PAGE) throw new Error(`status ${response.statusCode}`);
  }
}

const COLUMNS: readonly Column[] = [
  { title: "attack", align: "left" },
  { title: "pages for", align: "left" },
  ...["held", "asked", "unanswered", "p50 ms", "p99", "longest", "this process late"].map(
    (title): Column => ({ title, align: "right" }),
  ),
];

const placesTable = (rows: readonly PlacesRow[]): string =>
  renderTable(
    COLUMNS,
    rows.flatMap(({ name, held, others, own, lateMs }) =>
      Object.entries({ "other networks": others, "the same network": own }).flatMap(([whose, waits]) =>
        waits === undefined
          ? []
          : [
              [
                name,
                whose,
                `${held}`,
                `${waits.asked}`,
                `${waits.flaws.length}`,
                ...[0.5, 0.99, 1].map((share) => milliseconds(percentileOf(waits.ms, share))),
                milliseconds(lateMs),
              ],
            ],
      ),
    ),
  );

/** What keeps the measurement from being flawless, a line each. */
const flawsIn = (rows: readonly PlacesRow[]): string[] =>
  rows.flatMap(({ name, others, own }) => {
    const longestMs = Math.max(0, ...others.ms);
    return [
      ...[...new Set([...others.flaws, ...(own?.flaws ?? [])])].map((flaw) => `${name}: ${flaw}`),
      ...(longestMs > GOAL_MS
        ? [`${name}: a page took ${longestMs.toFixed(0)} ms, more than ${GOAL_MS}`]
        : []),
    ];
  });

interface PlacesFlags {
  readonly seconds: number;
  readonly scene?: string;
}

export const placesCommand = (): Command =>
  new Command("places")
    .description("measure how long visitors wait while others keep the places of the web server")
    .option("--seconds <number>", "for each scene", secondsIn, SECONDS)
    .addOption(new Option("--scene <name>", "only this one").choices(ATTACKS.map(({ name }) => name)))
    .action(({ seconds, scene }: PlacesFlags) =>
      interruptible(async (signal) => {
        await using undo = new AsyncDisposableStack();
        const folder = await mkdtemp(join(tmpdir(), "coilgun-places-"));
        undo.defer(() => rm(folder, { recursive: true, force: true }));
        const rows = await measurePlaces({
          clock: systemClock,
          signal,
          seconds,
          attacks: ATTACKS.filter(({ name }) => scene === undefined || name === scene),
          listener: await makeCertificate(folder),
        });
        const flaws = flawsIn(rows);
        process.stdout.write([placesTable(rows), ...flaws, ""].join("\n"));
        return flaws.length === 0 ? 0 : 1;
      }),
    );

/** HTTP/2 needs TLS. */
const makeCertificate = async (folder: string): Promise<ListenerCertificate> => {
  const files = { certificate: join(folder, "site.pem"), privateKey: join(folder, "site.key") };
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    files.privateKey,
  ];
  try {
    await promisify(execFile)("openssl", [
      "req",
      "-x509",
      ...key,
      "-addext",
      `subjectAltName=DNS:${HOST}`,
      "-subj",
      `/CN=${HOST}`,
      "-out",
      files.certificate,
    ]);
  } catch (error) {
    throw new Error("no certificate could be made: openssl (OpenSSL 3) is needed", { cause: error });
  }
  return files;
};

function secondsIn(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= MOST_SECONDS) return value;
  throw new InvalidArgumentError(`must be a number of seconds up to ${MOST_SECONDS}.`);
}
