/** Requests that the edge answers itself: what it is asked about itself, and visitors of plain HTTP that belong to HTTPS. */
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Visitor } from "../exchange/visitor.ts";
import { cameByHttps } from "../exchange/visitor-request.ts";
import { errorPage } from "../http/errors/error-page.ts";
import type { Visit } from "./visit.ts";

/** Authorities of certificates ask for these over plain HTTP, and whoever answers stands behind the link (RFC 8555 section 8.3). */
const CHALLENGES = "/.well-known/acme-challenge/";

/** Sends a response of the edge's own. */
export const answerInPlace = async (
  visit: Visit,
  head: ResponseHead,
  body: string | Buffer = "",
): Promise<void> => {
  const { visitor } = visit;
  visit.responds(head.status);
  visitor.head(head);
  if (body.length > 0 && visitor.method !== "HEAD") await visitor.body(Buffer.from(body));
  visitor.end([]);
};

/** What load balancers ask for, whatever host they name: whether a link is there. */
export const answerReady = (visit: Visit, isReady: boolean): Promise<void> => {
  const status = isReady ? 200 : 503;
  const { fields, body } = errorPage(status);
  return answerInPlace(visit, { status, reason: isReady ? "OK" : "Service Unavailable", fields }, body);
};

/** To the same URL with `https:`, of a listener that says so; undefined: it is served. */
export const redirectOf = (visitor: Visitor, fromTrustedProxy: boolean): ResponseHead | undefined => {
  const { method, host, target } = visitor;
  if (target.startsWith(CHALLENGES) || cameByHttps(visitor, fromTrustedProxy)) return undefined;
  const path = target.startsWith("/") ? target : "/";
  const location = ["Location", `https://${host}${path}`, "Content-Length", "0"];
  // 301 makes a GET of other methods, 308 does not, and some old clients do not know it.
  return method === "GET" || method === "HEAD"
    ? { status: 301, reason: "Moved Permanently", fields: location }
    : { status: 308, reason: "Permanent Redirect", fields: location };
};
