/**
 * The story of the edge: a visitor asks, we offer the versions we hold, the origin side answers with what is new, and the
 * page is rebuilt, proved, remembered and served. Read this first; its mirror is origin-side/answer-edge.
 */
import type { ByteBudget } from "../protocol/kit/byte-budget.ts";
import type { Clock } from "../protocol/kit/clock.ts";
import type { Log } from "../protocol/kit/log.ts";
import type { Link } from "../protocol/link/link.ts";
import { headSize } from "../protocol/link/send-queue.ts";
import { pageKeyOf } from "../protocol/versions/page-key.ts";
import type { ScopeRules } from "../protocol/versions/scope.ts";
import type { VersionStore } from "../protocol/versions/version-store.ts";
import { StreamError } from "../protocol/wire/errors.ts";
import type { AnswerFrame } from "../protocol/wire/frame.ts";
import { type RequestHead, requestHeadToList, responseHeadFromList } from "../protocol/wire/http-head.ts";
import type { VisitRecord } from "./access-record.ts";
import type { BodyEnd } from "./answer-frames.ts";
import type { CommonBases } from "./common-bases.ts";
import { forwardRequest, type Trust } from "./forward-request.ts";
import type { LinkPool } from "./link-pool.ts";
import { OutgoingExchange } from "./outgoing-exchange.ts";
import { PageVersions } from "./page-versions.ts";
import { inOnePiece, rebuildPage } from "./rebuild-page.ts";
import type { Visitor } from "./visitor.ts";

export interface ServeGiven {
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: LinkPool;
  readonly store: VersionStore;
  readonly commonBases: CommonBases;
  readonly memory: ByteBudget;
  readonly pageBytes: number;
  readonly originAnswerMs: number;
  readonly trusts: Trust;
  /** Who may build on what, for a host that some key serves. */
  rulesOf(host: string): ScopeRules | undefined;
  finished(record: VisitRecord): void;
}

/** A request is tried on this many links at most, as long as each refuses it. */
export const MOST_TRIES = 3;

/** Never rejects: every failure ends in an error page, or in a response that is visibly cut. */
export const serveVisitor = async (visitor: Visitor, given: ServeGiven): Promise<void> => {
  const startedAt = given.clock.now();
  const record: VisitRecord = { host: visitor.host, method: visitor.method, target: visitor.target };
  try {
    await visit(visitor, record, given);
  } catch (error) {
    const failure = asStreamError(error);
    if (failure.code === "internal") given.log.error("visit failed", { ...record, error: failure });
    record.failed = failure.code;
    record.status = visitor.fail(failure.code);
  }
  record.totalMs = given.clock.now() - startedAt;
  given.finished(record);
};

/** Tries links in turn: the request goes to another one if the first certainly, or harmlessly, did not serve it. */
const visit = async (visitor: Visitor, record: VisitRecord, given: ServeGiven): Promise<void> => {
  const rules = given.rulesOf(visitor.host);
  if (rules === undefined) throw new StreamError("no-route", `no key serves ${visitor.host}`);
  const request = forwardRequest(visitor, given.trusts);
  const tried = new Set<Link>();
  for (;;) {
    const link = linkFor(visitor, tried, given);
    try {
      return await visitOver(link, rules, request, visitor, record, given);
    } catch (error) {
      tried.add(link);
      if (!mayGoElsewhere(error, visitor, tried.size)) throw error;
    }
  }
};

const visitOver = async (
  link: Link,
  rules: ScopeRules,
  request: RequestHead,
  visitor: Visitor,
  record: VisitRecord,
  given: ServeGiven,
): Promise<void> => {
  if (headSize(requestHeadToList(request)) > link.headBytes)
    throw new StreamError("head-too-large", "the origin side takes no head of this size");
  const versions = new PageVersions(visitor, link, rules, given);
  const exchange = new OutgoingExchange(link, {
    head: request,
    offers: versions.offered.map(({ short }) => short),
    session: versions.session,
    urgency: visitor.urgency,
  });
  try {
    visitor.leaves(() => exchange.cancel("cancelled"));
    visitor.sendBody(exchange);
    const answer = await answerInTime(exchange, visitor, given);
    await serveAnswer(answer, exchange, versions, visitor, record);
  } catch (error) {
    exchange.cancel(asStreamError(error).code);
    throw error;
  } finally {
    Object.assign(record, { link: link.keyId, stream: exchange.streamId, answerBytes: exchange.answerBytes });
    Object.assign(record, versions.over(exchange.answerBytes));
  }
};

/** The origin's time begins when it has the request: an upload may take as long as its bytes keep moving. */
const answerInTime = async (
  exchange: OutgoingExchange,
  visitor: Visitor,
  given: ServeGiven,
): Promise<AnswerFrame> => {
  const answer = exchange.answer((interim) => visitor.interim(responseHeadFromList(interim.head)));
  if (visitor.hasBody) await Promise.race([exchange.requestEnded, answer]);
  return given.clock.within(given.originAnswerMs, undefined, (late) => {
    late.addEventListener("abort", () => exchange.cancel("origin-silent"), { once: true });
    return answer;
  });
};

/** Serves the body as it is proved. The head of one that comes in one piece waits for it: a failure is then a clean one. */
const serveAnswer = async (
  answer: AnswerFrame,
  exchange: OutgoingExchange,
  versions: PageVersions,
  visitor: Visitor,
  record: VisitRecord,
): Promise<void> => {
  const head = responseHeadFromList(answer.head);
  record.status = head.status;
  record.answer = answer.form.kind as NonNullable<VisitRecord["answer"]>;
  record.pageBytes = 0;
  if (!inOnePiece(answer.form)) visitor.head(head);
  const body = rebuildPage(answer, exchange, versions.rebuilding(head));
  try {
    for (let step = await body.next(); ; step = await body.next()) {
      visitor.head(head);
      if (step.done) return visitor.end(step.value.trailers);
      record.pageBytes += step.value.length;
      await visitor.body(step.value);
    }
  } finally {
    await body.return(NOT_TAKEN); // a visitor that left lets go of the decoder too
  }
};

const NOT_TAKEN: BodyEnd = { how: "closed", trailers: [] };

const linkFor = (visitor: Visitor, tried: ReadonlySet<Link>, { pool }: ServeGiven): Link => {
  const { templates, url } = pageKeyOf(visitor.target);
  const link = pool.linkFor({ host: visitor.host, template: templates[0] ?? url }, tried);
  if (link === undefined) throw new StreamError("refused", `no link for ${visitor.host}`);
  return link;
};

/** A refused request was never given to the origin; one that was may be repeated once if that changes nothing there. */
const mayGoElsewhere = (error: unknown, visitor: Visitor, tries: number): boolean => {
  if (!(error instanceof StreamError) || visitor.answered || visitor.bodyTouched) return false;
  if (error.code === "refused") return tries < MOST_TRIES;
  return error.code === "link-lost" && visitor.safe && tries < 2;
};

const asStreamError = (error: unknown): StreamError =>
  error instanceof StreamError ? error : new StreamError("internal", String(error), { cause: error });
