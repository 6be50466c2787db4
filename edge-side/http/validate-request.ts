/**
 * What is refused before anything is forwarded: requests that two programs could read in two ways, and requests that no
 * origin server is asked. Pure. RFC 9112 sections 3.2 and 6.1, SPEC section "Visitors".
 */
import type { IncomingMessage } from "node:http";
import { countOf, MOST_REQUEST_FIELDS } from "../../protocol/http/field-limits.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { hostName } from "../../protocol/store/partition.ts";
import { isExpectationKnown, type RepeatedHead } from "../exchange/visitor-request.ts";
import type { Http2Request } from "./http2-head.ts";
import { areClean } from "./sanitize-head.ts";

/** What of the config decides whether a request is refused; undefined `bodyBytes`: any size. */
export interface RequestLimits {
  readonly targetBytes: number;
  readonly bodyBytes: number | undefined;
  readonly admission: { readonly hosts: { readonly defaultHost: string | undefined } };
}

/** Whether the edge has a link, for load balancers to ask whatever host they name. */
export const READY_TARGET = "/.well-known/coilgun/ready";
/** Who names no host, and asks only whether the edge is ready. */
const NO_HOST = "unnamed.invalid";

/** Whether this asks for it, with a query or without. */
export const asksWhetherReady = (target: string): boolean =>
  target === READY_TARGET || target.startsWith(`${READY_TARGET}?`);

/** Where a request goes, once it is clear that it can go. */
export interface Destination {
  readonly target: string;
  readonly authority: string;
  readonly host: string;
  /** With the Host field that fits. */
  readonly fields: HeaderList;
}

/** What a head says for all requests of a connection that have the very same one. */
export interface ReadHead extends Destination {
  /** Of the connection's other end. */
  readonly address: string;
  readonly urgency: number;
  readonly incremental: boolean;
  /** What is made of the head may be kept under this, for the requests to come; undefined the first time. */
  readonly repeated: RepeatedHead | undefined;
}

/** The status to refuse with. */
export type Refused = 400 | 405 | 413 | 414 | 417 | 421 | 431 | 505;

/** Behind a name comes `: `, behind a value CR LF. */
const SEPARATOR_BYTES = 2;
const HOST = new FieldNames(["host"]);
const TRANSFER_ENCODING = new FieldNames(["transfer-encoding"]);
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);
const VERSIONS: ReadonlySet<string> = new Set(["1.0", "1.1"]);
/** A Host as RFC 3986 section 3.2.2 writes it, with a port or without; not empty, nor the root of all names. */
const AUTHORITY = /^(?!\.?(?::|$))(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/i;
/** RFC 9112 section 3.2.2; a user in it is refused, like any other strange authority. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/is;

/** A request of HTTP/1.x. What node's parser refuses does not come here. */
export const validateHttp1 = (request: IncomingMessage, limits: RequestLimits): Destination | Refused => {
  const { method = "", url = "", rawHeaders, headers, httpVersion } = request;
  const { named, target } = askedBy(request);
  // 0.9 is a line without a version: no request of any HTTP that is spoken.
  if (!VERSIONS.has(httpVersion)) return httpVersion === "0.9" ? 400 : 505;
  if (countOf(rawHeaders) > MOST_REQUEST_FIELDS) return 431;
  if (isAmbiguous(request)) return 400;
  if (REFUSED_METHODS.has(method)) return 405;
  if (httpVersion === "1.1" && !isExpectationKnown(headers.expect ?? "")) return 417;
  if (url.length > limits.targetBytes) return 414;
  const authority = named || unnamedHost(request, limits);
  if (!AUTHORITY.test(authority) || !isTarget(target, method)) return 400;
  if (Number(headers["content-length"] ?? 0) > (limits.bodyBytes ?? Number.POSITIVE_INFINITY)) return 413;
  const fields = headers.host === authority ? rawHeaders : withHost(rawHeaders, authority);
  return { target, authority, host: hostName(authority), fields };
};

/** What is to be said of one that is refused. */
export const refusedHead = (request: IncomingMessage) => {
  const { method = "", httpVersion, rawHeaders: fields } = request;
  const { named: authority = "", target } = askedBy(request);
  return { method, target, authority, fields, version: httpVersion === "1.0" ? "1.0" : "1.1" } as const;
};

/** The authority that it names, if any, and its target in origin-form. */
const askedBy = ({ method = "", url = "", headers }: IncomingMessage) => {
  const [, named = headers.host, path] = ABSOLUTE.exec(url) ?? [];
  return { named, target: path === undefined ? url : originForm(path, method) };
};

/** A request of HTTP/2, whose framing nghttp2 has checked. */
export const validateHttp2 = (
  request: Omit<Http2Request, "protocol">,
  limits: RequestLimits & { readonly headBytes: number },
): { readonly host: string } | Refused => {
  const { method, target, authority, hosts } = request;
  if (countOf(request.fields) > MOST_REQUEST_FIELDS) return 431;
  if (REFUSED_METHODS.has(method)) return 405;
  if (target.length > limits.targetBytes) return 414;
  if (headBytesOf(request) > limits.headBytes) return 431;
  // RFC 9113 section 8.3.1: a Host that says something else makes the request malformed.
  if (hosts.length > 1 || (hosts[0] ?? authority).toLowerCase() !== authority.toLowerCase()) return 400;
  if (!AUTHORITY.test(authority) || !isTarget(target, method)) return 400;
  if (!isExpectationKnown(listOf(request.fields, "expect") ?? "")) return 417;
  // In HTTP/1.1, behind us, they would be lines.
  if (!areClean(request.fields) || /[^!-~\x80-\xff]/.test(target)) return 400;
  if (Number(request.contentLength ?? 0) > (limits.bodyBytes ?? Number.POSITIVE_INFINITY)) return 413;
  return { host: hostName(authority) };
};

/** As HTTP/1.1 would write it, as far as it can be known. */
const headBytesOf = ({ target, fields }: Pick<Http2Request, "target" | "fields">): number =>
  fields.reduce((bytes, part) => bytes + part.length + SEPARATOR_BYTES, target.length);

/** Two Host fields, or none in HTTP/1.1; a Transfer-Encoding that is not exactly "chunked" and in HTTP/1.1. */
const isAmbiguous = ({ rawHeaders, httpVersion, url = "" }: IncomingMessage): boolean => {
  let hosts = 0;
  let codings = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (HOST.has(name)) hosts++;
    if (!TRANSFER_ENCODING.has(name)) continue;
    codings++;
    if ((rawHeaders[i + 1] as string).toLowerCase() !== "chunked" || httpVersion !== "1.1") return true;
  }
  return hosts > 1 || codings > 1 || (hosts === 0 && httpVersion === "1.1" && !asksWhetherReady(url));
};

/** HTTP/1.0 knows no Host, and load balancers ask so whether a server lives; some name none in HTTP/1.1 either. */
const unnamedHost = ({ url = "", httpVersion }: IncomingMessage, { admission }: RequestLimits): string => {
  const asksReady = asksWhetherReady(url);
  if (httpVersion !== "1.0" && !asksReady) return "";
  return admission.hosts.defaultHost ?? (asksReady ? NO_HOST : "");
};

/** What follows the authority of an absolute-form target (RFC 9112 section 3.2.4 for OPTIONS). */
const originForm = (path: string, method: string): string => {
  if (path === "" && method === "OPTIONS") return "*";
  return path.startsWith("/") ? path : `/${path}`;
};

const isTarget = (target: string, method: string): boolean =>
  target.startsWith("/") || (target === "*" && method === "OPTIONS");

/** Another authority takes the place of what Host says, such as that of the target (RFC 9112 section 3.2.2). */
export const withHost = (fields: HeaderList, authority: string): HeaderList => {
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "host");
  return at === -1 ? ["Host", authority, ...fields] : fields.with(at + 1, authority);
};
