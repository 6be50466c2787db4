/**
 * What a web server's response head means, decided in one place for every request: its status, its framing, and the fields that
 * go on. What Node's parser lets through and HTTP does not is refused here; a refusal is an Error whose message is for the
 * log. RFC 9112 section 6.
 */
import { isEventStream } from "../http/compressible.ts";
import { isOfAuthenticatedConnection } from "../http/connection-auth.ts";
import { tooManyFields } from "../http/field-limits.ts";
import { endToEnd, fieldOf, isKeepAlive, listOf, type ResponseHead, SWITCHING } from "../http/head.ts";
import type { HeaderList } from "../http/header-list.ts";
import { trimSpace } from "../http/white-space.ts";

/** How the end of a body is known: there is none, by Content-Length, by its last chunk, or when the connection closes. */
export type BodyFraming = "none" | "length" | "chunks" | "close";

export interface JudgedHead {
  /** Fields of this hop are left out. */
  readonly head: ResponseHead;
  readonly framing: BodyFraming;
  /** An event stream, which may be silent for as long as it likes. */
  readonly live: boolean;
  /** Its connection is logged in, or asks to be: it is for nobody else (connection-auth). */
  readonly authenticated: boolean;
  /** Milliseconds that the connection may rest afterwards, by all that its web server says. */
  readonly restMs: number;
}

/** A raw head, of a response or of an interim one. */
export interface RawHead {
  readonly rawHeaders: HeaderList;
  readonly statusCode?: number | undefined;
  readonly statusMessage?: string | undefined;
  readonly httpVersionMajor?: number | undefined;
  readonly httpVersionMinor?: number | undefined;
}

export const rawHead = ({ statusCode, statusMessage, rawHeaders }: RawHead): ResponseHead => ({
  status: statusCode ?? 0,
  reason: statusMessage ?? "",
  fields: rawHeaders,
});

/** Longer heads are judged each time. */
const MOST_KNOWN_CHARACTERS = 2_048;
const MOST_KNOWN = 64;

/**
 * What heads mean that came before. Under load a web server says the same many times a second, and what is made of a head further
 * on is made once for each of these objects.
 */
export class KnownHeads {
  #known = new Map<string, JudgedHead>();

  /** `strictText`: the head as it came, if two that are equal mean the same. Throws as judgeResponse does. */
  judge(
    method: string,
    incoming: RawHead,
    { strictText: text }: { readonly strictText: string | undefined },
  ): JudgedHead {
    if (text === undefined || text.length > MOST_KNOWN_CHARACTERS || method !== "GET")
      return judgeResponse(method, incoming);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const judged = judgeResponse(method, incoming);
    if (this.#known.size >= MOST_KNOWN) this.#known = new Map(); // cleared, its old tables would keep what follows (see TurnoverMap)
    this.#known.set(text, judged);
    return judged;
  }
}

/** Throws an Error for a head that makes no response. */
const judgeResponse = (method: string, incoming: RawHead): JudgedHead => {
  const { status, reason, fields } = rawHead(incoming);
  if (status === SWITCHING)
    throw new Error("it sent a 101 that changes nothing, or that nobody had asked for");
  if (status < 200) throw new Error(`it sent the status ${status}, which HTTP does not know`);
  const tooMany = tooManyFields(fields);
  if (tooMany !== undefined) throw new Error(`it sent ${tooMany}`);
  const coding = listOf(fields, "transfer-encoding")?.trim().toLowerCase();
  if (coding !== undefined && coding !== "chunked")
    throw new Error("it used a transfer coding that nobody had asked for");
  const head = { status, reason, fields: endToEnd(fields) };
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  const framing = bodiless ? "none" : framingOf(coding, fields, incoming);
  const keeps = framing !== "close" && persists(incoming, fields);
  const restMs = keeps && mayBeFollowed(method, status, fields) ? restMsOf(fields) : 0;
  return {
    head,
    framing,
    live: isEventStream(fields),
    authenticated: isOfAuthenticatedConnection(fields),
    restMs,
  };
};

const framingOf = (
  coding: string | undefined,
  fields: HeaderList,
  { httpVersionMajor }: RawHead,
): BodyFraming => {
  // HTTP/2 says itself where a body ends.
  if (coding !== undefined || httpVersionMajor === 2) return "chunks";
  return fieldOf(fields, "content-length") === undefined ? "close" : "length";
};

/**
 * Some web servers send a body, or its last chunk, behind a head that has none (RFC 9112 section 6.3), and a moment later; it would
 * be taken for the answer to the next request.
 */
const mayBeFollowed = (method: string, status: number, fields: HeaderList): boolean => {
  if (method === "HEAD") return false;
  if (status !== 204 && status !== 304) return true;
  if (fieldOf(fields, "transfer-encoding") !== undefined) return false;
  // In a 304 it is the length of the 200 (RFC 9110 section 8.6).
  return status === 304 || (fieldOf(fields, "content-length") ?? "0") === "0";
};

/** RFC 9112 section 9.3. */
const persists = ({ httpVersionMajor, httpVersionMinor }: RawHead, fields: HeaderList): boolean => {
  if (httpVersionMajor === 2) return true;
  const listed = listOf(fields, "connection") ?? "";
  if (isKeepAlive(listed)) return true;
  const options = listed.toLowerCase().split(",").map(trimSpace);
  return !options.includes("close") && (httpVersionMinor !== 0 || options.includes("keep-alive"));
};

/** A connection must not be used just when its web server closes it. */
const REST_MARGIN_MS = 1_000;

/** By `Keep-Alive: timeout=5`, which is in seconds; without it, as long as the route likes. */
const restMsOf = (fields: HeaderList): number => {
  const promised = /\btimeout=(\d+)/i.exec(fieldOf(fields, "keep-alive") ?? "")?.[1];
  if (promised === undefined) return Infinity;
  return Math.max(Number(promised) * 1_000 - REST_MARGIN_MS, 0);
};
