/**
 * Which connection of a visitor a request came on, as an extension of its open frame says it: sent where a connection to the web
 * server may be logged in for it (NTLM, Negotiate). SPEC section "Authenticated connections".
 */
import { EXTENSION, type Extension, numberExtension, numberIn } from "../wire/extensions.ts";

/** Of a connection that several visitors may share: nothing may be logged in for it that outlives the exchange. */
export const SHARED_CONNECTION = 0;

/** `connection`: its number, which the edge gives once in its life; SHARED_CONNECTION: none. */
export const visitorConnectionExtension = (connection: number): Extension =>
  numberExtension(EXTENSION.visitorConnection, connection);

/** Undefined: the request has to do with no such login. Throws LinkError for what no edge says. */
export const visitorConnectionOf = (extensions: readonly Extension[]): number | undefined =>
  numberIn(extensions, EXTENSION.visitorConnection);
