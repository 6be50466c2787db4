/**
 * Where the web server is asked by its own address (`hostHeader: origin`), what it says of that address means the visitor's: in
 * Location, Content-Location and Refresh, as nginx's proxy_redirect does, and in the Domain of cookies. Other hosts, and other
 * ports of the same one, are left alone. Paths are the same on both sides, so a cookie's Path is right as it is.
 */
import { fieldOf, type RequestHead, type ResponseHead } from "../../protocol/http/head.ts";
import { authorityOf } from "../../protocol/upstream/upstream-address.ts";
import type { Route } from "../config/route-config.ts";

const URL_FIELDS: ReadonlySet<string> = new Set(["location", "content-location"]);
/** Scheme, if any, authority and the rest; no user name in it. */
const ABSOLUTE = /^(https?:)?\/\/([^/?#\\@"']*)(.*)$/is;
const REFRESH = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?)(.*)$/is;
const COOKIE_DOMAIN = /;\s*domain\s*=\s*(\.?)([^;\s]*)/gi;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** The head as the visitor of `request`, as it came, has to understand it. */
export const withVisitorsHost = (
  request: RequestHead,
  head: ResponseHead,
  route: Pick<Route, "origin" | "hostHeader">,
): ResponseHead => {
  const visitors = fieldOf(request.fields, "host");
  if (route.hostHeader.kind !== "origin" || visitors === undefined) return head;
  const said: Authorities = {
    own: authorityOf(route.origin).toLowerCase(),
    ownScheme: `${route.origin.scheme}:`,
    visitors,
    // The first of a list is said by the proxy that the visitor spoke to.
    visitorsScheme: /^\s*(https?)\s*(?:$|,)/i.exec(fieldOf(request.fields, "x-forwarded-proto") ?? "")?.[1],
  };
  return {
    ...head,
    fields: head.fields.map((part, i) =>
      i % 2 === 0 ? part : restored(head.fields[i - 1]?.toLowerCase() ?? "", part, said),
    ),
  };
};

interface Authorities {
  /** Host and port of the web server, the port left out where it goes without saying. */
  readonly own: string;
  readonly ownScheme: string;
  readonly visitors: string;
  /** Undefined: not known. */
  readonly visitorsScheme: string | undefined;
}

const restored = (name: string, value: string, said: Authorities): string => {
  if (URL_FIELDS.has(name)) return restoredUrl(value, said);
  if (name === "refresh")
    return value.replace(REFRESH, (_, before: string, url: string) => before + restoredUrl(url, said));
  return name === "set-cookie" ? restoredCookie(value, said) : value;
};

const restoredUrl = (url: string, { own, ownScheme, visitors, visitorsScheme }: Authorities): string =>
  url.replace(ABSOLUTE, (whole, scheme: string | undefined, authority: string, rest: string) => {
    const implied = `:${DEFAULT_PORTS[(scheme ?? ownScheme).toLowerCase()]}`;
    const lower = authority.toLowerCase();
    const plain = lower.endsWith(implied) ? lower.slice(0, -implied.length) : lower;
    if ((lower !== own && plain !== own) || (rest !== "" && !/^[/?#"']/.test(rest))) return whole;
    const shown = scheme === undefined ? "" : visitorsScheme === undefined ? scheme : `${visitorsScheme}:`;
    return `${shown}//${visitors}${rest}`;
  });

/** A cookie of the web server's own name is one of the visitor's host. An address has no domain: such a cookie loses it. */
const restoredCookie = (cookie: string, { own, visitors }: Authorities): string =>
  cookie.replace(COOKIE_DOMAIN, (whole, dot: string, domain: string) => {
    if (domain.toLowerCase() !== withoutPort(own)) return whole;
    const host = withoutPort(visitors);
    return host.startsWith("[") ? "" : `; Domain=${dot}${host}`;
  });

const withoutPort = (authority: string): string => authority.replace(/:\d*$/, "");
