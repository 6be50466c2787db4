/**
 * Whether the connection that a request went on may be logged in by it (NTLM, Negotiate), and for whom it is kept then. SPEC section
 * "Authenticated connections".
 */
import type { PooledConnection } from "./connection-pool.ts";
import { BOUND_REST_MS, type JudgedHead, REST_MS } from "./response-head.ts";

export class ConnectionLogin {
  readonly #boundTo: string | undefined;
  #authenticated: boolean;

  /** `logsIn`: the request shows such credentials. `boundTo`: see UpstreamRequest. */
  constructor({ logsIn, boundTo }: { readonly logsIn: boolean; readonly boundTo: string | undefined }) {
    this.#boundTo = boundTo;
    this.#authenticated = logsIn || boundTo !== undefined;
  }

  /** Milliseconds that the connection may rest after this response. */
  restMs({ authenticated, restMs }: Pick<JudgedHead, "authenticated" | "restMs">): number {
    this.#authenticated ||= authenticated;
    return restMs ?? (this.#authenticated ? BOUND_REST_MS : REST_MS);
  }

  /** Binds the connection where it has to be; false: it is logged in, perhaps, and for nobody. */
  keeps(connection: PooledConnection): boolean {
    if (!this.#authenticated) return true;
    if (this.#boundTo !== undefined) connection.bind(this.#boundTo);
    return this.#boundTo !== undefined;
  }
}
