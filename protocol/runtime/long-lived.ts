/**
 * What may run for hours, such as event streams and upgraded connections: known while it runs, and cut off when a daemon that stops has
 * given it the time that it has of its own.
 */
export class LongLived {
  readonly #cuts = new Set<() => void>();
  #over = false;

  /** `cut` ends it, and is called at once when the time has passed. Returns what to call when it is over by itself. */
  add(cut: () => void): () => void {
    if (this.#over) cut();
    else this.#cuts.add(cut);
    return () => this.#cuts.delete(cut);
  }

  /** Also what is added later. */
  cutAll(): void {
    this.#over = true;
    for (const cut of this.#cuts) cut();
    this.#cuts.clear();
  }
}
