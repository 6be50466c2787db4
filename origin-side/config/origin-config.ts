/**
 * What `origin.yaml` may say, and the type without holes that the origin daemon runs on. Every default stands here as
 * it would be written; names of sizes and times carry their unit once they are read.
 */
import { z } from "zod";
import { CODEC_NAMES, type CodecName } from "../../protocol/codec/codecs.ts";
import { type AccessLogSettings, accessLog } from "../../protocol/config/access-log-settings.ts";
import { type AdminListen, adminSetting } from "../../protocol/config/admin-settings.ts";
import type { LogSettings } from "../../protocol/config/log-settings.ts";
import type { Surroundings } from "../../protocol/config/parse-config.ts";
import { certificateFile, clientCertificate } from "../../protocol/config/pem.ts";
import { REMOVED_SETTINGS, removedSetting } from "../../protocol/config/removed-settings.ts";
import {
  block,
  count,
  dialledAddress,
  drainStreams,
  heartbeat,
  hostMetrics,
  hostName,
  logBlock,
  type MemorySettings,
  memoryBlock,
  type NamedFile,
  noTwoAlike,
  OR_NO_VALUE,
  optionalBlock,
  size,
  TUNNEL_PORT,
  time,
  withMode,
} from "../../protocol/config/schema.ts";
import { type StoreSettings, storeBlock } from "../../protocol/config/store-settings.ts";
import { type HostPort, isLoopback, printHostPort } from "../../protocol/config/units.ts";
import { type FleetSettings, fleetIsWhole, fleetSettings } from "../../protocol/fleet/fleet-settings.ts";
import type { LinkKey, Secret } from "../../protocol/transport/key.ts";
import { keyOf, keySettings } from "../../protocol/transport/key-config.ts";
import type { DialSecurity } from "../../protocol/transport/tls.ts";
import { type Route, routeSettings } from "./route-config.ts";

export interface OriginConfig extends FleetSettings {
  readonly edges: readonly EdgeToDial[];
  readonly routes: readonly Route[];
  /** The preferred one first; the first that both sides know is used. */
  readonly codecs: readonly CodecName[];
  readonly store: StoreSettings;
  readonly memory: MemorySettings;
  readonly limits: OriginLimits;
  readonly times: OriginTimes;
  readonly redial: RedialTimes;
  readonly accessLog: AccessLogSettings;
  readonly log: LogSettings;
  /** Where it is asked about itself. */
  readonly admin: readonly AdminListen[];
  /** Whether metrics say which host. */
  readonly hostMetrics: boolean;
}

/** An edge, and how both ends prove the key. */
export interface EdgeToDial {
  readonly address: HostPort;
  readonly key: LinkKey;
  /** Links kept up to this edge. */
  readonly connections: number;
  readonly wire: EdgeWire;
}

type EdgeWire =
  | { readonly mode: "psk" }
  | {
      readonly mode: "certificate";
      /** The name that the edge's certificate must bear; undefined: the host that is dialled. */
      readonly serverName: string | undefined;
      /** PEM; undefined: the authorities that Node.js brings. */
      readonly authorities: NamedFile | undefined;
      /** PEM; what this side shows of itself. */
      readonly client: { readonly certificate: NamedFile; readonly privateKey: NamedFile } | undefined;
      /** Something between ends TLS: the proof of the key is not bound to the connection. */
      readonly behindBalancer: boolean;
    }
  | { readonly mode: "plain"; readonly insecure: boolean };

interface OriginLimits {
  /** Larger pages stream through and are not remembered. */
  readonly pageBytes: number;
  /** Larger heads, of requests or responses, are refused. */
  readonly headBytes: number;
  readonly streamsPerLink: number;
}

export interface OriginTimes {
  /** Silence on a link in use after which it is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** For what is under way when the daemon stops. */
  readonly drainMs: number;
  /** For event streams and upgraded connections then. */
  readonly drainStreamsMs: number;
}

/** How long to wait before dialling again: the first time, and at most. */
export interface RedialTimes {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Whoever takes one side's file for the other's is told so. */
const EDGE = "of coilgun-edge: it stands in edge.yaml";

export const originSettings = (near: Surroundings): z.ZodType<OriginConfig> =>
  block({
    edges: z
      .array(z.preprocess(withMode, edge(near)))
      .min(1, OR_NO_VALUE)
      .describe("The edges to dial; each instance of an edge is one.")
      .check(
        noTwoAlike(
          ({ address, key }) => `${printHostPort(address)} ${key.id}`,
          "is listed twice with the same key; set connections instead",
          "address",
        ),
      ),
    routes: z
      .array(routeSettings(near))
      .min(1, OR_NO_VALUE)
      .describe("Which web server gets which requests: by host, then by the longest path that fits.")
      .check(
        noTwoAlike(
          ([route]) => `${route?.host} ${route?.path}`,
          "has two routes for the same path; keep one, with origins for several web servers",
          "host",
        ),
      )
      .transform((routes) => routes.flat()),
    codecs: z
      .array(
        z.enum(CODEC_NAMES, {
          error: ({ input }) =>
            typeof input === "string" ? removedSetting(`codecs.${input}`, REMOVED_SETTINGS) : undefined,
        }),
      )
      .min(1, OR_NO_VALUE)
      .check(noTwoAlike((name) => name, "is listed twice"))
      .prefault([...CODEC_NAMES])
      .describe("How deltas may be coded, the preferred one first; the first that both sides know is used."),
    store: storeBlock(near),
    memory: memoryBlock(),
    limits: optionalBlock({
      pageBytes: size("8 MiB", { least: "64 KiB", most: "256 MiB" }).describe(
        "Larger pages stream through and are not remembered.",
      ),
      headBytes: size("64 KiB", { least: "8 KiB", most: "96 KiB" }).describe(
        "Larger heads, of requests or responses, are refused.",
      ),
      streamsPerLink: count(1_000, { least: 1, most: 1_000_000 }).describe("Exchanges on one link at once."),
    }).describe("What is too large or too much."),
    times: optionalBlock({
      heartbeat: heartbeat(),
      drain: time("30s", { least: "0s", most: "1h" }).describe(
        "For what is under way when the daemon stops.",
      ),
      drainStreams: drainStreams(),
    })
      .transform(
        ({ heartbeat, drain, drainStreams }): OriginTimes => ({
          heartbeatMs: heartbeat,
          drainMs: drain,
          drainStreamsMs: drainStreams,
        }),
      )
      .describe("How long what may take."),
    redial: optionalBlock({
      first: time("250ms", { least: "10ms" }).describe("The wait before an edge is dialled again, at first."),
      max: time("5s", { least: "10ms", most: "1h" }).describe(
        "The longest such wait; it doubles up to here, or to 750ms after a link that lived.",
      ),
    })
      .refine(({ first, max }) => first <= max, {
        abort: true,
        path: ["first"],
        error: "must be at most redial.max",
      })
      .transform(({ first, max }): RedialTimes => ({ firstMs: first, mostMs: max }))
      .describe("When an edge is dialled again."),
    accessLog: accessLog(near),
    log: logBlock(),
    admin: adminSetting(near, "`coilgun-origin reload`"),
    hostMetrics: hostMetrics(),
    ...fleetSettings(near, "origin"),
  })
    .meta({ elsewhere: { visitors: EDGE, tunnel: EDGE, keys: EDGE, hosts: EDGE, trustedProxies: EDGE } })
    .check(fleetIsWhole)
    .refine(({ limits, memory }) => limits.pageBytes <= memory.perKeyBytes, {
      abort: true,
      path: ["limits", "pageBytes"],
      error: "must be at most memory.perKey, or such a page could never be put together",
    });

const ONLY_CERTIFICATE = {
  serverName: "with mode: certificate",
  authorities: "with mode: certificate",
  client: "with mode: certificate",
  behindBalancer: "with mode: certificate",
};
const ONLY_PLAIN = { insecure: "with mode: plain" };

const edge = (near: Surroundings) => {
  const always = {
    address: dialledAddress(TUNNEL_PORT).describe(`The edge's tunnel; port ${TUNNEL_PORT} if none is said.`),
    key: block(keySettings(near))
      .transform((written, context): LinkKey => keyOf(written, context) ?? z.NEVER)
      .describe("The key that the edge has too."),
    connections: count(2, { least: 1, most: 64 }).describe("Links kept up to this edge."),
  };
  const mode = <Mode extends EdgeWire["mode"]>(name: Mode) =>
    z.literal(name).describe("How both ends prove the key; `psk` unless it is said.");
  const psk = block({ ...always, mode: mode("psk") }, { ...ONLY_CERTIFICATE, ...ONLY_PLAIN }).transform(
    ({ mode, ...rest }): EdgeToDial => ({ ...rest, wire: { mode } }),
  );
  const certificate = block(
    {
      ...always,
      mode: mode("certificate"),
      serverName: hostName()
        .optional()
        .describe("The name that the edge's certificate must bear; without it, the host that is dialled."),
      authorities: certificateFile(near)
        .optional()
        .describe("PEM, your own authorities; without it, those that Node.js brings."),
      client: clientCertificate(near),
      behindBalancer: z
        .boolean()
        .prefault(false)
        .describe("Something between ends TLS, so the key's proof is not bound to the connection."),
    },
    ONLY_PLAIN,
  ).transform(
    ({ mode, serverName, authorities, client, behindBalancer, ...rest }): EdgeToDial => ({
      ...rest,
      wire: { mode, serverName, authorities, client, behindBalancer },
    }),
  );
  const plain = block(
    {
      ...always,
      mode: mode("plain"),
      insecure: z
        .boolean()
        .prefault(false)
        .describe("Allow an address that others can reach, though nothing is encrypted."),
    },
    ONLY_CERTIFICATE,
  )
    .refine(({ address, insecure }) => insecure || isLoopback(address.host), {
      abort: true,
      path: ["address"],
      error:
        "must be an address of this machine, such as 127.0.0.1:7443, as mode plain encrypts nothing; or set insecure: true",
    })
    .transform(({ mode, insecure, ...rest }): EdgeToDial => ({ ...rest, wire: { mode, insecure } }));
  return z.discriminatedUnion("mode", [psk, certificate, plain]);
};

/** What dialling this edge with this secret of its key needs. */
export const dialSecurity = ({ key: { id }, wire }: EdgeToDial, secret: Secret): DialSecurity => {
  switch (wire.mode) {
    case "psk":
      return { mode: "psk", key: { id, secret } };
    case "certificate": {
      const { serverName, authorities, client } = wire;
      return {
        mode: "certificate",
        ...(serverName !== undefined && { serverName }),
        ...(authorities && { authorities: authorities.bytes }),
        ...(client && {
          client: { certificate: client.certificate.bytes, privateKey: client.privateKey.bytes },
        }),
      };
    }
    case "plain":
      return { mode: "plain", insecure: wire.insecure };
  }
};
