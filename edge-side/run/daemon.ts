/**
 * The edge daemon: the visitor server, the tunnel port, and what both share, started and stopped as one. SPEC section
 * "Roles".
 */
import { randomBytes } from "node:crypto";
import { CODEC_NAMES, codecIds } from "../../protocol/codec/codecs.ts";
import { type HostPort, printHostPort } from "../../protocol/config/units.ts";
import { openAccessLog } from "../../protocol/daemon/access-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { eventLoopLoad, type Load } from "../../protocol/runtime/event-loop-load.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import { CommonBases } from "../bases/common/common-bases.ts";
import type { ForgetWhat } from "../command/forget.ts";
import { CompressorPool } from "../compress/compressor-pool.ts";
import { VaryingPages } from "../compress/varying-pages.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { VisitorListen } from "../config/listener-config.ts";
import { UntrustedProxies } from "../exchange/untrusted-proxies.ts";
import { HeldPages } from "../exchange/visit-memory.ts";
import { serveVisitors } from "../http/http-server.ts";
import { acceptOrigins } from "../links/accept-links.ts";
import { LinkPool } from "../links/link-pool.ts";
import { ServedHosts } from "../proxy/served-hosts.ts";
import { Visits } from "../proxy/visits.ts";
import { RequestCompressorPool } from "../request/compressor-pool.ts";
import { pseudonymOf } from "../request/forward-head.ts";

const PSEUDONYM_BYTES = 4;

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
  /** Goes on in a new access log where the one in use was moved away. */
  reopenAccessLog(): void;
  /** Drains, within a bound. */
  stop(): Promise<void>;
}

/** Rejects with what the system says of an address that cannot be had; nothing is left open then. */
export const startEdge = async (
  config: EdgeConfig,
  options: { readonly log: Log; readonly clock?: Clock; readonly load?: Load },
): Promise<EdgeDaemon> => {
  const { log, clock = systemClock, load = eventLoopLoad(clock) } = options;
  const hosts = new ServedHosts(config);
  const store = new VersionStore({ clock, bytes: config.store.sizeBytes, lifetimes: lifetimesOf(config) });
  const memory = new MemoryBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
  });
  const commonBases = new CommonBases({ clock, log, store, memory });
  const pool = new LinkPool({ hosts, log });
  const accessLog = openAccessLog(config.accessLog, { clock, log });
  const tunnel = await acceptOrigins({
    config,
    clock,
    log,
    pool,
    memory,
    secretOf: (keyId) => hosts.secretOf(keyId),
    limitsOf: (keyId) => hosts.limitsOf(keyId),
    hello: helloMaker({
      role: "edge",
      ...config.limits,
      codecs: codecIds(CODEC_NAMES),
    }),
  });
  const visits = new Visits({
    clock,
    log,
    pool,
    store,
    commonBases,
    memory,
    heldPages: new HeldPages(memory),
    encoders: new CompressorPool(memory, load),
    varying: new VaryingPages(),
    requests: new RequestCompressorPool({ clock, memory }),
    pageBytes: config.limits.pageBytes,
    originAnswerMs: config.times.originAnswerMs,
    hosts,
    untrusted: new UntrustedProxies(log),
    pseudonym: pseudonymOf(randomBytes(PSEUDONYM_BYTES).toString("hex")),
    accessLog,
  });
  const visitors = await serveVisitors(config, { clock, log, visits }).catch(async (error: unknown) => {
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
      accessLog.reopen(next.accessLog);
      renewCertificates(config.visitors, next.visitors);
      const same = hosts.replace(next);
      for (const link of [...pool.links])
        if (!same.has(link.keyId)) link.close("key-removed", "this key was removed or changed at the edge");
    },
    async forget({ host, url }) {
      for (const link of pool.linksOf(host)) link.forget(host, url ?? "");
      return store.forget({ host }, url);
    },
    reopenAccessLog: () => accessLog.reopen(),
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

const isSameListener = (a: VisitorListen, b: VisitorListen | undefined): boolean =>
  b !== undefined &&
  printHostPort(a.listen) === printHostPort(b.listen) &&
  a.compress === b.compress &&
  a.reusePort === b.reusePort &&
  a.underscores === b.underscores &&
  (a.tls === undefined) === (b.tls === undefined);

/** What no list names is never offered again, and exchanges hold what they offered by themselves. */
const lifetimesOf = ({ store: { sessionMs, noStoreMs } }: EdgeConfig) => ({
  sessionMs,
  noStoreMs,
  retiredMs: 0,
});
