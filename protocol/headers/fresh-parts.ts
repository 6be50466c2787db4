/**
 * Nonces of Content-Security-Policy and durations of Server-Timing are others in each answer, and make another value of a field that
 * else stays as it is. So they travel apart: the field with a mark in the place of each, and behind it each of them. SPEC section
 * "Fresh parts".
 */
import { LinkError } from "../errors.ts";

/** In hello: what is fresh in each answer travels apart. */
export const FRESH_APART = "fresh-apart";

/** The names of parts; no field has them. */
export const NONCE = ": nonce";
export const DURATION = ": dur";
const PARTS: ReadonlySet<string> = new Set([NONCE, DURATION]);

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

const FIELDS: ReadonlyMap<string, FreshIn> = new Map([
  ["content-security-policy", IN_POLICY],
  ["content-security-policy-report-only", IN_POLICY],
  ["server-timing", IN_TIMING],
]);
const LENGTHS: ReadonlySet<number> = new Set([...FIELDS.keys()].map(({ length }) => length));

const markOf = (nth: number): string => String.fromCharCode(nth + 1);
const MARKS = new RegExp(`[${markOf(0)}-${markOf(MOST_FRESH - 1)}]`);

/** What is fresh in a field of this name. */
export const freshIn = (name: string): FreshIn | undefined =>
  LENGTHS.has(name.length) ? FIELDS.get(name.toLowerCase()) : undefined;

/** Whether a part of this name stands in the field before it. */
export const isFreshPart = (name: string): boolean => PARTS.has(name);

/** Names and values in turn: the field with marks, and what they stand for. Undefined for one that travels in one piece. */
export const freshPartsOf = (
  name: string,
  value: string,
  { part, pattern, once }: FreshIn,
): string[] | undefined => {
  if (MARKS.test(value)) return undefined;
  const fresh: string[] = [];
  const uses: number[] = [];
  const marked = value.replace(pattern, (text) => {
    const known = once ? fresh.indexOf(text) : -1;
    const nth = known === -1 ? fresh.push(text) - 1 : known;
    uses[nth] = (uses[nth] ?? 0) + 1;
    return markOf(nth);
  });
  if (fresh.length === 0 || fresh.length > MOST_FRESH || Math.max(...uses) > MOST_MARKS) return undefined;
  return [name, marked, ...fresh.flatMap((text) => [part, text])];
};

/** `value` with what is fresh and was told as number `nth` (from 0) in the place of its marks. Throws LinkError. */
export const withFresh = (value: string, nth: number, text: string): string => {
  const between = value.split(markOf(nth));
  const places = between.length - 1;
  if (nth >= MOST_FRESH || text.length > MOST_FRESH_CHARACTERS || places > MOST_MARKS)
    throw new LinkError("bad-frame", `fresh part ${nth}: ${text.length} characters in ${places} places`);
  return between.join(text);
};
