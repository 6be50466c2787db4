/**
 * Content codings between this side and the web server: which ones to ask for, and what a head says once one is undone. A
 * body whose coding changed is another representation, and its head must not claim otherwise (RFC 9110 sections 7.7, 8.4,
 * 8.8.3; RFC 9530). SPEC section "Encodings".
 */
import { FieldNames } from "./field-names.ts";
import { fieldOf, listOf, type RequestHead, type ResponseHead, withoutFields } from "./head.ts";
import type { HeaderList } from "./header-list.ts";

/** Those asked for, the preferred one first: the best ratio for the time a web server takes. */
export const KNOWN_CODINGS = ["zstd", "br", "gzip"] as const;
export type Coding = (typeof KNOWN_CODINGS)[number] | "deflate";

const NAMES: Readonly<Record<string, Coding>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "br",
  zstd: "zstd",
};

/** The coding of a body that has exactly one, and one known here. */
export const codingOf = (fields: HeaderList): Coding | undefined =>
  NAMES[listOf(fields, "content-encoding")?.trim().toLowerCase() ?? ""];

const ABOUT_PARTS = ["range", "if-range", "if-match"];

/** Requests about parts of a body or one exact form of it, and those that forbid to change anything. */
export const isUntouchable = (fields: HeaderList): boolean =>
  ABOUT_PARTS.some((name) => fieldOf(fields, name) !== undefined) || forbidsTransform(fields);

export const forbidsTransform = (fields: HeaderList): boolean =>
  listOf(fields, "cache-control")
    ?.split(",")
    .some((directive) => directive.trim().toLowerCase() === "no-transform") === true;

/** Those codings that the request accepts; all of them if it says nothing (RFC 9110 section 12.5.3). */
export const acceptedOf = <C extends Coding>(fields: HeaderList, codings: readonly C[]): readonly C[] => {
  const accepted = listOf(fields, "accept-encoding");
  if (accepted === undefined) return codings;
  const weights = new Map<string, number>();
  for (const member of accepted.toLowerCase().split(",")) {
    const [name = "", ...parameters] = member.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    weights.set(NAMES[name] ?? name, Number(weight));
  }
  return codings.filter((coding) => (weights.get(coding) ?? weights.get("*") ?? 0) > 0);
};

/**
 * A visitor that changes something only if it is still what it saw sends back the weak form of a tag that was strong, and
 * that would match nothing (RFC 9110 section 13.1.1): it gets the strong one back. One that the web server itself called
 * weak still matches nothing there.
 */
export const withStrongIfMatch = ({ method, fields }: RequestHead): HeaderList =>
  method === "GET" || method === "HEAD"
    ? fields
    : fields.map((part, i) =>
        isValueOf("if-match", fields, i) ? part.replace(/(^|,\s*)W\/(?=")/g, "$1") : part,
      );

/** Fields about the bytes as they were coded. */
const OF_THE_CODED_BYTES = new FieldNames([
  "content-encoding",
  "content-length",
  "content-md5",
  "content-digest",
  "repr-digest",
  "digest",
  "accept-ranges",
]);

/** The head of a response, of GET and HEAD alike, once its coding is undone. */
export const decodedHead = (head: ResponseHead): ResponseHead => {
  const fields = withoutFields(head.fields, OF_THE_CODED_BYTES);
  const shown = fields.map((part, i) => (isValueOf("etag", fields, i) ? weak(part) : part));
  if (!variesByCoding(shown)) shown.push("Vary", "Accept-Encoding");
  return { ...head, fields: shown };
};

/**
 * A 304 names the version as the visitor holds it: weakly, if it was given out so. Nothing else tells whether the
 * response would have been coded.
 */
export const asVisitorHolds = (request: RequestHead, head: ResponseHead): ResponseHead => {
  const tag = head.status === 304 ? fieldOf(head.fields, "etag")?.trim() : undefined;
  if (tag === undefined || tag.startsWith("W/")) return head;
  const held = listOf(request.fields, "if-none-match")?.split(",") ?? [];
  const isHeld = (form: string) => held.some((each) => each.trim() === form);
  if (isHeld(tag) || !isHeld(weak(tag))) return head;
  const fields = head.fields.map((part, i) => (isValueOf("etag", head.fields, i) ? weak(tag) : part));
  return { ...head, fields };
};

const isValueOf = (name: string, fields: HeaderList, index: number): boolean =>
  index % 2 === 1 && fields[index - 1]?.toLowerCase() === name;

const weak = (tag: string): string => (tag.startsWith("W/") ? tag : `W/${tag}`);

const variesByCoding = (fields: HeaderList): boolean =>
  listOf(fields, "vary")
    ?.toLowerCase()
    .split(",")
    .some((member) => member.trim() === "accept-encoding" || member.trim() === "*") === true;
