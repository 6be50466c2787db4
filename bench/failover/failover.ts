/**
 * `coilgun-bench failover`: the network between the two sides, or the web server, fails while visitors ask 30 times a second. How soon
 * it is noticed and over, who is answered, who is refused and who is lost; beside another checkout or beside nginx and HAProxy before
 * the same web server, harmed at the same moment.
 */
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { Command, InvalidArgumentError } from "commander";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { throwUnlessCheckout } from "../pair/against.ts";
import { nginxBefore, startOutside } from "../places/outside-servers.ts";
import { type Column, renderTable } from "../report/table.ts";
import { joinPair } from "../rig/daemon-pair.ts";
import { startFaultyRelay } from "../rig/faulty-relay.ts";
import { interruptible } from "../rig/interrupt.ts";
import { type AskedAll, askMeanwhile, HOST, inSeconds, startWebServer } from "./asking.ts";
import { haproxyBefore } from "./peers.ts";
import { type Harmed, outageOf, PEER_SCENES, SCENES, type Scene } from "./scenes.ts";

const MOST_OUTAGE_SECONDS = 3_600;
/** Longer than a link must live to count as a good one, after which pauses between dials stay short. */
const WARM_UP_MS = 2_500;

interface FailoverOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface Way extends Harmed {
  readonly name: string;
  readonly visitors: string;
  /** Called when a link is given up. */
  onDown: () => void;
}

/** @internal */
export interface FailoverRow extends AskedAll {
  readonly scene: string;
  readonly way: string;
  /** Milliseconds after the beginning of the fault. */
  readonly noticedMs: number | undefined;
  /** The same, of the moment from which dials could be answered. */
  readonly possibleMs: number;
  /** How often the web server got the POST. */
  readonly posts: number;
  /** What came of what went on beside. */
  readonly beside: string | undefined;
}

/** Runs a scene before each way that `start` brings up, all at the same time. */
const measureFailover = async (
  scene: Scene,
  start: (undo: AsyncDisposableStack) => Promise<Way[]>,
  { clock, signal }: FailoverOptions,
): Promise<FailoverRow[]> => {
  await using undo = new AsyncDisposableStack();
  const ways = await start(undo);
  return await Promise.all(
    ways.map(async (way) => {
      const harmed = Promise.withResolvers<number>();
      const { seconds, post: posts } = scene;
      const over = new AbortController();
      const beside = scene.beside?.(way.visitors, { clock, over: over.signal });
      const asking = askMeanwhile(way.visitors, { clock, signal, seconds, posts, harmed: harmed.promise });
      await clock.sleep(WARM_UP_MS, signal);
      const at = clock.now();
      let noticedMs: number | undefined;
      way.onDown = () => {
        noticedMs ??= clock.now() - at;
      };
      harmed.resolve(at);
      await scene.harm(way, clock, signal);
      const possibleMs = clock.now() - at;
      const asked = await asking;
      over.abort();
      const row = { scene: scene.name, way: way.name, noticedMs, possibleMs, posts: way.web.posts };
      return { ...row, ...asked, beside: await beside };
    }),
  );
};

/** The pair of a checkout; of this one without. */
const startPairWay = async (
  name: string,
  { clock, signal, checkout }: FailoverOptions & { readonly checkout?: string | undefined },
  undo: AsyncDisposableStack,
): Promise<Way> => {
  const web = await startWebServer(clock);
  undo.defer(() => web.stop());
  const pair = await joinPair(
    {
      routes: [{ host: HOST, origin: web.address }],
      clock,
      signal,
      checkout,
      settings: { usualLinks: true, edge: { accessLog: "off" }, origin: { accessLog: "off" } },
    },
    (tunnel) => startFaultyRelay(tunnel, clock),
  );
  undo.defer(() => pair.stop());
  const reload = () => {
    for (const daemon of [pair.edge, pair.originSide]) daemon.kill("SIGHUP");
  };
  const { visitors, link: relay, rotateKey } = pair;
  const way: Way = { name, visitors, relay, web, reload, rotateKey, onDown: () => undefined };
  if (pair.edge.stderr !== null)
    createInterface({ input: pair.edge.stderr }).on("line", (line) => {
      if (line.includes('"link down"')) way.onDown();
    });
  return way;
};

const PEERS = [
  { name: "nginx", before: nginxBefore, reloadedBy: "SIGHUP" },
  { name: "HAProxy", before: haproxyBefore, reloadedBy: "SIGUSR2" },
] as const;

const startPeers = async (
  { relayed }: Scene,
  { clock, signal }: FailoverOptions,
  undo: AsyncDisposableStack,
): Promise<Way[]> =>
  Promise.all(
    PEERS.map(async ({ name, before, reloadedBy }) => {
      const web = await startWebServer(clock);
      undo.defer(() => web.stop());
      const relay = await startFaultyRelay(web.address, clock);
      undo.defer(() => relay.close());
      const dialled = relayed ? relay.address : web.address;
      const peer = undo.use(await startOutside(before(dialled), clock, signal));
      const reload = () => peer.signal(reloadedBy);
      const rotateKey = async () => {};
      return { name, visitors: peer.address, relay, web, reload, rotateKey, onDown: () => undefined };
    }),
  );

/** Of the requests that began after the fault: the first answer, and after a dial could be answered. */
const recoveredMs = ({ gets, possibleMs }: FailoverRow): number | undefined => {
  const answered = gets.filter(({ from, until, right }) => from >= 0 && right && until >= possibleMs);
  return answered.length === 0 ? undefined : Math.min(...answered.map(({ until }) => until)) - possibleMs;
};

const longestMs = ({ gets }: FailoverRow): number =>
  Math.max(0, ...gets.map(({ from, until }) => until - from));

const seconds = (ms: number | undefined): string => (ms === undefined ? "-" : inSeconds(ms));
const besideOf = ({ post, posts, beside = "-" }: FailoverRow): string =>
  post === undefined
    ? beside
    : `${post.status || "ended"} after ${inSeconds(post.until)} s, asked ${posts} time(s)`;

const TITLES = ["noticed", "recovered", "answered", "refused", "lost", "longest wait"] as const;
const COLUMNS: Column[] = [
  { title: "fault; seconds", align: "left" },
  { title: "through", align: "left" },
  ...TITLES.map((title) => ({ title, align: "right" as const })),
  { title: "the POST, or what went on beside", align: "left" },
];

/** @internal */
export const failoverTable = (rows: readonly FailoverRow[]): string =>
  renderTable(
    COLUMNS,
    rows.map((row) => {
      const right = row.gets.filter((get) => get.right).length;
      const refused = row.gets.filter(({ status }) => status >= 500).length;
      return [
        row.scene,
        row.way,
        seconds(row.noticedMs),
        seconds(recoveredMs(row)),
        `${right}`,
        `${refused}`,
        `${row.gets.length - right - refused}`,
        inSeconds(longestMs(row)),
        besideOf(row),
      ];
    }),
  );

interface FailoverFlags {
  readonly against?: string;
  readonly peers?: boolean;
  readonly outage?: number;
  readonly only?: string;
}

export const failoverCommand = (): Command =>
  new Command("failover")
    .description("measure what visitors see while the network between the two sides fails")
    .option("--against <folder>", "the pair of another checkout beside this one's")
    .option("--peers", "nginx and HAProxy before a web server whose connections go silent, beside the pair")
    .option("--outage <seconds>", "only this: no network for so long", outageSeconds)
    .option("--only <text>", "only scenes whose name contains this")
    .action(({ against, peers = false, outage, only = "" }: FailoverFlags) =>
      interruptible(async (signal) => {
        const options = { clock: systemClock, signal };
        const checkout = against === undefined ? undefined : resolve(against);
        if (checkout !== undefined) throwUnlessCheckout(checkout);
        const usual = peers ? PEER_SCENES : SCENES;
        const scenes = outage === undefined ? usual : [outageOf(outage)];
        const rows: FailoverRow[] = [];
        for (const scene of scenes.filter(({ name }) => name.includes(only)))
          rows.push(
            ...(await measureFailover(
              scene,
              async (undo) => [
                await startPairWay("this", options, undo),
                ...(checkout === undefined
                  ? []
                  : [await startPairWay("that", { ...options, checkout }, undo)]),
                ...(peers ? await startPeers(scene, options, undo) : []),
              ],
              options,
            )),
          );
        process.stdout.write(`${failoverTable(rows)}\n`);
        return 0;
      }),
    );

function outageSeconds(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= MOST_OUTAGE_SECONDS) return value;
  throw new InvalidArgumentError(`must be a number of seconds up to ${MOST_OUTAGE_SECONDS}.`);
}
