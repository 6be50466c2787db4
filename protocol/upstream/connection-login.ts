/**
 * Whether the connection that a request went on may be logged in by it (NTLM, Negotiate), and for whom it is kept then. SPEC section
 * "Authenticated connections".
 */
import type { PooledConnection } from "./connections/pooled-connection.ts";
import type { JudgedHead } from "./response-head.ts";

/** A connection that is logged in for a visitor rests for so long at most: a new one would have to be logged in anew. @internal */
export const BOUND_REST_MS = 60_000;

export class ConnectionLogin {
  readonly #boundTo: string | undefined;
  #authenticated: boolean;

  /** `logsIn`: the request shows such credentials. `boundTo`: see UpstreamRequest. */
  constructor({ logsIn, boundTo }: { readonly logsIn: boolean; readonly boundTo: string | undefined }) {
    this.#boundTo = boundTo;
    this.#authenticated = logsIn || boundTo !== undefined;
  }

  /** Milliseconds that the connection may rest after this response. `mostMs`: of one that is not logged in. */
  restMs({ authenticated, restMs }: Pick<JudgedHead, "authenticated" | "restMs">, mostMs: number): number {
    this.#authenticated ||= authenticated;
    return Math.min(restMs, this.#authenticated ? BOUND_REST_MS : mostMs);
  }

  /** Binds the connection where it has to be; false: it is logged in, perhaps, and for nobody. */
  keeps(connection: PooledConnection): boolean {
    if (!this.#authenticated) return true;
    if (this.#boundTo !== undefined) connection.bind(this.#boundTo);
    return this.#boundTo !== undefined;
  }
}
