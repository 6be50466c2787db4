/**
 * The story of the edge: a visitor asks, we offer the versions we hold, the origin side answers with what is new, and the
 * page is rebuilt, proved, remembered and served. Read this first; its mirror is origin-side/proxy/answer-edge.
 */

import { StreamError } from "../../protocol/errors.ts";
import { inOnePiece } from "../../protocol/frames/answer-form.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import { requestHeadToList } from "../../protocol/http/head.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { headSize } from "../../protocol/link/send-queue.ts";
import { type PageKey, pageKeyOf } from "../../protocol/store/page-key.ts";
import { rebuildPage } from "../answer/decode-answer.ts";
import { PagePieces } from "../answer/page-lookahead.ts";
import { LeftOutTag } from "../answer/restore-etag.ts";
import { sendAsItComes, sendWhole } from "../compress/send-compressed.ts";
import type { VisitRecord } from "../exchange/access-record.ts";
import { AnswerDeadline } from "../exchange/answer-timeout.ts";
import { OutgoingExchange } from "../exchange/outgoing-exchange.ts";
import { isSafe, type Visitor } from "../exchange/visitor.ts";
import { headForVisitor } from "../http/sanitize-head.ts";
import { SWITCHING } from "../http/upgrade-visitor.ts";
import { forwardRequest } from "../request/forward-head.ts";
import { mayGoNoFurther, OPTIONS_OF_THE_EDGE } from "../request/max-forwards.ts";
import { sendRequestBody } from "../request/send-body.ts";
import type { ServeGiven, Visit } from "./visit.ts";
import { PageVersions } from "./visit-bases.ts";

/** A request is tried on this many links at most, as long as each refuses it. */
const MOST_TRIES = 3;

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
  if (mayGoNoFurther(visitor)) return answerInPlace(visitor, record);
  const request = forwardRequest(visitor, given.trusts);
  const pageKey = pageKeyOf(visitor.target);
  const tried = new Set<Link>();
  for (;;) {
    const link = linkFor(visitor, pageKey, tried, given);
    try {
      return await visitOver(link, { visitor, request, pageKey, rules, record, given });
    } catch (error) {
      tried.add(link);
      if (!mayGoElsewhere(error, visitor, tried.size)) throw error;
    }
  }
};

const visitOver = async (link: Link, visit: Visit): Promise<void> => {
  const { visitor, request, record, given } = visit;
  if (headSize(requestHeadToList(request)) > link.headBytes)
    throw new StreamError("head-too-large", "the origin side takes no head of this size");
  const versions = new PageVersions(link, visit);
  const exchange = new OutgoingExchange(link, {
    head: request,
    offers: versions.offered.map(({ short }) => short),
    session: versions.session,
    urgency: visitor.urgency,
    incremental: visitor.incremental,
    held: true,
  });
  try {
    visitor.leaves(() => exchange.cancel("cancelled"));
    const answer = await answerInTime(exchange, link, visitor, given);
    await serveAnswer({ answer, exchange, versions, visitor, record, given });
  } catch (error) {
    exchange.cancel(asStreamError(error).code);
    throw error;
  } finally {
    record.link = link.keyId;
    record.stream = exchange.streamId;
    record.answerBytes = exchange.answerBytes;
    versions.over(record);
    if (visitor.hasBody) Object.assign(record, bodyBytesOf(exchange));
    exchange.over();
  }
};

const bodyBytesOf = (exchange: OutgoingExchange): Partial<VisitRecord> => ({
  bodyBytes: exchange.plainRequestBytes ?? exchange.requestBytes,
  requestBytes: exchange.requestBytes,
});

/** The request goes out, and its answer's head comes in. */
const answerInTime = async (
  exchange: OutgoingExchange,
  link: Link,
  visitor: Visitor,
  given: ServeGiven,
): Promise<AnswerFrame> => {
  const late = () => exchange.cancel("origin-silent");
  const deadline = new AnswerDeadline(given.clock, given.originAnswerMs, late);
  try {
    sendRequestBody(visitor, exchange, deadline, { link, encoders: given.requests });
    return await exchange.answer((interim) => {
      visitor.interim(headForVisitor(interim.head, "interim"));
      deadline.heard();
    });
  } finally {
    deadline.over();
  }
};

interface Answered {
  readonly answer: AnswerFrame;
  readonly exchange: OutgoingExchange;
  readonly versions: PageVersions;
  readonly visitor: Visitor;
  readonly record: VisitRecord;
  readonly given: ServeGiven;
}

/** Serves the body as it is proved. The head of one that comes in one piece waits for it: a failure is then a clean one. */
const serveAnswer = async ({
  answer,
  exchange,
  versions,
  visitor,
  record,
  given,
}: Answered): Promise<void> => {
  const tag = LeftOutTag.of(answer, versions.bodyTags);
  const head = headForVisitor(tag?.list ?? answer.head, "final");
  if (head.status === SWITCHING && visitor.upgrade === undefined)
    throw new StreamError("origin-failed", "101, and nobody asked for it");
  record.status = head.status;
  record.answer = answer.form.kind as NonNullable<VisitRecord["answer"]>;
  const rebuilding = versions.rebuilding(head);
  const rebuilt = await rebuildPage(
    answer,
    exchange,
    tag === undefined ? rebuilding : tag.rebuilding(rebuilding),
  );
  const sending = () => ({
    visitor,
    head: tag === undefined ? head : tag.into(head),
    encoders: given.encoders,
    memory: versions.memory,
    keyId: versions.keyId,
  });
  if ("page" in rebuilt) {
    record.pageBytes = rebuilt.page.length;
    return sendWhole(sending(), rebuilt, versions.copies);
  }
  const pieces = new PagePieces(rebuilt);
  try {
    const whole = await pieces.whole(inOnePiece(answer.form));
    if (whole === undefined) await sendAsItComes(sending(), pieces);
    else await sendWhole(sending(), whole, versions.copies);
  } finally {
    pieces.close();
    record.pageBytes = pieces.bytes;
  }
};

/** RFC 9110 section 7.6.2: OPTIONS that was to come no further than here. */
const answerInPlace = (visitor: Visitor, record: VisitRecord): void => {
  record.status = OPTIONS_OF_THE_EDGE.status;
  visitor.head(OPTIONS_OF_THE_EDGE);
  visitor.end([]);
};

const linkFor = (
  { host }: Visitor,
  { templates, url }: PageKey,
  tried: ReadonlySet<Link>,
  { pool }: ServeGiven,
): Link => {
  const link = pool.linkFor({ host, template: templates[0] ?? url }, tried);
  if (link === undefined) throw new StreamError("refused", `no link for ${host}`);
  return link;
};

/** A refused request was never given to the origin; one that was may be repeated once if that changes nothing there. */
const mayGoElsewhere = (error: unknown, visitor: Visitor, tries: number): boolean => {
  if (!(error instanceof StreamError) || visitor.answered || visitor.bodyTouched) return false;
  if (error.code === "refused") return tries < MOST_TRIES;
  return error.code === "link-lost" && isSafe(visitor) && tries < 2;
};

const asStreamError = (error: unknown): StreamError =>
  error instanceof StreamError ? error : new StreamError("internal", String(error), { cause: error });
