/** What a visitor sees when there is no page to show: short, and nothing of what is inside. */
import { STATUS_CODES } from "node:http";
import { type LimitName, sayLimit } from "../../../protocol/daemon/limit-log.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import { type HeaderList, pairsOf } from "../../../protocol/http/header-list.ts";
import { plainAddress } from "../../../protocol/runtime/ip-address.ts";

/** Seconds after which a visitor may try again when no link is up. @internal */
export const RETRY_AFTER_S = 5;

/** In the access log only: the visitor left before it had any of its response. The number is nginx's. */
export const LEFT = 499;

/** Every method but those that this server refuses (RFC 9110 section 15.5.6 wants them named). */
export const ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

export interface ErrorPage {
  readonly fields: HeaderList;
  readonly body: string | Buffer;
}

/** `html`: in place of the line of text. */
export const errorPage = (status: number, html?: Buffer): ErrorPage => {
  const body = html ?? `${status} ${STATUS_CODES[status] ?? "Error"}\n`;
  return {
    fields: [
      "Content-Type",
      html === undefined ? "text/plain; charset=utf-8" : "text/html; charset=utf-8",
      "Content-Length",
      String(body.length),
      "Cache-Control",
      "no-store",
      ...(status === 503 ? ["Retry-After", String(RETRY_AFTER_S)] : []),
      ...(status === 405 ? ["Allow", ALLOWED] : []),
    ],
    body,
  };
};

/** What may be set, or is a number in this code, of each status that says no more than that there is a limit. */
const LIMITS: Readonly<Record<number, { readonly limit: LimitName; readonly or?: string }>> = {
  408: { limit: "times.idle" },
  413: { limit: "limits.bodyBytes", or: "16 KiB of chunk extensions" },
  414: { limit: "limits.targetBytes" },
  431: { limit: "limits.headBytes", or: "1,000 fields" },
};

/** A visitor is refused with this status; where that is for a limit the log names it. */
export const logLimit = (log: Log, status: number, address: string | undefined): void => {
  const { limit, ...more } = LIMITS[status] ?? {};
  if (limit !== undefined) sayLimit(log, limit, { ...more, status, address: plainAddress(address ?? "") });
};

/** A page of text as bytes of HTTP/1.1, for a connection that has no response to write it to, and ends after it. */
export const rawErrorPage = (status: number, { fields, body }: ErrorPage): string => {
  const lines = pairsOf(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n${lines.join("")}Connection: close\r\n\r\n${body}`;
};
