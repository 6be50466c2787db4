/**
 * The story of the origin side: one exchange in, one answer out. Ask the web server, see whether its page is one that the
 * edge offered, or close to one, and send what is new. The web server is asked once, whatever happens on the link.
 */
import { StreamError } from "../../protocol/errors.ts";
import { isEventStream } from "../../protocol/http/compressible.ts";
import { isOfAuthenticatedConnection } from "../../protocol/http/connection-auth.ts";
import { isIncremental, isUnbuffered } from "../../protocol/http/incremental.ts";
import { isOfUnknownType, whyPassed } from "../../protocol/http/why-passed.ts";
import type { LongLived } from "../../protocol/runtime/long-lived.ts";
import type { NoBase } from "../../protocol/scope/no-base.ts";
import { audienceOf, type Retention, type Scope } from "../../protocol/scope/scope.ts";
import { joined } from "../../protocol/store/compact-buffer.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import { joinUpgraded } from "../../protocol/upstream/upgraded-stream.ts";
import type { UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import type { AnswerDependencies, Answering } from "../answer/answering.ts";
import { awaitAcknowledgement } from "../answer/await-acknowledgement.ts";
import { endOfTurn, type Gathered, gatherBody } from "../answer/buffer-body.ts";
import { usableBases } from "../answer/coding/choose-answer.ts";
import { readyAsBase } from "../answer/coding/encode-delta.ts";
import { decodeResponse } from "../answer/decode-response.ts";
import { DamagedCoding } from "../answer/decompress.ts";
import { looksCompressed } from "../answer/first-bytes.ts";
import { withVisitorsHost } from "../answer/restore-host.ts";
import { BufferedAnswer, encodeBuffered, sendBuffered, sentBuffered } from "../answer/send-buffered.ts";
import { streamPage } from "../answer/send-streamed.ts";
import type { SlowPages } from "../answer/slow-pages.ts";
import type { Route } from "../config/route-config.ts";
import { type ExchangePhases, type ExchangeRecord, phasesFrom, recordOf } from "../exchange/access-record.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import type { ExchangeLimits } from "../exchange/read-request.ts";
import { type HeldBody, type RequestDecoders, requestBodyOf } from "../request/decode-body.ts";
import { type AskDependencies, askUpstream } from "./ask-upstream.ts";
import { failExchange } from "./fail-exchange.ts";
import { type Fetching, fetchOffered, offeredInTime } from "./fetch-offered.ts";
import type { RoutedRequest, Routes } from "./routes.ts";

/** What every exchange needs, on one link. */
export interface ExchangeDependencies extends AnswerDependencies, AskDependencies, ExchangeLimits {
  /** Requests of this link that are coded in segments and under way. */
  readonly requestDecoders: RequestDecoders;
  readonly longLived: LongLived;
  readonly routes: Pick<Routes, "find">;
  readonly slowPages: SlowPages;
  /** The edge's running program: numbers of visitors' connections are its own. */
  readonly edgeInstance: string;
  readonly accessLog: {
    write(record: ExchangeRecord, exchange: IncomingExchange, route: Route | undefined): void;
  };
}

/** `take`: what is here already, where the body can tell. */
interface PassedBody {
  take?(): Buffer | BodyEnd | undefined;
  next(): Promise<Buffer | BodyEnd>;
}

/** Never rejects: what goes wrong ends the exchange with a code, and stands in its record. */
export const answerEdge = async (
  exchange: IncomingExchange,
  options: ExchangeDependencies,
): Promise<void> => {
  const { clock } = options;
  const phases = phasesFrom(clock.now(), (now) =>
    options.accessLog.write(recordOf(exchange, now, clock.now()), exchange, now.route),
  );
  let upload: HeldBody | undefined;
  let over: (() => void) | undefined;
  try {
    upload = requestBodyOf(exchange, options.requestDecoders);
    const routed = routeOf(exchange, options);
    const partition = partitionOf({ keyId: options.keyId, host: exchange.host });
    const fetching = fetchOffered(exchange, partition, options);
    const { response, upstream } = await askUpstream(exchange, upload?.body, routed, options);
    phases.route = upstream.route;
    phases.response = { status: response.head.status, at: clock.now() };
    if (exchange.open.timings) exchange.originMs = phases.response.at - phases.startedAt;
    if (mayLast(response)) over = options.longLived.add(() => exchange.fail("truncated", "this side stops"));
    if (response.kind === "upgraded") await join(exchange, response, phases);
    else
      await answerWith(
        await decoded(exchange, response, { ...routed, ...fetching, route: upstream.route }, options),
        phases,
        options.slowPages,
      );
  } catch (error) {
    phases.failed = failExchange(error, exchange, options.log);
  } finally {
    over?.();
    upload?.close();
    phases.note();
  }
};

/** Whether it may last for hours, as event streams and upgraded connections do. */
const mayLast = ({ kind, head }: UpstreamResponse): boolean =>
  kind === "upgraded" || isEventStream(head.fields);

const routeOf = (
  { host, request }: IncomingExchange,
  { routes, keyId }: Pick<ExchangeDependencies, "routes" | "keyId">,
): RoutedRequest => {
  const routed = routes.find(host, request);
  if (routed?.upstreams.route.edges?.includes(keyId) === false)
    throw new StreamError("no-route", `${host} is not for edges with the key ${keyId}: see its edges`);
  if (routed !== undefined) return routed;
  throw new StreamError("no-route", `no route for ${host}: add it under routes in origin.yaml`);
};

/** Joins both connections until both have ended. */
const join = async (
  exchange: IncomingExchange,
  { head, connection }: Extract<UpstreamResponse, { kind: "upgraded" }>,
  phases: ExchangePhases,
): Promise<void> => {
  try {
    exchange.answer({ kind: "passed" }, head);
    phases.sent = { answer: "passed", reason: "no-body" };
    await joinUpgraded(exchange, exchange.upgradedBody(), connection);
  } finally {
    connection.destroy();
  }
};

/** The response with its content coding undone, and the bases that its answer may build on. */
const decoded = async (
  exchange: IncomingExchange,
  response: Extract<UpstreamResponse, { kind: "answered" }>,
  { route, pageKey, partition, nominated, fetched }: Fetching,
  options: ExchangeDependencies,
): Promise<Answering> => {
  const { request, gone } = exchange;
  const { head, body, coded } = await decodeResponse(request, response, options, gone);
  if (fetched !== undefined) await offeredInTime(exchange, head, fetched, options);
  const { open } = exchange;
  return {
    exchange,
    head: route.hostHeader.kind === "origin" ? withVisitorsHost(request, head, route) : head,
    body,
    coded,
    partition,
    pageKey,
    wholeUnits: exchange.wholeUnits,
    addressed: open.addressed === true && audienceOf(head.fields).personal,
    offered: usableBases(options.store, partition, open.offers, nominated),
    options,
  };
};

/** Chooses the form: what no delta can help passes as it is, what is here within moments is buffered, the rest streams. */
const answerWith = async (answering: Answering, phases: ExchangePhases, slow: SlowPages): Promise<void> => {
  const { exchange, head, body, coded, options } = answering;
  const why =
    whyPassed(exchange.request.method, head) ?? (exchange.sizes?.kind === "plain" ? "foreign" : undefined);
  if (why !== undefined) {
    coded?.release();
    return pass(answering, [], phases, why);
  }
  const gathered = await gatherBody(body, options, {
    isHere: () => coded?.isHere === true,
    mayWait: () => mayNotStream(exchange) || !goesAtOnce(answering, slow),
    ...(isOfUnknownType(head) ? { passes: looksCompressed } : {}),
  }).catch((error) => {
    coded?.release();
    throw error;
  });
  try {
    if (gathered.failure !== undefined)
      return await answerBroken(answering, gathered.pieces, gathered.failure, phases);
    coded?.release(); // from here on its answer is on its way
    if (gathered.end === undefined && (gathered.passes || mayNotStream(exchange)))
      await pass(answering, gathered.pieces, phases, gathered.passes ? "not-compressible" : "foreign");
    else if (gathered.end === undefined) await answerStreamed(answering, gathered, phases, slow);
    else await answerBuffered(answering, gathered, gathered.end, phases);
  } finally {
    coded?.release();
    gathered.lease.release();
  }
};

/** Whether to stream without waiting: request or response asks for it, or waiting was in vain the last time. */
const goesAtOnce = (answering: Answering, slow: SlowPages): boolean =>
  isIncremental(answering.exchange.request.fields) ||
  isUnbuffered(answering.head.fields) ||
  slow.has(answering);

/**
 * A body that broke off is passed on as far as it came, and visibly cut; one whose coding is damaged, in the coded bytes as they are.
 * Neither is remembered.
 */
const answerBroken = async (
  answering: Answering,
  pieces: readonly Buffer[],
  failure: StreamError,
  phases: ExchangePhases,
): Promise<void> => {
  const { exchange, coded, options } = answering;
  if (failure instanceof DamagedCoding && coded?.isKept === true) {
    const { host, request } = exchange;
    options.log.warn("coding damaged", { host, target: request.target, why: failure.message });
    return pass({ exchange, head: coded.head, body: coded }, [], phases, "broken");
  }
  if (pieces.length === 0) throw failure;
  await pass(answering, pieces, phases, "broken");
};

/** An answer that is padded must be buffered where somebody else may have chosen some of its text. */
const mayNotStream = ({ sizes }: IncomingExchange): boolean => sizes?.kind === "padded" && !sizes.streams;

const answerBuffered = async (
  answering: Answering,
  { pieces, lease }: Gathered,
  end: BodyEnd,
  phases: ExchangePhases,
): Promise<void> => {
  const { exchange, options } = answering;
  if (exchange.originMs !== undefined) exchange.originMs = options.clock.now() - phases.startedAt;
  const encoded = await encodeBuffered(answering, joined(pieces));
  const { form, body, fingerprint } = encoded;
  const full = sendBuffered(encoded, answering, end);
  phases.sent = sentBuffered(encoded, answering);
  if (full !== undefined) {
    await full;
    phases.sent = sentBuffered(encoded, answering);
  }
  // At the end of this turn: the answer has left by then, and no request that may build on this page has come yet.
  await endOfTurn();
  remember(answering, body, fingerprint);
  readyAsBase(body, exchange.sentBytes, options);
  if (form.kind === "whole") return;
  const sent = new BufferedAnswer(exchange, encoded, end, lease);
  await awaitAcknowledgement(exchange, sent, options, phases.note);
};

/** An edge remembers what streamed when it has all of it, and so does this side. */
const answerStreamed = async (
  answering: Answering,
  gathered: Gathered,
  phases: ExchangePhases,
  slow: SlowPages,
): Promise<void> => {
  const streamed = await streamPage(answering, gathered);
  if (streamed === undefined) return pass(answering, gathered.pieces, phases, "budget");
  slow.took(answering, streamed.waitedMs);
  phases.sent = streamed.sent;
  if (streamed.pieces === undefined) return;
  const page = Buffer.concat(streamed.pieces);
  remember(answering, page, fingerprintOf(page));
};

/** Sends a body as it is; `pieces` have come already. */
const pass = async (
  { exchange, head, body }: Pick<Answering, "exchange" | "head"> & { readonly body: PassedBody },
  pieces: readonly Buffer[],
  phases: ExchangePhases,
  reason: NoBase,
): Promise<void> => {
  exchange.answer({ kind: "passed" }, head);
  phases.sent = { answer: "passed", reason };
  for (const piece of pieces) await exchange.data(piece);
  for (;;) {
    const next = body.take?.() ?? (await body.next());
    if (!Buffer.isBuffer(next)) return exchange.end(next);
    const full = exchange.data(next);
    if (full !== undefined) await full;
  }
};

const remember = (
  { exchange, head, partition, pageKey, offered, addressed, options }: Answering,
  body: Buffer,
  fingerprint: Fingerprint,
): void => {
  const { open } = exchange;
  // The connection itself was the credential: nobody knows whose page it is, and no edge offers it.
  if (exchange.visitorConnection !== undefined || isOfAuthenticatedConnection(head.fields)) return;
  // Who may build on a version is the edge's decision, by what it offers; here only how long it stays matters.
  const session = open.session || addressed ? options.sessions.of(offered) : undefined;
  const kept: Retention = session === undefined ? "keep" : "session";
  const retention = audienceOf(head.fields).noStore ? "no-store" : kept;
  const scope: Scope =
    session === undefined
      ? { kind: "public", retention }
      : { kind: "session", session, retention, marks: undefined };
  options.store.remember(partition, { ...pageKey, body, fingerprint, scope, memoryOnly: addressed });
};
