/**
 * What heads say of a body in its content coding. A body whose coding changes on the way, coded for a visitor or decoded
 * for a delta, is another representation: its entity tag is weak, because bytes differ; parts and digests of one coding are
 * not offered; caches are told what it depends on. The same for GET, HEAD and 304 and for every visitor, so that no cache
 * sees two stories. RFC 9110 sections 7.7, 8.4, 8.8.3, 12.5.5 and 13.1, RFC 9530; SPEC section "Encodings".
 */
import type { Coding, DecodableCoding } from "./accept-encoding.ts";
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

/**
 * The head of a page that is sent in several codings. `coding` undefined: this visitor gets the body as it is. `codedBytes`:
 * what is known of the body's new length.
 */
export const codedHead = (
  head: ResponseHead,
  coding: Coding | undefined,
  codedBytes: number | undefined,
): ResponseHead => {
  const fields = withWeakTag(withoutFields(head.fields, coding === undefined ? OF_ONE_CODING : ABOUT_BODY));
  if (coding !== undefined) fields.push("Content-Encoding", coding);
  if (codedBytes !== undefined) fields.push("Content-Length", String(codedBytes));
  return { ...head, fields: withVary(fields) };
};

/** The head of a response, of GET and HEAD alike, once its coding is undone. */
export const decodedHead = (head: ResponseHead): ResponseHead => ({
  ...head,
  fields: withVary(withWeakTag(withoutFields(head.fields, ABOUT_BODY))),
});

/**
 * A 304 has no Content-Type and no coding to tell by; but who asks with the weak form of a strong tag has it from us, and
 * keeps its stored response only if the 304 speaks of the same tag (RFC 9111 section 4.3.4).
 */
export const notModifiedHead = (head: ResponseHead, request: HeaderList): ResponseHead => {
  const tag = fieldOf(head.fields, "etag");
  if (tag === undefined || !isStrong(tag)) return head;
  const held = tagsIn(listOf(request, "if-none-match") ?? "");
  if (held.includes(tag) || !held.includes(`W/${tag}`)) return head;
  return { ...head, fields: withVary(withWeakTag(withoutFields(head.fields, OF_ONE_CODING))) };
};

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * A visitor that changes something only if it is still what it saw sends back our weak tag, which If-Match never matches
 * (RFC 9110 section 13.1.1): it gets the strong one back. A tag that was weak at the web server still matches nothing there.
 * Not for GET and HEAD, where the tag guards the bytes of one coding.
 */
export const withStrongIfMatch = (method: string, fields: HeaderList): HeaderList =>
  SAFE.has(method)
    ? fields
    : mapped(fields, "if-match", (list) =>
        list.replace(ENTITY_TAG, (tag) => (isStrong(tag) ? tag : tag.slice(WEAK.length))),
      );

/** An opaque tag may hold anything but a quote, commas and "W/" included. */
const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;
const WEAK = "W/";

const tagsIn = (list: string): readonly string[] => list.match(ENTITY_TAG) ?? [];

const isStrong = (tag: string): boolean => tag.startsWith('"');

const withWeakTag = (fields: string[]): string[] =>
  mapped(fields, "etag", (tag) => (isStrong(tag) ? WEAK + tag : tag));

/** `Vary: Accept-Encoding` once, in the Vary that there is: some caches heed only one such field. */
const withVary = (fields: string[]): string[] => {
  const said = listOf(fields, "vary");
  if (said === undefined) return [...fields, "Vary", "Accept-Encoding"];
  if (/(?:^|,)\s*(?:\*|accept-encoding)\s*(?:$|,)/i.test(said)) return fields;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "vary");
  return fields.with(at + 1, [fields[at + 1], "Accept-Encoding"].filter(Boolean).join(", "));
};

/** The list with each value of this field, named in lower case, changed. */
const mapped = (fields: HeaderList, name: string, change: (value: string) => string): string[] =>
  fields.map((part, i) => (i % 2 === 1 && fields[i - 1]?.toLowerCase() === name ? change(part) : part));

const NO_TRANSFORM = /(?:^|[\s,;])no-transform(?:$|[\s,;])/i;

/** Whether Cache-Control forbids to change the body (RFC 9111 sections 5.2.1.6 and 5.2.2.6), commas forgotten or not. */
export const forbidsTransform = (fields: HeaderList): boolean =>
  NO_TRANSFORM.test(listOf(fields, "cache-control") ?? "");

const ABOUT_PARTS = ["range", "if-range", "if-match"];

/** Requests about parts of a body or one exact form of it, and those that forbid to change anything. */
export const isUntouchable = (fields: HeaderList): boolean =>
  ABOUT_PARTS.some((name) => fieldOf(fields, name) !== undefined) || forbidsTransform(fields);

const DECODABLE: Readonly<Record<string, DecodableCoding>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "br",
  zstd: "zstd",
};

/** The coding of a body that has exactly one, and one known here. */
export const codingOf = (fields: HeaderList): DecodableCoding | undefined => DECODABLE[saidCoding(fields)];

/** Whether the body has a content coding, of whatever name. */
export const isCoded = (fields: HeaderList): boolean => !["", "identity"].includes(saidCoding(fields));

const saidCoding = (fields: HeaderList): string =>
  listOf(fields, "content-encoding")?.trim().toLowerCase() ?? "";
