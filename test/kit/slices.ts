/** Runs work that comes in slices to its end. */
export interface Sliced<T> {
  readonly result: T;
  readonly slices: number;
}

export const inOneGo = <T>(work: Generator<void, T>): Sliced<T> => {
  for (let slices = 1; ; slices++) {
    const step = work.next();
    if (step.done) return { result: step.value, slices };
  }
};
