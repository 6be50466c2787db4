/**
 * What both sides tell each other of an exchange for those who watch: the request's id, as an extension of its open frame, and how long the
 * origin side took, as one of the answer's head. SPEC section "Extensions".
 */
import { fieldOf } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
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

/** How long the origin side took, in milliseconds. */
export interface Timings {
  /** From the request's arrival until the web server's response head. */
  readonly originMs: number;
  /** Of it, or of what was here of it then. */
  readonly encodeMs: number;
}

const writer = new ByteWriter();

export const timingsExtension = ({ originMs, encodeMs }: Timings): Extension => {
  writer.varint(Math.round(originMs * 1000)).varint(Math.round(encodeMs * 1000));
  return { tag: EXTENSION.timings, bytes: writer.take() };
};

/** Undefined where nothing is said. Throws LinkError for what no origin side says. */
export const timingsOf = (extensions: readonly Extension[]): Timings | undefined => {
  const said = extensionOf(extensions, EXTENSION.timings);
  if (said === undefined) return undefined;
  const r = new ByteReader(said);
  const timings = { originMs: r.varint() / 1000, encodeMs: r.varint() / 1000 };
  r.end();
  return timings;
};
