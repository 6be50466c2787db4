/**
 * What kind of value a field has, by its name: which ones enter the header table whole, which are written in fewer bytes
 * than their text, and which are secrets so short that no hit may ever tell of them. SPEC section "Header blocks".
 */

import type { HeaderList } from "../http/header-list.ts";

/** Values of fewer bytes could be guessed from hits of the table (RFC 7541 section 7.1), so credentials of that size stay out. @internal */
export const SHORTEST_INDEXED_CREDENTIAL = 16;
/** Longer values would push out too much of the table. @internal */
export const LONGEST_INDEXED_VALUE = 2048;

/** Joins the parts of a Cookie field; it cannot be a field's name. Part of a cookie never travels: its pairs do, whole. */
export const CRUMB = "; ";

/**
 * - `whole`: enters the table.
 * - `secret`: text, every time.
 * - `tag`: enters the table, and is written by its alphabet.
 * - `id`, `time`, `number`: another one in every message, which would only churn the table; written short.
 * - `text`: another one in every message, of any form.
 */
export type FieldRule = "whole" | "secret" | "tag" | "id" | "time" | "number" | "text";

const RULES: ReadonlyMap<string, FieldRule | "credential"> = new Map([
  ["authorization", "secret"],
  ["proxy-authorization", "secret"],
  ["cookie", "credential"],
  [CRUMB, "credential"],
  ["set-cookie", "credential"],
  ["etag", "tag"],
  ["if-none-match", "tag"],
  ["x-request-id", "id"],
  ["date", "time"],
  ["expires", "time"],
  ["last-modified", "time"],
  ["if-modified-since", "time"],
  ["content-length", "number"],
  ["age", "number"],
  ["x-runtime", "text"],
  ["server-timing", "text"],
]);

export const ruleOf = (name: string, value: string): FieldRule => {
  const rule = RULES.get(name.toLowerCase()) ?? "whole";
  if (rule === "credential") {
    if (value.length < SHORTEST_INDEXED_CREDENTIAL) return "secret";
  } else if (rule !== "whole" && rule !== "tag") return rule;
  if (value.length > LONGEST_INDEXED_VALUE) return "text";
  return rule === "tag" ? "tag" : "whole";
};

/** Whether a value of this rule enters the table. */
export const isIndexed = (rule: FieldRule): boolean => rule === "whole" || rule === "tag";

const MUST_BE_SPELLED: ReadonlySet<string> = new Set(["secret", "credential", "number"]);

/**
 * Whether a value is told in every head, though it be that of the remembered one: secrets, and numbers, which are as easily
 * guessed (the length of another visitor's page).
 */
export const isSpelled = (name: string, value: string): boolean => MUST_BE_SPELLED.has(ruleOf(name, value));

/** Of each field of a head, whether `isSpelled` can be true of its name: asked once for all heads of the same names. */
export const mayBeSpelled = (head: HeaderList): boolean[] => {
  const may: boolean[] = [];
  for (let i = 0; i < head.length; i += 2)
    may.push(MUST_BE_SPELLED.has(RULES.get(head[i]?.toLowerCase() ?? "") ?? "whole"));
  return may;
};
