/**
 * Asks the web server of one route, once. One interface, two clients behind it: undici for ordinary requests that may be
 * repeated, node:http for all others. A request that finds its kept connection closed is asked on a new one, if
 * that can change nothing at the web server.
 */

import { StreamError } from "../../protocol/errors.ts";
import { fieldOf } from "../../protocol/http/head.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Route } from "../config/route-config.ts";
import { printOriginServer } from "../config/upstream-address.ts";
import { ConnectionPlaces } from "./connection-limit.ts";
import { OriginDialler } from "./dial-upstream.ts";
import { wireRequest } from "./framing.ts";
import {
  type ClientExchange,
  type ClientRequest,
  type OriginClient,
  type OriginRequest,
  type OriginResponse,
  RefusedRequest,
  UnaskedContinue,
} from "./http-client.ts";
import { NodeClient } from "./node-client.ts";
import { UndiciClient } from "./undici-client.ts";
import { OriginExchange, StaleConnection } from "./upstream-exchange.ts";

/** Asking one of these twice changes nothing at the web server. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export class OriginServerClient {
  readonly route: Route;
  readonly #clock: Clock;
  readonly #places: ConnectionPlaces;
  readonly #undici: OriginClient;
  readonly #node: OriginClient;
  /** It sends 100 unasked: told by its route, or found out. */
  #continues: boolean;
  #placeFree: () => void = () => {};

  constructor(route: Route, given: { readonly headBytes: number; readonly clock: Clock }) {
    this.route = route;
    this.#clock = given.clock;
    this.#continues = route.continues;
    this.#places = new ConnectionPlaces(route.connections);
    const { connections } = route;
    const client = {
      dialler: new OriginDialler(route, given.clock),
      connections,
      headBytes: given.headBytes,
    };
    this.#undici = new UndiciClient(client);
    this.#node = new NodeClient(client);
  }

  /** Rejects with StreamError. Interim heads may come before. */
  async fetch(request: OriginRequest): Promise<OriginResponse> {
    const giveBack = await this.#places.take(this.#clock, this.route.answerMs, request.signal);
    const over = () => {
      giveBack();
      this.#placeFree();
    };
    try {
      request.signal.throwIfAborted();
      return await this.#ask(request, wireRequest(request), over);
    } catch (error) {
      over();
      throw error;
    }
  }

  /** Ends every connection; what runs is lost. */
  async close(): Promise<void> {
    await Promise.all([this.#undici.close(), this.#node.close()]);
  }

  /** Closes when what runs is done. */
  async retire(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#placeFree = () => {
        if (this.#places.taken === 0) resolve();
      };
      this.#placeFree();
    });
    await this.close();
  }

  /**
   * A request that found a kept connection closed goes again on a new one: nothing of it was served. So does the first one
   * that is answered with an unasked 100, and from then on the client is one that bears it.
   */
  async #ask(request: OriginRequest, wanted: ClientRequest, over: () => void): Promise<OriginResponse> {
    try {
      return await this.#send(request, wanted, over);
    } catch (error) {
      if (error instanceof StreamError && error.cause instanceof UnaskedContinue && mayRepeat(wanted)) {
        this.#continues = true;
        request.signal.throwIfAborted();
        return this.#send(request, wanted, over);
      }
      if (!(error instanceof StaleConnection)) throw error;
      request.signal.throwIfAborted();
      if (mayRepeat(wanted)) return this.#send(request, { ...wanted, fresh: true }, over);
      const why = `${printOriginServer(this.route.origin)} closed the connection before it had answered`;
      throw new StreamError("origin-failed", why, { cause: error.cause });
    }
  }

  #send(request: OriginRequest, wanted: ClientRequest, over: () => void): Promise<OriginResponse> {
    const exchange = new OriginExchange(request, {
      ...this.route,
      server: printOriginServer(this.route.origin),
      clock: this.#clock,
      over,
    });
    try {
      exchange.carriedBy(this.#carry(wanted, exchange));
    } catch (error) {
      exchange.failed(error, false);
    }
    return exchange.response;
  }

  #carry(wanted: ClientRequest, exchange: OriginExchange): ClientExchange {
    if (this.#continues || !isOrdinary(wanted)) return this.#node.send(wanted, exchange);
    try {
      return this.#undici.send(wanted, exchange);
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error;
      return this.#node.send(wanted, exchange);
    }
  }
}

const mayRepeat = ({ method, body, upgrade }: ClientRequest): boolean =>
  SAFE.has(method) && body === undefined && !upgrade;

/** What undici carries. It knows no Expect and no TE, and keeps connections for longer than other requests may trust them. */
const isOrdinary = (wanted: ClientRequest): boolean =>
  mayRepeat(wanted) &&
  !wanted.fresh &&
  wanted.target.startsWith("/") &&
  fieldOf(wanted.fields, "expect") === undefined &&
  fieldOf(wanted.fields, "te") === undefined;
