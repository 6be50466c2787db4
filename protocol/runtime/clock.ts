/**
 * Time as an argument. Nothing but this file asks the machine for the time or sets a timer, so every wait in
 * Coilgun can be driven by a fake clock in tests. All times are milliseconds on a monotonic clock.
 */

/** How often a moment of the calendar is looked for: that clock is put right now and then, and timers end at 24 days. */
const LOOK_MS = 60_000;

/** A timer that has been set; cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The reason of a wait that ran out of time. */
export class DeadlineError extends Error {
  readonly afterMs: number;
  constructor(afterMs: number) {
    super(`no answer within ${afterMs} ms`);
    this.name = "DeadlineError";
    this.afterMs = afterMs;
  }
}

export abstract class Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  abstract now(): number;

  /** Milliseconds since 1970, as the machine has it: it may be put right at any time, so it is for dates that people wrote. */
  today(): number {
    return performance.timeOrigin + this.now();
  }

  /** Runs `run` once when `today` has come to `ms`, at the latest LOOK_MS after that clock was put there. */
  at(ms: number, run: () => void): Timer {
    let timer: Timer;
    const look = () => {
      const leftMs = ms - this.today();
      if (leftMs <= 0) run();
      else timer = this.after(Math.min(leftMs, LOOK_MS), look);
    };
    timer = this.after(Math.min(Math.max(0, ms - this.today()), LOOK_MS), look);
    return { cancel: () => timer.cancel() };
  }

  /** Runs `run` once, `ms` from now. A timer never keeps the process alive by itself. */
  abstract after(ms: number, run: () => void): Timer;

  /** Resolves `ms` from now; rejects with `signal.reason` when the signal fires first. Leaves nothing behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const stop = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = this.after(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
    return promise;
  }

  /**
   * Runs `run` with a signal that fires when `signal` does or `ms` have passed (reason: DeadlineError). `run` must
   * honour its signal; timer and listener are gone either way.
   */
  async within<T>(
    ms: number,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const deadline = new AbortController();
    const pass = () => deadline.abort(signal?.reason);
    const timer = this.after(ms, () => deadline.abort(new DeadlineError(ms)));
    signal?.addEventListener("abort", pass, { once: true });
    try {
      return await run(deadline.signal);
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", pass);
    }
  }
}

class SystemClock extends Clock {
  /** Asked some ten times for every request: bound, because a method around it would double the calls. */
  override readonly now = performance.now.bind(performance);

  override today(): number {
    return Date.now();
  }

  override after(ms: number, run: () => void): Timer {
    const timeout = setTimeout(run, ms);
    timeout.unref();
    return { cancel: clearTimeout.bind(undefined, timeout) };
  }
}

/** Microseconds of CLOCK_MONOTONIC, as sd_notify(3) wants them; for no wait. */
export const monotonicMicros = (): bigint => process.hrtime.bigint() / 1000n;

/** Chance as an argument: the machine's own, from 0 up to 1. For jitter, never for secrets. */
export const systemChance = (): number => Math.random();

/** The machine's own clock. */
export const systemClock: Clock = new SystemClock();
