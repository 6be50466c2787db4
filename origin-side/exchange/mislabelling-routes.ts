/**
 * Routes whose web server told a content coding that the body did not have, when it was asked for other codings than the
 * visitor's: Etherpad does, once it has served another client. For a time they are asked with the visitor's own.
 */
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Route } from "../config/route-config.ts";

/** A web server may be mended meanwhile. @internal */
export const REMEMBERED_MS = 60 * 60 * 1000;

export class MislabellingRoutes {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Until when; of routes that are replaced nothing stays. */
  readonly #until = new WeakMap<Route, number>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** What the route's web server is asked for now. */
  askEncoded(route: Route): Route["askEncoded"] {
    const until = this.#until.get(route);
    return until !== undefined && this.#clock.now() < until ? "visitor" : route.askEncoded;
  }

  /** One line for each time that a route is found to be one. */
  found(route: Route, target: string, coding: string): void {
    if (this.askEncoded(route) === "visitor") return;
    this.#until.set(route, this.#clock.now() + REMEMBERED_MS);
    this.#log.warn("web server names a coding that its body does not have", {
      route: `${route.host}${route.path}`,
      target,
      coding,
      remedy:
        "it is asked with the visitor's own Accept-Encoding for an hour; askEncoded: visitor does so always",
    });
  }
}
