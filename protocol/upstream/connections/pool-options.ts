/** What a pool of connections to one web server needs. */
import type { Socket } from "node:net";
import type { PlaceLogOptions } from "./place-log.ts";
import type { ReuseTrust } from "./reuse-trust.ts";

/** Makes new connections. Rejects with StreamError, or with the signal's reason. */
interface Dialler {
  dial(wish: { readonly halfOpen: boolean; readonly signal: AbortSignal }): Promise<Socket>;
}

export interface PoolOptions extends PlaceLogOptions {
  readonly dialler: Dialler;
  /** Most connections at once. */
  readonly most: number;
  /** Most of those that have left their place. */
  readonly mostBeside: number;
  /** A connection is not used again when it is older. */
  readonly ageMs: number;
  /** With what the web server has proven before; of one that is new, nothing. */
  readonly trust?: ReuseTrust | undefined;
}
