/**
 * What a web server's response head means, decided in one place for every request: its status, its framing, and the fields that
 * go on. What Node's parser lets through and HTTP does not is refused here; a refusal is an Error whose message is for the
 * log. RFC 9112 section 6.
 */
import type { IncomingMessage } from "node:http";
import { endToEnd, fieldOf, listOf, type ResponseHead } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";

/** How the end of a body is known: there is none, by Content-Length, by its last chunk, or when the connection closes. */
export type BodyFraming = "none" | "length" | "chunks" | "close";

export interface JudgedHead {
  /** Fields of this hop are left out. */
  readonly head: ResponseHead;
  readonly framing: BodyFraming;
  /** An event stream, which may be silent for as long as it likes. */
  readonly live: boolean;
  /** Milliseconds that the connection may rest afterwards. */
  readonly restMs: number;
}

/** A raw head as Node gives it, of a response or of an interim one. */
type RawHead = Pick<IncomingMessage, "rawHeaders" | "statusCode" | "statusMessage">;

export const rawHead = ({ statusCode, statusMessage, rawHeaders }: RawHead): ResponseHead => ({
  status: statusCode ?? 0,
  reason: statusMessage ?? "",
  fields: rawHeaders,
});

/** Throws an Error for a head that makes no response. */
export const judgeResponse = (method: string, incoming: RawHead): JudgedHead => {
  const { status, reason, fields } = rawHead(incoming);
  if (status === 101) throw new Error("it sent a 101 that changes nothing, or that nobody had asked for");
  if (status < 200) throw new Error(`it sent the status ${status}, which HTTP does not know`);
  const coding = listOf(fields, "transfer-encoding")?.trim().toLowerCase();
  if (coding !== undefined && coding !== "chunked")
    throw new Error("it used a transfer coding that nobody had asked for");
  const head = { status, reason, fields: endToEnd(fields) };
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  const framing = bodiless ? "none" : framingOf(coding, fields);
  const restMs = mayEndLate(status, coding, fields) ? 0 : restMsOf(fields);
  return { head, framing, live: isLive(fields), restMs };
};

const framingOf = (coding: string | undefined, fields: HeaderList): BodyFraming => {
  if (coding !== undefined) return "chunks";
  return fieldOf(fields, "content-length") === undefined ? "close" : "length";
};

/** A head without a body that speaks of one: some send its bytes, or its last chunk, a moment later. */
const mayEndLate = (status: number, coding: string | undefined, fields: HeaderList): boolean => {
  if (status === 304) return coding !== undefined;
  return status === 204 && (coding !== undefined || Number(fieldOf(fields, "content-length") ?? 0) !== 0);
};

const isLive = (fields: HeaderList): boolean =>
  /^text\/event-stream/i.test(fieldOf(fields, "content-type") ?? "");

/** A connection rests for so long where its web server does not say for how long it keeps it. @internal */
export const REST_MS = 4_000;
const MOST_REST_MS = 600_000;
/** A connection must not be used just when its web server closes it. */
const REST_MARGIN_MS = 1_000;

/** By `Keep-Alive: timeout=5`, which is in seconds. */
const restMsOf = (fields: HeaderList): number => {
  const promised = /\btimeout=(\d+)/i.exec(fieldOf(fields, "keep-alive") ?? "")?.[1];
  if (promised === undefined) return REST_MS;
  return Math.min(Math.max(Number(promised) * 1_000 - REST_MARGIN_MS, 0), MOST_REST_MS);
};
