/**
 * That the connection of a request may be logged in by it (NTLM, Negotiate), and for whom it is kept then. SPEC section
 * "Authenticated connections".
 */
import type { PooledConnection } from "./connections/pooled-connection.ts";

/** A connection that is logged in for a visitor rests for so long at most: a new one would have to be logged in anew. @internal */
export const BOUND_REST_MS = 60_000;

export class ConnectionLogin {
  readonly #boundTo: string | undefined;

  /** `boundTo`: see UpstreamRequest. */
  constructor(boundTo: string | undefined) {
    this.#boundTo = boundTo;
  }

  /** Milliseconds that the connection may rest after its response. `mostMs`: by what the web server says. */
  restMs(mostMs: number): number {
    return Math.min(mostMs, BOUND_REST_MS);
  }

  /** Binds the connection; false: it is logged in, perhaps, and for nobody. */
  keeps(connection: PooledConnection): boolean {
    if (this.#boundTo === undefined) return false;
    connection.bind(this.#boundTo);
    return true;
  }
}
