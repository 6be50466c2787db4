/**
 * Asks one web server. A request that finds its kept connection closed is asked on a new one, if that can change nothing at the
 * web server (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
 */
import { StreamError } from "../errors.ts";
import { authenticatesConnection } from "../http/connection-auth.ts";
import type { Clock } from "../runtime/clock.ts";
import { ConnectionPool, type ConnectionWish } from "./connection-pool.ts";
import { UpstreamDialler } from "./dial-upstream.ts";
import { type WireRequest, wireRequest } from "./framing.ts";
import { printUpstreamAddress } from "./upstream-address.ts";
import { type ExchangeDependencies, exchangeWith } from "./upstream-exchange.ts";
import { StaleConnection } from "./upstream-failure.ts";
import type { UpstreamRequest, UpstreamResponse } from "./upstream-request.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** Asking one of these twice changes nothing at the web server. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export interface ClientOptions {
  /** Largest response head. */
  readonly headBytes: number;
  readonly clock: Clock;
}

/** `Settings` may say more of the web server than the client needs. */
export class UpstreamClient<Settings extends UpstreamSettings = UpstreamSettings> {
  readonly route: Settings;
  readonly #connections: ConnectionPool;
  readonly #options: ExchangeDependencies;

  constructor(route: Settings, { headBytes, clock }: ClientOptions) {
    const { origin, answerMs, idleMs } = route;
    this.route = route;
    this.#connections = new ConnectionPool({
      dialler: new UpstreamDialler(route, clock),
      clock,
      most: route.connections,
    });
    const server = printUpstreamAddress(origin);
    this.#options = { connections: this.#connections, clock, server, headBytes, answerMs, idleMs };
  }

  /** Rejects with StreamError, or with the reason of the request's signal. Interim heads may come before. */
  async fetch(request: UpstreamRequest): Promise<UpstreamResponse> {
    request.signal.throwIfAborted();
    const wire = wireRequest(request);
    const repeatable = mayRepeat(wire);
    const wish = {
      reuse: reuseFor(wire, repeatable),
      halfOpen: wire.upgrade,
      boundTo: request.boundTo,
      logsIn: authenticatesConnection(wire.fields),
    };
    try {
      return await exchangeWith({ request, wire, wish }, this.#options);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      request.signal.throwIfAborted();
      if (repeatable) return exchangeWith({ request, wire, wish: { ...wish, reuse: "none" } }, this.#options);
      const why = `${this.#options.server} closed the connection before it had answered`;
      throw new StreamError("origin-failed", why, { cause: error.cause });
    }
  }

  /** Ends every connection; what runs is lost. */
  close(): void {
    this.#connections.close();
  }

  /** Lets what runs come to its end, and keeps no connection; resolves when the last one is gone. */
  retire(): Promise<void> {
    return this.#connections.retire();
  }
}

const mayRepeat = ({ method, body, upgrade }: WireRequest): boolean =>
  SAFE.has(method) && body === undefined && !upgrade;

const reuseFor = ({ upgrade }: WireRequest, repeatable: boolean): ConnectionWish["reuse"] => {
  if (upgrade) return "none";
  return repeatable ? "any" : "trusted";
};
