/**
 * The story of the edge: a visitor asks, we offer the versions we hold, the origin side answers with what is new, and the
 * page is rebuilt, verified, remembered and served. Read this first; its mirror is origin-side/proxy/answer-edge.
 */

import { StreamError } from "../../protocol/errors.ts";
import { isBuffered } from "../../protocol/frames/answer-form.ts";
import type { AnswerFrame } from "../../protocol/frames/frame.ts";
import { isEventStream } from "../../protocol/http/compressible.ts";
import { authenticatesConnection } from "../../protocol/http/connection-auth.ts";
import { requestHeadToList, SWITCHING } from "../../protocol/http/head.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import { headSize } from "../../protocol/link/send-queue.ts";
import type { Credentials } from "../../protocol/scope/credentials.ts";
import type { WithoutLink } from "../../protocol/scope/no-base.ts";
import { type PageKey, pageKeyOf } from "../../protocol/store/page-key.ts";
import { TieredStore } from "../../protocol/tier/tiered-store.ts";
import { decodeAnswer } from "../answer/decode-answer.ts";
import { PageLookahead } from "../answer/page-lookahead.ts";
import { RestoredEtag } from "../answer/restore-etag.ts";
import { fetchBases, offersMayFollow } from "../bases/fetch-bases.ts";
import { type CompressOptions, sendAsItComes, sendWhole } from "../compress/send-compressed.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { sizeExposureOf } from "../exchange/size-exposure.ts";
import { isSafe, type Visitor } from "../exchange/visitor.ts";
import { placeOf } from "../exchange/visitor-address.ts";
import type { RepeatedHead } from "../exchange/visitor-request.ts";
import { headForVisitor } from "../http/sanitize-head.ts";
import { asksWhetherReady, READY_TARGET } from "../http/validate-request.ts";
import { forwardHead, isLoop } from "../request/forward-head.ts";
import { mayGoNoFurther, OPTIONS_OF_THE_EDGE } from "../request/max-forwards.ts";
import type { Fallback } from "../upstream/fallbacks.ts";
import { answerInPlace, answerReady, redirectOf } from "./answer-in-place.ts";
import type { ServeDependencies } from "./dependencies.ts";
import { type AskedDirectly, serveDirectly } from "./serve-directly.ts";
import type { HostRules } from "./served-hosts.ts";
import { Visit } from "./visit.ts";
import { type AskedBases, VisitBases } from "./visit-bases.ts";
import {
  isForDictionary,
  serveDictionary,
  takesDictionaries,
  VisitDictionaries,
} from "./visit-dictionaries.ts";

/** A request is tried on this many links at most, as long as each refuses it; one that drains is left at once and does not count. */
const MOST_TRIES = 3;

/** Never rejects: every failure ends in an error page, or in a response that is visibly cut. */
export const serveVisitor = async (visitor: Visitor, options: ServeDependencies): Promise<void> => {
  const visit = new Visit(visitor, options);
  try {
    await serve(visit, options);
  } catch (error) {
    const failure = asStreamError(error);
    if (failure.code === "internal") options.log.error("visit failed", { ...visit.record(), error: failure });
    visit.over();
    visit.fail(failure);
  }
  options.accessLog.write(visit.record(), visitor);
};

/** A request as it is sent on, whichever link takes it. */
interface Asked extends AskedDirectly, AskedBases {
  /** As the link counts it. */
  readonly headBytes: number;
  /** It is for the dictionary of the site. */
  readonly isForDictionary: boolean;
  readonly fallback: Fallback | undefined;
}

/** What was made of heads that repeat on their connection. A reload makes new rules; what was made under older ones is not used. */
const ASKED = new WeakMap<RepeatedHead, Asked>();

/** Undefined for a request that must end here (Max-Forwards: 0). Throws StreamError for one that must not go on. */
const askedOf = (visitor: Visitor, rules: HostRules, options: ServeDependencies): Asked | undefined => {
  const known = visitor.repeated && ASKED.get(visitor.repeated);
  if (known?.rules === rules) return known;
  if (mayGoNoFurther(visitor)) return undefined;
  refuseUnasked(visitor, rules, options);
  const { hosts, pseudonym, fallbacks } = options;
  const trusted = hosts.trusts(visitor.address);
  const head = requestHeadToList(forwardHead(visitor, { pseudonym, trusted }));
  const credentials = rules.scope.credentialsOf(visitor.fields, visitor.host);
  const asked = {
    head,
    headBytes: headSize(head),
    pageKey: pageKeyOf(visitor.target),
    credentials,
    ...whereIs(visitor, credentials, rules, options),
    logsIn: authenticatesConnection(visitor.fields),
    fromTrustedProxy: trusted,
    exposure: sizeExposureOf(visitor, rules.scope.mayHoldSecret(visitor.fields, visitor.host)),
    isForDictionary: isForDictionary(visitor, rules),
    takesDictionaries: takesDictionaries(visitor, rules, trusted),
    fallback: fallbacks.of(visitor.host),
    rules,
  };
  if (visitor.repeated !== undefined) ASKED.set(visitor.repeated, asked);
  return asked;
};

const whereIs = (
  visitor: Visitor,
  credentials: Credentials,
  { scope }: HostRules,
  { hosts }: ServeDependencies,
): Pick<Asked, "addressed" | "proxyNotTrusted"> => {
  if (credentials.secret) return { addressed: undefined, proxyNotTrusted: false };
  const place = placeOf(visitor, (address) => hosts.trusts(address));
  return { addressed: place && scope.addressed(credentials, place), proxyNotTrusted: place === undefined };
};

/** Tries links in turn: another one where the first certainly did not pass the request on, or where asking twice changes nothing. */
const serve = async (visit: Visit, options: ServeDependencies): Promise<void> => {
  const { visitor } = visit;
  // The cheap comparison comes first: hardly any target begins like this.
  if (visitor.target.startsWith(READY_TARGET) && asksWhetherReady(visitor.target) && isSafe(visitor))
    return answerReady(visit, isReady(options));
  const rules = options.hosts.rulesOf(visitor.host);
  if (rules === undefined) throw new StreamError("no-route", `no key serves ${visitor.host}`);
  const redirected =
    visitor.redirect === "https" && redirectOf(visitor, options.hosts.trusts(visitor.address));
  if (redirected) return answerInPlace(visit, redirected);
  const asked = askedOf(visitor, rules, options);
  if (asked === undefined) return answerInPlace(visit, OPTIONS_OF_THE_EDGE);
  if (asked.isForDictionary) return serveDictionary(visit, rules, options);
  const { fallback } = asked;
  const directly = (to: Fallback, reason: WithoutLink | undefined) =>
    serveDirectly(visit, { asked, fallback: to, reason, dependencies: options });
  if (fallback?.always) {
    if (fallback.allows(visitor.target)) return directly(fallback, undefined);
    throw new StreamError("no-route", "the host's web server is not asked for this path");
  }
  const refused = new Set<Link>();
  let [tries, lost] = [0, 0];
  for (;;) {
    let link = linkFor(visitor, asked.pageKey, refused, options);
    if (link === undefined && fallback !== undefined && visit.isUnasked && fallback.allows(visitor.target)) {
      const reason = options.pool.whyNone(visitor.host);
      if (reason !== undefined) return directly(fallback, reason);
    }
    link ??= await nextLink(visit, asked.pageKey, refused, options);
    try {
      await serveOver(link, visit, asked, options);
      return fallback?.linkServes(visitor.target);
    } catch (error) {
      const { code } = asStreamError(error);
      if (code === "no-route") fallback?.notRouted(visitor.target);
      if (code !== "refused" || !link.draining) {
        tries++;
        if (!options.pool.links.has(link)) lost++;
      }
      if (tries === MOST_TRIES || lost > 1 || !mayGoElsewhere(error, visitor)) throw error;
      if (code === "refused") refused.add(link);
    }
  }
};

const serveOver = async (
  link: Link,
  visit: Visit,
  asked: Asked,
  options: ServeDependencies,
): Promise<void> => {
  const { head, headBytes, rules, pageKey, credentials } = asked;
  if (headBytes > link.headBytes)
    throw new StreamError("head-too-large", "the origin side takes no head of this size");
  const { visitor } = visit;
  const fetched =
    options.store instanceof TieredStore
      ? fetchBases(options.store, { link, host: visitor.host, pageKey, credentials, rules: rules.scope })
      : undefined;
  const follow = fetched !== undefined && offersMayFollow(link, visitor);
  if (fetched !== undefined && !follow) await fetched;
  const bases = new VisitBases(link, {
    visitor,
    asked,
    rules: rules.scope,
    lookedFor: follow ? fetched : undefined,
    dependencies: options,
  });
  try {
    const { exchange, answer } = await visit.ask(bases, { head, compress: rules.compressRequests });
    await respond(visit, answer, exchange, bases, { asked, options });
  } catch (error) {
    visit.giveUp(asStreamError(error).code);
    throw error;
  } finally {
    visit.settle();
  }
};

/** Sends the body as it is verified. The head of a buffered body waits for all of it, so that a failure can be an error page. */
const respond = async (
  visit: Visit,
  answer: AnswerFrame,
  exchange: Exchange,
  bases: VisitBases,
  { asked, options }: { readonly asked: Asked; readonly options: ServeDependencies },
): Promise<void> => {
  const { visitor } = visit;
  const dictionaries = asked.takesDictionaries
    ? new VisitDictionaries(visitor, asked.rules, options, bases.keyId)
    : undefined;
  const tag = RestoredEtag.of(answer, bases.omittedEtags);
  const head = headForVisitor(tag?.list ?? answer.head, "final");
  if (head.status === SWITCHING && visitor.upgrade === undefined)
    throw new StreamError("origin-failed", "101, and nobody asked for it");
  visit.responds(head.status);
  if (visitor.upgrade !== undefined || isEventStream(head.fields)) visit.mayLast();
  bases.answered(head, tag);
  const decoding = decodeAnswer(answer, exchange, bases);
  const decoded = decoding instanceof Promise ? await decoding : decoding;
  const shown = dictionaries === undefined ? head : dictionaries.announcing(head);
  const sending = (): CompressOptions => ({
    visitor,
    head: tag === undefined ? shown : tag.into(shown),
    dictionary: dictionaries?.available(head, bases.exposure),
    encoders: options.encoders,
    varying: options.varying,
    memory: bases.memory,
    exposure: bases.exposure,
    keyId: bases.keyId,
    leaving: (leaves) => visit.headLeaves(leaves),
  });
  if ("page" in decoded) {
    visit.page(decoded.page.length);
    const sent = sendWhole(sending(), decoded, bases);
    if (sent !== undefined) await sent;
    return dictionaries?.learn(head, bases.remembered, bases.scope);
  }
  const pieces = new PageLookahead(decoded);
  try {
    const whole = await pieces.whole(isBuffered(answer.form));
    if (whole === undefined) await sendAsItComes(sending(), pieces);
    else await sendWhole(sending(), whole, bases);
    dictionaries?.learn(head, bases.remembered, bases.scope);
  } finally {
    pieces.close();
    visit.page(pieces.bytes);
  }
};

/** Whether a link is there, if any host needs one. */
const isReady = ({ pool, hosts }: ServeDependencies): boolean => pool.ready || hosts.linked.length === 0;

/** Throws StreamError for requests that must reach no web server. */
const refuseUnasked = (visitor: Visitor, rules: HostRules, { log, pseudonym }: ServeDependencies): void => {
  const { host, target, upgrade, version } = visitor;
  if (isLoop(visitor, pseudonym)) {
    log.warn("request loop", { host, target, hint: "the route of this host leads back to this edge" });
    throw new StreamError("loop", "the request has been here before");
  }
  if (version === "2.0" && upgrade !== undefined && !rules.connectProtocols.has(upgrade.toLowerCase()))
    throw new StreamError("protocol-refused", `no extended CONNECT to ${upgrade} here`);
};

const linkFor = (
  { host }: Visitor,
  { templates, url }: PageKey,
  tried: ReadonlySet<Link>,
  { pool }: ServeDependencies,
  silent = false,
): Link | undefined => pool.linkFor({ host, template: templates[0] ?? url }, tried, silent);

/** Waits for a link; one that is silent is better than none. Throws StreamError when there is none in time. */
const nextLink = async (
  visit: Visit,
  pageKey: PageKey,
  tried: ReadonlySet<Link>,
  options: ServeDependencies,
): Promise<Link> => {
  const { visitor } = visit;
  while (!options.pool.isFull(visitor.host) && (await visit.linkComes())) {
    const link = linkFor(visitor, pageKey, tried, options);
    if (link !== undefined) return link;
  }
  const silent = linkFor(visitor, pageKey, tried, options, true);
  if (silent === undefined) throw new StreamError("refused", `no link for ${visitor.host}`);
  return silent;
};

/** A refused request never reached the web server. One that may have is repeated only if that changes nothing there. */
const mayGoElsewhere = (error: unknown, visitor: Visitor): boolean => {
  if (!(error instanceof StreamError) || visitor.answered || visitor.bodyTouched) return false;
  return error.code === "refused" || (error.code === "link-lost" && isSafe(visitor));
};

const asStreamError = (error: unknown): StreamError =>
  error instanceof StreamError ? error : new StreamError("internal", String(error), { cause: error });
