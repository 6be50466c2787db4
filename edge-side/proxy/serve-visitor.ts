/**
 * The story of the edge: a visitor asks, we offer the versions we hold, the origin side answers with what is new, and the
 * page is rebuilt, verified, remembered and served. Read this first; its mirror is origin-side/proxy/answer-edge.
 */

import { StreamError } from "../../protocol/errors.ts";
import { isBuffered } from "../../protocol/frames/answer-form.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import { requestHeadToList } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { headSize } from "../../protocol/link/send-queue.ts";
import { type PageKey, pageKeyOf } from "../../protocol/store/page-key.ts";
import { decodeAnswer } from "../answer/decode-answer.ts";
import { PageLookahead } from "../answer/page-lookahead.ts";
import { RestoredEtag } from "../answer/restore-etag.ts";
import { type CompressOptions, sendAsItComes, sendWhole } from "../compress/send-compressed.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { isSafe, type Visitor } from "../exchange/visitor.ts";
import { headForVisitor } from "../http/sanitize-head.ts";
import { SWITCHING } from "../http/upgrade-visitor.ts";
import { forwardHead } from "../request/forward-head.ts";
import { mayGoNoFurther, OPTIONS_OF_THE_EDGE } from "../request/max-forwards.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { HostRules } from "./served-hosts.ts";
import { Visit } from "./visit.ts";
import { VisitBases } from "./visit-bases.ts";

/** A request is tried on this many links at most, as long as each refuses it. */
const MOST_TRIES = 3;

/** Never rejects: every failure ends in an error page, or in a response that is visibly cut. */
export const serveVisitor = async (visitor: Visitor, options: ServeDependencies): Promise<void> => {
  const visit = new Visit(visitor, options);
  try {
    await serve(visit, options);
  } catch (error) {
    const failure = asStreamError(error);
    if (failure.code === "internal") options.log.error("visit failed", { ...visit.record(), error: failure });
    visit.fail(failure.code);
  }
  options.accessLog.write(visit.record());
};

/** A request as it goes on, whichever link takes it. */
interface Asked {
  readonly head: HeaderList;
  readonly pageKey: PageKey;
  readonly rules: HostRules;
}

/** Tries links in turn: the request goes to another one if the first certainly, or harmlessly, did not serve it. */
const serve = async (visit: Visit, options: ServeDependencies): Promise<void> => {
  const { visitor } = visit;
  const rules = options.hosts.rulesOf(visitor.host);
  if (rules === undefined) throw new StreamError("no-route", `no key serves ${visitor.host}`);
  if (mayGoNoFurther(visitor)) return answerInPlace(visit);
  const head = requestHeadToList(forwardHead(visitor, options.hosts.trusts(visitor.address)));
  const asked = { head, pageKey: pageKeyOf(visitor.target), rules };
  const tried = new Set<Link>();
  for (;;) {
    const link = linkFor(visitor, asked.pageKey, tried, options);
    try {
      return await serveOver(link, visit, asked, options);
    } catch (error) {
      tried.add(link);
      if (!mayGoElsewhere(error, visitor, tried.size)) throw error;
    }
  }
};

const serveOver = async (
  link: Link,
  visit: Visit,
  { head, pageKey, rules }: Asked,
  options: ServeDependencies,
): Promise<void> => {
  if (headSize(head) > link.headBytes)
    throw new StreamError("head-too-large", "the origin side takes no head of this size");
  const bases = new VisitBases(link, {
    visitor: visit.visitor,
    pageKey,
    fromTrustedProxy: options.hosts.trusts(visit.visitor.address),
    rules: rules.scope,
    dependencies: options,
  });
  try {
    const { exchange, answer } = await visit.ask(bases, { head, compress: rules.compressRequests });
    await respond(visit, answer, exchange, bases, options);
  } catch (error) {
    visit.giveUp(asStreamError(error).code);
    throw error;
  } finally {
    visit.settle();
  }
};

/** Serves the body as it is verified. The head of one that comes in one piece waits for it: a failure is then a clean one. */
const respond = async (
  visit: Visit,
  answer: AnswerFrame,
  exchange: Exchange,
  bases: VisitBases,
  { encoders }: ServeDependencies,
): Promise<void> => {
  const { visitor } = visit;
  const tag = RestoredEtag.of(answer, bases.omittedEtags);
  const head = headForVisitor(tag?.list ?? answer.head, "final");
  if (head.status === SWITCHING && visitor.upgrade === undefined)
    throw new StreamError("origin-failed", "101, and nobody asked for it");
  visit.responds(head.status);
  bases.answered(head, tag);
  const decoding = decodeAnswer(answer, exchange, bases);
  const decoded = decoding instanceof Promise ? await decoding : decoding;
  const sending = (): CompressOptions => ({
    visitor,
    head: tag === undefined ? head : tag.into(head),
    encoders,
    memory: bases,
    exposure: bases.exposure,
    keyId: bases.link.keyId,
  });
  if ("page" in decoded) {
    visit.page(decoded.page.length);
    return sendWhole(sending(), decoded, bases);
  }
  const pieces = new PageLookahead(decoded);
  try {
    const whole = await pieces.whole(isBuffered(answer.form));
    if (whole === undefined) await sendAsItComes(sending(), pieces);
    else await sendWhole(sending(), whole, bases);
  } finally {
    pieces.close();
    visit.page(pieces.bytes);
  }
};

/** RFC 9110 section 7.6.2: OPTIONS that was to come no further than here. */
const answerInPlace = (visit: Visit): void => {
  visit.responds(OPTIONS_OF_THE_EDGE.status);
  visit.visitor.head(OPTIONS_OF_THE_EDGE);
  visit.visitor.end([]);
};

const linkFor = (
  { host }: Visitor,
  { templates, url }: PageKey,
  tried: ReadonlySet<Link>,
  { pool }: ServeDependencies,
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
