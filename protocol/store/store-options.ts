/**
 * What a version store is made with, and what it is told of a body that came by. SPEC section "Version store".
 */
import type { Clock } from "../runtime/clock.ts";
import type { Scope } from "../scope/scope.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { StoreId } from "./stored-version.ts";

export const DEFAULT_STORE_BYTES = 256 * 1024 * 1024;

/** Milliseconds after its last use when a version is forgotten. */
export interface Lifetimes {
  readonly sessionMs: number;
  readonly noStoreMs: number;
  /**
   * A version that no list names any more: long enough for the offers of it that are under way; 0: it is forgotten at once,
   * where nobody could name it.
   */
  readonly retiredMs: number;
}

export const DEFAULT_LIFETIMES: Lifetimes = { sessionMs: 3_600_000, noStoreMs: 600_000, retiredMs: 10_000 };

/** From its end of life a version is not found; this long after at the latest it is gone from memory. */
export const SWEEP_MS = 10_000;

/** A body that came by, and what is known of it. */
export interface Sighting {
  readonly url: string;
  readonly templates: readonly string[];
  /** Kept as it is when its buffer holds nothing else, else copied. Must not change afterwards. */
  readonly body: Buffer;
  readonly fingerprint: Fingerprint;
  readonly scope: Scope;
  /** The peer's store that holds it too; versions are offered only to where they came from. */
  readonly from?: StoreId | undefined;
  /** Nothing but memory is to hold it: whose it is only an address says. */
  readonly memoryOnly?: boolean | undefined;
}

export interface StoreOptions {
  readonly clock: Clock;
  /** Most bytes held. */
  readonly bytes?: number;
  /** Whether a host has a share of its own; all others of a key have one together. Unless given, each has. */
  readonly isNamed?: ((host: string) => boolean) | undefined;
  readonly lifetimes?: Partial<Lifetimes>;
  /** Different people who make a session's bytes public; Infinity for never. */
  readonly identitiesForPublic?: number;
}
