/**
 * Heads between HTTP/2 and the words of HTTP/1.1. Of a request: pseudo fields become method, target and Host, cookie crumbs one Cookie, and
 * white space around a value no part of it. RFC 9113 sections 8.2.1, 8.2.3 and 8.3.1.
 */
import { randomBytes } from "node:crypto";
import { FieldNames } from "../../protocol/http/field-names.ts";
import { withoutFields } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { trimSpace } from "../../protocol/http/white-space.ts";

const WEBSOCKET_KEY = new FieldNames(["sec-websocket-key"]);
const KEY_BYTES = 16;
const RESET_CONTENT = 205;

/** In the words of HTTP/1.1; nothing of it is checked. */
export interface Http2Request {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Host fields beside `:authority`. */
  readonly hosts: readonly string[];
  readonly contentLength: string | undefined;
  /** Of an extended CONNECT (RFC 8441). */
  readonly protocol: string | undefined;
  /** With Host, without pseudo fields. */
  readonly fields: HeaderList;
}

/** `raw`: as it came, pseudo fields first. What is missing of them is empty. */
export const readHttp2Request = (raw: HeaderList): Http2Request => {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  const hosts: string[] = [];
  const cookies: string[] = [];
  let contentLength: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const given = raw[i + 1] as string;
    if (name.startsWith(":")) {
      pseudo.set(name, given);
      continue;
    }
    const value = trimSpace(given);
    if (name === "host") hosts.push(value);
    else if (name === "cookie") cookies.push(value);
    else {
      if (name === "content-length") contentLength = value;
      fields.push(name, value);
    }
  }
  const authority = pseudo.get(":authority") ?? hosts[0] ?? "";
  return {
    method: pseudo.get(":method") ?? "",
    target: pseudo.get(":path") ?? "",
    authority,
    hosts,
    contentLength,
    protocol: pseudo.get(":method") === "CONNECT" ? pseudo.get(":protocol") : undefined,
    fields: ["Host", authority, ...fields, ...(cookies.length > 0 ? ["Cookie", cookies.join("; ")] : [])],
  };
};

/**
 * The value of `:status`. Node takes none above 599, and a 205 for the end of its stream, though its web server may send a body
 * with it: it reads the value as a number, 200, and sends it as text.
 */
export const wireStatus = (status: number): string => {
  if (status <= 599 && status !== RESET_CONTENT) return String(status);
  return { valueOf: () => 200, toString: () => String(status) } as unknown as string;
};

/** RFC 8441 has no key; the handshake of HTTP/1.1 behind us needs one. */
export const withWebSocketKey = (fields: HeaderList): HeaderList => [
  ...withoutFields(fields, WEBSOCKET_KEY),
  "Sec-WebSocket-Key",
  randomBytes(KEY_BYTES).toString("base64"),
];
