/**
 * Accept-Encoding as RFC 9110 section 12.5.3 says it: which content codings a request takes, and which of them rather. Read
 * by `negotiator`; what it would read but the grammar does not allow (`q=2`) is left out before, and counts as not there.
 */
import Negotiator from "negotiator";
import { listOf } from "./head.ts";
import type { HeaderList } from "./header-list.ts";
import { rememberReading } from "./remember-reading.ts";

/** Those made for visitors. The smallest first: at the levels of compressor-pool, brotli < zstd < gzip for text. @internal */
export const CODINGS = ["br", "zstd", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** The best ratio for the time that it takes first: asked of a web server, and made for visitors where time is short. */
const QUICK_CODINGS = ["zstd", "br", "gzip"] as const satisfies readonly Coding[];

/** Those that can be undone. */
export type DecodableCoding = Coding | "deflate";

interface Preferences {
  /** Accepted at all, the preferred one first; `identity` is one of them. */
  readonly accepted: readonly string[];
  /** Those of CODINGS that are accepted, and preferred to the body as it is. */
  readonly better: readonly Coding[];
  /** The same, but the quick one first of those that are preferred alike. */
  readonly quick: readonly Coding[];
}

/** The codings that the visitor takes, the one to use first; empty where identity is as good. */
export const acceptedCodings = (fields: HeaderList): readonly Coding[] => preferencesOf(fields)?.better ?? [];

/** The same where time is short: of those that the visitor likes alike, what is made quickly comes first. */
export const quickCodings = (fields: HeaderList): readonly Coding[] => preferencesOf(fields)?.quick ?? [];

/** Whether the visitor refuses a body as it is. */
export const refusesIdentity = (fields: HeaderList): boolean =>
  preferencesOf(fields)?.accepted.includes("identity") === false;

/** Those to ask a web server for on behalf of this visitor: empty where a body as it is suits it as well. */
export const codingsToAsk = (fields: HeaderList): readonly Coding[] => {
  const accepted = acceptedCodings(fields);
  return QUICK_CODINGS.filter((coding) => accepted.includes(coding));
};

/** Codings by a dictionary of the visitor's (RFC 9842), the one that is made quickly first. */
const DICTIONARY_CODINGS = ["dcz", "dcb"] as const;
export type DictionaryCoding = (typeof DICTIONARY_CODINGS)[number];

/** Those that the visitor names, and does not refuse. */
export const dictionaryCodings = (fields: HeaderList): readonly DictionaryCoding[] => {
  const named = readDictionaryCodings(listOf(fields, "accept-encoding") ?? "");
  return DICTIONARY_CODINGS.filter((coding) => named.includes(coding));
};

const readDictionaryCodings = rememberReading((value): readonly string[] =>
  value
    .toLowerCase()
    .split(",", MOST_MEMBERS)
    .flatMap(
      (member) =>
        /^\s*(dc[bz])\s*(?:;\s*q=(?:0\.\d{0,2}[1-9]\d?|1(?:\.0{0,3})?)\s*)?$/.exec(member)?.[1] ?? [],
    ),
);

/** Undefined: the request does not say. */
const preferencesOf = (fields: HeaderList): Preferences | undefined => {
  const value = listOf(fields, "accept-encoding");
  return value === undefined ? undefined : readPreferences(value);
};

const MEMBER =
  /^\s*(?:x-(?=gzip\b))?([\w!#$%&'*+.^`|~-]+\s*(?:;\s*q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?)$/;
/** What stands behind so many members of a list counts as not there: nobody means it, and each would cost something. @internal */
export const MOST_MEMBERS = 64;
const NAMES_ONE = /\b(?:br|zstd|gzip)\b/;

type Encodings = (of: readonly string[], by: { readonly preferred: readonly string[] }) => string[];

const readPreferences = rememberReading((value): Preferences => {
  const members = value.toLowerCase().split(",", MOST_MEMBERS);
  const wellFormed = members.flatMap((member) => MEMBER.exec(member)?.[1] ?? []).join(",");
  // Who accepts "anything" and names nothing is likely to mean gzip.
  const namesOne = NAMES_ONE.test(wellFormed);
  const negotiator = new Negotiator({ headers: { "accept-encoding": wellFormed } });
  // Its types leave the second argument out.
  const encodings: Encodings = negotiator.encodings.bind(negotiator);
  const inOrder = (order: readonly Coding[]) =>
    encodings([...CODINGS, "deflate", "identity"], { preferred: namesOne ? order : CODINGS.toReversed() });
  const accepted = inOrder(CODINGS);
  return { accepted, better: betterOf(accepted), quick: betterOf(inOrder(QUICK_CODINGS)) };
});

const betterOf = (accepted: readonly string[]): readonly Coding[] => {
  const identity = accepted.indexOf("identity");
  const before = accepted.slice(0, identity === -1 ? undefined : identity);
  return before.filter((coding): coding is Coding => CODINGS.some((each) => each === coding));
};
