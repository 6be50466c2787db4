/**
 * Heads and trailers as a visitor may get them. The origin side is trusted with pages, not with the framing of a visitor's
 * connection: a field that could end a line, or begin another message, ends the exchange. RFC 9110 sections 5.5, 6.5.1 and
 * 8.6, SPEC section "Visitors".
 */
import { StreamError } from "../../protocol/errors.ts";
import { tooManyFields } from "../../protocol/http/field-limits.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import {
  endToEnd,
  fieldOf,
  listOf,
  type ResponseHead,
  responseHeadFromList,
  SWITCHING,
  withoutFields,
} from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { trimSpace } from "../../protocol/http/white-space.ts";
import { onceFor } from "../../protocol/runtime/once-for.ts";

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** What no value holds: controls but the tab, and what is not one byte. */
const NEVER_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

const CONTENT_LENGTH = new FieldNames(["content-length"]);
/** RFC 9110 section 8.6: 204 has none; in a 304 it could only be that of the page, and some web servers say 0. */
const LENGTHLESS: ReadonlySet<number> = new Set([204, 304]);

/** Throws StreamError for a head that would not be one head on a visitor's connection. The same list makes the same head. */
export const headForVisitor = (list: HeaderList, kind: "interim" | "final"): ResponseHead =>
  kind === "final" ? finalHead(list) : checkedHead(list, kind);

const checkedHead = (list: HeaderList, kind: "interim" | "final"): ResponseHead => {
  const head = responseHeadFromList(list);
  const isInterim = head.status < 200 && head.status !== SWITCHING;
  if (isInterim !== (kind === "interim"))
    throw new StreamError("origin-failed", `${head.status} is no ${kind} status`);
  const tooMany = tooManyFields(head.fields);
  if (tooMany !== undefined) throw new StreamError("origin-failed", tooMany);
  if (NEVER_IN_VALUE.test(head.reason)) throw injection("reason phrase");
  checkFields(head.fields);
  checkLength(head.fields);
  // A 101 says in Upgrade what the connection becomes.
  if (head.status === SWITCHING) return head;
  const fields = trimmed(endToEnd(head.fields));
  return {
    ...head,
    fields: head.status < 200 || LENGTHLESS.has(head.status) ? withoutFields(fields, CONTENT_LENGTH) : fields,
  };
};

/** As a visitor over HTTPS gets it: what the site itself says of Strict-Transport-Security counts (RFC 6797). */
export const withHsts = (head: ResponseHead, hsts: string | undefined): ResponseHead =>
  hsts === undefined || fieldOf(head.fields, "strict-transport-security") !== undefined
    ? head
    : { ...head, fields: [...head.fields, "Strict-Transport-Security", hsts] };

const finalHead = onceFor((list: HeaderList) => checkedHead(list, "final"));

/** Fields that mean something only before the body; RFC 9110 section 6.5.1. */
const NEVER_TRAILERS = new FieldNames([
  "host",
  "content-length",
  "content-encoding",
  "content-type",
  "content-range",
  "authorization",
  "cookie",
  "set-cookie",
  "expect",
  "range",
  "cache-control",
  "age",
  "expires",
  "date",
  "location",
  "vary",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "forwarded",
  "via",
]);

/** The trailers that go on, in either direction. Throws StreamError for those that are more than trailers. */
export const sanitizeTrailers = (trailers: HeaderList): HeaderList => {
  if (trailers.length === 0) return trailers;
  checkFields(trailers);
  return trimmed(withoutFields(endToEnd(trailers), NEVER_TRAILERS));
};

/** White space around a value is no part of it, and HTTP/2 has no form for it (RFC 9113 section 8.2.1). */
const trimmed = (fields: HeaderList): HeaderList =>
  fields.map((text, i) => (i % 2 === 0 ? text : trimSpace(text)));

/** At most one length, in decimal digits alone: to whoever reads further, `0x2`, `+2`, ` 2` and `2, 2` are other lengths or none. */
const checkLength = (fields: HeaderList): void => {
  const length = listOf(fields, "content-length");
  if (length !== undefined && !/^\d+$/.test(length))
    throw new StreamError("origin-failed", "its Content-Length is not one number");
};

/** Whether these could be the fields of a head. */
export const areClean = (fields: HeaderList): boolean => {
  try {
    checkFields(fields);
    return true;
  } catch {
    return false;
  }
};

const checkFields = (fields: HeaderList): void => {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!TOKEN.test(name)) throw injection("field name");
    if (NEVER_IN_VALUE.test(fields[i + 1] as string)) throw injection(`value of ${name}`);
  }
};

/** What it holds stays out of the log too. */
const injection = (where: string): StreamError =>
  new StreamError("origin-failed", `the ${where} holds characters that no head may hold`);
