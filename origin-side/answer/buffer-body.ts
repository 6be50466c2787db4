/**
 * Waits a moment for a body to be complete, because a body in one piece makes the smaller delta; but never longer than a
 * person could notice, so a page that the web server makes slowly streams at its own pace. SPEC section "One piece or
 * streamed".
 */

import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { ByteBudget, Lease } from "../../protocol/runtime/memory-budget.ts";
import type { BodyEnd, OriginBody } from "../../protocol/upstream/body.ts";

/** A body may take this long after its head, whatever the pauses in it. @internal */
export const PATIENCE_MS = 5;
/** While its bytes keep coming without a pause, a body that is nearly there may take this long. @internal */
export const MOST_PATIENCE_MS = 20;
/** Silence that counts as a pause. */
export const PAUSE_MS = 1;

export interface Gathered {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  /** Undefined: there is more to come, so it has to stream. */
  readonly end: BodyEnd | undefined;
  /** What the pieces hold of the memory budget. */
  readonly lease: Lease;
}

export interface GatherGiven {
  readonly clock: Clock;
  readonly memory: ByteBudget;
  /** Whose share of the memory it is. */
  readonly keyId: string;
  /** A larger body streams. */
  readonly pageBytes: number;
}

/** Rejects with StreamError when the body ends too early; nothing is held then. */
export const gatherBody = async (body: OriginBody, given: GatherGiven): Promise<Gathered> => {
  const { clock, pageBytes } = given;
  const lease = given.memory.lease(given.keyId);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for (const since = clock.now(); ; ) {
      const next = body.take() ?? (await body.nextWithin(clock, patienceMs(clock.now() - since)));
      if (next === LATE) return { pieces, bytes, end: undefined, lease };
      if (!Buffer.isBuffer(next)) return { pieces, bytes, end: next, lease };
      pieces.push(next);
      bytes += next.length;
      if (bytes > pageBytes || !lease.grow(next.length)) return { pieces, bytes, end: undefined, lease };
    }
  } catch (error) {
    lease.release();
    throw error;
  }
};

const patienceMs = (waitedMs: number): number =>
  waitedMs < MOST_PATIENCE_MS ? Math.max(PATIENCE_MS - waitedMs, PAUSE_MS) : 0;
