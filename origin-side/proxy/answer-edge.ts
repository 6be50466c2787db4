/**
 * The story of the origin side: one exchange in, one answer out. Ask the web server, see whether its page is one that the
 * edge offered, or close to one, and send what is new. The web server is asked once, whatever happens on the link.
 */
import type { Log } from "../../protocol/daemon/log.ts";
import { StreamError } from "../../protocol/errors.ts";
import {
  fieldOf,
  type RequestHead,
  type ResponseHead,
  responseHeadToList,
} from "../../protocol/http/head.ts";
import type { Retention, Scope, ScopeRules } from "../../protocol/scope/scope.ts";
import { type Fingerprint, fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../protocol/store/page-key.ts";
import type { RequestBodies } from "../../protocol/store/request-body-store.ts";
import { tenantOf } from "../../protocol/store/tenant.ts";
import type { BodyEnd, RequestBody } from "../../protocol/upstream/body.ts";
import { joinUpgraded } from "../../protocol/upstream/upgraded-stream.ts";
import type { OriginServerClient } from "../../protocol/upstream/upstream-client.ts";
import type { OriginResponse } from "../../protocol/upstream/upstream-request.ts";
import type { AnswerGiven, Answering } from "../answer/answering.ts";
import { type Gathered, gatherBody } from "../answer/buffer-body.ts";
import { howItTravels, usableBases } from "../answer/choose-answer.ts";
import { decodeResponse } from "../answer/decode-response.ts";
import { sendPage } from "../answer/send-buffered.ts";
import { streamPage } from "../answer/send-streamed.ts";
import type { Route } from "../config/route-config.ts";
import type { ExchangeRecord } from "../exchange/access-record.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";
import { type RequestDecoders, requestBodyOf } from "../request/decode-body.ts";
import { rebuildRequest } from "../request/rebuild-body.ts";
import { originRequest } from "../request/upstream-head.ts";

/** What every exchange needs, on one link. */
export interface ExchangeGiven extends AnswerGiven {
  /** Whether this edge may code requests, and those that it has under way. */
  readonly codedRequests: boolean;
  readonly requestDecoders: RequestDecoders;
  /** What its requests build on; undefined where the hellos did not agree on that. */
  readonly requestBases?: RequestBodies | undefined;
  /** The web server for a request; undefined: no route. */
  originOf(host: string, request: RequestHead): OriginServerClient<Route> | undefined;
  finished(record: ExchangeRecord): void;
}

export const answerEdge = async (exchange: IncomingExchange, given: ExchangeGiven): Promise<void> => {
  const startedAt = given.clock.now();
  const host = fieldOf(exchange.request.fields, "host") ?? "";
  const record: ExchangeRecord = { host, target: exchange.request.target, stream: exchange.streamId };
  let closeBody = () => {};
  try {
    const origin = given.originOf(host, exchange.request);
    if (origin === undefined)
      throw new StreamError("no-route", `no route for ${host}: add it under routes in origin.yaml`);
    const { coding } = exchange;
    const request =
      coding?.kind === "kept" && given.requestBases !== undefined
        ? await rebuildRequest(exchange, coding, { ...given, bodies: given.requestBases })
        : requestBodyOf(exchange, given.requestDecoders);
    if (request.baseMissed === true) record.baseMissed = true;
    closeBody = request.close;
    const response = await askOrigin(exchange, request.body, origin);
    record.status = response.head.status;
    record.originMs = given.clock.now() - startedAt;
    if (response.kind === "upgraded") return await joinBoth(exchange, response, record);
    const asked = origin.route.askEncoded;
    const { head, body } = decodeResponse(exchange.request, response, {
      ...given,
      asked,
      gone: exchange.gone,
    });
    const tenant = tenantOf({ keyId: given.keyId, host });
    const offered = usableBases(given.store, tenant, exchange.open.offers);
    await answerWith({ exchange, head, body, tenant, offered, record, given });
  } catch (error) {
    const failure = asStreamError(error);
    record.failed = failure.code;
    exchange.fail(failure.code);
    logFailure(failure, record, given.log);
  } finally {
    closeBody();
    record.totalMs = given.clock.now() - startedAt;
    given.finished(record);
  }
};

/** A stack is worth its lines only where the fault is ours. */
const logFailure = (failure: StreamError, { host, target }: ExchangeRecord, log: Log): void => {
  const { code, message: why } = failure;
  if (code === "internal") log.error("exchange failed", { host, target, error: failure });
  else if (code !== "cancelled" && code !== "link-lost")
    log.warn("exchange failed", { host, target, code, why });
};

const askOrigin = async (
  exchange: IncomingExchange,
  body: RequestBody | undefined,
  origin: OriginServerClient<Route>,
): Promise<OriginResponse> => {
  const response = await origin.fetch({
    head: originRequest(exchange.request, origin.route),
    body,
    signal: exchange.gone,
    interim: (head) => exchange.interim(head),
  });
  if (!exchange.takes(responseHeadToList(response.head)))
    throw new StreamError(
      "origin-failed",
      "a response head larger than limits.headBytes of one of the two sides",
    );
  return response;
};

const joinBoth = async (
  exchange: IncomingExchange,
  { head, connection }: Extract<OriginResponse, { kind: "upgraded" }>,
  record: ExchangeRecord,
): Promise<void> => {
  exchange.answer({ kind: "passed" }, head);
  record.answer = "passed";
  record.pageBytes = await joinUpgraded(exchange, exchange.upgradedBody(), connection);
};

const answerWith = async (answering: Answering): Promise<void> => {
  const { exchange, head, body, given } = answering;
  if (howItTravels(exchange.request, head) !== "coded") return pass(answering, []);
  const gathered = await gatherBody(body, { ...given, tenant: given.keyId });
  try {
    if (gathered.end === undefined) await answerAsItComes(answering, gathered);
    else await answerInOnePiece(answering, gathered, gathered.end);
  } finally {
    gathered.lease.release();
  }
};

const answerInOnePiece = async (
  answering: Answering,
  { pieces, lease }: Gathered,
  end: BodyEnd,
): Promise<void> => {
  const page = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  const { record } = answering;
  const sent = await sendPage(answering, page, end, lease);
  record.answer = sent.answer;
  record.bases = sent.bases;
  record.encodeMs = sent.encodeMs;
  record.pageBytes = page.length;
  // Once the answer has left, at the end of this turn; and before anything that the edge may ask next can arrive.
  await new Promise(setImmediate);
  remember(answering, sent.body, sent.fingerprint);
  await sent.settled();
};

const answerAsItComes = async (answering: Answering, gathered: Gathered): Promise<void> => {
  const streamed = await streamPage(answering, gathered);
  if (streamed === undefined) return pass(answering, gathered.pieces);
  const { pieces, ...measured } = streamed;
  Object.assign(answering.record, measured, { streamed: true });
  if (pieces === undefined) return;
  const page = Buffer.concat(pieces);
  remember(answering, page, fingerprintOf(page));
};

/** Sends a body as it is; `pieces` have come already. */
const pass = async (
  { exchange, head, body, record }: Answering,
  pieces: readonly Buffer[],
): Promise<void> => {
  exchange.answer({ kind: "passed" }, head);
  record.answer = "passed";
  record.pageBytes = 0;
  for (const piece of pieces) {
    record.pageBytes += piece.length;
    await exchange.data(piece);
  }
  for (;;) {
    const next = await body.arrived.next();
    if (!Buffer.isBuffer(next)) return exchange.end(next.how, next.trailers);
    record.pageBytes += next.length;
    await exchange.data(next);
    body.taken(next);
  }
};

const remember = (
  { exchange, head, tenant, offered, given }: Answering,
  body: Buffer,
  fingerprint: Fingerprint,
): void => {
  const { url, templates } = pageKeyOf(exchange.request.target);
  const retention = retentionOf(head, exchange.open.session, given.rules);
  const session = exchange.open.session ? given.sessions.of(offered) : undefined;
  const scope: Scope =
    session === undefined
      ? { kind: "public", retention }
      : { kind: "session", session, retention, marks: undefined };
  given.store.remember(tenant, { url, templates, body, fingerprint, scope });
};

/** Who may build on a version is the edge's decision, by what it offers; here only how long it stays matters. */
const retentionOf = (head: ResponseHead, session: boolean, rules: ScopeRules): Retention => {
  const credentials = rules.credentialsOf([]);
  const scope = rules.scopeOf({ credentials, status: head.status, response: head.fields });
  if (scope.kind !== "nobody" && scope.retention === "no-store") return "no-store";
  return session ? "session" : "keep";
};

const asStreamError = (error: unknown): StreamError =>
  error instanceof StreamError ? error : new StreamError("internal", String(error), { cause: error });
