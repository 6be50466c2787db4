/**
 * What both sides tell each other of an exchange for those who watch: the request's id, as an extension of its open frame, and how long the
 * origin side took, as one of the answer's head. SPEC section "Extensions".
 */
import { LinkError } from "../errors.ts";
import { fieldOf } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";
import { EXTENSION, type Extension, extensionOf } from "../wire/extensions.ts";

/** At most as long as the link carries one. */
const READABLE_ID = /^[\x21-\x7e]{1,64}$/;
/** W3C Trace Context, version 00 and what later ones begin with: the trace, and the caller's span. */
const TRACE = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** The id that a request brings itself: X-Request-Id, or the trace of traceparent; undefined: none that can be read. */
export const ownRequestId = (fields: HeaderList): string | undefined => {
  const id = fieldOf(fields, "x-request-id");
  if (id !== undefined && READABLE_ID.test(id)) return id;
  const trace = fieldOf(fields, "traceparent");
  return trace === undefined ? undefined : TRACE.exec(trace)?.[1];
};

/** `id`: of 64 characters at most. */
export const requestIdExtension = (id: string): Extension => ({
  tag: EXTENSION.requestId,
  bytes: Buffer.from(id, "latin1"),
});

/** Undefined: the request brings it, or has none. What no log could have is none either. */
export const requestIdOf = (extensions: readonly Extension[]): string | undefined => {
  const id = extensionOf(extensions, EXTENSION.requestId)?.toString("latin1");
  return id !== undefined && READABLE_ID.test(id) ? id : undefined;
};

/** How long the origin side waited, in milliseconds. */
export interface Timings {
  /** From the request's arrival until all of the web server's response was here, or its head where it streams. */
  readonly originMs: number;
}

/** Two bytes for 16 microseconds to 20 minutes, 0.03 % apart: sizes on the link must not vary with times. */
const STEPS = 2_500;
const LEAST_US = 16;
const MOST_CODE = 0xffff;

export const timingsExtension = ({ originMs }: Timings): Extension => {
  const code = Math.round(STEPS * Math.log2(1 + Math.max(0, originMs * 1000) / LEAST_US));
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(Math.min(MOST_CODE, code));
  return { tag: EXTENSION.timings, bytes };
};

/** Undefined where nothing is said. Throws LinkError for what no origin side says. */
export const timingsOf = (extensions: readonly Extension[]): Timings | undefined => {
  const said = extensionOf(extensions, EXTENSION.timings);
  if (said === undefined) return undefined;
  if (said.length !== 2) throw new LinkError("bad-frame", `timings of ${said.length} bytes`);
  const us = LEAST_US * (2 ** (said.readUInt16BE() / STEPS) - 1);
  return { originMs: Math.round(us) / 1000 };
};
