/**
 * Nonces of Content-Security-Policy and durations of Server-Timing are others in each answer, and the time of the visit in cookies of
 * analytics in each request; they make another value of a field that else stays as it is. So they travel apart: the field with a mark in
 * the place of each, and behind it each of them. SPEC section "Fresh parts".
 */
import { LinkError } from "../errors.ts";

/** In hello: what is fresh in each message travels apart. */
export const FRESH_APART = "fresh-apart";

/** The names of parts; no field has them. */
export const NONCE = ": nonce";
export const DURATION = ": dur";
export const VISIT = ": at";
/** A part of such a name stands in the field before it. */
export const FRESH_PARTS: ReadonlySet<string> = new Set([NONCE, DURATION, VISIT]);

/** Of one field; each has a mark of its own, a control character, which no value has. @internal */
export const MOST_FRESH = 8;
/** @internal */
export const MOST_FRESH_CHARACTERS = 128;
/** Of one nonce in one field; so few bytes make no large field. @internal */
export const MOST_MARKS = 16;

interface FreshIn {
  readonly part: string;
  readonly pattern: RegExp;
  /** Whether what is equal is one: a policy names its nonce several times; durations are equal by chance. */
  readonly once: boolean;
}

/** The characters of a nonce but what it is filled up with, which stays where it is. Shorter ones gain nothing. */
const NONCES = new RegExp(`(?<='nonce-)[A-Za-z0-9+/_-]{8,${MOST_FRESH_CHARACTERS}}(?=={0,2}')`, "g");
const IN_POLICY: FreshIn = { part: NONCE, pattern: NONCES, once: true };
const IN_TIMING: FreshIn = {
  part: DURATION,
  pattern: /(?<=;\s*dur=)[0-9]{1,12}(?:\.[0-9]{1,20})?/g,
  once: false,
};

/**
 * What scripts of analytics and consent write into their cookies at each page: the time, and how many pages there were. Of these
 * cookies alone: a session's cookie stays in one piece.
 */
const COOKIES: readonly { readonly begins: string; readonly pattern: RegExp }[] = [
  { begins: "_ga_", pattern: /(?<=\$g)[01]\$t[0-9]{10}\$j[0-9]{1,2}(?=\$|$)/g }, // Google Analytics 4
  { begins: "OptanonConsent=", pattern: /(?<=&datestamp=[\w+]{15}\+)[0-9]{2}(?:%3A[0-9]{2}){2}(?=\+)/g },
  { begins: "_clsk=", pattern: /[0-9]{13}(?:%5E|%7C|\|)[0-9]{1,4}(?=%|\|)/g }, // Microsoft Clarity
  { begins: "utag_main=", pattern: /(?<=\$_(?:se|ss|st|pn):)[0-9]{1,13}(?=%|;|\$|$)/g }, // Tealium
  { begins: "_dd_s=", pattern: /(?<=[=&]expire=)[0-9]{13}(?=&|$)/g }, // Datadog
];

/** What is fresh in a field, by its name. */
export const FRESH_FIELDS: ReadonlyMap<string, FreshIn> = new Map([
  ["content-security-policy", IN_POLICY],
  ["content-security-policy-report-only", IN_POLICY],
  ["server-timing", IN_TIMING],
]);

const markOf = (nth: number): string => String.fromCharCode(nth + 1);
const MARKS = new RegExp(`[${markOf(0)}-${markOf(MOST_FRESH - 1)}]`);

/** Takes what is fresh out of a field: each has the next mark. */
class Marking {
  readonly fresh: string[] = [];

  /** Undefined where there is nothing, or too much, or a mark in the text itself. */
  marked(text: string, pattern: RegExp, once: boolean): string | undefined {
    if (MARKS.test(text)) return undefined;
    const before = this.fresh.length;
    const uses: number[] = [];
    const marked = text.replace(pattern, (part) => {
      const known = once ? this.fresh.indexOf(part) : -1;
      const nth = known === -1 ? this.fresh.push(part) - 1 : known;
      uses[nth] = (uses[nth] ?? 0) + 1;
      return markOf(nth);
    });
    if (
      this.fresh.length === before ||
      this.fresh.length > MOST_FRESH ||
      uses.some((each) => each > MOST_MARKS)
    ) {
      this.fresh.length = before;
      return undefined;
    }
    return marked;
  }
}

/** Names and values in turn: the field with marks, and what they stand for. Undefined for one that travels in one piece. */
export const freshPartsOf = (
  name: string,
  value: string,
  { part, pattern, once }: FreshIn,
): string[] | undefined => {
  const marking = new Marking();
  const marked = marking.marked(value, pattern, once);
  return marked === undefined ? undefined : [name, marked, ...marking.fresh.flatMap((text) => [part, text])];
};

/** The pairs of a Cookie, names and values in turn, with what is fresh in some of them behind each. Undefined where there is nothing. */
export const freshInPairs = (pairs: readonly string[]): string[] | undefined => {
  if (pairs.some((each) => MARKS.test(each))) return undefined;
  const marking = new Marking();
  const parts: string[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const [name, pair] = [pairs[at] as string, pairs[at + 1] as string];
    const { pattern } = COOKIES.find(({ begins }) => pair.startsWith(begins)) ?? {};
    const told = marking.fresh.length;
    const marked = pattern && marking.marked(pair, pattern, false);
    parts.push(name, marked ?? pair, ...marking.fresh.slice(told).flatMap((text) => [VISIT, text]));
  }
  return marking.fresh.length === 0 ? undefined : parts;
};

/** `value` with what is fresh and was told as number `nth` (from 0) in the place of its marks. Throws LinkError. */
export const withFresh = (value: string, nth: number, text: string): string => {
  const between = value.split(markOf(nth));
  const places = between.length - 1;
  if (nth >= MOST_FRESH || text.length > MOST_FRESH_CHARACTERS || places > MOST_MARKS)
    throw new LinkError("bad-frame", `fresh part ${nth}: ${text.length} characters in ${places} places`);
  return between.join(text);
};
