/** Accept-Encoding as RFC 9110 section 12.5.3 says it: which codings a visitor takes, and in which order of preference. */

import { listOf } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

/** The smallest first: at the levels of compressor-pool, brotli < zstd < gzip for text. @internal */
export const CODINGS = ["br", "zstd", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** The codings that the visitor takes, the one to use first; empty where identity is as good. */
export const acceptedCodings = (fields: HeaderList): readonly Coding[] => {
  const accepted = listOf(fields, "accept-encoding");
  if (accepted === undefined) return [];
  const quality = qualitiesOf(accepted);
  const star = quality.get("*");
  const identity = quality.get("identity") ?? 0;
  // Who accepts "anything" and names nothing is likely to mean gzip.
  const order = CODINGS.some((coding) => quality.has(coding)) ? CODINGS : CODINGS.toReversed();
  return order
    .map((coding) => ({ coding, q: quality.get(coding) ?? star ?? 0 }))
    .filter(({ q }) => q > 0 && q >= identity)
    .sort((a, b) => b.q - a.q)
    .map(({ coding }) => coding);
};

/** Whether the visitor refuses a body as it is. */
export const refusesIdentity = (fields: HeaderList): boolean => {
  const quality = qualitiesOf(listOf(fields, "accept-encoding") ?? "");
  return (quality.get("identity") ?? quality.get("*")) === 0;
};

/** Members that are not well-formed count as not there. */
const qualitiesOf = (accepted: string): ReadonlyMap<string, number> => {
  const quality = new Map<string, number>();
  for (const member of accepted.toLowerCase().split(",")) {
    const [, name, q] =
      /^\s*([\w!#$%&'*+.^`|~-]+)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/.exec(member) ?? [];
    if (name !== undefined) quality.set(name === "x-gzip" ? "gzip" : name, q === undefined ? 1 : Number(q));
  }
  return quality;
};
