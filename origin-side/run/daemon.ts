/**
 * The origin daemon: links to every edge, clients of every web server, and the versions in between, started and stopped as
 * one. SPEC section "Roles".
 */
import { codecIds } from "../../protocol/codec/codecs.ts";
import { openAccessLog } from "../../protocol/daemon/access-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { type Clock, systemChance, systemClock } from "../../protocol/runtime/clock.ts";
import { eventLoopLoad, type Load } from "../../protocol/runtime/event-loop-load.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import type { OriginConfig } from "../config/origin-config.ts";
import { KeptLink } from "../links/dial-edge.ts";
import { EdgeService } from "../proxy/edge-service.ts";
import { Routes } from "../proxy/routes.ts";

export interface OriginDaemon {
  /** Takes over routes. Edges and keys are changed by a restart. */
  reload(config: OriginConfig): Promise<void>;
  /** Goes on in a new access log where the one in use was moved away. */
  reopenAccessLog(): void;
  /** Drains, within a bound. */
  stop(): Promise<void>;
}

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
  const { log, clock = systemClock, chance = systemChance, load = eventLoopLoad(clock) } = options;
  const routes = new Routes(config, clock, log);
  const accessLog = openAccessLog(config.accessLog, { clock, log });
  const store = new VersionStore({
    clock,
    bytes: config.store.sizeBytes,
    lifetimes: { sessionMs: config.store.sessionMs, noStoreMs: config.store.noStoreMs },
  });
  const memory = new MemoryBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
  });
  const codecs = codecIds(config.codecs);
  const service = new EdgeService({
    clock,
    log,
    store,
    memory,
    load,
    routes,
    accessLog,
    codecs,
    pageBytes: config.limits.pageBytes,
  });
  const hello = helloMaker({ role: "origin", ...config.limits, codecs });
  const { redial, times } = config;
  const dialling = { clock, chance, log, redial, heartbeatMs: times.heartbeatMs, memory, hello, service };
  const links = config.edges.flatMap((edge) =>
    Array.from({ length: edge.connections }, () => new KeptLink({ edge, ...dialling })),
  );
  return {
    async reload(next) {
      accessLog.reopen(next.accessLog);
      routes.replace(next);
    },
    reopenAccessLog: () => accessLog.reopen(),
    async stop() {
      const cut = new AbortController();
      const bound = clock.after(config.times.drainMs, () => cut.abort());
      await Promise.all(links.map((link) => link.stop(cut.signal)));
      bound.cancel();
      await routes.close();
      await service.over();
      await accessLog.close();
      store.close();
    },
  };
};
