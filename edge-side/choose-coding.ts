/**
 * In which content coding a visitor gets a page: what it accepts, by its q-values (RFC 9110 section 12.5.3), of what we can
 * make. Identity unless something is better. SPEC section "Encodings".
 */
import type { HeaderList } from "../protocol/wire/header-block.ts";
import { fieldOf, listOf, type ResponseHead } from "../protocol/wire/http-head.ts";

/** The smallest first: at the levels of visitor-encoders, brotli < zstd < gzip for text. */
export const CODINGS = ["br", "zstd", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** Shorter bodies gain less than the head grows. */
export const LEAST_ENCODED_BYTES = 200;

/** Types worth compressing. An event stream is none: each event would be a flush, and proxies after us might wait. */
const COMPRESSIBLE =
  /^(?:text\/(?!event-stream)[\w.+-]+|application\/(?:json|javascript|ecmascript|x-javascript|xml|rss\+xml|atom\+xml|wasm|manifest\+json|ld\+json|graphql|x-ndjson|vnd\.[\w.+-]+\+(?:json|xml)|[\w.-]+\+(?:json|xml))|image\/(?:svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)|font\/(?:ttf|otf|collection))\s*(?:;|$)/i;
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 206, 304]);
const NO_TRANSFORM = /(?:^|[\s,;])no-transform(?:$|[\s,;])/i;

export interface CodingWishes {
  readonly method: string;
  readonly fields: HeaderList;
  /** Whether the listener compresses at all. */
  readonly compress: boolean;
}

/** Whether this resource is one that we send in several codings; the same for every visitor, so that heads agree. */
export const isEncodable = ({ fields, compress }: CodingWishes, head: ResponseHead): boolean => {
  if (!compress || head.status < 200 || BODILESS.has(head.status)) return false;
  const coding = fieldOf(head.fields, "content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding !== "identity" && coding !== "") return false;
  if (!COMPRESSIBLE.test(fieldOf(head.fields, "content-type")?.trim() ?? "")) return false;
  if (fieldOf(head.fields, "content-range") !== undefined) return false;
  return !forbidsTransform(head.fields) && !forbidsTransform(fields);
};

const forbidsTransform = (fields: HeaderList): boolean =>
  NO_TRANSFORM.test(listOf(fields, "cache-control") ?? "");

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
