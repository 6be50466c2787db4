/**
 * Work that nobody waits for while a daemon runs, and that has to be over before it ends: an exchange that is cut off still
 * has its line to write.
 */
export class TaskSet {
  readonly #works = new Set<Promise<void>>();

  /** `work` never rejects. */
  add(work: Promise<void>): void {
    this.#works.add(work);
    void work.then(() => this.#works.delete(work));
  }

  /** Resolves when all that was added is over. */
  async over(): Promise<void> {
    await Promise.all(this.#works);
  }
}
