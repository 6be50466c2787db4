/**
 * What `edge.yaml` may say, and the type without holes that the edge daemon runs on. Every default stands here as it
 * would be written; names of sizes and times carry their unit once they are read. `parse` problems come all at once
 * (protocol/config/parse-config.ts).
 */
import { z } from "zod";
import { type AccessLogSettings, accessLog } from "../../protocol/config/access-log-settings.ts";
import { type AdminListen, adminSetting } from "../../protocol/config/admin-settings.ts";
import { ofHost } from "../../protocol/config/host-pattern.ts";
import type { LogSettings } from "../../protocol/config/log-settings.ts";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import {
  block,
  count,
  drainStreams,
  heartbeat,
  hostMetrics,
  hostName,
  logBlock,
  type MemorySettings,
  memoryBlock,
  noTwoAlike,
  OR_NO_VALUE,
  optionalBlock,
  shortFor,
  size,
  sizeOrOff,
  time,
  written,
} from "../../protocol/config/schema.ts";
import { type StoreSettings, storeBlock } from "../../protocol/config/store-settings.ts";
import { type Network, parseNetwork } from "../../protocol/config/units.ts";
import { type FleetSettings, fleetIsWhole, fleetSettings } from "../../protocol/fleet/fleet-settings.ts";
import type { LinkKey } from "../../protocol/transport/key.ts";
import { keyOf, keySettings } from "../../protocol/transport/key-config.ts";
import { settingsByHost } from "./host-config.ts";
import { clash, type VisitorListen, visitorListeners } from "./listener-config.ts";
import { type DirectHost, directHost, type ServedHost, servedHost } from "./served-host.ts";
import { type ServerTimingSettings, serverTiming } from "./server-timing.ts";
import { type TunnelListen, tunnelSetting } from "./tunnel-config.ts";

export interface EdgeConfig extends FleetSettings {
  /** Where visitors are served; at least one. */
  readonly visitors: readonly VisitorListen[];
  /** Undefined where there is no key. */
  readonly tunnel: TunnelListen | undefined;
  readonly keys: readonly EdgeKey[];
  /** Served without a link. */
  readonly hosts: readonly DirectHost[];
  readonly store: StoreSettings;
  readonly memory: MemorySettings;
  readonly limits: EdgeLimits;
  readonly times: EdgeTimes;
  /** What requests are for whose host nobody serves; undefined: the only host, where there is one. */
  readonly defaultHost: string | undefined;
  /** Whose X-Forwarded-* fields are believed. */
  readonly trustedProxies: readonly Network[];
  /** Whether errors of ours, and responses of fallbacks, say so in Proxy-Status. */
  readonly proxyStatus: boolean;
  readonly accessLog: AccessLogSettings;
  /** Undefined: nobody is told where the time went. */
  readonly serverTiming?: ServerTimingSettings | undefined;
  readonly log: LogSettings;
  /** Where it is asked about itself. */
  readonly admin: readonly AdminListen[];
  /** Whether metrics say which host. */
  readonly hostMetrics: boolean;
}

/** A link key and the hosts it may serve. */
export interface EdgeKey {
  readonly key: LinkKey;
  readonly hosts: readonly ServedHost[];
  /** Most links at once. */
  readonly links: number;
  /** The part of the pages that each origin side with this key gets, beside others of the host. */
  readonly weight: number;
  /** From where origin sides with this key are expected. */
  readonly addresses: readonly Network[];
}

/** Each is refused or passed by when exceeded, as said. */
export interface EdgeLimits {
  /** Larger pages stream through and are not remembered. */
  readonly pageBytes: number;
  /** Larger request heads get 431, larger answers 502. */
  readonly headBytes: number;
  /** Longer request targets get 414. */
  readonly targetBytes: number;
  /** Larger request bodies get 413; undefined: any size. */
  readonly bodyBytes: number | undefined;
  readonly streamsPerLink: number;
  /** Visitor connections; one more takes the place of an idle one, or is closed. */
  readonly visitors: number;
  /** Tunnel connections of one address that have not proved a key yet. */
  readonly pendingLinksPerAddress: number;
}

export interface EdgeTimes {
  /** For the web server to answer, while the request waits for nothing but it; then 504. */
  readonly originAnswerMs: number;
  /** Between two requests of a visitor's connection. */
  readonly keepAliveMs: number;
  /** For a visitor to send the next bytes of its request (then 408), or to take any of its answer (then it is cut). */
  readonly idleMs: number;
  /** For a link that is coming, while there is none. */
  readonly linkMs: number;
  /** Silence on a link in use after which it is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** For what is under way when the daemon stops. */
  readonly drainMs: number;
  /** For event streams and upgraded connections then. */
  readonly drainStreamsMs: number;
}

/** Whoever takes one side's file for the other's is told so. */
const ORIGIN_SIDE = "of coilgun-origin: it stands in origin.yaml";

export const edgeSettings = (near: Surroundings): z.ZodType<EdgeConfig> =>
  block({
    visitors: visitorListeners(near),
    tunnel: tunnelSetting(near),
    keys: z
      .array(edgeKey(near))
      .prefault([])
      .describe("The keys of origin sides, and what each may serve.")
      .check(noTwoAlike(({ key }) => key.id, "is the id of two keys; each needs its own", "id")),
    hosts: z
      .array(directHost(near))
      .prefault([])
      .describe("Hosts that are served without a key: their web server is asked straight from here.")
      .check(noTwoAlike(({ host }) => host, "is listed twice", "host")),
    store: storeBlock(near),
    memory: memoryBlock(),
    limits: optionalBlock({
      pageBytes: size("8 MiB", { least: "64 KiB", most: "256 MiB" }).describe(
        "Larger pages stream through and are not remembered.",
      ),
      headBytes: size("64 KiB", { least: "8 KiB", most: "96 KiB" }).describe(
        "A larger head of a request gets 431, of a response 502.",
      ),
      targetBytes: size("16 KiB", { least: "1 KiB", most: "64 KiB" }).describe(
        "A longer path and query gets 414.",
      ),
      bodyBytes: sizeOrOff("off", { least: "1 B" }).describe("A larger body of a request gets 413."),
      streamsPerLink: count(1_000, { least: 1, most: 1_000_000 }).describe("Exchanges on one link at once."),
      visitors: count(10_000, { least: 1, most: 1_000_000 }).describe(
        "Connections of visitors at once; for one more the one closes that was idle longest, or it closes if none is.",
      ),
      pendingLinksPerAddress: count(16, { least: 1, most: 10_000 }).describe(
        "Tunnel connections of one address that have not proved a key yet.",
      ),
    })
      .transform(({ bodyBytes, ...rest }): EdgeLimits => ({ ...rest, bodyBytes }))
      .describe("What is too large or too much."),
    times: optionalBlock({
      originAnswer: time("60s", { least: "100ms" }).describe(
        "For the web server's response to begin, once the request is there; then 504. Longer for long polling.",
      ),
      keepAlive: time("125s", { least: "1s" }).describe(
        "Between two requests of a visitor's connection; longer than a proxy in front keeps its own (Caddy and Traffic Server: 120s).",
      ),
      idle: time("60s", { least: "1s" }).describe(
        "For a visitor to send the next bytes of its request, or to take any of its response.",
      ),
      link: time("5s", { least: "0s", most: "1m" }).describe(
        "A request waits so long for a link while there is none, as when either side restarts; then 503.",
      ),
      heartbeat: heartbeat(),
      drain: time("30s", { least: "0s", most: "1h" }).describe(
        "For what is under way when the daemon stops.",
      ),
      drainStreams: drainStreams(),
    })
      .transform(
        (times): EdgeTimes => ({
          originAnswerMs: times.originAnswer,
          keepAliveMs: times.keepAlive,
          idleMs: times.idle,
          linkMs: times.link,
          heartbeatMs: times.heartbeat,
          drainMs: times.drain,
          drainStreamsMs: times.drainStreams,
        }),
      )
      .describe("How long what may take."),
    defaultHost: hostName()
      .optional()
      .describe(
        "What a request is for whose Host is none that is served, or is not there: its Host becomes this one. Without it, the only host, where there is one and it is no pattern; `off`: such requests get 421.",
      ),
    trustedProxies: z
      .array(written(parseNetwork, "a range of addresses, such as 10.0.0.0/8"))
      .prefault([])
      .describe("Whose X-Forwarded-* and Forwarded fields, and headers of the PROXY protocol, are believed."),
    proxyStatus: z
      .boolean()
      .prefault(false)
      .describe(
        "Say in Proxy-Status (RFC 9209) what failed where the edge answers with an error, and mark responses of fallbacks.",
      ),
    accessLog: accessLog(near),
    serverTiming: serverTiming(near),
    log: logBlock(),
    admin: adminSetting(near, "`coilgun-edge reload` and `coilgun-edge forget`"),
    hostMetrics: hostMetrics(),
    ...fleetSettings(near, "edge"),
  })
    .meta({
      elsewhere: { edges: ORIGIN_SIDE, routes: ORIGIN_SIDE, codecs: ORIGIN_SIDE, redial: ORIGIN_SIDE },
    })
    .check(fleetIsWhole)
    .refine(({ limits, memory }) => limits.pageBytes <= memory.perKeyBytes, {
      abort: true,
      path: ["limits", "pageBytes"],
      error: "must be at most memory.perKey, or such a page could never be put together",
    })
    .refine(({ visitors, tunnel }) => !visitors.some(({ listen }) => clash(listen, tunnel.listen)), {
      abort: true,
      path: ["tunnel"],
      error: "listens where visitors are served; give each a port of its own",
    })
    .refine(
      ({ visitors, trustedProxies }) =>
        trustedProxies.length > 0 || !visitors.some(({ proxyProtocol }) => proxyProtocol === "required"),
      {
        abort: true,
        path: ["visitors"],
        error:
          "has proxyProtocol: required, which needs trustedProxies: the addresses of the proxies that send its header",
      },
    )
    .refine(({ keys, hosts }) => keys.length + hosts.length > 0, {
      abort: true,
      path: ["keys"],
      error: "names nothing to serve: list the keys of origin sides, or under hosts a host with direct",
    })
    .check(servedInOneWay)
    .refine(
      ({ defaultHost, ...served }) =>
        !defaultHost || defaultHost === OFF || ofHost(settingsByHost(served), defaultHost),
      {
        abort: true,
        path: ["defaultHost"],
        error: "is none of the hosts that are served; name one of them, or off",
      },
    )
    .transform(
      ({ tunnel, admin, defaultHost, ...rest }): EdgeConfig => ({
        ...rest,
        tunnel: rest.keys.length === 0 ? undefined : tunnel,
        admin,
        defaultHost,
      }),
    );

/** Requests for unknown hosts are refused. */
export const OFF = "off";

/** A host belongs to keys, or is served without any. */
const servedInOneWay: z.core.CheckFn<Pick<EdgeConfig, "keys" | "hosts">> = ({ value, issues }) => {
  const keyed = new Set(value.keys.flatMap(({ hosts }) => hosts).map(({ host }) => host));
  for (const [index, { host }] of value.hosts.entries())
    if (keyed.has(host))
      issues.push({
        code: "custom",
        message: "is served by a key too; to ask a web server while no link is there, set fallback there",
        path: ["hosts", index, "host"],
        input: host,
      });
};

const edgeKey = (near: Surroundings) =>
  block({
    ...keySettings(near),
    hosts: z
      .array(z.preprocess(shortFor("host"), servedHost(near)))
      .min(1, OR_NO_VALUE)
      .describe("The hosts that origin sides with this key may serve.")
      .check(noTwoAlike(({ host }) => host, "is listed twice for this key")),
    links: count(64, { least: 1, most: 10_000 }).describe(
      "Most links with this key at once; one more is closed.",
    ),
    weight: count(1, { least: 1, most: 1_000 }).describe(
      "Of several origin sides of a host: the part of the templates that each with this key gets.",
    ),
    addresses: z
      .array(written(parseNetwork, "a range of addresses, such as 10.0.0.0/8"))
      .prefault([])
      .describe(
        "From where its origin sides dial: a second one from another address that was never seen before is a warning in the log.",
      ),
  }).transform(({ hosts, links, weight, addresses, ...written }, context): EdgeKey => {
    const key = keyOf(written, context);
    return key === undefined ? z.NEVER : { key, hosts, links, weight, addresses };
  });
