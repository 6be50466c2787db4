/**
 * The edge daemon: the visitor server, the tunnel port, and what both share, started and stopped as one. SPEC section
 * "Roles".
 */
import { randomBytes } from "node:crypto";
import { CODEC_NAMES, codecIds } from "../protocol/delta/codecs.ts";
import { openAccessLog } from "../protocol/kit/access-log.ts";
import { ByteBudget } from "../protocol/kit/byte-budget.ts";
import { type Clock, systemClock } from "../protocol/kit/clock.ts";
import type { Log } from "../protocol/kit/log.ts";
import { UnderWay } from "../protocol/kit/under-way.ts";
import type { HostPort } from "../protocol/kit/units.ts";
import { helloMaker } from "../protocol/link/own-hello.ts";
import { ScopeRules } from "../protocol/versions/scope.ts";
import { VersionStore } from "../protocol/versions/version-store.ts";
import { acceptOrigins } from "./accept-origin.ts";
import type { ForgetWhat } from "./admin.ts";
import { CommonBases } from "./common-bases.ts";
import type { EdgeConfig, EdgeKey } from "./config.ts";
import { trustOf } from "./forward-request.ts";
import { LinkPool } from "./link-pool.ts";
import { type ServeGiven, serveVisitor } from "./serve-visitor.ts";
import { serveVisitors } from "./visitor-server.ts";

export interface EdgeDaemon {
  readonly visitorsAddress: HostPort;
  readonly tunnelAddress: HostPort;
  /** Takes over keys, hosts and their policies, and closes the links of keys that are gone. */
  reload(config: EdgeConfig): Promise<void>;
  /** Erases versions here and at the origin sides that are connected; returns how many there were here. */
  forget(what: ForgetWhat): Promise<number>;
  /** Drains, within a bound. */
  stop(): Promise<void>;
}

/** Rejects with what the system says of an address that cannot be had; nothing is left open then. */
export const startEdge = async (
  config: EdgeConfig,
  given: { readonly log: Log; readonly clock?: Clock },
): Promise<EdgeDaemon> => {
  const { log, clock = systemClock } = given;
  let served = servedBy(config.keys);
  const store = new VersionStore({ clock, bytes: config.store.sizeBytes, lifetimes: lifetimesOf(config) });
  const memory = new ByteBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
  });
  const commonBases = new CommonBases({ clock, log, store, memory });
  const pool = new LinkPool({
    hostsOf: (keyId) => served.hosts.get(keyId),
    missing: (host) =>
      log.warn("no link", { host, hint: "is coilgun-origin running with a key that serves this host?" }),
  });
  const accessLog = openAccessLog(config.accessLog, {
    failed: (error) => log.error("access log failed", { error }),
    dropped: (lines) => log.warn("access log too slow", { dropped: lines }),
  });
  const tunnel = await acceptOrigins({
    config,
    clock,
    log,
    pool,
    memory,
    secretOf: (keyId) => served.keys.get(keyId)?.key.secret,
    hello: helloMaker({ role: "edge", ...config.limits, codecs: codecIds(CODEC_NAMES) }),
  });
  const serving: ServeGiven = {
    clock,
    log,
    pool,
    store,
    commonBases,
    memory,
    pageBytes: config.limits.pageBytes,
    originAnswerMs: config.times.originAnswerMs,
    trusts: trustOf(config.trustedProxies),
    rulesOf: (host) => served.rules.get(host),
    finished: (record) => accessLog.write(record),
  };
  const visits = new UnderWay();
  const visitors = await serveVisitors(config, (visitor) => visits.add(serveVisitor(visitor, serving))).catch(
    async (error: unknown) => {
      await tunnel.close();
      throw error;
    },
  );
  return {
    visitorsAddress: visitors.address,
    tunnelAddress: tunnel.address,
    async reload(next) {
      const before = served;
      served = servedBy(next.keys);
      for (const link of [...pool.links])
        if (!isSameSecret(before, served, link.keyId))
          link.close("key-removed", "this key was removed or changed at the edge");
    },
    async forget({ host, url }) {
      for (const link of pool.linksOf(host)) link.forget(host, url ?? "");
      return store.forget({ host }, url);
    },
    async stop() {
      const drained = new AbortController();
      const bound = clock.after(config.times.drainMs, () => drained.abort());
      tunnel.closeAccepting();
      await visitors.close(drained.signal);
      for (const link of pool.links) link.drain("the edge stops");
      bound.cancel();
      await tunnel.close();
      await visits.over();
      await commonBases.stop();
      await accessLog.close();
      store.close();
    },
  };
};

interface Served {
  readonly keys: ReadonlyMap<string, EdgeKey>;
  readonly hosts: ReadonlyMap<string, ReadonlySet<string>>;
  readonly rules: ReadonlyMap<string, ScopeRules>;
}

const isSameSecret = (before: Served, after: Served, keyId: string): boolean => {
  const [old, current] = [before, after].map(({ keys }) => keys.get(keyId)?.key.secret.reveal());
  return old !== undefined && current?.equals(old) === true;
};

/** One secret for the whole run: a session key means the same after a reload. */
const SESSION_SECRET = randomBytes(32);

const servedBy = (keys: readonly EdgeKey[]): Served => ({
  keys: new Map(keys.map((entry) => [entry.key.id, entry])),
  hosts: new Map(keys.map((entry) => [entry.key.id, new Set(entry.hosts.map(({ host }) => host))])),
  rules: new Map(
    keys.flatMap(({ hosts }) => hosts.map((served) => [served.host, new ScopeRules(served, SESSION_SECRET)])),
  ),
});

const lifetimesOf = ({ store }: EdgeConfig) => ({ sessionMs: store.sessionMs, noStoreMs: store.noStoreMs });
