/**
 * Work that can wait, done between requests: a rest in which others get their turn, those first for whom it is done, then a
 * millisecond of it, and so on. SPEC section "Common bases".
 */
import type { Clock } from "../../../protocol/runtime/clock.ts";

/** Milliseconds of work between two rests: steps take a tenth of that and more. @internal */
export const SLICE_MS = 1;
/** Of rest: such work takes a sixth of one core at most. @internal */
export const REST_MS = 5;

/** Resolves with what the work returns, or with undefined where `signal` fires first. Rejects with what it throws. */
export const inSlices = async <T>(
  work: Generator<void, T>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T | undefined> => {
  for (;;) {
    await clock.sleep(REST_MS, signal).catch(() => {});
    if (signal.aborted) return undefined;
    const until = clock.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (clock.now() < until);
  }
};
