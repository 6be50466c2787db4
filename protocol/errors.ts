/**
 * Every way a link or a stream can end, in one table each: the number on the wire, and what a visitor is told. A code that
 * a newer peer sends and we do not know reads as "internal". SPEC sections "Closing" and "Reset codes".
 */

/** Why a link ends; the number travels in go-away. */
export const LINK_ERRORS = {
  "shutting-down": { wire: 0 },
  internal: { wire: 1 },
  "bad-frame": { wire: 2 },
  "window-overrun": { wire: 3 },
  "wrong-version": { wire: 4 },
  "key-not-proved": { wire: 5 },
  "header-table": { wire: 6 },
  "too-large": { wire: 7 },
  silent: { wire: 8 },
  "key-removed": { wire: 9 },
} as const satisfies Record<string, { wire: number }>;

export type LinkErrorCode = keyof typeof LINK_ERRORS;

/** Why a stream ends early; the number travels in reset. `visitor` is the status a visitor gets if no head went out. */
export const STREAM_ERRORS = {
  internal: { wire: 0, visitor: 502 },
  /** Never given to the origin server: any method may go elsewhere. */
  refused: { wire: 1, visitor: 503 },
  /** The reader does not want it any more. */
  cancelled: { wire: 2, visitor: 502 },
  /** The origin server refused the connection, closed it before a head, or spoke garbage. */
  "origin-failed": { wire: 3, visitor: 502 },
  /** No head, or no further byte, within the route's time. */
  "origin-silent": { wire: 4, visitor: 504 },
  /** The body ended before its end. */
  truncated: { wire: 5, visitor: 502 },
  /** No route for this host. */
  "no-route": { wire: 6, visitor: 502 },
  /** A head larger than the peer accepts. */
  "head-too-large": { wire: 7, visitor: 431 },
  /** A body that cannot be verified and is not retained. */
  mismatch: { wire: 8, visitor: 502 },
  /** The link was lost with the stream open. Never sent. */
  "link-lost": { wire: 9, visitor: 502 },
  /** The web server was busy for as long as the route lets a request wait. Never given to it. */
  "no-place": { wire: 10, visitor: 503 },
  /** The visitor sent its request too slowly while others waited for its place. */
  "visitor-slow": { wire: 11, visitor: 408 },
  /** The request has been at this edge before. Never sent. */
  loop: { wire: 12, visitor: 508 },
  /** An extended CONNECT to a protocol that the host has not allowed. Never sent. */
  "protocol-refused": { wire: 13, visitor: 501 },
} as const satisfies Record<string, { wire: number; visitor: number }>;

export type StreamErrorCode = keyof typeof STREAM_ERRORS;

const byNumber = <Code extends string>(table: Readonly<Record<Code, { wire: number }>>) =>
  new Map((Object.keys(table) as Code[]).map((code) => [table[code].wire, code]));

const LINK_CODES = byNumber(LINK_ERRORS);
const STREAM_CODES = byNumber(STREAM_ERRORS);

export const linkErrorOf = (wire: number): LinkErrorCode => LINK_CODES.get(wire) ?? "internal";
export const streamErrorOf = (wire: number): StreamErrorCode => STREAM_CODES.get(wire) ?? "internal";

/** Ends the link: the peer broke the protocol, or the link cannot go on. */
export class LinkError extends Error {
  readonly code: LinkErrorCode;
  constructor(code: LinkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LinkError";
    this.code = code;
  }
}

/** Ends one stream; others on the link go on. */
export class StreamError extends Error {
  readonly code: StreamErrorCode;
  constructor(code: StreamErrorCode, message: string = code, options?: ErrorOptions) {
    super(message, options);
    this.name = "StreamError";
    this.code = code;
  }
}
