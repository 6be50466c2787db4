/**
 * The origin daemon: links to every edge, clients of every web server, and the versions in between, started and stopped as
 * one. SPEC section "Roles".
 */
import { codecIds } from "../../protocol/codec/codecs.ts";
import { needRestart } from "../../protocol/config/restart-settings.ts";
import { openAccessLog } from "../../protocol/daemon/access-log.ts";
import { ownVersion } from "../../protocol/daemon/cli.ts";
import { LimitLog, sayLimit } from "../../protocol/daemon/limit-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import type { RunningDaemon } from "../../protocol/daemon/run-daemon.ts";
import { LinkBook } from "../../protocol/link/link-book.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { type Clock, systemChance, systemClock } from "../../protocol/runtime/clock.ts";
import { eventLoopLoad, type Load } from "../../protocol/runtime/event-loop-load.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { openStore } from "../../protocol/tier/open/open-store.ts";
import type { OriginConfig } from "../config/origin-config.ts";
import { EdgeLinks } from "../links/edge-links.ts";
import { EdgeService } from "../proxy/edge-service.ts";
import { exchangeLog } from "../proxy/exchange-log.ts";
import { Routes } from "../proxy/routes.ts";
import { watchOrigin } from "../proxy/watch-origin.ts";

export type OriginDaemon = RunningDaemon<OriginConfig>;

/** What a reload takes over. */
const LIVE = ["edges", "routes", "redial", "accessLog", "log.level", "times.drainMs", "times.drainStreamsMs"];

export const startOrigin = async (
  config: OriginConfig,
  options: {
    readonly log: Log;
    readonly clock?: Clock;
    readonly chance?: () => number;
    /** How busy this process is; measured unless given. */
    readonly load?: Load;
  },
): Promise<OriginDaemon> => {
  const { clock = systemClock, chance = systemChance, load = eventLoopLoad(clock) } = options;
  const limits = new LimitLog({ clock, log: options.log });
  const { log } = limits;
  const routes = new Routes(config, clock, log);
  const accessLog = openAccessLog(config.accessLog, { clock, log });
  const opened = await openStore(config.store, {
    clock,
    log,
    side: "origin",
    isNamed: routes.names.bind(routes),
  });
  const { store, storeId } = opened;
  const memory = new MemoryBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
    full: (limit) => sayLimit(log, limit),
  });
  const book = new LinkBook(clock);
  const { hostMetrics } = config;
  const watched = watchOrigin({ clock, hostMetrics, book, routes, store, refused: () => limits.counts() });
  const codecs = codecIds(config.codecs);
  const service = new EdgeService({
    clock,
    log,
    store,
    memory,
    load,
    routes,
    accessLog: exchangeLog(accessLog, watched, clock),
    codecs,
    pageBytes: config.limits.pageBytes,
  });
  const shown = { program: ownVersion(), clock };
  const hello = helloMaker({ role: "origin", ...config.limits, codecs, storeId, shown });
  let { redial, times } = config;
  const { heartbeatMs } = times;
  const links = new EdgeLinks({
    clock,
    chance,
    log,
    redial: () => redial,
    heartbeatMs,
    memory,
    hello,
    service,
    book,
  });
  links.replace(config.edges, times.drainMs);
  return {
    async reload(next) {
      accessLog.reopen(next.accessLog);
      ({ redial, times } = next);
      routes.replace({ routes: next.routes, limits: config.limits });
      links.replace(next.edges, times.drainMs);
      return needRestart(config, next, LIVE);
    },
    reopenAccessLog: () => accessLog.reopen(),
    watched: { ...watched, dials: () => links.dials, redials: () => links.redials },
    async stop() {
      const streams = clock.after(times.drainStreamsMs, () => service.cutLongLived());
      await links.stop(times.drainMs);
      streams.cancel();
      await routes.close();
      await service.over();
      limits.stop();
      watched.traffic.stop();
      await accessLog.close();
      await opened.close();
    },
  };
};
