/** What a visitor sees when there is no page to show: short, and nothing of what is inside. */
import { STATUS_CODES } from "node:http";
import type { HeaderList } from "../../protocol/http/header-list.ts";

/** Seconds after which a visitor may try again when no link is up. @internal */
export const RETRY_AFTER_S = 5;

/** In the access log only: the visitor left before it had any of its response. The number is nginx's. */
export const LEFT = 499;

/** Every method but those that this server refuses (RFC 9110 section 15.5.6 wants them named). */
export const ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

export interface ErrorPage {
  readonly fields: HeaderList;
  readonly body: string;
}

export const errorPage = (status: number): ErrorPage => {
  const body = `${status} ${STATUS_CODES[status] ?? "Error"}\n`;
  return {
    fields: [
      "Content-Type",
      "text/plain; charset=utf-8",
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

/** The same as bytes of HTTP/1.1, for a connection that has no response to write it to, and ends after it. */
export const rawErrorPage = (status: number): string => {
  const { fields, body } = errorPage(status);
  const lines = pairsOf(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n${lines.join("")}Connection: close\r\n\r\n${body}`;
};

/** A header list as pairs of name and value. */
export const pairsOf = (fields: HeaderList): [string, string][] =>
  Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? "", fields[2 * i + 1] ?? ""]);
