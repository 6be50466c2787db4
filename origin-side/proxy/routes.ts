/**
 * The routes that exchanges are served by now, each with the client of its web server. A reload replaces those that changed; what runs
 * goes on, to the web server it began with. docs/operations.md section "Routes".
 */
import { saysTheSame } from "../../protocol/config/restart-settings.ts";
import type { Log } from "../../protocol/daemon/log.ts";
import { fieldOf, type RequestHead } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { type PageKey, pageKeyOf } from "../../protocol/store/page-key.ts";
import type { Route } from "../config/route-config.ts";
import { upstreamRequest } from "../request/upstream-head.ts";
import { RouteTable } from "../upstream/route-table.ts";
import { Upstream } from "../upstream/upstream.ts";
import { Upstreams } from "../upstream/upstreams.ts";

/** A request on its way to a web server. */
export interface RoutedRequest {
  readonly upstreams: Upstreams;
  /** As the one web server gets it, where that depends on nothing but the route; a condition depends on the tags that it gave. */
  readonly head: RequestHead | undefined;
  readonly pageKey: PageKey;
}

/** @internal */
export const routedTo = (upstreams: Upstreams, request: RequestHead): RoutedRequest => ({
  upstreams,
  head:
    upstreams.all.length > 1 || isConditional(request)
      ? undefined
      : upstreamRequest(request, upstreams.route, upstreams.route),
  pageKey: pageKeyOf(request.target),
});

const isConditional = ({ fields }: RequestHead): boolean =>
  fieldOf(fields, "if-none-match") !== undefined || fieldOf(fields, "if-match") !== undefined;

export interface RoutesConfig {
  readonly routes: readonly Route[];
  readonly limits: { readonly headBytes: number };
}

export class Routes {
  readonly #clock: Clock;
  readonly #log: Pick<Log, "warn" | "info"> | undefined;
  /** Of routes that were replaced: each resolves when nothing runs on it any more. */
  readonly #retiring = new Set<Promise<void>>();
  #table: RouteTable<Upstreams>;
  /** What the routes there are now make of a request's head; the next request with that very head is the same object. */
  #routed = new WeakMap<RequestHead, { readonly host: string; readonly routed: RoutedRequest }>();

  constructor(config: RoutesConfig, clock: Clock, log?: Pick<Log, "warn" | "info">) {
    this.#clock = clock;
    this.#log = log;
    this.#table = this.#tableOf(config);
  }

  /** `host` as a Host field has it; undefined: no route. */
  find(host: string, request: RequestHead): RoutedRequest | undefined {
    const known = this.#routed.get(request);
    if (known?.host === host) return known.routed;
    const upstreams = this.#table.find(host, request.target);
    if (upstreams === undefined) return undefined;
    const routed = routedTo(upstreams, request);
    this.#routed.set(request, { host, routed });
    return routed;
  }

  /** Whether the host has a route of its own name. */
  names(host: string): boolean {
    return this.#table.names(host);
  }

  /** Each once. */
  get hosts(): readonly string[] {
    return [...new Set(this.#table.all.map(({ route }) => route.host))];
  }

  /** Requests that wait for a place at a web server. */
  get waiting(): number {
    return this.#table.all.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  replace(config: RoutesConfig): void {
    const before = new Set(this.#upstreams);
    this.#table = this.#tableOf(config, before);
    this.#routed = new WeakMap();
    for (const upstream of before) {
      const retired = upstream.retire().finally(() => this.#retiring.delete(retired));
      this.#retiring.add(retired);
    }
  }

  /** Ends every connection of the routes there are now; resolves when those of routes before them have ended too. */
  async close(): Promise<void> {
    for (const upstream of this.#upstreams) upstream.close();
    await Promise.all(this.#retiring);
  }

  get #upstreams(): readonly Upstream[] {
    return this.#table.all.flatMap(({ all }) => all);
  }

  /** A web server that is asked as before keeps its client, and what is known of it; it is taken out of `before`. */
  #tableOf({ routes, limits }: RoutesConfig, before = new Set<Upstream>()): RouteTable<Upstreams> {
    const upstreams = routes.map((route) => {
      const same = [...before].find((upstream) => saysTheSame(upstream.route, route));
      if (same === undefined) return new Upstream(route, { ...limits, clock: this.#clock, log: this.#log });
      before.delete(same);
      return same;
    });
    const alike = Map.groupBy(upstreams, ({ route }) => `${route.host} ${route.path}`);
    return new RouteTable([...alike.values()].map((of) => new Upstreams(of)));
  }
}
