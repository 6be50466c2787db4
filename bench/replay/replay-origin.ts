/**
 * The web server of a replay: serves whatever body was published last under a host and path, with the headers of a
 * dynamic site. It is told what to serve, and does not count requests, so a request that is repeated gets the same.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type OutgoingHttpHeaders } from "node:http";
import { listenOnLoopback } from "../rig/loopback.ts";

interface PublishedPage {
  readonly host: string;
  /** The request target, as in the request line. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  /** Which capture of its family this is, from 0; the validators follow it. */
  readonly version: number;
  /** It is one person's, and no cache may keep it. */
  readonly personal: boolean;
}

export interface ReplayOrigin {
  readonly address: string;
  publish(page: PublishedPage): void;
  close(): Promise<void>;
}

export async function startReplayOrigin(): Promise<ReplayOrigin> {
  const pages = new Map<string, PublishedPage>();
  const server = createServer((request, response) => {
    const page = pages.get(`${request.headers.host}${request.url}`);
    if (page === undefined) {
      response.writeHead(404, { "Content-Length": 0 }).end();
      return;
    }
    const known = request.headers.cookie?.includes(BALANCER_COOKIE) === true;
    response.writeHead(200, { ...headersOf(page), ...(known ? {} : BALANCER) }).end(page.body);
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    publish: (page) => pages.set(`${page.host}${page.path}`, page),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a load balancer sets for a visitor that it has not seen, so that the next visits go to the same machine. */
export const BALANCER_COOKIE = "SERVERID=web-2.7f4c1d90";
const BALANCER = { "Set-Cookie": `${BALANCER_COOKIE}; path=/; HttpOnly` };

/** Servers name the charset of what is text; a JSON API usually does too. */
const withCharset = (contentType: string): string =>
  /^text\/|[/+](xml|json)$/.test(contentType) ? `${contentType}; charset=utf-8` : contentType;

const FIRST_CAPTURE = Date.UTC(2025, 0, 6, 8, 0, 0);
const BETWEEN_CAPTURES_MS = 3_600_000;

/**
 * Corpora hold no headers, so these are a common dynamic site's: revalidated every time, a validator that changes with
 * the page (an entity tag as frameworks hash it, a date as content systems keep it), the usual security headers; an API
 * numbers its responses. Node adds Date and Connection.
 */
function headersOf({ body, contentType, version, personal }: PublishedPage): OutgoingHttpHeaders {
  const tag = createHash("sha1").update(body).digest("base64").slice(0, -1);
  return {
    Server: "nginx",
    "Content-Type": withCharset(contentType),
    "Content-Length": body.length,
    "Cache-Control": personal ? "no-store, no-cache, must-revalidate" : "no-cache",
    ETag: `W/"${body.length.toString(16)}-${tag}"`,
    "Last-Modified": new Date(FIRST_CAPTURE + version * BETWEEN_CAPTURES_MS).toUTCString(),
    Vary: "Accept-Encoding",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    ...(/[/+]json$/.test(contentType) ? { "X-Request-Id": randomUUID() } : {}),
  };
}
