/** Work that stops now and then for whatever else the event loop has to do: a generator that yields between its slices. */
import { setImmediate as turn } from "node:timers/promises";

/** Why work stops: others have their turn, or it needs more of what it reads than has come. */
type Pause = "turn" | "starved";
export type Slices<T> = Generator<Pause, T>;

/** All of it now: what it reads is here. */
export const atOnce = <T>(work: Slices<T>): T => {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
};

/** Throws what work rejects with that nobody waits for any more. */
export type StillWanted = () => void;

/** A slice in each turn of the event loop: what it reads is here. */
export const inTurns = async <T>(work: Slices<T>, stillWanted: StillWanted): Promise<T> => {
  for (;;) {
    stillWanted();
    const { done, value } = work.next();
    if (done === true) return value;
    await turn();
  }
};

/**
 * One piece of work after the other, with tools that are made when they are first needed and kept: new memory costs
 * more than the work, page by page.
 */
export class OneAfterTheOther<Tool extends object> {
  readonly #make: () => Tool;
  readonly #tools: Tool[] = [];
  #last: Promise<void> = Promise.resolve();
  /** How many pieces are under way or wait for it. Written here alone. */
  waiting = 0;

  constructor(make: () => Tool) {
    this.#make = make;
  }

  get isBusy(): boolean {
    return this.waiting > 0;
  }

  /** `stillWanted`: asked before each slice, so that what nobody waits for costs no more than its place in the row. */
  do<T>(work: (tool: Tool) => Slices<T>, stillWanted: StillWanted = () => {}): Promise<T> {
    return this.inRow(async () => {
      const tool = this.take();
      try {
        return await inTurns(work(tool), stillWanted);
      } finally {
        this.give(tool);
      }
    });
  }

  /** Once all that came before is done. */
  async inRow<T>(begin: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    this.waiting++;
    await before;
    try {
      return await begin();
    } finally {
      this.waiting--;
      resolve();
    }
  }

  /** For whoever does something beside the row, and gives it back. */
  take(): Tool {
    return this.#tools.pop() ?? this.#make();
  }

  give(tool: Tool): void {
    this.#tools.push(tool);
  }
}
