/**
 * `coilgun-bench fleet-config`: edges as processes of their own that share one config. A host is added again and again: when does each edge
 * serve it, and does each serve the versions in their order? Then a version with one wrong setting: does any edge take a part of it?
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { ConfigStore } from "../../protocol/fleet/config-store.ts";
import {
  newSigningKey,
  parseSigningKey,
  publicKeyText,
  signConfig,
} from "../../protocol/fleet/signed-config.ts";
import { openRedis } from "../../protocol/redis/client.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";
import { type ChildDaemon, startDaemon } from "../rig/child-daemon.ts";
import { interruptible } from "../rig/interrupt.ts";
import { listenOnLoopback } from "../rig/loopback.ts";
import { startRedis } from "../rig/redis-server.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";

const MOST_CHANGES = 999_999;
const MOST_EDGES = 200;
interface FleetConfigOptions {
  readonly edges: number;
  readonly changes: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

interface FleetConfigReport {
  /** From one put until the last edge served it. */
  readonly oneChangeMs: number;
  /** Of the changes in a row: from a put until the last edge served it or a newer one, the slowest. */
  readonly slowestChangeMs: number;
  /** All of them together, until every edge served the last. */
  readonly allChangesMs: number;
  /** Fewest versions that an edge served of those in a row; it may pass by some while it takes one over. */
  readonly fewestServed: number;
  /** Edges that served an older version after a newer one. */
  readonly outOfOrder: number;
  /** Edges that did not refuse the wrong version, or serve what they did before. */
  readonly wronglyTaken: number;
}

const POLL_MS = 5;
const LONGEST_MS = 120_000;

/** What an edge said: versions in the order in which it took them over, and what it refused. */
interface Edge {
  readonly daemon: ChildDaemon;
  readonly served: { readonly version: number; readonly at: number }[];
  refused: number;
  port: number;
}

/** Rejects where there is no redis-server, or an edge does not follow at all. @internal */
export const measureFleetConfig = async (options: FleetConfigOptions): Promise<FleetConfigReport> => {
  const { clock, changes, signal } = options;
  const folder = mkdtempSync(join(tmpdir(), "coilgun-fleet-"));
  const web = createServer((_, response) => response.end("page"));
  const redis = await startRedis();
  const edges: Edge[] = [];
  // Each child is ended with this process.
  process.setMaxListeners(process.getMaxListeners() + options.edges);
  const until = async (met: () => boolean, what: string): Promise<void> => {
    const end = clock.now() + LONGEST_MS;
    while (!met()) {
      signal?.throwIfAborted();
      if (clock.now() > end) throw new Error(`${what} within ${LONGEST_MS / 1_000} s`);
      await clock.sleep(POLL_MS);
    }
  };
  const keeper = new MessageChannel();
  keeper.port1.ref();
  const asking = openRedis(redis.url, { clock, name: "bench" });
  try {
    const address = await listenOnLoopback(web);
    const signingKey = parseSigningKey(newSigningKey());
    if (signingKey === undefined) throw new Error("a new key is none");
    const { secret: seal } = makeLinkKey("seal");
    const place = { side: "edge", name: "fleet" } as const;
    const store = new ConfigStore(asking, place);
    const putAt: number[] = [];
    const put = async (version: number, more = "") => {
      const host = (name: string) => `  - { host: ${name}, direct: "http://${address}" }\n`;
      const text = `hosts:\n${host("always.example")}${host(`v${version}.example`)}${more}`;
      const at = new Date(clock.today()).toISOString();
      const signed = signConfig({ version, at, text }, { ...place, seal }, signingKey);
      const beginning = await store.beginning();
      putAt[version] = clock.now();
      if (!(await store.put(signed, beginning))) throw new Error("somebody else put a version");
    };
    await until(() => asking.isConnected, "no connection to Redis");
    await put(1);
    writeFileSync(join(folder, "seal.key"), secretText(seal), { mode: 0o600 });
    // A few at a time: twenty at once would each be slow to start.
    while (edges.length < options.edges) {
      const few = Array.from({ length: Math.min(4, options.edges - edges.length) }, (_, at) =>
        startEdge(edges.length + at),
      );
      edges.push(...few);
      await Promise.all(few.map(listening));
    }

    await put(2);
    const allServe = (version: number) => () =>
      edges.every(({ served }) => (served.at(-1)?.version ?? 0) >= version);
    await until(allServe(2), "an edge did not serve a change");
    const oneChangeMs = slowest(2, 2);
    const last = 2 + changes;
    const startedAt = clock.now();
    for (let version = 3; version <= last; version++) await put(version);
    await until(allServe(last), "an edge did not serve the last change");
    const allChangesMs = clock.now() - startedAt;
    const inRow = edges.map(({ served }) => served.filter(({ version }) => version > 2));

    // One right host and one wrong setting beside it.
    await put(last + 1, "trustedProxies: [nonsense]\n");
    await until(() => edges.every(({ refused }) => refused > 0), "an edge did not refuse a wrong setting");
    const taken = await Promise.all(
      edges.map(async ({ port, served }) => {
        const [before, wrong] = await Promise.all([
          statusOf(port, `v${last}.example`),
          statusOf(port, `v${last + 1}.example`),
        ]);
        return before !== 200 || wrong !== 421 || served.at(-1)?.version !== last;
      }),
    );
    return {
      oneChangeMs,
      slowestChangeMs: slowest(3, last),
      allChangesMs,
      fewestServed: Math.min(...inRow.map(({ length }) => length)),
      outOfOrder: inRow.filter((served) =>
        served.some(({ version }, i) => version <= (served[i - 1]?.version ?? 0)),
      ).length,
      wronglyTaken: taken.filter(Boolean).length,
    };

    function startEdge(at: number): Edge {
      const configFile = join(folder, `edge-${at}.yaml`);
      const config = {
        visitors: "127.0.0.1:0",
        config: `${redis.url}#${place.name}`,
        configKey: signingKey && publicKeyText(signingKey),
        configSeal: "./seal.key",
        configCopy: `./edge-${at}.copy`,
        log: { format: "json" },
      };
      writeFileSync(configFile, JSON.stringify(config));
      const daemon = startDaemon({ side: "edge-side", configFile, clock, onAccessLine: () => {} });
      const edge: Edge = { daemon, served: [], refused: 0, port: 0 };
      const { stderr } = daemon.child;
      if (stderr !== null)
        createInterface({ input: stderr }).on("line", (text) => {
          if (text.includes('"shared config in use"'))
            edge.served.push({ version: (JSON.parse(text) as { version: number }).version, at: clock.now() });
          else if (text.includes('"shared config refused')) edge.refused++;
        });
      return edge;
    }

    async function listening(edge: Edge): Promise<void> {
      const { visitors } = await edge.daemon.logged("ready", signal);
      edge.port = Number(String(visitors).split(":").at(-1));
    }

    /** Milliseconds from a put until the last edge served it or a newer one; the most of those versions. */
    function slowest(first: number, end: number): number {
      let most = 0;
      for (const { served } of edges) {
        let next = 0;
        for (let version = first; version <= end; version++) {
          while ((served[next]?.version ?? Number.POSITIVE_INFINITY) < version) next++;
          most = Math.max(most, (served[next]?.at ?? Number.POSITIVE_INFINITY) - (putAt[version] ?? 0));
        }
      }
      return most;
    }
  } finally {
    asking.close();
    await Promise.all(edges.map(({ daemon }) => daemon.stop()));
    await redis[Symbol.asyncDispose]();
    web.close();
    keeper.port1.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

const statusOf = (port: number, host: string): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request({ host: "127.0.0.1", port, headers: { host }, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  })
    .on("error", reject)
    .end();
  return promise;
};

export const fleetConfigCommand = (): Command =>
  new Command("fleet-config")
    .description("change the config that edges share, again and again, and see when each serves it")
    .option("--edges <number>", "edges", wholeNumberFrom(1, MOST_EDGES), 20)
    .option("--changes <number>", "changes in a row", wholeNumberFrom(1, MOST_CHANGES), 1_000)
    .action((flags: { readonly edges: number; readonly changes: number }) =>
      interruptible(async (signal) => {
        const report = await measureFleetConfig({ ...flags, clock: systemClock, signal });
        const ms = (value: number) => `${Math.round(value)} ms`;
        process.stdout.write(
          `${flags.edges} edges: one change served by all after ${ms(report.oneChangeMs)}; ${flags.changes} in a row after ${ms(report.allChangesMs)}, ` +
            `each served, or passed by for a newer one, within ${ms(report.slowestChangeMs)}; an edge took ${report.fewestServed} of them at least, ${report.outOfOrder} out of order; a wrong one taken by ${report.wronglyTaken}\n`,
        );
        return report.outOfOrder + report.wronglyTaken === 0 ? 0 : 1;
      }),
    );
