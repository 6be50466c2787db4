/** Work that stops now and then for whatever else the event loop has to do: a generator that yields between its slices. */
export type Slices<T> = Generator<void, T>;

/** All of it now. */
export const atOnce = <T>(work: Slices<T>): T => {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
};

/** A slice in each turn of the event loop. */
const inTurns = async <T>(work: Slices<T>): Promise<T> => {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
};

/** One piece of work after the other, with something that all of them use, which is there while there is any. */
export class OneAfterTheOther<Tool extends object> {
  readonly #make: () => Tool;
  #tool: Tool | undefined;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(make: () => Tool) {
    this.#make = make;
  }

  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  async do<T>(work: (tool: Tool) => Slices<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    this.#waiting++;
    await before;
    try {
      this.#tool ??= this.#make();
      return await inTurns(work(this.#tool));
    } finally {
      if (--this.#waiting === 0) this.#tool = undefined;
      resolve();
    }
  }
}
