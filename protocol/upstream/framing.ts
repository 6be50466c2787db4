/**
 * The request as it goes on the wire to the web server: the fields of this hop are ours to write, and its framing is what
 * the body is, never what two fields could be read to say (RFC 9112 section 6). SPEC sections "Heads" and "Upgrades".
 */
import { validateHeaderName, validateHeaderValue } from "node:http";
import { StreamError } from "../errors.ts";
import { authenticatesConnection } from "../http/connection-auth.ts";
import { FieldNames } from "../http/field-names.ts";
import { endToEnd, fieldOf, listOf, type RequestHead, upgradeOf, withoutFields } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";
import { onceFor } from "../runtime/once-for.ts";
import { BodyBeforeUpgrade, type RequestBody } from "./body.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

const CONNECTION = new FieldNames(["connection"]);
const CONTENT_LENGTH = new FieldNames(["content-length"]);
const TRANSFER_ENCODING = new FieldNames(["transfer-encoding"]);

/** Methods whose requests say nothing of a body when they have none (RFC 9110 section 8.6). */
const SILENT_ABOUT_NO_BODY: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

const FIRST_REDIRECTION = 300;

/** A request as it goes on the wire, framing included. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: HeaderList;
  /** Undefined where it has none. */
  readonly body: RequestBody | undefined;
  /** The body's length; undefined: it is chunked, or there is none. */
  readonly bodyBytes: number | undefined;
  /** Its fields log the connection in, or begin to. */
  readonly logsIn: boolean;
  /** The request asks to upgrade: on 101 its connection is given out. */
  readonly upgrade: boolean;
  /** The visitor waits for 100 Continue before it sends its body. */
  readonly expectsContinue: boolean;
}

/**
 * Throws an Error for what HTTP/1.1 has no form for, as Node would when it writes the head: nothing of it may leave, nor cost a
 * connection.
 */
export const assertWritable = ({ method, target, fields }: WireRequest): void => {
  validateHeaderName(method);
  if (/[^\x21-\xff]/.test(target)) throw new TypeError("the request's target contains unescaped characters");
  assertFields(fields);
};

/** Of the fields alone, since what is remembered of a whole request would keep its body. Throws an Error. */
export const assertFields = onceFor((fields: HeaderList): void => {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    validateHeaderName(fields[i] as string);
    validateHeaderValue(fields[i] as string, fields[i + 1] as string);
  }
});

/** Throws StreamError for a head that no edge of ours sends. */
export const wireRequest = ({ head, body }: Pick<UpstreamRequest, "head" | "body">): WireRequest =>
  body === undefined ? readBodiless(head) : readRequest(head, body);

const readRequest = (head: RequestHead, body: RequestBody | undefined): WireRequest => {
  const { method, target } = head;
  if (target === "") throw new StreamError("internal", "a request without a target"); // node would ask for /
  const length = lengthOf(head.fields);
  const upgrade = upgradeOf(head.fields);
  const expectsContinue = listOf(head.fields, "expect")?.toLowerCase().includes("100-continue") === true;
  const fields = endToEnd(head.fields);
  const asIs = { method, target, expectsContinue, logsIn: authenticatesConnection(fields) };
  if (upgrade !== undefined) {
    const before = bodyBeforeUpgrade(head, body);
    const own = before === undefined ? withoutFields(fields, CONTENT_LENGTH) : fields;
    const upgrading = [...own, "Connection", "Upgrade", "Upgrade", upgrade];
    const bodyBytes = before === undefined ? undefined : length;
    return { ...asIs, fields: upgrading, body: before, bodyBytes, upgrade: true };
  }
  const framed =
    body === undefined ? bodiless(method, fields, length) : withBody(head.fields, fields, length);
  const bodyBytes = body === undefined ? undefined : length;
  return { ...asIs, fields: [...framed, ...ofThisHop(head.fields)], body, bodyBytes, upgrade: false };
};

/** The body of a request that asks to upgrade: as much of the visitor's half as its length says. SPEC section "Upgrades". */
export const bodyBeforeUpgrade = (
  { fields }: RequestHead,
  sent: RequestBody | undefined,
): RequestBody | undefined => {
  const length = lengthOf(fields) ?? 0;
  return sent === undefined || length === 0 ? undefined : new BodyBeforeUpgrade(sent, length);
};

const readBodiless = onceFor((head: RequestHead) => readRequest(head, undefined));

/** A chunked request of which all of the body is known to have so many bytes: it says so, or has none. */
export const withLength = (wire: WireRequest, body: RequestBody, bytes: number): WireRequest => {
  const fields = withoutFields(wire.fields, TRANSFER_ENCODING);
  if (bytes === 0) return { ...wire, fields: bodiless(wire.method, fields, undefined), body: undefined };
  return { ...wire, fields: [...fields, "Content-Length", String(bytes)], body, bodyBytes: bytes };
};

/**
 * Whether the web server may have left the request's body unread: who refuses or redirects a request has no need of it, and many
 * servers read it as the next request then, whose answer would be another visitor's.
 */
export const mayBeUnread = ({ body }: WireRequest, status: number): boolean =>
  body !== undefined && status >= FIRST_REDIRECTION;

/** The fields of a request that is the last one on its connection. An upgrade is that anyway. */
export const closing = ({ fields, upgrade }: WireRequest): HeaderList => {
  if (upgrade) return fields;
  const te = fieldOf(fields, "te") === undefined ? "" : "TE, ";
  return [...withoutFields(fields, CONNECTION), "Connection", `${te}close`];
};

const lengthOf = (fields: HeaderList): number | undefined => {
  const text = listOf(fields, "content-length");
  if (text === undefined) return undefined;
  const length = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(length))
    throw new StreamError("internal", "a request with a Content-Length that is not one number");
  return length;
};

const bodiless = (method: string, fields: HeaderList, length: number | undefined): HeaderList => {
  if (length === 0) return fields;
  const bare = withoutFields(fields, CONTENT_LENGTH);
  return SILENT_ABOUT_NO_BODY.has(method) ? bare : [...bare, "Content-Length", "0"];
};

const withBody = (original: HeaderList, fields: HeaderList, length: number | undefined): HeaderList => {
  if (length !== undefined) return fields;
  const announced = fieldOf(original, "trailer");
  return [
    ...fields,
    ...(announced === undefined ? [] : ["Trailer", announced]),
    "Transfer-Encoding",
    "chunked",
  ];
};

/** Whoever sends TE must name it in Connection. Of its members only `trailers` concerns the whole way (RFC 9110 section 10.1.4). */
const ofThisHop = (original: HeaderList): HeaderList => {
  const members = listOf(original, "te")?.split(",") ?? [];
  const trailers = members.some((member) => member.trim().toLowerCase() === "trailers");
  return trailers ? ["TE", "trailers", "Connection", "TE"] : ["Connection", "keep-alive"];
};
