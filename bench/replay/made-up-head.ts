/**
 * The head of a page of a corpus that holds none: a common dynamic site's. Revalidated every time, a validator that changes
 * with the page (an entity tag as frameworks hash it, a date as content systems keep it), the usual security headers; an API
 * numbers its responses; a load balancer sets its cookie for a visitor who has none, so that the next visits go to the same
 * machine. Node adds Date and Connection.
 */
import { createHash, randomUUID } from "node:crypto";

/** What the page of a made-up head is. */
export interface PageOfCorpus {
  readonly contentType: string;
  readonly body: Buffer;
  /** Which capture of its family this is, from 0; the validators follow it. */
  readonly version: number;
  /** It is one person's, and no cache may keep it. */
  readonly personal: boolean;
  readonly cookie: string | undefined;
}

/** Fields of a response, in order. */
export type Head = readonly (readonly [string, string])[];

export const BALANCER_COOKIE = "SERVERID=web-2.7f4c1d90";

/** Servers name the charset of what is text; a JSON API usually does too. */
const withCharset = (contentType: string): string =>
  /^text\/|[/+](xml|json)$/.test(contentType) ? `${contentType}; charset=utf-8` : contentType;

const FIRST_CAPTURE = Date.UTC(2025, 0, 6, 8, 0, 0);
const BETWEEN_CAPTURES_MS = 3_600_000;

export function madeUpHead({ body, contentType, version, personal, cookie }: PageOfCorpus): Head {
  const tag = createHash("sha1").update(body).digest("base64").slice(0, -1);
  const known = cookie?.includes(BALANCER_COOKIE) === true;
  return [
    ["Server", "nginx"],
    ["Content-Type", withCharset(contentType)],
    ["Content-Length", String(body.length)],
    ["Cache-Control", personal ? "no-store, no-cache, must-revalidate" : "no-cache"],
    ["ETag", `W/"${body.length.toString(16)}-${tag}"`],
    ["Last-Modified", new Date(FIRST_CAPTURE + version * BETWEEN_CAPTURES_MS).toUTCString()],
    ["Vary", "Accept-Encoding"],
    ["Strict-Transport-Security", "max-age=31536000; includeSubDomains"],
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "SAMEORIGIN"],
    ["Referrer-Policy", "strict-origin-when-cross-origin"],
    ...(/[/+]json$/.test(contentType) ? [["X-Request-Id", randomUUID()] as const] : []),
    ...(known ? [] : [["Set-Cookie", `${BALANCER_COOKIE}; path=/; HttpOnly`] as const]),
  ];
}
