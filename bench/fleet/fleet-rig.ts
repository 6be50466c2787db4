/**
 * Several edges and several origin sides of one site as real processes, each origin side linked to each edge through a relay that counts;
 * with a shared store for each side, or without.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type ChildDaemon, startDaemon } from "../rig/child-daemon.ts";
import { startCountingRelay } from "../rig/counting-relay.ts";
import { edgeConfig, freshKey, originConfig, type PairRoute } from "../rig/pair-config.ts";
import { startRedis } from "../rig/redis-server.ts";

/** `store.shared` of each side. */
export interface Stores {
  readonly edge: string;
  readonly origin: string;
}

interface FleetOptions {
  readonly edges: number;
  readonly originSides: number;
  readonly routes: readonly PairRoute[];
  readonly stores: Stores | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Fleet extends AsyncDisposable {
  /** host:port where each edge takes visitors. */
  readonly visitors: readonly [string, ...string[]];
  /** Of all links, both ways, since the start. */
  linkBytes(): number;
  /** Of each daemon: what its metrics say. */
  metrics(): Promise<readonly string[]>;
  /** Throws where a daemon has ended. */
  throwIfDied(): void;
}

/** Resolves when all links are up, and every store is reached. */
export const startFleet = async ({
  edges,
  originSides,
  routes,
  stores,
  clock,
  signal,
}: FleetOptions): Promise<Fleet> => {
  const undo = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), "coilgun-fleet-"));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    const key = freshKey();
    const keyFile = join(folder, "store.key");
    await writeFile(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
    const sockets: string[] = [];
    let died: Error | undefined;
    const start = async (side: "edge-side" | "origin-side", config: object): Promise<ChildDaemon> => {
      const configFile = join(folder, `${sockets.length}.yaml`);
      const admin = join(folder, `${sockets.length}.sock`);
      sockets.push(admin);
      const shared = stores?.[side === "edge-side" ? "edge" : "origin"];
      const store = shared === undefined ? {} : { store: { shared, keyFile, sessions: "shared" } };
      const settings = { ...config, ...store, admin, accessLog: "off" };
      await writeFile(configFile, stringify(settings), { mode: 0o600 });
      const daemon = startDaemon({ side, configFile, clock, onAccessLine: () => undefined });
      undo.defer(async () => void (await daemon.stop()));
      void daemon.died.then((error) => {
        died ??= error;
      });
      return daemon;
    };
    const times = (count: number) => Array.from({ length: count });
    const edgeDaemons = await Promise.all(
      times(edges).map(() => start("edge-side", edgeConfig(key, routes, {}))),
    );
    const ready = await Promise.all(edgeDaemons.map((edge) => edge.logged("ready", signal)));
    const relays = await Promise.all(ready.map(({ tunnel }) => startCountingRelay(String(tunnel))));
    for (const relay of relays) undo.defer(() => relay.close());
    const origin = {
      ...originConfig(key, { edgeAddress: "", routes }, {}),
      edges: relays.map(({ address }) => ({ address, key, connections: 1 })),
    };
    const originDaemons = await Promise.all(times(originSides).map(() => start("origin-side", origin)));
    const all = [...edgeDaemons, ...originDaemons];
    await Promise.all([
      ...edgeDaemons.map((edge) => edge.logged("link up", signal, originSides)),
      ...originDaemons.map((side) => side.logged("link up", signal, edges)),
      ...(stores === undefined ? [] : all.map((each) => each.logged("shared store reached", signal))),
    ]);
    const [first = "", ...others] = ready.map(({ visitors }) => String(visitors));
    return {
      visitors: [first, ...others],
      linkBytes: () => relays.reduce((sum, relay) => sum + relay.read().toEdge + relay.read().toOrigin, 0),
      metrics: () => Promise.all(sockets.map(metricsAt)),
      throwIfDied() {
        if (died !== undefined) throw died;
      },
      [Symbol.asyncDispose]: () => undo.disposeAsync(),
    };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
};

const metricsAt = (socketPath: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: "/metrics" }, (response) => resolve(text(response)))
      .on("error", reject)
      .end();
  });

/** One for each side, as each stands in the site of those that use it. */
export const startStores = async (undo: AsyncDisposableStack) => {
  const [edge, origin] = [undo.use(await startRedis()), undo.use(await startRedis())];
  return { edge, origin, urls: { edge: edge.url, origin: origin.url } satisfies Stores };
};
