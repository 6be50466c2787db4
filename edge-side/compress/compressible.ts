/**
 * In which content coding a visitor gets a page: what it accepts, by its q-values (RFC 9110 section 12.5.3), of what we can
 * make. Identity unless something is better. SPEC section "Encodings".
 */

import { fieldOf, listOf, type ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";

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
