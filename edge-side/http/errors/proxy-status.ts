/**
 * What failed, in the registered words of Proxy-Status (RFC 9209 section 2.3), so that whoever reads it can tell the site's failures from
 * the proxy's. Of what happened behind a link the edge knows what its reset code says, and no more. The table is in docs/operations.md.
 */
import type { StreamErrorCode } from "../../../protocol/errors.ts";
import { DeadlineError } from "../../../protocol/runtime/clock.ts";

/** Why a visitor gets an error. */
export interface Failure {
  readonly code: StreamErrorCode;
  /** What the web server's connection said, where that was the edge's own. */
  readonly cause?: unknown;
}

interface Row {
  readonly type: string;
  /** Who failed; undefined: it was the request. */
  readonly failed: "site" | "proxy" | undefined;
}

export const FAILURES: Readonly<Record<StreamErrorCode, Row>> = {
  internal: { type: "proxy_internal_error", failed: "proxy" },
  refused: { type: "destination_unavailable", failed: "proxy" },
  cancelled: { type: "connection_terminated", failed: "proxy" },
  "origin-failed": { type: "destination_unavailable", failed: "site" },
  "origin-silent": { type: "http_response_timeout", failed: "site" },
  truncated: { type: "http_response_incomplete", failed: "site" },
  "no-route": { type: "destination_not_found", failed: "proxy" },
  "head-too-large": { type: "http_request_error", failed: undefined },
  mismatch: { type: "proxy_internal_error", failed: "proxy" },
  "link-lost": { type: "connection_terminated", failed: "proxy" },
  "no-place": { type: "connection_limit_reached", failed: "site" },
  "visitor-slow": { type: "http_request_error", failed: undefined },
  loop: { type: "proxy_loop_detected", failed: "proxy" },
  "protocol-refused": { type: "http_request_denied", failed: undefined },
};

/** Of errors of the system, of TLS and of node's parser. */
const BY_CAUSE: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, "connection_refused"],
  [/^ETIMEDOUT$/, "connection_timeout"],
  [/^(?:ENOTFOUND|EAI_)/, "dns_error"],
  [/^(?:EADDRNOTAVAIL|EHOSTDOWN|EHOSTUNREACH|ENETDOWN|ENETUNREACH)$/, "destination_ip_unroutable"],
  [/^(?:ECONNRESET|EPIPE)$/, "connection_terminated"],
  [/CERT|UNABLE_TO_/, "tls_certificate_error"],
  [/^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/, "tls_protocol_error"],
  [/^HPE_/, "http_protocol_error"],
];

/** The error type; without a failure it was the request that was refused. */
export const errorTypeOf = (failure: Failure | undefined): string => {
  if (failure === undefined) return "http_request_error";
  const { code, cause } = failure;
  return (code === "origin-failed" && typeOfCause(cause)) || FAILURES[code].type;
};

const typeOfCause = (cause: unknown): string | undefined => {
  if (cause instanceof DeadlineError) return "connection_timeout";
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = first instanceof Error && "code" in first ? String(first.code) : "";
  return BY_CAUSE.find(([form]) => form.test(code))?.[1];
};
