/**
 * The origin daemon: links to every edge, clients of every web server, and the versions in between, started and stopped as
 * one. SPEC section "Roles".
 */
import { randomBytes } from "node:crypto";
import { agreedCodecs, codecIds, STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import { ZSTD_MOST_BYTES } from "../../protocol/codec/zstd.ts";
import { openAccessLog } from "../../protocol/daemon/access-log.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { BODY_TAGS } from "../../protocol/frames/etag-formulas.ts";
import type { OpenFrame, VersionFrame } from "../../protocol/frames/frame.ts";
import { CODED_REQUESTS, REQUEST_BASES } from "../../protocol/frames/request-coding.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import type { Stream } from "../../protocol/link/stream.ts";
import { type Clock, systemChance, systemClock } from "../../protocol/runtime/clock.ts";
import { type Load, loopLoad } from "../../protocol/runtime/event-loop-load.ts";
import { ByteBudget } from "../../protocol/runtime/memory-budget.ts";
import { UnderWay } from "../../protocol/runtime/task-set.ts";
import { ScopeRules } from "../../protocol/scope/scope.ts";
import { RequestBodies } from "../../protocol/store/request-body-store.ts";
import { tenantOf } from "../../protocol/store/tenant.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import { OriginServerClient } from "../../protocol/upstream/upstream-client.ts";
import { StreamContexts } from "../answer/compressor-limits.ts";
import { KnownSessions } from "../answer/known-sessions.ts";
import { BodyTags } from "../answer/omit-etag.ts";
import type { OriginConfig } from "../config/origin-config.ts";
import type { Route } from "../config/route-config.ts";
import { IncomingExchange } from "../exchange/incoming-exchange.ts";
import { TakePushed } from "../links/accept-push.ts";
import { EdgeLinks } from "../links/edge-links.ts";
import type { ExchangeGiven } from "../proxy/answer-edge.ts";
import { answerEdge } from "../proxy/answer-edge.ts";
import { RequestDecoders } from "../request/decode-body.ts";
import { RouteTable } from "../upstream/route-table.ts";

export interface OriginDaemon {
  /** Takes over routes. Edges and keys are changed by a restart. */
  reload(config: OriginConfig): Promise<void>;
  /** Drains, within a bound. */
  stop(): Promise<void>;
}

export const startOrigin = async (
  config: OriginConfig,
  given: {
    readonly log: Log;
    readonly clock?: Clock;
    readonly chance?: () => number;
    /** How busy this process is; measured unless given. */
    readonly load?: Load;
  },
): Promise<OriginDaemon> => {
  const { log, clock = systemClock, chance = systemChance, load = loopLoad(clock) } = given;
  let origins = clientsOf(config, clock);
  const retiring = new Set<Promise<void>>();
  const accessLog = openAccessLog(config.accessLog, {
    failed: (error) => log.error("access log failed", { error }),
    dropped: (lines) => log.warn("access log too slow", { dropped: lines }),
  });
  const store = new VersionStore({
    clock,
    bytes: config.store.sizeBytes,
    lifetimes: { sessionMs: config.store.sessionMs, noStoreMs: config.store.noStoreMs },
  });
  const requestBodies = new RequestBodies({ clock, bytes: config.store.requestBytes });
  const memory = new ByteBudget({
    totalBytes: config.memory.budgetBytes,
    shareBytes: config.memory.perKeyBytes,
  });
  const contexts = new StreamContexts();
  const bodyTags = new BodyTags(load);
  const codecs = codecIds(config.codecs);
  const rules = new ScopeRules({ bases: "site", harmlessCookies: [] }, randomBytes(32));

  const sessions = new KnownSessions();

  const answerGiven = (link: Link): ExchangeGiven => ({
    keyId: link.keyId,
    clock,
    store,
    memory,
    contexts,
    rules,
    sessions,
    codecs: agreedCodecs(codecs, link.peer.codecs),
    streaming: STREAMING_CODEC,
    load,
    pageBytes: Math.min(config.limits.pageBytes, link.peer.pageBytes, ZSTD_MOST_BYTES),
    codedRequests: link.peer.features.includes(CODED_REQUESTS),
    requestDecoders: new RequestDecoders(),
    bodyTags: link.peer.features.includes(BODY_TAGS) ? bodyTags : undefined,
    requestBases: link.peer.features.includes(REQUEST_BASES) ? requestBodies : undefined,
    headBytes: link.headBytes,
    originOf: (host, { target }) => origins.find(host, target),
    finished: (record) => accessLog.write(record),
    log,
  });
  const exchanges = new UnderWay();
  const perLink = new WeakMap<Link, ExchangeGiven>();
  const opened = (link: Link, stream: Stream, open: OpenFrame): void => {
    const known = perLink.get(link) ?? answerGiven(link);
    perLink.set(link, known);
    exchanges.add(answerEdge(new IncomingExchange(stream, open, known), known));
  };

  const hello = helloMaker({
    role: "origin",
    ...config.limits,
    codecs,
    requestBases: config.store.requestBytes > 0,
  });
  const forget = (link: Link, host: string, url: string): void => {
    const what = { tenant: tenantOf({ keyId: link.keyId, host }) };
    const erased = [store, requestBodies].reduce((sum, each) => sum + each.forget(what, url || undefined), 0);
    log.info("versions erased", { host, url, erased });
  };
  const takePushed = new TakePushed({ clock, log, store, memory });
  const pushed = (link: Link, version: VersionFrame): void =>
    exchanges.add(takePushed.take(link, version).then(() => {}));
  const links = config.edges.map(
    (edge) =>
      new EdgeLinks({
        edge,
        clock,
        chance,
        log,
        redial: config.redial,
        heartbeatMs: config.times.heartbeatMs,
        memory,
        hello,
        opened,
        forget,
        pushed,
      }),
  );
  return {
    async reload(next) {
      const before = origins.all;
      origins = clientsOf(next, clock);
      // What runs goes on, to the web server it began with.
      for (const origin of before) {
        const retired = origin.retire().finally(() => retiring.delete(retired));
        retiring.add(retired);
      }
    },
    async stop() {
      const cut = new AbortController();
      const bound = clock.after(config.times.drainMs, () => cut.abort());
      await Promise.all(links.map((link) => link.stop(cut.signal)));
      bound.cancel();
      for (const origin of origins.all) origin.close();
      await Promise.all(retiring);
      await exchanges.over();
      await accessLog.close();
      store.close();
      requestBodies.close();
    },
  };
};

const clientsOf = ({ routes, limits }: OriginConfig, clock: Clock): RouteTable<OriginServerClient<Route>> =>
  new RouteTable(routes.map((route) => new OriginServerClient(route, { ...limits, clock })));
