/**
 * How many exchanges a route has with its web server at once. Who finds no place waits in line, for a bounded time, and may
 * leave the line.
 */

import { StreamError } from "../../protocol/errors.ts";
import { type Clock, DeadlineError } from "../../protocol/runtime/clock.ts";

/** Gives a place back; safe to call twice. */
export type GiveBack = () => void;

export class ConnectionPlaces {
  #free: number;
  readonly #most: number;
  readonly #line = new Set<() => void>();

  constructor(most: number) {
    this.#most = most;
    this.#free = most;
  }

  /** Exchanges that have a place. */
  get taken(): number {
    return this.#most - this.#free;
  }

  /** Rejects with StreamError("origin-silent") after `withinMs`, or with the signal's reason. */
  async take(clock: Clock, withinMs: number, signal: AbortSignal): Promise<GiveBack> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#inLine(clock, withinMs, signal);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#next();
    };
  }

  async #inLine(clock: Clock, withinMs: number, signal: AbortSignal): Promise<void> {
    try {
      await clock.within(withinMs, signal, (over) => this.#turn(over));
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new StreamError(
        "origin-silent",
        `all ${this.#most} connections of the route were in use for ${withinMs} ms; raise its connections`,
      );
    }
  }

  #turn(over: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#line.add(resolve);
    over.addEventListener("abort", () => {
      if (this.#line.delete(resolve)) reject(over.reason);
    });
    return promise;
  }

  /** The place goes straight to who waits longest. */
  #next(): void {
    const [first] = this.#line;
    if (first === undefined) this.#free++;
    else {
      this.#line.delete(first);
      first();
    }
  }
}
