/**
 * What the tunnel port says to those who are not a link: one line of text over HTTP, which tells a person with curl
 * where they are and a scanner nothing else, and a short reason for the edge's log. SPEC section "Listening".
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import { LINK_PATH, SUBPROTOCOL } from "./ws-transport.ts";

/** OpenSSL's word for a key id whose secret is not the one that was proved. */
export const WRONG_SECRET = "ERR_SSL_BINDER_DOES_NOT_VERIFY";

/** OpenSSL's reasons at the listener, in the words of the edge's log. */
export const TLS_FAILURES: Readonly<Record<string, string>> = {
  [WRONG_SECRET]: "wrong secret for this key id",
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: "unknown key id, or no key",
  ERR_SSL_NO_SHARED_CIPHER: "no TLS 1.3 cipher in common",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "TLS older than 1.3",
  ERR_SSL_HTTP_REQUEST: "plain HTTP on the TLS port",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "no client certificate",
};

export interface Refusal {
  readonly status: 400 | 404 | 426;
  readonly text: string;
  readonly why: string;
}

const NOT_FOUND: Refusal = { status: 404, text: "Nothing here.\n", why: "an HTTP request for another path" };
export const WANTS_UPGRADE: Refusal = {
  status: 426,
  text: `This is a Coilgun tunnel port: it speaks WebSocket with subprotocol ${SUBPROTOCOL}.\n`,
  why: `not a WebSocket request with subprotocol ${SUBPROTOCOL}`,
};
export const BAD_HTTP: Refusal = { status: 400, text: "Not HTTP.\n", why: "not HTTP" };

/** Undefined for a request that may become a link. */
export const refusalOf = ({ url, headers }: IncomingMessage): Refusal | undefined => {
  if (url !== LINK_PATH) return NOT_FOUND;
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  return headers.upgrade?.toLowerCase() === "websocket" && offered.includes(SUBPROTOCOL)
    ? undefined
    : WANTS_UPGRADE;
};

export const headersOf = ({ status, text }: Refusal): Record<string, string> => ({
  "Content-Type": "text/plain",
  "Content-Length": String(Buffer.byteLength(text)),
  Connection: status === 426 ? "close, Upgrade" : "close",
  ...(status === 426 ? { Upgrade: "websocket" } : {}),
});

export const asText = (refusal: Refusal): string =>
  [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    ...Object.entries(headersOf(refusal)).map(([name, value]) => `${name}: ${value}`),
    "",
    refusal.text,
  ].join("\r\n");
