/**
 * The routes that exchanges are served by now, each with the client of its web server. They are replaced as a whole; what runs
 * goes on, to the web server it began with. README section "Routes".
 */
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import type { Route } from "../config/route-config.ts";
import { RouteTable } from "../upstream/route-table.ts";

export interface RoutesConfig {
  readonly routes: readonly Route[];
  readonly limits: { readonly headBytes: number };
}

export class Routes {
  readonly #clock: Clock;
  readonly #log: Pick<Log, "warn"> | undefined;
  /** Of routes that were replaced: each resolves when nothing runs on it any more. */
  readonly #retiring = new Set<Promise<void>>();
  #table: RouteTable<UpstreamClient<Route>>;

  constructor(config: RoutesConfig, clock: Clock, log?: Pick<Log, "warn">) {
    this.#clock = clock;
    this.#log = log;
    this.#table = this.#tableOf(config);
  }

  /** `host` as a Host field has it; undefined: no route. */
  find(host: string, target: string): UpstreamClient<Route> | undefined {
    return this.#table.find(host, target);
  }

  replace(config: RoutesConfig): void {
    const before = this.#table.all;
    this.#table = this.#tableOf(config);
    for (const client of before) {
      const retired = client.retire().finally(() => this.#retiring.delete(retired));
      this.#retiring.add(retired);
    }
  }

  /** Ends every connection of the routes there are now; resolves when those of routes before them have ended too. */
  async close(): Promise<void> {
    for (const client of this.#table.all) client.close();
    await Promise.all(this.#retiring);
  }

  #tableOf({ routes, limits }: RoutesConfig): RouteTable<UpstreamClient<Route>> {
    return new RouteTable(
      routes.map((route) => new UpstreamClient(route, { ...limits, clock: this.#clock, log: this.#log })),
    );
  }
}
