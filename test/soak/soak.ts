/**
 * A pair of real daemons under mixed traffic and one fault after the other, in an order that the seed says. Every response is held
 * against what the web server says it sent; what the daemons hold is sampled between faults, after a collection.
 */
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { chanceFor } from "../../bench/demo-site/chance.ts";
import { memoryOf } from "../../bench/pair/consumption.ts";
import { startFaultyRelay } from "../../bench/rig/faulty-relay.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { freePort } from "../kit/fake-origin.ts";
import {
  edgeYaml,
  KEY,
  type Line,
  openScene,
  originYaml,
  type RealDaemon,
  type Settings,
} from "../kit/real-daemons.ts";
import { makeSiteFiles } from "../kit/secure-pair.ts";
import { FAULTS, type Fault, type FaultName, type Side, type Stage } from "./faults.ts";
import { SoakSite } from "./site.ts";
import { Tally } from "./tally.ts";
import { SoakVisitor } from "./visits.ts";

const PROBE = [
  "--expose-gc",
  "--import",
  fileURLToPath(new URL("../kit/heap-probe.fixture.ts", import.meta.url)),
];
/** Small, so that it is full, and turns over, soon. */
const STORE = { size: "2 MiB" };
const SIDES = ["edge-side", "origin-side"] as const;

export interface SoakOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: readonly FaultName[];
  readonly visitors: number;
  /** Between two visits of a visitor, at most. */
  readonly pauseMs: number;
  /** Between two faults. */
  readonly calmMs: number;
  readonly onEvent: (text: string) => void;
  /** Ends the soak before its time; the report is of what there was. */
  readonly signal?: AbortSignal | undefined;
}

export interface Sample {
  readonly side: Side;
  readonly pid: number;
  /** Seconds since the beginning. */
  readonly at: number;
  /** Of heap and buffers, after a collection. */
  readonly heldBytes: number;
  /** Of it what the versions take, by `coilgun_store_bytes`. */
  readonly storeBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
}

export interface SoakReport {
  readonly tally: Tally;
  readonly samples: readonly Sample[];
  /** How often each fault ran. */
  readonly ran: ReadonlyMap<FaultName, number>;
  /** Requests that must not be processed twice, and were. */
  readonly doubles: readonly string[];
  readonly damagedBodies: number;
  /** Why it ended before its time, and lines of the daemons' logs that nobody should see. */
  readonly complaints: readonly string[];
  /** All that the daemons logged. */
  readonly logged: readonly Line[];
  /** How late timers of visitors, web server and relay ran at most: what a busy machine does is no fault of the pair. */
  readonly latestMs: number;
}

export const runSoak = async (options: SoakOptions): Promise<SoakReport> => {
  await using undo = new AsyncDisposableStack();
  const { seed, onEvent, signal } = options;
  const chance = chanceFor(seed, "faults");
  const began = systemClock.now();
  const now = () => systemClock.now() - began;
  const site = new SoakSite(seed);
  undo.defer(() => site.close());
  await site.open();
  const files = undo.use(makeSiteFiles());
  const scene = undo.use(openScene());
  const accessLog = { link: join(scene.folder, "access.log"), file: join(scene.folder, "access.1") };
  writeFileSync(accessLog.file, "");
  symlinkSync(accessLog.file, accessLog.link);

  const [http, https, tunnel] = [await freePort(), await freePort(), await freePort()];
  const relay = await startFaultyRelay(`127.0.0.1:${tunnel}`, systemClock);
  undo.defer(() => relay.close());
  let reloads = 0;
  const adminOf = (side: Side): string => join(scene.folder, `${side}.sock`);
  const settingsOf = (side: Side): Settings => {
    // What a reload changes; no visit comes to it.
    const times = { drain: "2s", drainStreams: `${1 + (reloads % 2)}s` };
    const common = { store: STORE, times, admin: adminOf(side) };
    if (side === "origin-side") {
      const edges = [{ address: relay.address, key: KEY }];
      const redial = { first: "250ms", max: "5s" };
      return originYaml(0, site.port, { ...common, edges, redial, accessLog: "off" });
    }
    const visitors = [`127.0.0.1:${http}`, { listen: `127.0.0.1:${https}`, ...files.named }];
    return edgeYaml({ ...common, visitors, tunnel: `127.0.0.1:${tunnel}`, accessLog: accessLog.link });
  };
  const daemons = new Map<Side, RealDaemon>();
  const all: RealDaemon[] = [];
  const start = async (side: Side): Promise<void> => {
    const daemon = await scene.start(side, settingsOf(side), PROBE);
    daemons.set(side, daemon);
    all.push(daemon);
  };
  const daemonOf = (side: Side): RealDaemon => {
    const daemon = daemons.get(side);
    if (daemon === undefined) throw new Error(`there is no ${side}`);
    return daemon;
  };
  for (const side of SIDES) await start(side);
  await daemonOf("edge-side").logged("link up", 2);

  const ended = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  ended.catch(() => {});
  const stage: Stage = {
    relay,
    site,
    chance,
    accessLog,
    sleep: (ms) => systemClock.sleep(ms, signal),
    awaited: (event) => Promise.race([event, ended]),
    daemon: daemonOf,
    async restart(side, signal) {
      const daemon = daemonOf(side);
      daemon.signal(signal);
      await daemon.ended;
      await start(side);
      await daemonOf("origin-side").logged("link up");
    },
    async reload() {
      reloads += 1;
      for (const side of SIDES) {
        const daemon = daemonOf(side);
        const before = daemon.log.filter(({ event }) => event === "config reloaded").length;
        daemon.configure(settingsOf(side));
        daemon.signal("SIGHUP");
        await daemon.logged("config reloaded", before + 1);
      }
    },
  };

  const tally = new Tally();
  const late = monitorEventLoopDelay();
  late.enable();
  const over = new AbortController();
  const visiting = Array.from({ length: options.visitors }, async (_, n) => {
    const visitorChance = chanceFor(seed, "visitor", n);
    const ports = { http, https, authority: files.authority.certificate };
    const visitor = new SoakVisitor(ports, site, visitorChance, `v${n}`, n % 3 === 0);
    while (!over.signal.aborted) {
      const from = now();
      const visited = await visitor.visit(signal);
      if (signal?.aborted) break;
      tally.add(visited, from, now());
      await systemClock.sleep(visitorChance.between(1, options.pauseMs));
    }
    visitor.close();
  });

  const samples: Sample[] = [];
  const sample = async (): Promise<void> => {
    for (const side of SIDES)
      samples.push({ at: now() / 1000, ...(await sampleOf(side, daemonOf(side), adminOf(side))) });
  };
  const ran = new Map<FaultName, number>();
  // A process whose growth is to be seen must live: after two fifths of the time nothing is restarted any more.
  const restartsEndAt = (options.seconds * 1000 * 2) / 5;
  let order: FaultName[] = [];
  const nextFault = async (first: boolean): Promise<void> => {
    await stage.sleep(first ? 2_000 : options.calmMs);
    if (!first || options.faults.length === 0) await sample();
    if (order.length === 0) order = shuffled(options.faults, chance.next);
    const name = order.pop();
    if (name === undefined) return;
    const fault: Fault = FAULTS[name];
    if (fault.restarts === true && now() > restartsEndAt) return;
    ran.set(name, (ran.get(name) ?? 0) + 1);
    onEvent(`${(now() / 1000).toFixed(1)} s: ${name}`);
    const end = fault.graceMs === undefined ? undefined : tally.begin(name, now());
    await fault.run(stage);
    const until = now() + (fault.graceMs ?? 0);
    end?.(until);
    await stage.sleep(Math.max(0, until - now()));
  };
  const complaints: string[] = [];
  try {
    for (let first = true; now() < options.seconds * 1000; first = false) await nextFault(first);
  } catch (error) {
    complaints.push(
      `ended after ${(now() / 1000).toFixed(1)} s: ${error instanceof Error ? error.message : error}`,
    );
  }
  over.abort();
  await Promise.all(visiting);
  return {
    tally,
    samples,
    ran,
    doubles: [...site.processed].filter(([, times]) => times > 1).map(([id]) => id),
    damagedBodies: site.damagedBodies,
    latestMs: late.max / 1e6,
    complaints: [
      ...complaints,
      ...all.flatMap(({ log }) => log.filter(isComplaint).map((line) => JSON.stringify(line))),
    ],
    logged: all.flatMap(({ log, pid }) => log.map((line) => ({ ...line, pid }))),
  };
};

/** Links end, web servers go away and the disk is full here; another error is what no fault explains. */
const isComplaint = ({ level, event, text }: Line): boolean =>
  text !== undefined || ((level === "error" || Number(level) >= 50) && event !== "access log failed");

/** How often each was asked. */
const heapsOf = new WeakMap<RealDaemon, number>();
const sampleOf = async (side: Side, daemon: RealDaemon, admin: string): Promise<Omit<Sample, "at">> => {
  const asked = (heapsOf.get(daemon) ?? 0) + 1;
  heapsOf.set(daemon, asked);
  daemon.signal("SIGUSR2");
  const { heapBytes, externalBytes } = await daemon.logged("heap", asked);
  return {
    side,
    pid: daemon.pid,
    heldBytes: Number(heapBytes) + Number(externalBytes),
    storeBytes: await storeBytesAt(admin),
    residentBytes: memoryOf(daemon.pid).residentBytes,
    descriptors: readdirSync(`/proc/${daemon.pid}/fd`).length,
  };
};

const storeBytesAt = async (socketPath: string): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request({ socketPath, path: "/metrics" }, (response) => resolve(text(response)))
    .on("error", reject)
    .end();
  return Number(/^coilgun_store_bytes (\d+)/m.exec(await promise)?.[1]);
};

const shuffled = <T>(items: readonly T[], next: () => number): T[] => {
  const rest = [...items];
  return items.flatMap(() => rest.splice(Math.floor(next() * rest.length), 1));
};
