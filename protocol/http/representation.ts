/**
 * What heads say of a body in its content coding. A body whose coding changes on the way, coded for a visitor or decoded
 * for a delta, is another representation: its entity tag is weak, because bytes differ; parts and digests of one coding are
 * not offered. One that stays as it was keeps them. Caches are told by Vary that there are both. The same for GET, HEAD and
 * 304. RFC 9110 sections 7.7, 8.4, 8.8.3, 12.5.5 and 13.1, RFC 9530; SPEC section "Encodings".
 */
import { onceFor } from "../runtime/once-for.ts";
import type { DecodableCoding } from "./accept-encoding.ts";
import { isStrongTag, tagsIn, weakTag } from "./entity-tag.ts";
import { FieldNames } from "./field-names.ts";
import { fieldOf, listOf, type ResponseHead, withoutFields } from "./head.ts";
import type { HeaderList } from "./header-list.ts";
import { isCodingSigned } from "./signature.ts";

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
 * The head of a page that is sent in several codings. `coding` undefined: this visitor gets the body as it is, with every
 * validator and digest. `codedBytes`: what is known of the body's new length.
 */
export const codedHead = (
  head: ResponseHead,
  coding: string | undefined,
  codedBytes: number | undefined,
): ResponseHead => {
  if (coding === undefined) return varyingHead(head);
  if (last?.head === head && last.coding === coding && last.codedBytes === codedBytes) return last.coded;
  const fields = withWeakTag(withoutFields(head.fields, ABOUT_BODY));
  fields.push("Content-Encoding", coding);
  if (codedBytes !== undefined) fields.push("Content-Length", String(codedBytes));
  const coded = { ...head, fields: withVary(fields) };
  last = { head, coding, codedBytes, coded };
  return coded;
};

/** What was made last: pages that come again under the same head have the same length as a rule. */
let last:
  | {
      readonly head: ResponseHead;
      readonly coding: string;
      readonly codedBytes: number | undefined;
      readonly coded: ResponseHead;
    }
  | undefined;

/** The head of a response that depends on Accept-Encoding. */
export const varyingHead = onceFor(
  (head: ResponseHead): ResponseHead => ({ ...head, fields: withVary(head.fields) }),
);

/** Whether caches are told that it depends on Accept-Encoding, or on what nobody knows. */
export const varies = onceFor((fields: HeaderList): boolean => VARIES.test(listOf(fields, "vary") ?? ""));

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
  if (tag === undefined || !isStrongTag(tag)) return head;
  const held = tagsIn(listOf(request, "if-none-match") ?? "");
  if (held.includes(tag) || !held.includes(weakTag(tag))) return head;
  return { ...head, fields: withVary(withWeakTag(withoutFields(head.fields, OF_ONE_CODING))) };
};

/** Trailers of a body whose coding has changed on the way: digests of the one that it had may come there too (RFC 9530 section 2). */
export const recodedTrailers = (trailers: HeaderList): HeaderList =>
  trailers.length === 0 ? trailers : withoutFields(trailers, OF_ONE_CODING);

const withWeakTag = (fields: string[]): string[] => mapped(fields, "etag", weakTag);

const VARIES = /(?:^|,)\s*(?:\*|accept-encoding)\s*(?:$|,)/i;

/** `Vary: Accept-Encoding` once, in the Vary that there is: some caches heed only one such field. */
const withVary = (fields: HeaderList): HeaderList => {
  if (varies(fields)) return fields;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "vary");
  if (at === -1) return [...fields, "Vary", "Accept-Encoding"];
  return fields.with(at + 1, [fields[at + 1], "Accept-Encoding"].filter(Boolean).join(", "));
};

/** The list with each value of this field, named in lower case, changed. */
export const mapped = (fields: HeaderList, name: string, change: (value: string) => string): string[] =>
  fields.map((part, i) => (i % 2 === 1 && fields[i - 1]?.toLowerCase() === name ? change(part) : part));

const NO_TRANSFORM = /(?:^|[\s,;])no-transform(?:$|[\s,;])/i;

/** Whether Cache-Control forbids to change the body (RFC 9111 sections 5.2.1.6 and 5.2.2.6), commas forgotten or not. */
const forbidsTransform = (fields: HeaderList): boolean =>
  NO_TRANSFORM.test(listOf(fields, "cache-control") ?? "");

const ABOUT_PARTS = new FieldNames(["range", "if-range", "if-match"]);
/** RFC 9530: a digest of the very bytes that come is asked for. */
const WANTED_DIGESTS = new FieldNames(["want-content-digest", "want-repr-digest", "want-digest"]);

const hasAny = (fields: HeaderList, names: FieldNames): boolean =>
  fields.some((name, i) => i % 2 === 0 && names.has(name));

/** Whether a request forbids to change the coding of what it gets. */
export const forbidsRecoding = onceFor(
  (fields: HeaderList): boolean => forbidsTransform(fields) || hasAny(fields, WANTED_DIGESTS),
);

/** Requests about parts of a body or one exact form of it, and those that forbid to change anything. */
export const isUntouchable = (fields: HeaderList): boolean =>
  hasAny(fields, ABOUT_PARTS) || forbidsRecoding(fields);

/** Whether a response must keep its content coding, whatever it is. */
export const mustKeepCoding = (fields: HeaderList): boolean =>
  forbidsTransform(fields) || isCodingSigned(fields);

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

const saidCoding = onceFor(
  (fields: HeaderList): string => listOf(fields, "content-encoding")?.trim().toLowerCase() ?? "",
);
