/**
 * A visit that no link serves, now or ever, answered by a web server that is asked straight from here. The page goes
 * out as on any other way but for what links are for: nothing is offered, verified or remembered, and what the web
 * server coded stays coded.
 */
import { isEventStream } from "../../protocol/http/compressible.ts";
import { fieldOf, type RequestHead, requestHeadFromList } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { WithoutLink } from "../../protocol/scope/no-base.ts";
import type { UpstreamResponse } from "../../protocol/upstream/upstream-request.ts";
import { PageLookahead } from "../answer/page-lookahead.ts";
import { type CompressOptions, NO_COPIES, sendAsItComes, sendWhole } from "../compress/send-compressed.ts";
import { sizeExposureOf } from "../exchange/size-exposure.ts";
import type { Visitor } from "../exchange/visitor.ts";
import { askedFrom } from "../exchange/visitor-connection.ts";
import { type DirectExchange, piecesOf } from "../upstream/direct-exchange.ts";
import type { Fallback } from "../upstream/fallbacks.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { HostRules } from "./served-hosts.ts";
import { TaughtPage } from "./taught-page.ts";
import type { Visit } from "./visit.ts";
import type { AskedBases } from "./visit-bases.ts";
import { askedPlain, VisitDictionaries } from "./visit-dictionaries.ts";

/** A request as it goes on. */
export interface AskedDirectly extends Pick<AskedBases, "logsIn" | "fromTrustedProxy"> {
  /** As requestHeadToList makes it. */
  readonly head: HeaderList;
  readonly rules: HostRules;
  /** Its answer may be coded with a dictionary of the browser. */
  readonly takesDictionaries: boolean;
}

export interface DirectOptions {
  readonly asked: AskedDirectly;
  readonly fallback: Fallback;
  /** Undefined where no link ever serves the host. */
  readonly reason: WithoutLink | undefined;
  readonly dependencies: ServeDependencies;
}

/** Rejects with StreamError. */
export const serveDirectly = async (visit: Visit, options: DirectOptions): Promise<void> => {
  const { fallback, reason } = options;
  const exchange = visit.goesDirectly(reason);
  if (reason !== undefined) fallback.serves(reason);
  let how: "answered" | "failed" = "failed";
  try {
    const response = await exchange.ask(fallback.client, requestOf(visit.visitor, options));
    await respond(visit, exchange, response, options);
    how = "answered";
  } finally {
    exchange.close(how);
    visit.settle();
  }
};

const requestOf = (visitor: Visitor, { asked, reason }: DirectOptions) => {
  const plain = reason === undefined && asked.takesDictionaries;
  const from = askedFrom(visitor.connection, visitor.fields, asked);
  return {
    head: forAuthority(requestHeadFromList(plain ? askedPlain(asked.head, visitor) : asked.head), visitor),
    boundTo: from ? String(from) : undefined,
  };
};

/** HTTP/1.1 knows no request without it. */
const forAuthority = (head: RequestHead, { authority }: Visitor): RequestHead =>
  fieldOf(head.fields, "host") === undefined
    ? { ...head, fields: ["Host", authority, ...head.fields] }
    : head;

const respond = async (
  visit: Visit,
  exchange: DirectExchange,
  response: UpstreamResponse,
  { asked, reason, dependencies }: DirectOptions,
): Promise<void> => {
  const { visitor } = visit;
  const { fields: given } = response.head;
  const fields = reason === undefined ? given : dependencies.errorPages.withFallback(given, reason);
  const head = { ...response.head, fields };
  visit.responds(head.status);
  if (response.kind === "upgraded" || isEventStream(head.fields)) visit.mayLast();
  if (response.kind === "upgraded") {
    visitor.head(head);
    return visit.page(await exchange.join(response));
  }
  const { rules } = asked;
  const dictionaries =
    reason === undefined && asked.takesDictionaries
      ? new VisitDictionaries(visitor, rules, dependencies, rules.keyId)
      : undefined;
  const exposure = sizeExposureOf(visitor, rules.scope.mayHoldSecret(visitor.fields, visitor.host));
  const teaching = dictionaries?.mayTeach(head) ? new TaughtPage(visitor, rules, dependencies) : undefined;
  const came = piecesOf(response);
  const pieces = new PageLookahead(teaching === undefined ? came : teaching.keeping(came));
  const sending: CompressOptions = {
    visitor,
    head: dictionaries?.announcing(head) ?? head,
    dictionary: dictionaries?.available(head, exposure),
    encoders: dependencies.encoders,
    leaving: (leaves) => visit.headLeaves(leaves),
    varying: dependencies.varying,
    memory: SMALL,
    exposure,
    keyId: rules.keyId,
  };
  try {
    const whole = await pieces.gathered(MOST_GATHERED_BYTES);
    if (whole === undefined) await sendAsItComes(sending, pieces);
    else await sendWhole(sending, whole, NO_COPIES);
    if (teaching !== undefined) dictionaries?.learn(head, ...teaching.remembered(head));
  } finally {
    teaching?.release();
    pieces.close();
    visit.page(pieces.bytes);
  }
};

/**
 * A page that is all here is coded at once, with its length: that takes half the time. What a request may hold beside
 * the budget covers it.
 */
const MOST_GATHERED_BYTES = 256 * 1024;
const SMALL = { hold: () => true };
