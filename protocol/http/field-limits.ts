/**
 * How many fields a head may have. Its bytes are bounded by `limits.headBytes`; but a head of that size may be made of thousands of
 * fields, and some of what is done to a head costs something for each. A browser sends some dozens, a page has fewer.
 */
import type { HeaderList } from "./header-list.ts";

/** A request with more gets 431. */
export const MOST_REQUEST_FIELDS = 1_000;
/** A response with more, interim or final, is none: the visitor gets 502. */
export const MOST_RESPONSE_FIELDS = 2_000;

export const countOf = (fields: HeaderList): number => fields.length / 2;

/** Says which limit it is, for the log; undefined where the head is within it. */
export const tooManyFields = (fields: HeaderList): string | undefined =>
  countOf(fields) > MOST_RESPONSE_FIELDS
    ? `a response head of ${countOf(fields)} fields; MOST_RESPONSE_FIELDS is ${MOST_RESPONSE_FIELDS}`
    : undefined;
