/** Work that stops now and then for whatever else the event loop has to do: a generator that yields between its slices. */
import { setImmediate as turn } from "node:timers/promises";

export type Slices<T> = Generator<void, T>;

/** All of it now. */
export const atOnce = <T>(work: Slices<T>): T => {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
};

/** Throws what work rejects with that nobody waits for any more. */
export type StillWanted = () => void;

/** A slice in each turn of the event loop. */
const inTurns = async <T>(work: Slices<T>, stillWanted: StillWanted): Promise<T> => {
  for (;;) {
    stillWanted();
    const { done, value } = work.next();
    if (done === true) return value;
    await turn();
  }
};

/** One piece of work after the other, with something that all of them use, made when it is first needed: new memory costs more than the work, page by page. */
export class OneAfterTheOther<Tool extends object> {
  readonly #make: () => Tool;
  #tool: Tool | undefined;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(make: () => Tool) {
    this.#make = make;
  }

  /** How many pieces are under way or wait for it. */
  get waiting(): number {
    return this.#waiting;
  }

  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /** `stillWanted`: asked before each slice, so that what nobody waits for costs no more than its place in the row. */
  async do<T>(work: (tool: Tool) => Slices<T>, stillWanted: StillWanted = () => {}): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    this.#waiting++;
    await before;
    try {
      stillWanted();
      this.#tool ??= this.#make();
      return await inTurns(work(this.#tool), stillWanted);
    } finally {
      this.#waiting--;
      resolve();
    }
  }
}
