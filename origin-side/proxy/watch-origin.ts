/** What the origin side shows of itself: its state as commands, the page and metrics ask for it, and the traffic that they count. */
import { Durations } from "../../protocol/admin/durations.ts";
import type { Watched } from "../../protocol/admin/status.ts";
import { Traffic } from "../../protocol/admin/traffic.ts";
import type { LinkBook } from "../../protocol/link/link-book.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import { storeState } from "../../protocol/tier/tiered-store.ts";
import type { Route } from "../config/route-config.ts";
import type { ExchangeRecord } from "../exchange/access-record.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { Routes } from "./routes.ts";

export interface WatchedOrigin extends Omit<Watched, "dials" | "redials"> {
  /** Counts an exchange that is over. */
  note(record: ExchangeRecord, exchange: IncomingExchange, route: Route | undefined): void;
}

export const watchOrigin = (options: {
  readonly clock: Clock;
  readonly hostMetrics: boolean;
  readonly book: LinkBook;
  readonly routes: Routes;
  readonly store: VersionStore;
  readonly refused: Watched["refused"];
}): WatchedOrigin => {
  const { clock, hostMetrics, book, routes, store, refused } = options;
  const linkBytes = () => book.bytes;
  const traffic = new Traffic({ clock, linkBytes });
  const durations = new Durations();
  return {
    side: "origin",
    clock,
    traffic,
    durations,
    hostMetrics,
    note(record, exchange, route) {
      const { failed, status, originMs, totalMs } = record;
      if (route !== undefined) durations.note(askedOf(exchange, route), status, failed, originMs ?? totalMs);
      traffic.note(record, exchange.sentBytes);
    },
    readiness: () =>
      book.size > 0
        ? { ready: true, reasons: [] }
        : {
            ready: false,
            reasons: ["no link is up: `coilgun-origin status` says why edges are not reached"],
          },
    links: () => book.states,
    hosts: () => routes.hosts.map((host) => [host, book.size]),
    store: () => storeState(store),
    queue: () => routes.waiting,
    linkBytes,
    refused,
  };
};

const askedOf = ({ request }: IncomingExchange, { protocol, origin }: Route) =>
  ({
    method: request.method,
    version: protocol === "http2" ? "2.0" : "1.1",
    scheme: origin.scheme === "https" ? "https" : "http",
  }) as const;
