/**
 * What the story of a request needs of an HTTP client, and nothing of how it is done: two clients stand behind this. Raw
 * fields go in and out: their order, their duplicates, their case and their bytes are the web server's and the visitor's.
 */
import type { Duplex } from "node:stream";
import type { RequestHead, ResponseHead } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { BodySource, OriginBody, RequestBody } from "../exchange/body.ts";

/** A request as it goes on the wire, framing included. */
export interface ClientRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: HeaderList;
  /** Undefined where it has none. */
  readonly body: RequestBody | undefined;
  /** The body's length; undefined: it is chunked, or there is none. */
  readonly bodyBytes: number | undefined;
  /** The request asks to upgrade: on 101 its connection is given out. */
  readonly upgrade: boolean;
  /** A connection that was used before will not do. */
  readonly fresh: boolean;
}

/** What becomes of a request: interim heads, then `answered` with its body or `upgraded`; `failed` ends it at any time. */
export interface ClientEvents {
  /** It is on a connection. */
  started(): void;
  /** The visitor is waited for, not the web server: more of the body has to come. */
  wantsBody(wanted: boolean): void;
  /** A piece of the request's body has left. */
  sent(): void;
  interim(head: ResponseHead): void;
  answered(head: ResponseHead): void;
  piece(bytes: Buffer): void;
  ended(trailers: HeaderList): void;
  /** HTTP is over on this connection, which is the receiver's from here on. */
  upgraded(head: ResponseHead, connection: Duplex): void;
  /** `stale`: a connection that was used before, and gave not a byte of an answer. */
  failed(error: unknown, stale: boolean): void;
}

/** A request under way. */
export interface ClientExchange extends BodySource {
  /** Ends it at once, whatever it is at: its connection closes. */
  abort(): void;
}

export interface OriginClient {
  /** Throws RefusedRequest where the client cannot send such a request; nothing has been sent then. */
  send(request: ClientRequest, events: ClientEvents): ClientExchange;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** The web server sent 100 to a request that had not asked for it, and this client cannot go on after that. */
export class UnaskedContinue extends Error {}

/** The client does not send such requests, though HTTP allows them. */
export class RefusedRequest extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "RefusedRequest";
  }
}

export interface OriginRequest {
  /** Fields of one hop are left out, but for those that SPEC section "Heads" lets through. */
  readonly head: RequestHead;
  /** Undefined where the request has none. */
  readonly body: RequestBody | undefined;
  /** The visitor is gone, or the link. Its reason is a StreamError. */
  readonly signal: AbortSignal;
  /** An interim (1xx) head has come. */
  interim(head: ResponseHead): void;
}

export type OriginResponse =
  | { readonly kind: "answered"; readonly head: ResponseHead; readonly body: OriginBody }
  /** HTTP is over: `connection` is the web server's other protocol. */
  | { readonly kind: "upgraded"; readonly head: ResponseHead; readonly connection: Duplex };
