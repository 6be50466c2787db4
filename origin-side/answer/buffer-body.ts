/**
 * Waits a moment for a body to be complete, because a body that is here as a whole makes the smaller delta; but never longer than a
 * person could notice, so a page that the web server makes slowly streams at its own pace. SPEC section "Buffered or
 * streamed".
 */

import { StreamError } from "../../protocol/errors.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease, MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import type { BodyEnd, UpstreamBody } from "../../protocol/upstream/body.ts";

/** A body may take this long after its head, whatever the pauses in it. */
export const WAIT_MS = 5;
/** While its bytes keep coming without a pause, a body that is nearly there may take this long. */
export const MOST_WAIT_MS = 20;
/** Silence that counts as a pause. */
export const PAUSE_MS = 1;

export interface Gathered {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  /** Undefined: there is more to come, so it has to stream. */
  readonly end: BodyEnd | undefined;
  /** Why it will never have one; undefined otherwise. */
  readonly failure: StreamError | undefined;
  /** What the pieces hold of the memory budget. */
  readonly lease: Lease;
  /** It is not to be coded, for it begins as such bodies do. */
  readonly passes: boolean;
  /** The body was waited for so long. */
  readonly waitedMs: number;
}

export interface BufferOptions {
  readonly clock: Clock;
  readonly memory: MemoryBudget;
  /** Whose share of the memory it is. */
  readonly keyId: string;
  /** A larger body streams. */
  readonly pageBytes: number;
}

/** What is known of the body that is to be gathered. */
export interface Gathering {
  /** The web server has sent all of it, though it is being decoded still; then it is waited for. */
  isHere?(): boolean;
  /** False: only what is here in this turn of the event loop is gathered. Asked when there is something to wait for. */
  mayWait?(): boolean;
  /** Whether a body that begins so is not to be coded, and needs no more gathering. */
  passes?(first: Buffer): boolean;
}

/**
 * A body that breaks off, or whose coding is damaged, is no error here. Rejects with StreamError otherwise;
 * nothing is held then.
 */
export const gatherBody = async (
  body: UpstreamBody,
  options: BufferOptions,
  { isHere, mayWait, passes }: Gathering = {},
): Promise<Gathered> => {
  const { clock, pageBytes } = options;
  const lease = options.memory.lease(options.keyId);
  const pieces: Buffer[] = [];
  let bytes = 0;
  let waits: boolean | undefined;
  let waitedMs = 0;
  const gathered = () => ({ pieces, bytes, lease, waitedMs, passes: false, failure: undefined });
  const soon = async () => {
    const ms = waitMs(waitedMs);
    waits ??= mayWait?.() ?? true;
    if (ms > 0 && !waits) return nextOfTurn(body);
    const from = clock.now();
    const next = await body.nextWithin(clock, ms);
    // What this process was busy with meanwhile is no pause of the web server: what has arrived is read before it counts as late.
    waitedMs += Math.min(ms, clock.now() - from);
    return next === LATE ? nextOfTurn(body) : next;
  };
  try {
    for (;;) {
      const early = body.take() ?? (await soon());
      const next = early === LATE && isHere?.() ? await body.next() : early;
      if (next === LATE) return { ...gathered(), end: undefined };
      if (!Buffer.isBuffer(next)) return { ...gathered(), end: next };
      pieces.push(next);
      bytes += next.length;
      if (bytes > pageBytes || !lease.grow(next.length)) return { ...gathered(), end: undefined };
      if (pieces.length === 1 && passes?.(next)) return { ...gathered(), passes: true, end: undefined };
    }
  } catch (error) {
    if (error instanceof StreamError && error.code === "truncated")
      return { ...gathered(), end: undefined, failure: error };
    lease.release();
    throw error;
  }
};

let turn: Promise<void> | undefined;

/** Resolves when this turn of the event loop is over: one promise for all that wait for that. */
export const endOfTurn = (): Promise<void> => {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
};

/** A parser gives the pieces of one read one after the other, and promises run between them. */
const nextOfTurn = async (body: UpstreamBody): Promise<Buffer | BodyEnd | typeof LATE> => {
  await endOfTurn();
  return body.take() ?? LATE;
};

const waitMs = (waitedMs: number): number =>
  waitedMs < MOST_WAIT_MS ? Math.max(WAIT_MS - waitedMs, PAUSE_MS) : 0;
