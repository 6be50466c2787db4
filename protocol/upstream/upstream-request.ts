/**
 * What is asked of a web server, and what comes back. Raw fields go in and out: their order, their duplicates, their case and
 * their bytes are the web server's and the visitor's.
 */
import type { Duplex } from "node:stream";
import type { RequestHead, ResponseHead } from "../http/head.ts";
import type { RequestBody, UpstreamBody } from "./body.ts";

export interface UpstreamRequest {
  /** Fields of one hop are left out, but for those that SPEC section "Heads" lets through. */
  readonly head: RequestHead;
  /** Undefined where the request has none. */
  readonly body: RequestBody | undefined;
  /**
   * Names the one visitor's connection for which one to the web server may be logged in, and which alone may use that again;
   * undefined: none that is logged in is used, and one that this request logs in is closed after it.
   */
  readonly boundTo?: string | undefined;
  /** The visitor is gone, or the link. Its reason is a StreamError. */
  readonly signal: AbortSignal;
  /** The visitor's network, which has a share of the web server's places; undefined: nobody knows it. */
  readonly network?: string | undefined;
  /** Told each time that the request goes on a connection: from then on the web server may have it. */
  given?(): void;
  /** An interim (1xx) head has come. */
  interim(head: ResponseHead): void;
}

export type UpstreamResponse =
  | {
      readonly kind: "answered";
      readonly head: ResponseHead;
      readonly body: UpstreamBody;
      /** Nobody wants the rest of the body: its connection closes. */
      discard(): void;
    }
  /** HTTP is over: `connection` is the web server's other protocol. */
  | { readonly kind: "upgraded"; readonly head: ResponseHead; readonly connection: Duplex };
