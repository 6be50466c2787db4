/**
 * A queue between events and a story: producers push, one consumer takes, waiting when there is nothing. After `fail` the
 * consumer still gets what came before, then the error, again and again.
 */
import type { Clock } from "./clock.ts";
import { Fifo } from "./fifo.ts";

/** What a bounded wait gives when nothing came in time. */
export const LATE = Symbol("late");

/** What ends a wait before anything has come: `withinMs` on `clock`, or something that came to `other`, or its failure. */
export interface WaitBounds {
  readonly clock: Clock;
  /** Undefined: without a limit. */
  readonly withinMs?: number | undefined;
  /** Has the same consumer, which waits for nothing else meanwhile. */
  readonly other: AsyncQueue<unknown>;
}

/** Each way of waiting makes its own promise: one function for all of them took 9 % more memory of both daemons under load. */
export class AsyncQueue<Item> {
  /** Few queues ever hold more than one item: the ring for those behind it comes with the second. */
  #first: Item | undefined;
  #behind: Fifo<Item> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** How many wait. Written here alone. */
  length = 0;

  push(item: Item): void {
    this.add(item);
    this.wake();
  }

  /** Only the first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** What would be taken next, if it is here. */
  peek(): Item | undefined {
    return this.#first;
  }

  /** What is here already; throws the failure if there is nothing before it. */
  take(): Item | undefined {
    const item = this.#first;
    if (item === undefined && this.#failure !== undefined) throw this.#failure.error;
    this.#first = this.#behind?.shift();
    if (item !== undefined) this.length--;
    return item;
  }

  async next(): Promise<Item> {
    for (;;) {
      const item = this.take();
      if (item !== undefined) return item;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** As `next`, but LATE after `ms` without anything, or after `interrupt`. */
  async nextWithin(clock: Clock, ms: number): Promise<Item | typeof LATE> {
    const item = this.take();
    if (item !== undefined) return item;
    if (ms <= 0) return LATE;
    await new Promise<void>((resolve) => {
      const timer = clock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#wake = undefined;
    return this.take() ?? LATE;
  }

  /** As `next`, but LATE after `interrupt`. */
  async nextUnlessInterrupted(): Promise<Item | typeof LATE> {
    const item = this.take();
    if (item !== undefined) return item;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    return this.take() ?? LATE;
  }

  /** Wakes a consumer that waits, though nothing has come: something else wants its attention. */
  interrupt(): void {
    this.#wake?.();
  }

  /** What would be taken last. */
  protected get last(): Item | undefined {
    return this.#behind?.last ?? this.#first;
  }

  /** As `push`, but wakes nobody. */
  protected add(item: Item): void {
    this.length++;
    if (this.#first === undefined) {
      this.#first = item;
      return;
    }
    this.#behind ??= new Fifo();
    this.#behind.push(item);
  }

  /** Puts another item in the place of the last one, which there is, and wakes nobody. */
  protected replaceLast(item: Item): void {
    if (this.#behind?.last === undefined) this.#first = item;
    else this.#behind.replaceLast(item);
  }

  protected wake(): void {
    this.#wake?.();
  }

  /** As `next`, but LATE when another inbox of the same consumer has something, or when time is over. */
  async nextUnless({ other, clock, withinMs }: WaitBounds): Promise<Item | typeof LATE> {
    const item = this.take();
    if (item !== undefined) return item;
    if (other.#first !== undefined || other.#failure !== undefined) return LATE;
    await new Promise<void>((resolve) => {
      const timer = withinMs === undefined ? undefined : clock.after(withinMs, resolve);
      const wake = () => {
        timer?.cancel();
        resolve();
      };
      this.#wake = wake;
      other.#wake = wake;
    });
    this.#wake = undefined;
    other.#wake = undefined;
    return this.take() ?? LATE;
  }
}
