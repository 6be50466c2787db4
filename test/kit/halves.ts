/**
 * Each side of a pair without its daemon: a real edge side that visitors reach over HTTP, and a real origin side that asks a
 * web server, each on one end of an in-memory link. What the other end is, a test decides.
 */

import { CommonBases } from "../../edge-side/bases/common/common-bases.ts";
import { CompressorPool } from "../../edge-side/compress/compressor-pool.ts";
import { VaryingPages } from "../../edge-side/compress/varying-pages.ts";
import { SiteDictionaries } from "../../edge-side/dictionaries/site-dictionaries.ts";
import type { VisitRecord } from "../../edge-side/exchange/access-record.ts";
import { Observation } from "../../edge-side/exchange/observation.ts";
import { UntrustedProxies } from "../../edge-side/exchange/untrusted-proxies.ts";
import { HeldPages } from "../../edge-side/exchange/visit-memory.ts";
import { ErrorPages } from "../../edge-side/http/errors/error-pages.ts";
import { serveVisitors } from "../../edge-side/http/http-server.ts";
import { LinkPool } from "../../edge-side/links/link-pool.ts";
import type { ServeDependencies } from "../../edge-side/proxy/dependencies.ts";
import { Visits } from "../../edge-side/proxy/visits.ts";
import { RequestCompressorPool } from "../../edge-side/request/compressor-pool.ts";
import { CodecTrust } from "../../origin-side/answer/coding/codec-trust.ts";
import { CompressorLimits } from "../../origin-side/answer/compressor-limits.ts";
import { KnownSessions } from "../../origin-side/answer/known-sessions.ts";
import { OmittedEtags } from "../../origin-side/answer/omit-etag.ts";
import { SlowPages } from "../../origin-side/answer/slow-pages.ts";
import type { ExchangeRecord } from "../../origin-side/exchange/access-record.ts";
import { IncomingExchange } from "../../origin-side/exchange/incoming-exchange.ts";
import { MislabellingRoutes } from "../../origin-side/exchange/mislabelling-routes.ts";
import { StrongTags } from "../../origin-side/exchange/strong-tags.ts";
import type { ExchangeDependencies } from "../../origin-side/proxy/answer-edge.ts";
import { answerEdge } from "../../origin-side/proxy/answer-edge.ts";
import { routedTo } from "../../origin-side/proxy/routes.ts";
import { RequestDecoders } from "../../origin-side/request/decode-body.ts";
import { Upstream } from "../../origin-side/upstream/upstream.ts";
import { Upstreams } from "../../origin-side/upstream/upstreams.ts";
import { codecById, codecIds, STREAMING_CODEC } from "../../protocol/codec/codecs.ts";
import { MASKED_TOKENS, UNITS_READ } from "../../protocol/frames/answer-form.ts";
import { OMITTED_ETAGS } from "../../protocol/frames/etag-formulas.ts";
import { LATER_OFFERS } from "../../protocol/frames/frame.ts";
import type { Hello, Role } from "../../protocol/frames/hello.ts";
import { MIXED_SPLICES } from "../../protocol/frames/mixed-splices.ts";
import { CODED_REQUESTS } from "../../protocol/frames/request-coding.ts";
import { LinkEndpoint } from "../../protocol/link/link.ts";
import type { Link, LinkEnd, LinkOptions } from "../../protocol/link/link-api.ts";
import { helloMaker } from "../../protocol/link/local-hello.ts";
import { type Clock, systemClock } from "../../protocol/runtime/clock.ts";
import { LongLived } from "../../protocol/runtime/long-lived.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { type ScopePolicy, ScopeRules } from "../../protocol/scope/scope.ts";
import { VersionStore } from "../../protocol/store/version-store.ts";
import type { LowerTier } from "../../protocol/tier/lower-tier.ts";
import { TieredStore } from "../../protocol/tier/tiered-store.ts";
import type { Transport } from "../../protocol/transport/transport.ts";
import { edgeConfigOf } from "./daemons.ts";
import { earnedTrust } from "./earned-trust.ts";
import { memoryPair } from "./memory-transport.ts";
import { ScriptedPeer, wired } from "./scripted-peer.ts";
import { silentLog } from "./silent-log.ts";
import { reached } from "./until.ts";

export const TEST_HOST = "www.example.com";
export const MIB = 1024 * 1024;
const LIMITS = { headBytes: 32 * 1024, streamsPerLink: 100, pageBytes: 8 * MIB };
const HEARTBEAT_MS = 60_000;

interface HalfOptions {
  readonly clock?: Clock;
  readonly memory?: MemoryBudget;
  readonly pageBytes?: number;
  /** Of the version store. */
  readonly storeBytes?: number;
}

export interface EdgeHalf extends AsyncDisposable {
  readonly port: number;
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
  readonly pool: LinkPool;
  readonly records: readonly VisitRecord[];
  /** Resolves with the record number `count`, from 1. */
  record(count: number): Promise<VisitRecord>;
  /** Puts a link on this transport; resolves when it is up, or has ended. */
  join(transport: Transport): Promise<{ readonly link: Link; readonly ended: Promise<LinkEnd> }>;
}

export interface EdgeOptions extends HalfOptions {
  /** What is told of visits; nothing unless given. */
  readonly observation?: Observation;
  readonly policy?: Partial<ScopePolicy>;
  /** What stands below its memory. */
  readonly tier?: LowerTier;
  readonly hosts?: readonly string[];
  readonly originAnswerMs?: number;
  /** Web servers to ask without a link. */
  readonly fallbacks?: ServeDependencies["fallbacks"];
  /** A request waits so long for a link; not at all without it. */
  readonly linkMs?: number;
  /** Settings of the visitor server, as in edge.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const budget = (): MemoryBudget => new MemoryBudget({ totalBytes: 64 * MIB, shareBytes: 64 * MIB });

export const openEdgeHalf = async (options: EdgeOptions = {}): Promise<EdgeHalf> => {
  const { clock = systemClock, memory = budget(), pageBytes = LIMITS.pageBytes } = options;
  const hosts = new Set(options.hosts ?? [TEST_HOST]);
  const inMemory = { clock, bytes: options.storeBytes ?? 64 * MIB };
  const store =
    options.tier === undefined
      ? new VersionStore(inMemory)
      : new TieredStore({ ...inMemory, tiers: [{ tier: options.tier, sessions: false }] });
  const pool = new LinkPool({
    clock,
    hosts: { serves: (_, host) => hosts.has(host), weightOf: () => 1, mayHold: (_, host) => hosts.has(host) },
    log: silentLog,
  });
  const rules = new ScopeRules(
    { bases: "session", harmlessCookies: [], ...options.policy },
    Buffer.alloc(32, 1),
  );
  const records: VisitRecord[] = [];
  const config = edgeConfigOf(options.settings);
  const errorPages = new ErrorPages("coilgun-test", config);
  const settings: ServeDependencies = {
    clock,
    log: silentLog,
    pool,
    store,
    commonBases: new CommonBases({ clock, log: silentLog, store, memory }),
    memory,
    heldPages: new HeldPages(memory),
    pageBytes,
    encoders: new CompressorPool(memory, () => 0),
    load: () => 0,
    varying: new VaryingPages(),
    siteDictionaries: new SiteDictionaries({ clock, log: silentLog, store, memory }),
    requests: new RequestCompressorPool({ clock, memory }),
    times: {
      originAnswerMs: options.originAnswerMs ?? 20_000,
      linkMs: options.linkMs ?? 0,
      heartbeatMs: HEARTBEAT_MS,
    },
    hosts: {
      linked: [...hosts],
      trusts: () => false,
      rulesOf: (host) =>
        hosts.has(host)
          ? {
              name: host,
              keyId: "k",
              isDirect: false,
              dictionaries: "auto",
              frontHeedsVary: false,
              scope: rules,
              compressRequests: true,
              connectProtocols: new Set(["websocket"]),
            }
          : undefined,
    },
    fallbacks: options.fallbacks ?? { of: () => undefined },
    observation: options.observation ?? new Observation("test"),
    untrusted: new UntrustedProxies(silentLog),
    longLived: new LongLived(),
    pseudonym: "coilgun-test",
    errorPages,
    accessLog: { write: (record) => records.push(record) },
  };
  const hello = helloMaker({ role: "edge", ...LIMITS, pageBytes, codecs: codecIds(["zstd", "vcdiff"]) });
  const visits = new Visits(settings);
  const server = await serveVisitors(config, {
    errorPages,
    clock,
    log: silentLog,
    visits,
    hosts: { isServed: () => true, defaultHost: undefined, trusts: () => false },
  });
  const links = new Set<Link>();
  return {
    port: server.addresses[0]?.port ?? 0,
    store,
    memory,
    pool,
    records,
    record: (count) => reached(records, count),
    join: (transport) =>
      joined(links, {
        transport,
        hello: hello(),
        clock,
        memory,
        up: (link) => pool.add(link),
        down: (link) => pool.remove(link),
      }),
    async [Symbol.asyncDispose]() {
      await server.close(AbortSignal.abort());
      for (const link of links) link.close("shutting-down", "the test is over");
      store.close();
    },
  };
};

export interface OriginHalf extends AsyncDisposable {
  readonly store: VersionStore;
  readonly memory: MemoryBudget;
  readonly contexts: CompressorLimits;
  readonly records: readonly ExchangeRecord[];
  record(count: number): Promise<ExchangeRecord>;
  join(transport: Transport): Promise<{ readonly link: Link; readonly ended: Promise<LinkEnd> }>;
}

export interface OriginOptions extends HalfOptions {
  /** Of the web server on loopback. */
  readonly port: number;
  readonly codec?: number;
  readonly answerMs?: number;
}

export const openOriginHalf = async (options: OriginOptions): Promise<OriginHalf> => {
  const { clock = systemClock, memory = budget(), pageBytes = LIMITS.pageBytes } = options;
  const store = new VersionStore({ clock, bytes: options.storeBytes ?? 64 * MIB });
  const contexts = new CompressorLimits();
  const records: ExchangeRecord[] = [];
  const web = new Upstream(
    {
      host: TEST_HOST,
      origin: { scheme: "http", address: { host: "127.0.0.1", port: options.port } },
      path: "/",
      tls: undefined,
      hostHeader: { kind: "keep" },
      connectMs: 5_000,
      answerMs: options.answerMs ?? 20_000,
      idleMs: undefined,
      connections: 16,
      queueMs: 5_000,
      openStreams: 16,
      restMs: 4_000,
      ageMs: 300_000,
      leastRate: undefined,
      askEncoded: "no",
      weight: 1,
      maxFails: 1,
      failMs: 1,
    },
    { ...LIMITS, clock, trust: earnedTrust(clock) },
  );
  const strongTags = new StrongTags();
  const mislabelling = new MislabellingRoutes({ clock, log: silentLog });
  const slowPages = new SlowPages();
  const settings = (link: Link): ExchangeDependencies => ({
    slowPages,
    strongTags,
    mislabelling,
    longLived: new LongLived(),
    keyId: link.keyId,
    clock,
    store,
    memory,
    contexts,
    sessions: new KnownSessions(),
    codecs: { splice: false, page: codecById(options.codec ?? 1) ?? STREAMING_CODEC },
    load: () => 0,
    trust: new CodecTrust({ keyId: "k", clock, log: silentLog, mismatches: new Map() }),
    foldsTokens: link.peer.features.includes(MASKED_TOKENS),
    readsUnits: link.peer.features.includes(UNITS_READ),
    readsMixed: link.peer.features.includes(MIXED_SPLICES),
    streaming: STREAMING_CODEC,
    pageBytes,
    laterOffers: link.peer.features.includes(LATER_OFFERS),
    codedRequests: link.peer.features.includes(CODED_REQUESTS),
    edgeInstance: link.peer.instanceId,
    requestDecoders: new RequestDecoders(),
    omittedEtags: link.peer.features.includes(OMITTED_ETAGS) ? new OmittedEtags(() => 0) : undefined,
    headBytes: link.headBytes,
    routes: {
      find: (host, request) =>
        host.split(":")[0] === TEST_HOST && web ? routedTo(new Upstreams([web]), request) : undefined,
    },
    accessLog: { write: (record) => records.push(record) },
    log: silentLog,
  });
  const hello = helloMaker({ role: "origin", ...LIMITS, pageBytes, codecs: codecIds(["zstd", "vcdiff"]) });
  const links = new Set<Link>();
  return {
    store,
    memory,
    contexts,
    records,
    record: (count) => reached(records, count),
    join(transport) {
      let known: ExchangeDependencies;
      return joined(links, {
        transport,
        hello: hello(),
        clock,
        memory,
        up(link) {
          known = settings(link);
        },
        opened: (_, stream, open) => void answerEdge(new IncomingExchange(stream, open, known), known),
      });
    },
    async [Symbol.asyncDispose]() {
      for (const link of links) link.close("shutting-down", "the test is over");
      await web.close();
      store.close();
    },
  };
};

interface Joining {
  readonly transport: Transport;
  readonly hello: LinkOptions["hello"];
  readonly clock: Clock;
  readonly memory: MemoryBudget;
  readonly up?: (link: Link) => void;
  readonly down?: (link: Link) => void;
  readonly opened?: (link: Link, ...opened: Parameters<LinkOptions["events"]["opened"]>) => void;
}

const joined = async (
  links: Set<Link>,
  { transport, hello, clock, memory, up, down, opened }: Joining,
): Promise<{ readonly link: Link; readonly ended: Promise<LinkEnd> }> => {
  const end = Promise.withResolvers<LinkEnd>();
  const ready = Promise.withResolvers<void>();
  const link: Link = new LinkEndpoint({
    transport,
    hello,
    keyProof: { by: "transport", keyId: transport.peer.keyId ?? "k" },
    behindBalancer: false,
    clock,
    heartbeatMs: HEARTBEAT_MS,
    handshakeMs: HEARTBEAT_MS,
    memory,
    events: {
      up() {
        up?.(link);
        ready.resolve();
      },
      opened: (stream, open) => opened?.(link, stream, open),
      forget() {},
      pushed() {},
      draining() {},
      closed(why) {
        down?.(link);
        links.delete(link);
        ready.resolve();
        end.resolve(why);
      },
    },
  });
  links.add(link);
  await ready.promise;
  return { link, ended: end.promise };
};

/** A scripted peer on an in-memory link to one half, which is up. */
export const wiredHalf = async (half: EdgeHalf | OriginHalf, role: Role, hello: Partial<Hello> = {}) => {
  const { real, scripted } = wired();
  const peer = new ScriptedPeer(scripted, role, hello);
  return { peer, ...(await half.join(real)) };
};

/** Both halves, joined by an in-memory link. */
export const joinHalves = async (edge: EdgeHalf, origin: OriginHalf, keyId = "k") => {
  const [dialler, listener] = memoryPair({ keyId });
  const [atOrigin, atEdge] = await Promise.all([origin.join(dialler), edge.join(listener)]);
  return { atOrigin, atEdge, dialler, listener };
};
