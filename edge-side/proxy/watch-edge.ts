/** What the edge shows of itself: its state as commands, the page and metrics ask for it, and the traffic that they count. */
import { Durations } from "../../protocol/admin/durations.ts";
import type { Watched } from "../../protocol/admin/status.ts";
import { Traffic } from "../../protocol/admin/traffic.ts";
import type { LinkBook } from "../../protocol/link/link-book.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { VersionStore } from "../../protocol/store/version-store.ts";
import { storeState } from "../../protocol/tier/tiered-store.ts";
import type { LinkPool } from "../links/link-pool.ts";
import type { ServedHosts } from "./served-hosts.ts";

export const watchEdge = (options: {
  readonly clock: Clock;
  readonly hostMetrics: boolean;
  readonly pool: LinkPool;
  readonly book: LinkBook;
  readonly hosts: ServedHosts;
  readonly store: VersionStore;
  readonly refused: Watched["refused"];
}): Watched => {
  const { clock, hostMetrics, pool, book, hosts, store, refused } = options;
  const linkBytes = () => book.bytes;
  return {
    side: "edge",
    clock,
    traffic: new Traffic({ clock, linkBytes }),
    durations: new Durations(),
    hostMetrics,
    readiness: () => {
      const { linked } = hosts;
      const reasons = linked.length === 0 ? [] : whatIsMissing(pool, linked);
      return { ready: pool.ready || linked.length === 0, reasons };
    },
    links: () => book.states,
    dials: () => [],
    hosts: () => {
      const linked = new Set(hosts.linked);
      return Array.from(hosts.hosts, (host) => [
        host,
        linked.has(host) ? pool.linksOf(host).length : "direct",
      ]);
    },
    store: () => storeState(store),
    queue: () => 0,
    redials: () => 0,
    linkBytes,
    refused,
  };
};

const whatIsMissing = (pool: LinkPool, hosts: readonly string[]): readonly string[] => {
  if (pool.links.size === 0)
    return ["no link is up: is coilgun-origin running, and does its log say that it reaches this edge?"];
  return hosts.flatMap((host) => {
    const links = pool.linksOf(host);
    if (links.length === 0) return [`no link serves ${host}: is a coilgun-origin running with a key for it?`];
    return links.some(({ accepts, suspect }) => accepts && !suspect)
      ? []
      : [`the links for ${host} are silent, draining or full`];
  });
};
