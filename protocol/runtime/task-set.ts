/**
 * Work that nobody waits for while a daemon runs, and that has to be over before it ends: an exchange that is cut off still
 * has its line to write. Counted and not held: there is one for every visit.
 */
export class TaskSet {
  #underWay = 0;
  #over: PromiseWithResolvers<void> | undefined;

  /** `work` never rejects. */
  add(work: Promise<void>): void {
    this.#underWay++;
    void work.then(this.#ended);
  }

  /** Resolves when all that was added is over, and what is added meanwhile. */
  over(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  readonly #ended = (): void => {
    this.#underWay--;
    if (this.#underWay > 0) return;
    this.#over?.resolve();
    this.#over = undefined;
  };
}
