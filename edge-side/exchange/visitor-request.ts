/** A visitor's request as it came, and who is believed about it. */

import { listOf } from "../../protocol/http/head.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { VisitorConnection } from "./visitor-connection.ts";

export interface VisitorRequest {
  readonly method: string;
  /** In origin-form, byte for byte; `*` for the server itself. */
  readonly target: string;
  readonly fields: HeaderList;
  /** Of the connection's other end. */
  readonly address: string;
  /** As the request names it, lower case, without port. */
  readonly host: string;
  /** As the request names it, with its port. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** The HTTP version of the request. */
  readonly version: "1.0" | "1.1" | "2.0";
  /** What the connection is to become, in the words of an Upgrade field; undefined: it stays HTTP. */
  readonly upgrade: string | undefined;
  /** What it came on, where all requests on that are one visitor's; undefined where nobody knows (HTTP/2). */
  readonly connection?: VisitorConnection | undefined;
  /** Whether it is sent to the same URL with `https:`. */
  readonly redirect?: "off" | "https";
  /** Whether pages may be compressed for this visitor. */
  readonly compress: boolean;
}

/**
 * Stands for a head that came before on the same connection: method, target, version and all fields are the same, and so is
 * everything that is known of the connection.
 */
export type RepeatedHead = Readonly<Record<never, never>>;

/** Whether what the peer at this address says of others is believed. */
export type Trust = (address: string) => boolean;

/** `trusted`: what its peer says of others is believed. */
export const cameByHttps = (
  { scheme, fields }: Pick<VisitorRequest, "scheme" | "fields">,
  trusted: boolean,
): boolean =>
  scheme === "https" || (trusted && listOf(fields, "x-forwarded-proto")?.toLowerCase() === "https");

const CONTINUES = /^[\s,]*100-continue(?:\s*,[\s,]*100-continue)*[\s,]*$/i;
const NOTHING = /^[\s,]*$/;

/** Whether it is known what a request expects by this list (RFC 9110 section 10.1.1); an empty one is nothing. */
export const isExpectationKnown = (expect: string): boolean => CONTINUES.test(expect) || NOTHING.test(expect);

/** RFC 9110 section 10.1.1: an HTTP/1.0 visitor does not mean it. */
export const expectsContinue = ({ version, fields }: Pick<VisitorRequest, "version" | "fields">): boolean =>
  version !== "1.0" && CONTINUES.test(listOf(fields, "expect") ?? "");

const TRAILERS = /(?:^|,)\s*trailers\s*(?:$|[,;])/i;

/** RFC 9110 section 6.5.1: who does not say so may not know what to do with trailers. */
export const takesTrailers = ({ fields }: Pick<VisitorRequest, "fields">): boolean =>
  TRAILERS.test(listOf(fields, "te") ?? "");
