/**
 * The edge daemon: the visitor server, the tunnel port, and what both share, started and stopped as one. SPEC section
 * "Roles".
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { CODEC_NAMES, codecIds } from "../../protocol/codec/codecs.ts";
import { type HostPort, printHostPort } from "../../protocol/config/units.ts";
import { openAccessLog } from "../../protocol/daemon/access-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { loopLoad } from "../../protocol/runtime/event-loop-load.ts";
import { inNetworks } from "../../protocol/runtime/ip-address.ts";
import { ByteBudget } from "../../protocol/runtime/memory-budget.ts";
import { UnderWay } from "../../protocol/runtime/task-set.ts";
import { ScopeRules } from "../../protocol/scope/scope.ts";
import { NAMED_WITHIN_MS, RequestBodies } from "../../protocol/store/request-body-store.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import { CommonBases } from "../bases/common/common-bases.ts";
import type { ForgetWhat } from "../command/forget.ts";
import { VisitorEncoders } from "../compress/compressor-pool.ts";
import type { EdgeConfig, EdgeKey } from "../config/edge-config.ts";
import type { VisitorListen } from "../config/listener-config.ts";
import type { RequestBasesPolicy } from "../config/request-bases-policy.ts";
import { HeldPages } from "../exchange/visit-memory.ts";
import type { Visitor } from "../exchange/visitor.ts";
import { serveVisitors } from "../http/http-server.ts";
import { acceptOrigins } from "../links/accept-links.ts";
import { LinkPool } from "../links/link-pool.ts";
import { serveVisitor } from "../proxy/serve-visitor.ts";
import type { ServeGiven } from "../proxy/visit.ts";
import { RequestEncoders } from "../request/compressor-pool.ts";
import { MOST_BODIES_OF_PLACE, RequestBases } from "../request/request-dictionaries.ts";

/** An edge that is one worker of several: all connections are handed to it. */
export interface AsWorker {
  readonly workers: number;
  /** The keys of the links that are up, whenever links come or go. */
  linked(keyIds: readonly string[]): void;
  /** A connection that was taken at the tunnel's door has ended. */
  tunnelClosed(): void;
}

export interface EdgeDaemon {
  /** Of the first listener. */
  readonly visitorsAddress: HostPort;
  /** Of all, in the order of the config. */
  readonly visitorsAddresses: readonly HostPort[];
  readonly tunnelAddress: HostPort;
  /**
   * Takes over keys, hosts and their policies, certificates and trusted proxies, and closes the links of keys that are gone.
   */
  reload(config: EdgeConfig): Promise<void>;
  /** Erases versions here and at the origin sides that are connected; returns how many there were here. */
  forget(what: ForgetWhat): Promise<number>;
  /** As a worker: a connection from the address of this number in `visitors`, or, one above the last, from the tunnel port. */
  take(door: number, socket: Socket): void;
  /** Drains, within a bound. */
  stop(): Promise<void>;
}

/** Rejects with what the system says of an address that cannot be had; nothing is left open then. */
export const startEdge = async (
  config: EdgeConfig,
  given: { readonly log: Log; readonly clock?: Clock; readonly asWorker?: AsWorker },
): Promise<EdgeDaemon> => {
  const { log, clock = systemClock, asWorker } = given;
  const handed = asWorker !== undefined;
  let served = servedBy(config.keys);
  const store = new VersionStore({ clock, bytes: config.store.sizeBytes, lifetimes: lifetimesOf(config) });
  const requestBodies = new RequestBodies({
    clock,
    bytes: config.store.requestBytes,
    lifetimeMs: NAMED_WITHIN_MS,
    mostOfPlace: MOST_BODIES_OF_PLACE,
  });
  const memory = new ByteBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
  });
  const commonBases = new CommonBases({ clock, log, store, memory });
  const pool = new LinkPool({
    hostsOf: (keyId) => served.hosts.get(keyId),
    missing: (host) =>
      log.warn("no link", { host, hint: "is coilgun-origin running with a key that serves this host?" }),
    changed: (links) => asWorker?.linked([...new Set([...links].map(({ keyId }) => keyId))]),
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
    handed,
    secretOf: (keyId) => served.keys.get(keyId)?.key.secret,
    hello: helloMaker({
      role: "edge",
      ...config.limits,
      codecs: codecIds(CODEC_NAMES),
      requestBases: config.store.requestBytes > 0,
      ...(asWorker && { workers: asWorker.workers }),
    }),
  });
  let trusts = inNetworks(config.trustedProxies);
  const serving: ServeGiven = {
    clock,
    log,
    pool,
    store,
    commonBases,
    memory,
    heldPages: new HeldPages(memory),
    encoders: new VisitorEncoders(memory, loopLoad(clock)),
    requests: new RequestEncoders({
      clock,
      memory,
      isCoded: (host) => served.codesRequests.has(host),
      bases: new RequestBases({
        bodies: requestBodies,
        policyOf: (host) => served.requestBases.get(host) ?? "off",
        rulesOf: (host) => served.rules.get(host),
      }),
    }),
    pageBytes: config.limits.pageBytes,
    originAnswerMs: config.times.originAnswerMs,
    trusts: (address) => trusts(address),
    rulesOf: (host) => served.rules.get(host),
    finished: (record) => accessLog.write(record),
  };
  const visits = new UnderWay();
  const serve = (visitor: Visitor) => visits.add(serveVisitor(visitor, serving));
  const visitors = await serveVisitors(config, { clock, serve, handed }).catch(async (error: unknown) => {
    await tunnel.close();
    throw error;
  });
  const renewCertificates = (running: readonly VisitorListen[], next: readonly VisitorListen[]) => {
    const same = running.length === next.length && running.every((each, i) => isSameListener(each, next[i]));
    if (same) visitors.renew(next);
    else log.warn("visitors is changed by a restart only", { visitors: running.map(({ listen }) => listen) });
  };
  return {
    visitorsAddress: visitors.addresses[0] ?? { host: "", port: 0 },
    visitorsAddresses: visitors.addresses,
    tunnelAddress: tunnel.address,
    async reload(next) {
      accessLog.reopen();
      renewCertificates(config.visitors, next.visitors);
      const before = served;
      served = servedBy(next.keys);
      trusts = inNetworks(next.trustedProxies);
      for (const link of [...pool.links])
        if (!isSameSecret(before, served, link.keyId))
          link.close("key-removed", "this key was removed or changed at the edge");
    },
    async forget({ host, url }) {
      for (const link of pool.linksOf(host)) link.forget(host, url ?? "");
      return store.forget({ host }, url) + requestBodies.forget({ host }, url);
    },
    take(door, socket) {
      if (door < config.visitors.length) return visitors.take(door, socket);
      socket.once("close", () => asWorker?.tunnelClosed());
      tunnel.take(socket);
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
      requestBodies.close();
    },
  };
};

const isSameListener = (a: VisitorListen, b: VisitorListen | undefined): boolean =>
  b !== undefined &&
  printHostPort(a.listen) === printHostPort(b.listen) &&
  a.compress === b.compress &&
  (a.tls === undefined) === (b.tls === undefined);

interface Served {
  readonly keys: ReadonlyMap<string, EdgeKey>;
  readonly hosts: ReadonlyMap<string, ReadonlySet<string>>;
  readonly rules: ReadonlyMap<string, ScopeRules>;
  /** Hosts whose requests may be coded. */
  readonly codesRequests: ReadonlySet<string>;
  readonly requestBases: ReadonlyMap<string, RequestBasesPolicy>;
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
  codesRequests: new Set(
    keys.flatMap(({ hosts }) => hosts.flatMap((each) => (each.compressRequests ? [each.host] : []))),
  ),
  requestBases: new Map(
    keys.flatMap(({ hosts }) => hosts.map(({ host, requestBases }) => [host, requestBases])),
  ),
  rules: new Map(
    keys.flatMap(({ hosts }) => hosts.map((served) => [served.host, new ScopeRules(served, SESSION_SECRET)])),
  ),
});

/** What no list names is never offered again, and exchanges hold what they offered by themselves. */
const lifetimesOf = ({ store: { sessionMs, noStoreMs } }: EdgeConfig) => ({
  sessionMs,
  noStoreMs,
  retiredMs: 0,
});
