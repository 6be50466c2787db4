/**
 * Asks one web server. A request that finds its kept connection closed is asked on a new one, if that can change nothing at the
 * web server (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
 */
import type { Log } from "../daemon/log.ts";
import { StreamError } from "../errors.ts";
import { FieldNames } from "../http/field-names.ts";
import { fieldOf, listOf, upgradeOf, withoutFields } from "../http/head.ts";
import { isIncremental } from "../http/incremental.ts";
import type { Clock } from "../runtime/clock.ts";
import { ConnectionPool } from "./connections/connection-pool.ts";
import type { ConnectionWish } from "./connections/pooled-connection.ts";
import type { ReuseTrust } from "./connections/reuse-trust.ts";
import { UpstreamDialler } from "./dial-upstream.ts";
import type { ExchangeDependencies } from "./exchange-phase.ts";
import { bodyBeforeUpgrade, type WireRequest, wireRequest, withLength } from "./framing.ts";
import { speakHttp2 } from "./http2-request.ts";
import { KnownHeads } from "./response-head.ts";
import { RepeatableBody, startOf } from "./send-body.ts";
import { printUpstreamAddress } from "./upstream-address.ts";
import { exchangeWith } from "./upstream-exchange.ts";
import { RefusedRequest, StaleConnection } from "./upstream-failure.ts";
import type { UpstreamRequest, UpstreamResponse } from "./upstream-request.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** Asking one of these twice changes nothing at the web server. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

const UPGRADE = new FieldNames(["upgrade"]);

/**
 * A small body without a length that ends soon goes on with one, as web servers that know no chunks (WSGI) see no body else. So
 * long the visitor may be silent within it, and so long it takes at most: what streams is late by that once. @internal
 */
export const LENGTH_PIECE_MS = 300;
/** @internal */
export const LENGTH_TOTAL_MS = 1_000;

export interface ClientOptions {
  /** Largest response head. */
  readonly headBytes: number;
  readonly clock: Clock;
  /** Told when requests wait. */
  readonly log?: Pick<Log, "warn"> | undefined;
  /** As in PoolOptions. */
  readonly trust?: ReuseTrust | undefined;
}

/** `Settings` may say more of the web server than the client needs. */
export class UpstreamClient<Settings extends UpstreamSettings = UpstreamSettings> {
  readonly route: Settings;
  readonly #connections: ConnectionPool;
  readonly #options: ExchangeDependencies;

  constructor(route: Settings, { headBytes, clock, log, trust }: ClientOptions) {
    const { origin, answerMs, idleMs, queueMs, restMs, leastRate } = route;
    const server = printUpstreamAddress(origin);
    const speaksHttp2 = route.protocol === "http2";
    this.route = route;
    this.#connections = new ConnectionPool({
      dialler: diallerOf(route, { headBytes, clock }),
      clock,
      log,
      trust,
      server,
      most: route.connections,
      mostBeside: route.openStreams,
      ageMs: route.ageMs,
    });
    const times = { answerMs, idleMs, queueMs, restMs };
    const heads = new KnownHeads();
    const about = { server, speaksHttp2, headBytes, leastRate, ...times };
    this.#options = { connections: this.#connections, heads, clock, ...about };
  }

  /** Requests that wait for a place. */
  get waiting(): number {
    return this.#connections.waiting;
  }

  /** Rejects with StreamError, or with the reason of the request's signal. Interim heads may come before. */
  async fetch(request: UpstreamRequest): Promise<UpstreamResponse> {
    request.signal.throwIfAborted();
    // Without a wait where none is needed: between the look at the places and the taking of one no other request comes.
    const ready = this.#ready(request);
    const wire = ready instanceof Promise ? await ready : ready;
    const repeatable = mayRepeat(wire);
    const wish = {
      reuse: this.#options.speaksHttp2 ? "any" : reuseFor(wire, repeatable),
      halfOpen: wire.upgrade,
      boundTo: request.boundTo,
      logsIn: wire.logsIn,
    } as const;
    try {
      return await exchangeWith({ request, wire, wish, mayRepeat: repeatable }, this.#options);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      request.signal.throwIfAborted();
      if (!repeatable && !(error instanceof RefusedRequest && mayRewind(wire))) throw this.#gone(error);
    }
    const again = { request, wire, wish: { ...wish, reuse: "none" }, mayRepeat: false } as const;
    return exchangeWith(again, this.#options).catch((error) => {
      throw error instanceof StaleConnection ? this.#gone(error) : error;
    });
  }

  /** Requests that it has now, event streams and upgraded connections with them, and those that wait for it. */
  get load(): number {
    return this.#connections.load;
  }

  #gone({ cause, message }: StaleConnection): StreamError {
    const why = message === "" ? "closed the connection before it had answered" : message;
    return new StreamError("origin-failed", `${this.#options.server}: ${why}`, { cause });
  }

  /**
   * The request, once enough of its body is here: where more than half of the places are taken, so that a visitor that sends it slowly
   * keeps none meanwhile, and for a moment where its length is not known. Not where the visitor waits for what the web server
   * says first (RFC 9110 section 10.1.1, RFC 10036).
   */
  #ready(request: UpstreamRequest): WireRequest | Promise<WireRequest> {
    const { speaksHttp2, clock } = this.#options;
    const wire = speaksHttp2 ? http2Request(request) : wireRequest(request);
    const { body, bodyBytes } = wire;
    if (body === undefined || mustNotWait(request)) return wire;
    const isMeasured = bodyBytes === undefined && !speaksHttp2 && !announcesTrailers(wire);
    const { isBusy } = this.#connections;
    if (!isBusy && !isMeasured) return wire;
    const [pieceMs, totalMs] = isBusy ? [Infinity, Infinity] : [LENGTH_PIECE_MS, LENGTH_TOTAL_MS];
    return startOf(body, bodyBytes, { clock, pieceMs, totalMs, signal: request.signal }).then((started) =>
      isMeasured && started.wholeBytes !== undefined
        ? withLength(wire, started.body, started.wholeBytes)
        : { ...wire, body: started.body },
    );
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

const mustNotWait = ({ head: { fields } }: UpstreamRequest): boolean =>
  listOf(fields, "expect") !== undefined || isIncremental(fields);

const announcesTrailers = ({ fields }: WireRequest): boolean => fieldOf(fields, "trailer") !== undefined;

export const mayRepeat = ({
  method,
  body,
  upgrade,
}: Pick<WireRequest, "method" | "body" | "upgrade">): boolean =>
  SAFE.has(method) && body === undefined && !upgrade;

/** HTTP/2 knows no Upgrade: who asks for one gets an ordinary answer (RFC 9110 section 7.8). */
const http2Request = ({ head, body }: UpstreamRequest): WireRequest => {
  const wire =
    upgradeOf(head.fields) === undefined
      ? wireRequest({ head, body })
      : wireRequest({
          head: { ...head, fields: withoutFields(head.fields, UPGRADE) },
          body: bodyBeforeUpgrade(head, body),
        });
  return wire.body === undefined ? wire : { ...wire, body: new RepeatableBody(wire.body) };
};

const mayRewind = ({ body }: WireRequest): boolean =>
  body === undefined || (body instanceof RepeatableBody && body.rewind());

const diallerOf = (
  route: UpstreamSettings,
  { headBytes, clock }: Pick<ClientOptions, "headBytes" | "clock">,
) => {
  const dialler = new UpstreamDialler(route, clock);
  if (route.protocol !== "http2") return dialler;
  type Wanted = Parameters<typeof dialler.dial>[0];
  return { dial: async (wanted: Wanted) => speakHttp2(await dialler.dial(wanted), headBytes) };
};

const reuseFor = ({ upgrade }: WireRequest, repeatable: boolean): ConnectionWish["reuse"] => {
  if (upgrade) return "none";
  return repeatable ? "any" : "trusted";
};
