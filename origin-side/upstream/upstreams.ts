/**
 * The web servers of one route. A request goes to the least busy, by weight, of those that are up. One that could not be given to its
 * web server goes to the next, whatever it is; of others only what changes nothing is asked once more (RFC 9110 section 9.2.2), elsewhere.
 * Where all are down they are tried all the same. docs/operations.md section "Several web servers of one route".
 */
import { StreamError } from "../../protocol/errors.ts";
import { type RequestHead, upgradeOf } from "../../protocol/http/head.ts";
import { RepeatableBody } from "../../protocol/upstream/send-body.ts";
import { mayRepeat, type UpstreamClient } from "../../protocol/upstream/upstream-client.ts";
import { RequestFault, UnreachableError } from "../../protocol/upstream/upstream-failure.ts";
import type { UpstreamRequest, UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import type { Route } from "../config/route-config.ts";
import type { Upstream } from "./upstream.ts";

/** What every web server of a route gets alike. */
type Shared = Omit<UpstreamRequest, "head" | "given">;

export interface Fetched {
  /** As the web server got it. */
  readonly head: RequestHead;
  readonly response: UpstreamResponse;
  readonly upstream: UpstreamClient<Route>;
}

/** How often a request that changes nothing may have been given to web servers. */
const MOST_GIVEN = 2;
/** Kept of a body until a connection takes it: more than is waited for before that, less than a stream's first window. */
const MOST_KEPT_BYTES = 96 * 1024;

export class Upstreams {
  readonly all: readonly Upstream[];
  /** What they have in common: all but the web server and what follows from its address. */
  readonly route: Route;

  /** All of one host and path; at least one. */
  constructor(all: readonly Upstream[]) {
    const [first] = all;
    if (first === undefined) throw new RangeError("a route without a web server");
    this.route = first.route;
    this.all = all;
  }

  /** Requests that wait for a place at any of them. */
  get waiting(): number {
    return this.all.reduce((sum, { client }) => sum + client.waiting, 0);
  }

  /** `request`: as it came; `headFor`: as this web server gets it. Rejects as `UpstreamClient.fetch`. */
  async fetch(request: RequestHead, headFor: (route: Route) => RequestHead, asked: Shared): Promise<Fetched> {
    const [only, another] = this.all;
    if (only !== undefined && another === undefined) {
      const { client, route } = only;
      const head = headFor(route);
      return { head, response: await client.fetch({ ...asked, head }), upstream: client };
    }
    const upgrade = upgradeOf(request.fields) !== undefined;
    const repeatable = mayRepeat({ method: request.method, body: asked.body, upgrade });
    const body = asked.body && new RepeatableBody(asked.body, MOST_KEPT_BYTES);
    const tried = new Set<Upstream>();
    let given = 0;
    for (;;) {
      const { client, route, state } = this.#choose(tried, repeatable);
      state.asked();
      const head = headFor(route);
      const before = given;
      try {
        const response = await client.fetch({
          ...asked,
          body,
          head,
          given() {
            given++;
            body?.keepNone();
          },
        });
        state.answered();
        return { head, response, upstream: client };
      } catch (error) {
        const unreachable = error instanceof UnreachableError;
        if (!unreachable && (given === before || !isItsFault(error))) throw error;
        state.failed(error instanceof Error ? error.message : String(error), unreachable);
        const again = given === 0 ? (body?.rewind() ?? true) : repeatable && given < MOST_GIVEN;
        if (!again || tried.size === this.all.length) throw error;
        asked.signal.throwIfAborted();
      }
    }
  }

  /** Adds it to `tried`, which must not have all of them. */
  #choose(tried: Set<Upstream>, repeatable: boolean): Upstream {
    const left = this.all.filter((upstream) => !tried.has(upstream));
    const up = left.filter(({ state }) => state.serves(repeatable));
    const able = up.length > 0 ? up : left;
    const free = able.filter(({ client, route }) => client.load < route.connections);
    const chosen = leastBusy(free.length > 0 ? free : able);
    tried.add(chosen);
    return chosen;
  }
}

/** Of those that are equally busy each in its turn, by weight (nginx's smooth weighted round robin). */
const leastBusy = (from: readonly Upstream[]): Upstream => {
  const busy = ({ client, route }: Upstream) => client.load / route.weight;
  const least = Math.min(...from.map(busy));
  const alike = from.filter((upstream) => busy(upstream) === least);
  for (const upstream of alike) upstream.credit += upstream.route.weight;
  const chosen = alike.reduce((most, upstream) => (upstream.credit > most.credit ? upstream : most));
  chosen.credit -= alike.reduce((sum, { route }) => sum + route.weight, 0);
  return chosen;
};

/** It broke off or was silent before it had answered, and not for what the visitor sent. */
const isItsFault = (error: unknown): boolean =>
  error instanceof StreamError &&
  (error.code === "origin-failed" || error.code === "origin-silent") &&
  !(error.cause instanceof RequestFault);
