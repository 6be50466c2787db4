/**
 * A route as `origin.yaml` writes it, and as the daemon uses it: which requests, to which web server, in what manner and
 * within which bounds. docs/operations.md section "Routes".
 */
import { z } from "zod";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { parsePathPrefix } from "../../protocol/config/path-prefix.ts";
import { certificateFile, clientCertificate } from "../../protocol/config/pem.ts";
import {
  block,
  count,
  hostName,
  hostPattern,
  noTwoAlike,
  OR_NO_VALUE,
  shortFor,
  sizeOrOff,
  time,
  written,
} from "../../protocol/config/schema.ts";
import {
  parseHostName,
  parseHostPort,
  parseTime,
  printHostPort,
  UnitError,
} from "../../protocol/config/units.ts";
import { readId } from "../../protocol/transport/key-config.ts";
import {
  isOnThisMachine,
  parseUpstreamAddress,
  printUpstreamAddress,
  type UpstreamAddress,
} from "../../protocol/upstream/upstream-address.ts";
import type { UpstreamSettings, UpstreamTls } from "../../protocol/upstream/upstream-settings.ts";
import { type HealthCheck, healthCheck } from "./health-config.ts";

/** Requests for `host`, below `path`, go to `origin`; a route of several web servers is several of these. */
export interface Route extends UpstreamSettings {
  /**
   * As in a Host field without port: lower case, no final dot; or a pattern (host-pattern), for hosts without a fitting
   * route of their own.
   */
  readonly host: string;
  /** `/`, or a prefix without a final slash that ends where a segment of the path ends. */
  readonly path: string;
  /** Ids of the keys whose edges may ask for it; undefined: every edge. */
  readonly edges?: readonly string[] | undefined;
  readonly hostHeader: HostHeader;
  readonly askEncoded: AskEncoded;
  /** Its part of the requests, beside the other web servers of the host and path. */
  readonly weight: number;
  /** Failed requests in a row after which it is given none. */
  readonly maxFails: number;
  /** For how long then. */
  readonly failMs: number;
  /** Undefined: it is not asked. */
  readonly health?: HealthCheck | undefined;
}

/**
 * What a web server is asked for on behalf of a visitor that wants codings: `yes`, those of them that are decoded here, less
 * to carry where it is not on this machine; `no`, none; `visitor`, exactly what the visitor asked for.
 */
type AskEncoded = "yes" | "no" | "visitor";

/** The Host that the web server sees: the visitor's, its own address, or a set one. */
export type HostHeader =
  | { readonly kind: "keep" }
  | { readonly kind: "origin" }
  | { readonly kind: "set"; readonly value: string };

/** @internal */
export const parseHostHeader = (text: string): HostHeader => {
  const value = text.trim();
  if (value === "keep" || value === "origin") return { kind: value };
  if (!/:\d+$/.test(value)) return { kind: "set", value: parseHostName(value) };
  return { kind: "set", value: printHostPort(parseHostPort(value)) };
};

/** Undefined: off. */
const parseIdle = (text: string): number | undefined => {
  if (text.trim() === "off") return undefined;
  const ms = parseTime(text);
  if (ms < LEAST_IDLE_MS) throw new UnitError(`must be at least ${LEAST_IDLE_MS}ms, or off`);
  return ms;
};
const LEAST_IDLE_MS = 100;

const address = () => written(parseUpstreamAddress, "an address, such as http://127.0.0.1:3000");

const weighted = () =>
  z.preprocess(
    shortFor("url"),
    block({
      url: address().describe("A web server, as in `origin`."),
      weight: count(1, { least: 1, most: 1_000 }).describe("Its part of the requests."),
    }),
  );

export const DEFAULT_CONNECTIONS = 128;

export const routeSettings = (near: Surroundings) =>
  block({
    host: hostPattern().describe(
      "Requests for this host; `*.example.com`: for every name below it, `*`: for every host; the most particular with a fitting route counts.",
    ),
    path: written(parsePathPrefix, "a path, such as /api")
      .prefault("/")
      .describe("Of these only those at or below this path, compared byte for byte."),
    edges: z
      .array(written(readId, "a key's id, such as key-0f3a9c1b5d7e"))
      .min(1, OR_NO_VALUE)
      .optional()
      .describe("Ids of the keys whose edges may ask for it; without it, every edge may. Others get 502."),
    origin: address()
      .optional()
      .describe("The web server: `http://host:port`, `https://host:port` or `unix:/path.sock`."),
    origins: z
      .array(weighted())
      .min(1, OR_NO_VALUE)
      .check(noTwoAlike(({ url }) => printUpstreamAddress(url), "is listed twice; set its weight instead"))
      .optional()
      .describe("Several web servers in place of `origin`, each a URL or a block."),
    maxFails: count(3, { least: 1, most: 1_000 }).describe(
      "With `origins`: failed requests in a row (reset, no answer) after which one is given none; a failed connection does it at once.",
    ),
    failTimeout: time("10s", { least: "100ms", most: "1h" }).describe(
      "For how long then; one request tries it afterwards.",
    ),
    health: healthCheck()
      .optional()
      .describe("The path by which each web server is asked whether it is well, or a block."),
    protocol: z
      .enum(["http1", "http2"])
      .prefault("http1")
      .describe(
        "What the web server is spoken to in: `http1`, or `http2` for gRPC, without asking first (h2c), or agreed on in TLS. No Upgrade then.",
      ),
    tls: block({
      verify: z.boolean().prefault(true).describe("Whether the web server's certificate is checked."),
      serverName: hostName()
        .optional()
        .describe(
          "The name it must bear; without it, the origin's own, or the host where that is an address.",
        ),
      authorities: certificateFile(near)
        .optional()
        .describe("PEM, your own authorities; without it, those that Node.js brings."),
      client: clientCertificate(near),
    })
      .optional()
      .describe("Only with an origin that begins with https://."),
    hostHeader: written(parseHostHeader, "keep, origin or a host name")
      .prefault("keep")
      .describe("The Host that the web server sees: the visitor's, its own address, or a name."),
    connect: time("5s", { least: "50ms", most: "5m" }).describe("Until a connection stands; then 502."),
    answer: time("60s", { least: "100ms" }).describe(
      "Silence before the head of a response; then 504. Longer for long polling.",
    ),
    idle: written(parseIdle, "a time with its unit, such as 60s, or off")
      .prefault("60s")
      .describe("Silence within a body, after which it is cut; event streams may always be silent."),
    connections: count(DEFAULT_CONNECTIONS, { least: 1, most: 65_535 }).describe(
      "Connections to the web server at once, in use or at rest; further requests wait. Of one visitor's network (IPv4 /24, IPv6 /48), if it is known, three quarters at most, and half while others wait.",
    ),
    queue: time("5s", { least: "50ms" }).describe("The longest wait for a connection; then 503."),
    openStreams: count(4_096, { least: 1, most: 65_535 }).describe(
      "Event streams and upgraded connections at once, beside `connections`; further ones count there.",
    ),
    rest: time("4s", { least: "0ms", most: "10m" }).describe(
      "A connection is closed after so long without a request, or sooner if there are more than are used lately.",
    ),
    connectionAge: time("5m", { least: "1s" }).describe(
      "A connection that is older is not used again, so that a name that has moved is noticed.",
    ),
    leastRate: sizeOrOff("1 KiB", { least: "1 B" }).describe(
      "Bytes a second that a visitor takes of a response, or sends of a request, on average of 30 s; one that is slower is cut when others wait for a connection.",
    ),
    askEncoded: z
      .enum(["auto", "yes", "no", "visitor"])
      .prefault("auto")
      .describe(
        "Ask for compressed bodies and decode them here; `auto`: unless it is on this machine; `visitor`: with the visitor's own Accept-Encoding.",
      ),
  })
    .refine(({ origin, origins }) => (origin === undefined) !== (origins === undefined), {
      abort: true,
      error: "needs one of origin, the web server, and origins, several of them",
    })
    .refine(
      (route) => route.tls === undefined || serversOf(route).some(({ url }) => url.scheme === "https"),
      {
        abort: true,
        path: ["tls"],
        error: "is a setting only with an origin that begins with https://",
      },
    )
    .transform(
      ({
        origin,
        origins,
        connect,
        answer,
        idle,
        queue,
        rest,
        connectionAge,
        failTimeout,
        askEncoded,
        tls,
        ...others
      }): readonly Route[] =>
        serversOf({ origin, origins }).map(({ url, weight }) => ({
          ...others,
          origin: url,
          weight,
          tls: url.scheme === "https" ? tlsOf(tls) : undefined,
          connectMs: connect,
          answerMs: answer,
          idleMs: idle,
          queueMs: queue,
          restMs: rest,
          ageMs: connectionAge,
          failMs: failTimeout,
          askEncoded: askEncoded === "auto" ? (isOnThisMachine(url) ? "no" : "yes") : askEncoded,
        })),
    );

interface Weighted {
  readonly url: UpstreamAddress;
  readonly weight: number;
}

const serversOf = ({
  origin,
  origins,
}: {
  readonly origin?: UpstreamAddress | undefined;
  readonly origins?: readonly Weighted[] | undefined;
}): readonly Weighted[] => origins ?? (origin === undefined ? [] : [{ url: origin, weight: 1 }]);

const tlsOf = (
  written: { [Name in keyof UpstreamTls]?: UpstreamTls[Name] | undefined } | undefined,
): UpstreamTls => ({
  verify: written?.verify ?? true,
  serverName: written?.serverName,
  authorities: written?.authorities,
  client: written?.client,
});
