/**
 * What heads say once a resource is sent in several codings: its ETag is weak, because bytes differ; parts and digests of
 * one coding are not offered; caches are told what it depends on. The same for every visitor and for HEAD, so that no cache
 * sees two stories. RFC 9110 sections 8.8.3 and 12.5.5, SPEC section "Encodings".
 */

import type { Coding } from "./accept-encoding.ts";
import { FieldNames } from "./field-names.ts";
import { fieldOf, listOf, type ResponseHead, withoutFields } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

/** About one coding's bytes. */
const OF_ONE_CODING = new FieldNames([
  "accept-ranges",
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
]);
const ABOUT_BODY = OF_ONE_CODING.with(["content-length", "content-encoding"]);

/** `coding` undefined: this visitor gets the body as it is. `codedBytes`: what is known of the body's new length. */
export const codedHead = (
  head: ResponseHead,
  coding: Coding | undefined,
  codedBytes: number | undefined,
): ResponseHead => {
  const fields = weakened(withoutFields(head.fields, coding === undefined ? OF_ONE_CODING : ABOUT_BODY));
  if (coding !== undefined) fields.push("Content-Encoding", coding);
  if (codedBytes !== undefined) fields.push("Content-Length", String(codedBytes));
  return { ...head, fields: withVary(fields) };
};

/**
 * A 304 has no Content-Type to tell by; but a visitor that asks with the weak form of a strong tag has it from us, and keeps
 * its stored response only if the 304 speaks of the same tag (RFC 9111 section 4.3.4).
 */
export const notModifiedHead = (head: ResponseHead, request: HeaderList): ResponseHead => {
  const tag = fieldOf(head.fields, "etag");
  const asked = listOf(request, "if-none-match");
  if (tag === undefined || !isStrong(tag) || asked?.includes(`W/${tag}`) !== true) return head;
  return { ...head, fields: withVary(weakened(withoutFields(head.fields, OF_ONE_CODING))) };
};

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * A visitor that changes something only if it is still what it saw sends back our weak tag, which If-Match never matches
 * (RFC 9110 section 13.1.1): it gets the strong one back. A tag that was weak at the origin server still matches nothing there.
 * Not for GET and HEAD, where the tag guards the bytes of one coding.
 */
export const withStrongIfMatch = (method: string, fields: string[]): string[] => {
  if (SAFE.has(method)) return fields;
  return fields.map((value, i) =>
    i % 2 === 1 && fields[i - 1]?.toLowerCase() === "if-match"
      ? value.replace(/(?:W\/)?("[^"]*")/g, "$1")
      : value,
  );
};

const isStrong = (tag: string): boolean => tag.startsWith('"');

const weakened = (fields: string[]): string[] =>
  fields.map((value, i) =>
    i % 2 === 1 && fields[i - 1]?.toLowerCase() === "etag" && isStrong(value) ? `W/${value}` : value,
  );

/** `Vary: Accept-Encoding` once, in the Vary that there is. */
const withVary = (fields: string[]): string[] => {
  const said = listOf(fields, "vary");
  if (said === undefined) return [...fields, "Vary", "Accept-Encoding"];
  if (/(?:^|,)\s*(?:\*|accept-encoding)\s*(?:$|,)/i.test(said)) return fields;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "vary");
  return fields.with(at + 1, [fields[at + 1], "Accept-Encoding"].filter(Boolean).join(", "));
};
