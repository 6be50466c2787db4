/**
 * Where a web server is, and within which bounds it is asked: what the client needs to know of one, whichever side asks.
 */
import type { NamedFile } from "../config/schema.ts";
import type { UpstreamAddress } from "./upstream-address.ts";

export interface UpstreamSettings {
  readonly origin: UpstreamAddress;
  /** The host that it serves, for the TLS greeting where nothing else names it; a pattern: none in particular. */
  readonly host: string;
  /** What it is spoken to in; undefined: HTTP/1.1. HTTP/2 without asking first (h2c), or agreed on within TLS. */
  readonly protocol?: "http1" | "http2" | undefined;
  /** Undefined unless the origin is https. */
  readonly tls: UpstreamTls | undefined;
  /** Until a connection to the web server stands; then 502. */
  readonly connectMs: number;
  /** Silence of the web server before the head of its response; then 504. */
  readonly answerMs: number;
  /** Silence within a body; then the response is cut. Undefined: for ever. Event streams may always be silent. */
  readonly idleMs: number | undefined;
  /** Most connections to the web server at once, in use or at rest; further requests wait. */
  readonly connections: number;
  /** The longest wait for one of them; then 503. */
  readonly queueMs: number;
  /** Event streams and upgraded connections at most, beside `connections`. */
  readonly openStreams: number;
  /** The longest rest of a connection between two requests. */
  readonly restMs: number;
  /** A connection is not used again when it is older. */
  readonly ageMs: number;
  /** Bytes a second that a visitor takes or sends at least while others wait for a place; undefined: none. */
  readonly leastRate: number | undefined;
}

export interface UpstreamTls {
  /** Whether the certificate is checked. */
  readonly verify: boolean;
  /** The name asked for, and that the certificate must bear; undefined: see `serverNameOf` in dial-upstream. */
  readonly serverName: string | undefined;
  /** PEM; undefined: the authorities that Node.js brings. */
  readonly authorities: NamedFile | undefined;
  /** PEM; what this side shows of itself. */
  readonly client: { readonly certificate: NamedFile; readonly privateKey: NamedFile } | undefined;
}
