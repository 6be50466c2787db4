/**
 * What is known of the connection that requests come on, where it is certain that they are one visitor's: whether a connection
 * to the web server is logged in for it (NTLM, Negotiate), and by which number the origin side knows it. SPEC section
 * "Authenticated connections".
 */
import { SHARED_CONNECTION } from "../../protocol/frames/visitor-connection.ts";
import { isOfAuthenticatedConnection } from "../../protocol/http/connection-auth.ts";
import { FieldNames } from "../../protocol/http/field-names.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";

/** What proxies add, who may carry several visitors' requests on one connection. */
const BY_PROXIES = new FieldNames([
  ..."via forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip x-client-ip".split(" "),
  ..."x-cluster-client-ip true-client-ip cf-connecting-ip fastly-client-ip cdn-loop".split(" "),
]);

export const wasForwarded = (fields: HeaderList): boolean =>
  fields.some((name, at) => at % 2 === 0 && BY_PROXIES.has(name));

/** One of HTTP/1.x. */
export class VisitorConnection {
  static #numbered = SHARED_CONNECTION;
  #number: number | undefined;

  /** A request on it has shown such credentials, or a response has asked for some. */
  get authenticates(): boolean {
    return this.#number !== undefined;
  }

  /**
   * From now on what comes on it may be meant for a connection that is logged in. Returns its number: the same for all its
   * life, and no other connection's.
   */
  authenticate(): number {
    this.#number ??= ++VisitorConnection.#numbered;
    return this.#number;
  }
}

/**
 * Under which connection a request is asked for, as the extension says it; undefined: it has nothing to do with such a login.
 * `logsIn`: its fields log its connection in (authenticatesConnection).
 * Shared are those of HTTP/2, of trusted proxies, and of requests that passed another proxy.
 */
export const askedFrom = (
  connection: VisitorConnection | undefined,
  fields: HeaderList,
  { logsIn, fromTrustedProxy }: { readonly logsIn: boolean; readonly fromTrustedProxy: boolean },
): number | undefined => {
  if (!logsIn && connection?.authenticates !== true) return undefined;
  const shared = fromTrustedProxy || wasForwarded(fields);
  return connection === undefined || shared ? SHARED_CONNECTION : connection.authenticate();
};

/** Whether the response is of a connection that is logged in or asks for it; its visitor's is remembered as such. */
export const isAuthenticated = (
  { connection }: { readonly connection?: VisitorConnection | undefined },
  response: HeaderList,
): boolean => {
  const authenticated = isOfAuthenticatedConnection(response);
  if (authenticated) connection?.authenticate();
  return authenticated;
};
