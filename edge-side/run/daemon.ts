/**
 * The edge daemon: the visitor server, the tunnel port, and what both share, started and stopped as one. SPEC section
 * "Roles".
 */
import { randomBytes } from "node:crypto";
import { CODEC_NAMES, codecIds } from "../../protocol/codec/codecs.ts";
import { needRestart } from "../../protocol/config/restart-settings.ts";
import type { HostPort } from "../../protocol/config/units.ts";
import { openAccessLog } from "../../protocol/daemon/access-log.ts";
import { ownVersion } from "../../protocol/daemon/cli.ts";
import { whyNotListening } from "../../protocol/daemon/findings.ts";
import { LimitLog, sayLimit } from "../../protocol/daemon/limit-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { RunningDaemon } from "../../protocol/daemon/run-daemon.ts";
import { LinkBook } from "../../protocol/link/link-book.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { eventLoopLoad, type Load } from "../../protocol/runtime/event-loop-load.ts";
import { LongLived } from "../../protocol/runtime/long-lived.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { hostName } from "../../protocol/store/partition.ts";
import { type OpenedStore, openStore, sessionSecretOf } from "../../protocol/tier/open/open-store.ts";
import { CommonBases } from "../bases/common/common-bases.ts";
import { type ForgetWhat, forgetDuty } from "../command/forget.ts";
import { CompressorPool } from "../compress/compressor-pool.ts";
import { VaryingPages } from "../compress/varying-pages.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import { SiteDictionaries } from "../dictionaries/site-dictionaries.ts";
import { Observation } from "../exchange/observation.ts";
import { UntrustedProxies } from "../exchange/untrusted-proxies.ts";
import { HeldPages } from "../exchange/visit-memory.ts";
import { WholeAnswers } from "../exchange/whole-answers.ts";
import { ErrorPages } from "../http/errors/error-pages.ts";
import { serveVisitors } from "../http/http-server.ts";
import { acceptOrigins } from "../links/accept-links.ts";
import { LinkPool } from "../links/link-pool.ts";
import { RetiredSecrets } from "../links/retired-secrets.ts";
import { ServedHosts } from "../proxy/served-hosts.ts";
import { visitLog } from "../proxy/visit-log.ts";
import { Visits } from "../proxy/visits.ts";
import { watchEdge } from "../proxy/watch-edge.ts";
import { RequestCompressorPool } from "../request/compressor-pool.ts";
import { pseudonymOf } from "../request/forward-head.ts";
import { Fallbacks } from "../upstream/fallbacks.ts";
import { inheritedSockets } from "./inherited-sockets.ts";

const PSEUDONYM_BYTES = 4;

export interface EdgeDaemon extends RunningDaemon<EdgeConfig> {
  /** Of the first listener. */
  readonly visitorsAddress: HostPort;
  /** Of all, in the order of the config. */
  readonly visitorsAddresses: readonly HostPort[];
  readonly tunnelAddress: HostPort;
  /** Resolves when no site dictionary is being made. For tests. @internal */
  siteDictionariesIdle(): Promise<void>;
  /** Erases versions here and at the origin sides that are connected; returns how many there were here. */
  forget(what: ForgetWhat): Promise<number>;
}

/** What a reload takes over; links of keys that are gone are closed. */
const LIVE = [
  "keys",
  "hosts",
  "trustedProxies",
  "defaultHost",
  "proxyStatus",
  "accessLog",
  "serverTiming",
  "log.level",
  "times.originAnswerMs",
  "times.linkMs",
  "times.drainMs",
  "times.drainStreamsMs",
  "visitors[].tls.certificates",
];

/** Rejects with a Complaint for an address that cannot be had; nothing is left open then. */
export const startEdge = async (config: EdgeConfig, options: EdgeOptions): Promise<EdgeDaemon> => {
  const { log, clock = systemClock } = options;
  // What no list names is never offered again, and exchanges hold what they offered by themselves.
  const hosts = new ServedHosts(config, sessionSecretOf(config.store));
  const isNamed = hosts.isNamed.bind(hosts);
  const opened = await openStore(config.store, { clock, log, side: "edge", isNamed, retiredMs: 0 });
  try {
    return await start(config, { ...options, hosts, opened });
  } catch (error) {
    await opened.close();
    const visitors = config.visitors.map(({ listen }, i) => [
      i === 0 ? "visitors" : `visitors[${i}]`,
      listen,
    ]);
    const tunnel = config.tunnel && { tunnel: config.tunnel.listen };
    throw whyNotListening(error, { ...Object.fromEntries(visitors), ...tunnel });
  }
};

interface EdgeOptions {
  readonly log: Log;
  readonly clock?: Clock;
  readonly load?: Load;
}

interface EdgeParts extends EdgeOptions {
  readonly hosts: ServedHosts;
  readonly opened: OpenedStore;
}

const start = async (config: EdgeConfig, options: EdgeParts): Promise<EdgeDaemon> => {
  const times = { ...config.times };
  const { clock = systemClock, load = eventLoopLoad(clock) } = options;
  const limits = new LimitLog({ clock, log: options.log });
  const { log } = limits;
  const sockets = inheritedSockets(["visitors", "tunnel"]);
  const { hosts, opened } = options;
  const { store, storeId } = opened;
  const isNamed = hosts.isNamed.bind(hosts);
  const memory = new MemoryBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
    full: (limit) => sayLimit(log, limit),
  });
  const commonBases = new CommonBases({ clock, log, store, memory, isNamed });
  const siteDictionaries = new SiteDictionaries({ clock, log, store, memory, isNamed });
  const pool = new LinkPool({ clock, hosts, log });
  const book = new LinkBook(clock);
  const { hostMetrics } = config;
  const watched = watchEdge({ clock, hostMetrics, pool, book, hosts, store, refused: () => limits.counts() });
  const accessLog = openAccessLog(config.accessLog, { clock, log });
  const instance = randomBytes(PSEUDONYM_BYTES).toString("hex");
  const observation = new Observation(instance, accessLog, config.serverTiming);
  const wholeAnswers = new WholeAnswers({ clock, log });
  const tunnel = await acceptOrigins({
    config,
    clock,
    log,
    pool,
    book,
    memory,
    socket: sockets.tunnel[0],
    secretsOf: (keyId) => hosts.secretsOf(keyId, clock.today()),
    limitsOf: (keyId) => hosts.limitsOf(keyId),
    hello: helloMaker({
      role: "edge",
      ...config.limits,
      codecs: codecIds(CODEC_NAMES),
      storeId,
      shown: { program: ownVersion(), clock },
    }),
  });
  const retired = new RetiredSecrets({ clock, log, pool, hosts, drainMs: () => times.drainMs });
  retired.watch(config.keys);
  const longLived = new LongLived();
  const pseudonym = pseudonymOf(instance);
  const errorPages = new ErrorPages(pseudonym, config);
  const fallbacks = new Fallbacks(config, { clock, log, headBytes: config.limits.headBytes });
  const encoders = new CompressorPool(memory, load);
  const visits = new Visits({
    clock,
    log,
    pool,
    store,
    commonBases,
    memory,
    heldPages: new HeldPages(memory),
    encoders,
    load,
    varying: new VaryingPages(),
    siteDictionaries,
    requests: new RequestCompressorPool({ clock, memory }),
    pageBytes: config.limits.pageBytes,
    times,
    hosts,
    fallbacks,
    untrusted: new UntrustedProxies(log),
    longLived,
    pseudonym,
    errorPages,
    observation,
    accessLog: visitLog({ clock, hosts, watched, wholeAnswers, accessLog }),
  });
  const visitors = await serveVisitors(config, {
    clock,
    log,
    visits,
    errorPages,
    hosts,
    sockets: sockets.visitors,
  }).catch(async (error: unknown) => {
    await tunnel?.close();
    throw error;
  });
  const forgetBeside = ({ host, url }: ForgetWhat) => {
    siteDictionaries.forget(hostName(host));
    encoders.forgetDictionaries();
    pool.forget({ host, url });
  };
  const forget = async (what: ForgetWhat) => {
    forgetBeside(what);
    return store.forget({ host: what.host }, what.url);
  };
  opened.listen((what) => {
    if ("of" in what && "host" in what.of) forgetBeside({ host: what.of.host, url: what.url });
  });
  return {
    visitorsAddress: visitors.addresses[0] ?? NOWHERE,
    visitorsAddresses: visitors.addresses,
    tunnelAddress: tunnel?.address ?? NOWHERE,
    siteDictionariesIdle: () => siteDictionaries.idle(),
    async reload(next) {
      // First what can fail.
      visitors.renew(next.visitors);
      accessLog.reopen(next.accessLog);
      observation.replace(next.serverTiming);
      Object.assign(times, next.times);
      hosts.replace(next);
      fallbacks.replace(next);
      errorPages.replace(next);
      retired.watch(next.keys);
      return needRestart(config, next, LIVE);
    },
    forget,
    duties: { forget: forgetDuty(forget, (host) => hosts.mayBeHeld(hostName(host))) },
    reopenAccessLog: () => accessLog.reopen(),
    watched,
    async stop() {
      retired.stop();
      const drained = new AbortController();
      const bound = clock.after(times.drainMs, () => drained.abort());
      const streams = clock.after(times.drainStreamsMs, () => longLived.cutAll());
      tunnel?.closeAccepting();
      for (const link of pool.links) link.announceEnd("the edge stops");
      await visitors.close(drained.signal);
      for (const link of pool.links) link.drain("the edge stops");
      bound.cancel();
      streams.cancel();
      await tunnel?.close();
      await visits.over();
      fallbacks.close();
      wholeAnswers.stop();
      limits.stop();
      watched.traffic.stop();
      await siteDictionaries.stop();
      await commonBases.stop();
      await accessLog.close();
      await opened.close();
    },
  };
};

const NOWHERE: HostPort = { host: "", port: 0 };
