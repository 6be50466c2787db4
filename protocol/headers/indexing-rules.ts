/**
 * What kind of value a field has, by its name: which ones enter the header table whole, which are written in fewer bytes
 * than their text, and which are secrets so short that no hit may ever tell of them. SPEC section "Header blocks".
 */

import type { HeaderList } from "../http/header-list.ts";
import { DURATION, NONCE, VISIT } from "./fresh-parts.ts";

/** Values of fewer bytes could be guessed from hits of the table (RFC 7541 section 7.1), so credentials of that size stay out. @internal */
export const SHORTEST_INDEXED_CREDENTIAL = 16;
/** Characters of a token in Authorization (RFC 6750) that a program made and nobody guesses. @internal */
export const SHORTEST_INDEXED_TOKEN = 32;
/** A password (RFC 7617) is none, nor what is made anew for each request. */
const TOKEN = new RegExp(`^(?:bearer|token|jwt) [\\w.~+/-]{${SHORTEST_INDEXED_TOKEN},}=*$`, "i");

/** Joins the parts of a Cookie field, and begins the names of other parts; no field's name does. Pairs travel whole. */
export const CRUMB = "; ";

/**
 * - `whole`: enters the table.
 * - `secret`: text, every time.
 * - `tag`: enters the table, and is written by its alphabet.
 * - `id`, `time`, `number`: another one in every message, which would only churn the table; written short.
 * - `text`: another one in every message, of any form.
 * - `cookie`: enters the table, and is packed.
 * - `token`: likewise, where the reader knows sealed pieces: what scripts read from such a cookie.
 */
export type FieldRule = "whole" | "secret" | "tag" | "id" | "time" | "number" | "text" | "cookie" | "token";

/** Whether a value of this name is one pair of a Cookie, or a Cookie of one pair. */
export const isCookiePair = (name: string): boolean => name === CRUMB || name.toLowerCase() === "cookie";

/** What a name says, of some what is known once there is a value. */
type NameRule = FieldRule | "credential" | "authorization";

/** Fields that name one request, its trace or a span of it: W3C Trace Context, Zipkin's B3, Sentry, AWS, Azure, Stripe, Cloudflare. */
const IDS =
  "x-request-id request-id x-correlation-id correlation-id x-trace-id traceparent traceresponse x-b3-traceid x-b3-spanid sentry-trace x-amzn-requestid x-amz-request-id x-ms-request-id x-ms-client-request-id x-ms-correlation-request-id x-transaction-id cf-ray".split(
    " ",
  );

const RULES: ReadonlyMap<string, NameRule> = new Map([
  ...IDS.map((name) => [name, "id"] as const),
  ["authorization", "authorization"],
  ["proxy-authorization", "secret"],
  ["cookie", "credential"],
  [CRUMB, "credential"],
  ["set-cookie", "credential"],
  ["x-xsrf-token", "token"],
  ["x-csrf-token", "token"],
  ["etag", "tag"],
  ["if-none-match", "tag"],
  [NONCE, "id"],
  ["; expires=", "time"],
  ["date", "time"],
  ["expires", "time"],
  ["last-modified", "time"],
  ["if-modified-since", "time"],
  ["content-length", "number"],
  ["age", "number"],
  ["x-runtime", "text"],
  ["server-timing", "text"],
  ["x-response-time", "text"],
  ["x-process-time", "text"],
  [DURATION, "text"],
  [VISIT, "text"],
]);

/** The name under which the value of a cookie stands begins so (field-parts). */
const SET_COOKIE_VALUE = /^set-cookie: /;

/** Rules of names as they came, for the few that come again and again. */
const MOST_NAMES = 256;
const ruleByName = new Map<string, NameRule>();

const ruleOfName = (name: string): NameRule => {
  const known = ruleByName.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const rule = RULES.get(lower) ?? (SET_COOKIE_VALUE.test(lower) ? "cookie" : "whole");
  if (ruleByName.size >= MOST_NAMES) ruleByName.clear();
  ruleByName.set(name, rule);
  return rule;
};

export const ruleOf = (name: string, value: string): FieldRule => {
  const rule = ruleOfName(name);
  switch (rule) {
    case "authorization":
      return TOKEN.test(value) ? "whole" : "secret";
    case "credential":
      return value.length < SHORTEST_INDEXED_CREDENTIAL ? "secret" : "whole";
    case "cookie":
    case "token":
      return value.length < SHORTEST_INDEXED_CREDENTIAL ? "secret" : rule;
    default:
      return rule;
  }
};

/** Whether a value of this rule enters the table, unless it is too long for that. */
export const isIndexed = (rule: FieldRule): boolean =>
  rule === "whole" || rule === "tag" || rule === "cookie" || rule === "token";

const MAY_BE_SPELLED: ReadonlySet<string> = new Set([
  "secret",
  "number",
  "authorization",
  "credential",
  "cookie",
  "token",
]);

/**
 * Whether a value of this rule is told in every head, though it be that of the remembered one: secrets, and numbers, which are as easily
 * guessed (the length of another visitor's page).
 */
export const isSpelled = (rule: FieldRule): boolean => rule === "secret" || rule === "number";

/** Of each field of a head, whether `isSpelled` can be true of its name: asked once for all heads of the same names. */
export const mayBeSpelled = (head: HeaderList): boolean[] => {
  const may: boolean[] = [];
  for (let i = 0; i < head.length; i += 2) may.push(MAY_BE_SPELLED.has(ruleOfName(head[i] ?? "")));
  return may;
};
