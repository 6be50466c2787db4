/** One web server of a route: the client that asks it, whether it is given requests, and the checks that say so. */
import { isHostPattern } from "../../protocol/config/host-pattern.ts";
import { StreamError } from "../../protocol/errors.ts";
import { authorityOf } from "../../protocol/upstream/upstream-address.ts";
import { type ClientOptions, UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import type { HealthCheck } from "../config/health-config.ts";
import type { Route } from "../config/route-config.ts";
import { upstreamRequest } from "../request/upstream-head.ts";
import { type StateOptions, UpstreamState } from "./upstream-state.ts";

/** What came of a check. */
type Checked = "well" | "not asked" | { readonly failure: string };

export class Upstream {
  readonly route: Route;
  readonly client: UpstreamClient<Route>;
  readonly state: UpstreamState;
  /** What it has not been given yet of its share, while all are equally busy. */
  credit = 0;
  readonly #options: ClientOptions & StateOptions;
  readonly #retired = new AbortController();

  constructor(route: Route, options: ClientOptions & StateOptions) {
    this.route = route;
    this.client = new UpstreamClient(route, options);
    this.state = new UpstreamState(route, options);
    this.#options = options;
    if (route.health !== undefined) void this.#watch(route.health);
  }

  /** Ends every connection; what runs is lost. */
  close(): void {
    this.#retired.abort();
    this.client.close();
  }

  /** Lets what runs come to its end; resolves when nothing does. */
  retire(): Promise<void> {
    this.#retired.abort();
    return this.client.retire();
  }

  async #watch(health: HealthCheck): Promise<void> {
    const { signal } = this.#retired;
    while (!signal.aborted) {
      const found = await this.#check(health, signal);
      if (signal.aborted) return;
      if (found !== "not asked") this.state.checked(found === "well" ? undefined : found.failure);
      await this.#options.clock.sleep(health.intervalMs, signal).catch(() => {});
    }
  }

  /** On a connection of its own, as the places may all be taken. */
  async #check({ path, timeoutMs, status }: HealthCheck, retired: AbortSignal): Promise<Checked> {
    const { route } = this;
    const name = isHostPattern(route.host) ? authorityOf(route.origin) : route.host;
    const fields = ["Host", name, "User-Agent", "coilgun-origin health check"];
    const head = upstreamRequest({ method: "GET", target: path, fields }, route, { askEncoded: "no" });
    const client = new UpstreamClient({ ...route, connections: 1 }, { ...this.#options, log: undefined });
    try {
      const response = await this.#options.clock.within(timeoutMs, retired, (signal) =>
        client.fetch({ head, body: undefined, signal, interim: () => {} }),
      );
      const got = response.head.status;
      return got >= status.least && got <= status.most
        ? "well"
        : { failure: `GET ${path} was answered with ${got}` };
    } catch (error) {
      // This process had no descriptor for it, which says nothing of the web server.
      if (error instanceof StreamError && error.code === "no-place") return "not asked";
      return { failure: `GET ${path}: ${error instanceof Error ? error.message : String(error)}` };
    } finally {
      client.close();
    }
  }
}
