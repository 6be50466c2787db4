/**
 * Each side of a pair without its daemon: a real edge side that visitors reach over HTTP, and a real origin side that asks a
 * web server, each on one end of an in-memory link. What the other end is, a test decides.
 */
import type { VisitRecord } from "../../edge-side/access-record.ts";
import { CommonBases } from "../../edge-side/common-bases.ts";
import { LinkPool } from "../../edge-side/link-pool.ts";
import { MOST_BODIES_OF_PLACE, RequestBases } from "../../edge-side/request-bases.ts";
import type { RequestBasesPolicy } from "../../edge-side/request-bases-setting.ts";
import { RequestEncoders } from "../../edge-side/request-encoders.ts";
import { type ServeGiven, serveVisitor } from "../../edge-side/serve-visitor.ts";
import { HeldPages } from "../../edge-side/visit-memory.ts";
import type { Visitor } from "../../edge-side/visitor.ts";
import { VisitorEncoders } from "../../edge-side/visitor-encoders.ts";
import { serveVisitors } from "../../edge-side/visitor-server.ts";
import type { ExchangeRecord } from "../../origin-side/access-record.ts";
import { type AnswerGiven, answerEdge } from "../../origin-side/answer-edge.ts";
import { BodyTags } from "../../origin-side/body-tags.ts";
import { RequestDecoders } from "../../origin-side/decode-request.ts";
import { OriginServerClient } from "../../origin-side/fetch-origin.ts";
import { IncomingExchange } from "../../origin-side/incoming-exchange.ts";
import { KnownSessions } from "../../origin-side/known-sessions.ts";
import { StreamContexts } from "../../origin-side/stream-contexts.ts";
import { codecById, codecIds, STREAMING_CODEC } from "../../protocol/delta/codecs.ts";
import { ByteBudget } from "../../protocol/kit/byte-budget.ts";
import { type Clock, systemClock } from "../../protocol/kit/clock.ts";
import { silentLog } from "../../protocol/kit/log.ts";
import { Link, type LinkEnd } from "../../protocol/link/link.ts";
import { memoryPair } from "../../protocol/link/memory-transport.ts";
import { helloMaker } from "../../protocol/link/own-hello.ts";
import type { Transport } from "../../protocol/link/transport.ts";
import { NAMED_WITHIN_MS, RequestBodies } from "../../protocol/versions/request-bodies.ts";
import { type ScopePolicy, ScopeRules } from "../../protocol/versions/scope.ts";
import { VersionStore } from "../../protocol/versions/version-store.ts";
import { BODY_TAGS } from "../../protocol/wire/body-tag.ts";
import type { Hello, Role } from "../../protocol/wire/hello.ts";
import { CODED_REQUESTS, REQUEST_BASES } from "../../protocol/wire/request-coding.ts";
import { edgeConfigOf } from "./daemons.ts";
import { ScriptedPeer, wired } from "./scripted-peer.ts";
import { reached } from "./until.ts";

export const TEST_HOST = "www.example.com";
export const MIB = 1024 * 1024;
const LIMITS = { headBytes: 32 * 1024, streamsPerLink: 100, pageBytes: 8 * MIB };
const HEARTBEAT_MS = 60_000;

export interface HalfOptions {
  readonly clock?: Clock;
  readonly memory?: ByteBudget;
  readonly pageBytes?: number;
}

export interface EdgeHalf extends AsyncDisposable {
  readonly port: number;
  readonly store: VersionStore;
  readonly memory: ByteBudget;
  readonly requestBodies: RequestBodies;
  readonly pool: LinkPool;
  readonly records: readonly VisitRecord[];
  /** Resolves with the record number `count`, from 1. */
  record(count: number): Promise<VisitRecord>;
  /** Puts a link on this transport; resolves when it is up, or has ended. */
  join(transport: Transport): Promise<{ readonly link: Link; readonly ended: Promise<LinkEnd> }>;
}

export interface EdgeOptions extends HalfOptions {
  readonly policy?: Partial<ScopePolicy>;
  readonly requestBases?: RequestBasesPolicy;
  readonly hosts?: readonly string[];
  readonly originAnswerMs?: number;
  /** Settings of the visitor server, as in edge.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const budget = (): ByteBudget => new ByteBudget({ totalBytes: 64 * MIB, shareBytes: 64 * MIB });

export const openEdgeHalf = async (options: EdgeOptions = {}): Promise<EdgeHalf> => {
  const { clock = systemClock, memory = budget(), pageBytes = LIMITS.pageBytes } = options;
  const hosts = new Set(options.hosts ?? [TEST_HOST]);
  const store = new VersionStore({ clock, bytes: 64 * MIB });
  const pool = new LinkPool({ hostsOf: () => hosts, missing() {} });
  const rules = new ScopeRules(
    { bases: "session", harmlessCookies: [], ...options.policy },
    Buffer.alloc(32, 1),
  );
  const requestBodies = new RequestBodies({
    clock,
    bytes: MIB,
    lifetimeMs: NAMED_WITHIN_MS,
    mostOfPlace: MOST_BODIES_OF_PLACE,
  });
  const bases = new RequestBases({
    bodies: requestBodies,
    policyOf: () => options.requestBases ?? "off",
    rulesOf: () => rules,
  });
  const records: VisitRecord[] = [];
  const given: ServeGiven = {
    clock,
    log: silentLog,
    pool,
    store,
    commonBases: new CommonBases({ clock, log: silentLog, store, memory }),
    memory,
    heldPages: new HeldPages(memory),
    pageBytes,
    encoders: new VisitorEncoders(memory, () => 0),
    requests: new RequestEncoders({ clock, memory, isCoded: () => true, bases }),
    originAnswerMs: options.originAnswerMs ?? 20_000,
    trusts: () => false,
    rulesOf: (host) => (hosts.has(host) ? rules : undefined),
    finished: (record) => records.push(record),
  };
  const hello = helloMaker({ role: "edge", ...LIMITS, pageBytes, codecs: codecIds(["zstd", "vcdiff"]) });
  const serve = (visitor: Visitor) => void serveVisitor(visitor, given);
  const server = await serveVisitors(edgeConfigOf(options.settings), { clock, serve });
  const links = new Set<Link>();
  return {
    port: server.addresses[0]?.port ?? 0,
    store,
    requestBodies,
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
      requestBodies.close();
    },
  };
};

export interface OriginHalf extends AsyncDisposable {
  readonly store: VersionStore;
  readonly requestBodies: RequestBodies;
  readonly memory: ByteBudget;
  readonly contexts: StreamContexts;
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
  const store = new VersionStore({ clock, bytes: 64 * MIB });
  const requestBodies = new RequestBodies({ clock, bytes: MIB });
  const contexts = new StreamContexts();
  const records: ExchangeRecord[] = [];
  const web = new OriginServerClient(
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
      continues: false,
      askEncoded: false,
    },
    { ...LIMITS, clock },
  );
  const given = (link: Link): AnswerGiven => ({
    keyId: link.keyId,
    clock,
    store,
    memory,
    contexts,
    rules: new ScopeRules({ bases: "site", harmlessCookies: [] }, Buffer.alloc(32, 2)),
    sessions: new KnownSessions(),
    codecs: { splice: false, page: codecById(options.codec ?? 1) ?? STREAMING_CODEC, alone: undefined },
    load: () => 0,
    streaming: STREAMING_CODEC,
    pageBytes,
    codedRequests: link.peer.features.includes(CODED_REQUESTS),
    requestDecoders: new RequestDecoders(),
    bodyTags: link.peer.features.includes(BODY_TAGS) ? new BodyTags(() => 0) : undefined,
    requestBases: link.peer.features.includes(REQUEST_BASES) ? requestBodies : undefined,
    headBytes: link.headBytes,
    originOf: (host) => (host.split(":")[0] === TEST_HOST ? web : undefined),
    finished: (record) => records.push(record),
    log: silentLog,
  });
  const hello = helloMaker({ role: "origin", ...LIMITS, pageBytes, codecs: codecIds(["zstd", "vcdiff"]) });
  const links = new Set<Link>();
  return {
    store,
    requestBodies,
    memory,
    contexts,
    records,
    record: (count) => reached(records, count),
    join: (transport) =>
      joined(links, {
        transport,
        hello: hello(),
        clock,
        memory,
        opened: (link, stream, open) => {
          const known = given(link);
          void answerEdge(new IncomingExchange(stream, open, known), known);
        },
      }),
    async [Symbol.asyncDispose]() {
      for (const link of links) link.close("shutting-down", "the test is over");
      await web.close();
      store.close();
      requestBodies.close();
    },
  };
};

interface Joining {
  readonly transport: Transport;
  readonly hello: ConstructorParameters<typeof Link>[0]["hello"];
  readonly clock: Clock;
  readonly memory: ByteBudget;
  readonly up?: (link: Link) => void;
  readonly down?: (link: Link) => void;
  readonly opened?: (
    link: Link,
    ...opened: Parameters<ConstructorParameters<typeof Link>[0]["events"]["opened"]>
  ) => void;
}

const joined = async (
  links: Set<Link>,
  { transport, hello, clock, memory, up, down, opened }: Joining,
): Promise<{ readonly link: Link; readonly ended: Promise<LinkEnd> }> => {
  const end = Promise.withResolvers<LinkEnd>();
  const ready = Promise.withResolvers<void>();
  const link: Link = new Link({
    transport,
    hello,
    keyProof: { by: "transport", keyId: transport.peer.keyId ?? "k" },
    behindBalancer: false,
    clock,
    heartbeatMs: HEARTBEAT_MS,
    greetingMs: HEARTBEAT_MS,
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
