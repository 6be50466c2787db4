/**
 * HTTP heads as they cross the link: one header list, pseudo fields first (":method" and ":target", ":status" and, when
 * it is not the standard one, ":reason"), then the fields as they stood, in order, with their duplicates and their case.
 * Fields that concern one connection only are dropped here and nowhere else (RFC 9110 section 7.6.1). SPEC section "Heads".
 */
import { STATUS_CODES } from "node:http";
import { StreamError } from "../errors.ts";
import { onceFor } from "../runtime/once-for.ts";
import { FieldNames } from "./field-names.ts";
import type { HeaderList } from "./header-list.ts";

export interface RequestHead {
  readonly method: string;
  /** The request target, byte for byte. */
  readonly target: string;
  readonly fields: HeaderList;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: HeaderList;
}

/** The one status below 200 that ends a request: its connection is HTTP no more (RFC 9110 section 15.2.2). */
export const SWITCHING = 101;

export const requestHeadToList = ({ method, target, fields }: RequestHead): HeaderList => [
  ":method",
  method,
  ":target",
  target,
  ...fields,
];

/** Throws StreamError: a peer of ours does not send such a head. */
export const requestHeadFromList = (list: HeaderList): RequestHead => {
  const [methodName, method, targetName, target, ...fields] = list;
  if (methodName !== ":method" || targetName !== ":target" || method === undefined || target === undefined)
    throw new StreamError("internal", "a request head without method and target");
  return { method, target, fields };
};

/** The same head makes the same list. */
export const responseHeadToList = onceFor(
  ({ status, reason, fields }: ResponseHead): HeaderList =>
    reason === STATUS_CODES[status]
      ? [":status", String(status), ...fields]
      : [":status", String(status), ":reason", reason, ...fields],
);

export const responseHeadFromList = (list: HeaderList): ResponseHead => {
  const status = Number(list[1]);
  // Not what Number would take as well, such as 0xc8 or 2e2.
  if (list[0] !== ":status" || !/^[1-9]\d\d$/.test(list[1] ?? ""))
    throw new StreamError("internal", "an answer head without a status");
  const named = list[2] === ":reason";
  const reason = named ? (list[3] ?? "") : (STATUS_CODES[status] ?? "");
  return { status, reason, fields: list.slice(named ? 4 : 2) };
};

/** Whether a response with this status has no body, whatever was asked (RFC 9110 sections 6.4.1 and 15.3.6). */
export const isBodiless = (status: number): boolean =>
  status < 200 || status === 204 || status === 205 || status === 304;

/** The value of the first field of this name; `name` in lower case. */
export const fieldOf = (fields: HeaderList, name: string): string | undefined => {
  for (let i = 0; i + 1 < fields.length; i += 2) if (isNamed(fields[i], name)) return fields[i + 1];
  return undefined;
};

/** All values of this name, joined as a list; undefined when there is none. `name` in lower case. */
export const listOf = (fields: HeaderList, name: string): string | undefined => {
  let joined: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (isNamed(fields[i], name))
      joined = joined === undefined ? fields[i + 1] : `${joined}, ${fields[i + 1]}`;
  return joined;
};

/** Without the fields of these names. */
export const withoutFields = (fields: HeaderList, dropped: FieldNames): string[] => {
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!dropped.has(name)) kept.push(name, fields[i + 1] as string);
  }
  return kept;
};

/** Whether a field is named so; `name` in lower case. */
export const isNamed = (field: string | undefined, name: string): boolean =>
  field !== undefined && field.length === name.length && field.toLowerCase() === name;

/** Fields about one connection, whether or not Connection lists them. */
const HOP_BY_HOP = new FieldNames([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "http2-settings",
  "proxy-authenticate",
  "proxy-authorization",
]);

/** Fields that Connection may not take away: without them the message means something else. */
const NEVER_LISTED = new FieldNames(["host", "content-length", "authorization", "cookie"]);

/** Whether Connection lists that and no more, as it does as a rule where it is there. */
export const isKeepAlive = (listed: string): boolean =>
  listed.length === "keep-alive".length && listed.toLowerCase() === "keep-alive";

/** The fields that go on to the next hop. */
export const endToEnd = (fields: HeaderList): HeaderList => {
  const listed = listOf(fields, "connection");
  if (listed === undefined || isKeepAlive(listed)) return withoutFields(fields, HOP_BY_HOP);
  const names = listed.split(",").map((token) => token.trim().toLowerCase());
  const more = names.filter((name) => !NEVER_LISTED.has(name) && !HOP_BY_HOP.has(name));
  return withoutFields(fields, more.length === 0 ? HOP_BY_HOP : HOP_BY_HOP.with(more));
};

/** What a request asks to become, or a 101 has become: `websocket`. Undefined where it is neither. SPEC section "Upgrades". */
export const upgradeOf = (fields: HeaderList): string | undefined => listOf(fields, "upgrade");

/** Fields that trailers may not hold, besides those of one hop: they frame or route a message (RFC 9110 section 6.5.1). */
const NEVER_TRAILING = new FieldNames(["content-length", "host"]);

/** The trailers that go on to the next hop. */
export const endToEndTrailers = (trailers: HeaderList): HeaderList =>
  withoutFields(endToEnd(trailers), NEVER_TRAILING);
