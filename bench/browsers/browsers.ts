/**
 * `coilgun-bench browsers`: what dictionaries for browsers cost the edge, on the pages of the demo site that change each time. An edge alone and a
 * pair are asked by Chromium over HTTPS with a dictionary, without one, and by who takes brotli at most: how soon one visitor has the first byte
 * and the page, and how many pages a second many get. The three take turns.
 */
import { createServer } from "node:http";
import { Command } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { renderTarget } from "../demo-site/pages.ts";
import { visitOf } from "../demo-site/site.ts";
import { percentileOf } from "../report/statistics.ts";
import { milliseconds, percent, renderTable, wholeNumber } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { HeldDictionary } from "../rig/held-dictionary.ts";
import { interruptible } from "../rig/interrupt.ts";
import { listenOnLoopback } from "../rig/loopback.ts";
import { type Visitor, visitorOf } from "../rig/visitor.ts";

const HOST = "browsers.bench.test";
const DIRECT_HOST = "alone.bench.test";
const TARGETS = ["/", "/shop?page=2"];
/** Made beforehand, so that making them is no part of what is measured. */
const VERSIONS = 8;
/** Until a dictionary is announced. */
const MOST_TEACHERS = 400;
const ROUNDS = 4;
/** Of one visitor's visits, until code is compiled. */
const WARM_UP = 0.3;

const WAYS = ["brotli", "no dictionary", "dictionary"] as const;
type Way = (typeof WAYS)[number];

interface WayReport {
  readonly pagesPerSecond: number;
  readonly firstByteMs: readonly number[];
  readonly wholeMs: readonly number[];
  readonly bytesOfRaw: number;
}

/** @internal */
export interface BrowsersReport {
  readonly rows: readonly { readonly edge: string; readonly ways: Readonly<Record<Way, WayReport>> }[];
}

/** @internal */
export interface BrowsersOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of each way's load, and visits of one visitor. */
  readonly seconds: number;
  readonly visits: number;
  readonly connections: number;
}

/** Rejects where a page comes otherwise than it was sent. @internal */
export async function measureBrowsers(options: BrowsersOptions): Promise<BrowsersReport> {
  const { clock, signal } = options;
  await using undo = new AsyncDisposableStack();
  const site = demoPages();
  const origin = await listenOnLoopback(site.server);
  undo.defer(() => {
    site.server.close();
    site.server.closeAllConnections();
  });
  const edge = {
    trustedProxies: ["127.0.0.0/8"],
    hosts: [{ host: DIRECT_HOST, direct: `http://${origin}` }],
  };
  const pair = await startPair({ routes: [{ host: HOST, origin }], settings: { edge }, clock, signal });
  undo.defer(() => pair.stop());
  const rows: { readonly edge: string; readonly ways: Record<Way, WayReport> }[] = [];
  for (const [name, host] of [
    ["alone", DIRECT_HOST],
    ["of a pair", HOST],
  ] as const) {
    const scene = { ...options, address: pair.visitors, host, isSent: site.isSent };
    rows.push({ edge: name, ways: await measureEdge(scene) });
  }
  return { rows };
}

interface Scene extends BrowsersOptions {
  readonly address: string;
  readonly host: string;
  isSent(body: Buffer): boolean;
}

/** Each answer is the next version of its page. */
const demoPages = () => {
  const pages = new Map(
    TARGETS.map((target) => [
      target,
      Array.from({ length: VERSIONS }, (_, number) => {
        const visit = visitOf(undefined, { seed: 1, number, moment: 30_000 + number });
        const page = renderTarget(visit, target);
        if (page === undefined) throw new Error(`the demo site has no ${target}`);
        return page.body;
      }),
    ]),
  );
  const sent = new Set([...pages.values()].flat().map((body) => body.toString("latin1")));
  let made = 0;
  const server = createServer(({ url = "/" }, response) => {
    const body = pages.get(url)?.[made++ % VERSIONS];
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  });
  return { server, isSent: (body: Buffer) => sent.has(body.toString("latin1")) };
};

const measureEdge = async (scene: Scene): Promise<Record<Way, WayReport>> => {
  const { clock, signal, address, seconds, visits, connections } = scene;
  await using undo = new AsyncDisposableStack();
  const open = (way: Way, dictionary = new HeldDictionary()): Visitor => {
    const visitor = visitorOf(address, clock, way === "brotli" ? new BrotliAlone() : dictionary);
    undo.defer(() => visitor.close());
    return visitor;
  };
  const dictionary = await taught(scene, open);
  const crowds = new Map(
    WAYS.map((way) => [
      way,
      Array.from({ length: connections }, () =>
        open(way, way === "dictionary" ? dictionary : new Unfetched()),
      ),
    ]),
  );
  const costs = new Map(
    WAYS.map((way) => [
      way,
      { pages: 0, ms: 0, bytes: 0, raw: 0, first: [] as number[], whole: [] as number[] },
    ]),
  );
  const visit = async (way: Way, visitor: Visitor, target: string, counted: "timed" | "counted" | "not") => {
    const page = await visitor.visit({ host: scene.host, path: target, contentType: "text/html" }, signal);
    if (!scene.isSent(page.body)) throw new Error(`${target} came otherwise than it was sent`);
    const coding = page.headers["content-encoding"];
    if ((coding === "dcz") !== (way === "dictionary")) throw new Error(`${way}: ${target} came in ${coding}`);
    const cost = costs.get(way);
    if (cost === undefined || counted === "not") return;
    cost.bytes += page.bytes;
    cost.raw += page.body.length;
    if (counted === "timed") {
      cost.first.push(page.firstByteMs);
      cost.whole.push(page.wholeMs);
    } else cost.pages++;
  };
  const inTurn = async (run: (way: Way, crowd: readonly Visitor[]) => Promise<void>) => {
    for (const [way, crowd] of crowds) await run(way, crowd);
  };
  for (let n = -Math.floor(WARM_UP * visits); n < visits; n++)
    await inTurn(async (way, [visitor]) => {
      if (visitor)
        await visit(way, visitor, TARGETS[Math.abs(n) % TARGETS.length] ?? "/", n < 0 ? "not" : "timed");
    });
  for (let round = 0; round < ROUNDS; round++)
    await inTurn(async (way, crowd) => {
      const from = clock.now();
      const until = from + (1_000 * seconds) / ROUNDS;
      const busy = crowd.map(async (visitor, at) => {
        for (let n = at; clock.now() < until; n++)
          await visit(way, visitor, TARGETS[n % TARGETS.length] ?? "/", "counted");
      });
      await Promise.all(busy);
      const cost = costs.get(way);
      if (cost !== undefined) cost.ms += clock.now() - from;
    });
  const report = ([way, { pages, ms, bytes, raw, first, whole }]: [
    Way,
    NonNullable<ReturnType<typeof costs.get>>,
  ]) => [
    way,
    { pagesPerSecond: (1_000 * pages) / ms, firstByteMs: first, wholeMs: whole, bytesOfRaw: bytes / raw },
  ];
  return Object.fromEntries([...costs].map(report)) as Record<Way, WayReport>;
};

/** Who takes no dictionary, and nothing better than brotli. */
class BrotliAlone extends HeldDictionary {
  override fieldsFor() {
    return { "X-Forwarded-Proto": "https", "Accept-Encoding": "gzip, deflate, br" };
  }
  override announcedBy() {
    return undefined;
  }
}

/** Chromium that has not fetched it yet. */
class Unfetched extends HeldDictionary {
  override announcedBy() {
    return undefined;
  }
}

/** Visitors of several networks come until one is announced. Rejects where none ever is. */
const taught = async (
  { host, signal }: Scene,
  open: (way: Way, dictionary: HeldDictionary) => Visitor,
): Promise<HeldDictionary> => {
  const dictionary = new HeldDictionary();
  const visitor = open("dictionary", dictionary);
  for (let n = 0; n < MOST_TEACHERS; n++) {
    for (const path of TARGETS)
      await visitor.visit({ host, path, contentType: "text/html", network: `11.${n % 200}.7.5` }, signal);
    if (dictionary.isHeld) return dictionary;
    await systemClock.sleep(50, signal);
  }
  throw new Error("the edge announced no dictionary");
};

/** @internal */
export const browsersTable = ({ rows }: BrowsersReport): string =>
  renderTable(
    [
      { title: "edge", align: "left" },
      { title: "visitors take", align: "left" },
      { title: "of raw", align: "right" },
      { title: "first byte, ms: p50 / p95", align: "right" },
      { title: "page, ms: p50 / p95", align: "right" },
      { title: "pages/s", align: "right" },
      { title: "of brotli's", align: "right" },
    ],
    rows.flatMap(({ edge, ways }) =>
      WAYS.map((way, at) => {
        const { pagesPerSecond, firstByteMs, wholeMs, bytesOfRaw } = ways[way];
        const both = (ms: readonly number[]) =>
          [0.5, 0.95].map((share) => milliseconds(percentileOf(ms, share))).join(" / ");
        return [
          at === 0 ? edge : "",
          way,
          percent(bytesOfRaw),
          both(firstByteMs),
          both(wholeMs),
          wholeNumber(pagesPerSecond),
          (pagesPerSecond / ways.brotli.pagesPerSecond).toFixed(2),
        ];
      }),
    ),
  );

const SECONDS = 2;
const VISITS = 100;
const CONNECTIONS = 16;

export const browsersCommand = (): Command =>
  new Command("browsers")
    .description(
      "measure what dictionaries for browsers cost the edge: pages a second, and time to the first byte",
    )
    .action(() =>
      interruptible(async (signal) => {
        const report = await measureBrowsers({
          clock: systemClock,
          signal,
          seconds: SECONDS,
          visits: VISITS,
          connections: CONNECTIONS,
        });
        process.stdout.write(`${browsersTable(report)}\n`);
        return 0;
      }),
    );
