/**
 * A map and a set of what comes and goes with each request. Where V8 gives the table of a Map or a Set another size, the old table refers to the
 * new one. Once one of them is in the old generation, each that follows is kept by the one before it, and so is what was in it: of what went through
 * the map no scavenge frees anything, and every page lived until the whole heap was collected. Here a new map takes the place of the old one from
 * time to time, to which the old one refers in nothing. bench/RESULTS.md "Collections".
 */

/** Entries are copied no more often than others are added. */
const LEAST_ADDED = 64;

/** In the order in which they were added, like Map. What is added while it is iterated may not be met, and what is deleted then may. */
export class TurnoverMap<Key, Value> {
  #entries = new Map<Key, Value>();
  #added = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  set(key: Key, value: Value): void {
    if (++this.#added > LEAST_ADDED + this.#entries.size) {
      this.#entries = new Map(this.#entries);
      this.#added = 0;
    }
    this.#entries.set(key, value);
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key);
  }

  keys(): MapIterator<Key> {
    return this.#entries.keys();
  }

  values(): MapIterator<Value> {
    return this.#entries.values();
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]();
  }
}

/** Likewise. */
export class TurnoverSet<Item> {
  readonly #items = new TurnoverMap<Item, true>();

  get size(): number {
    return this.#items.size;
  }

  has(item: Item): boolean {
    return this.#items.has(item);
  }

  add(item: Item): void {
    this.#items.set(item, true);
  }

  delete(item: Item): boolean {
    return this.#items.delete(item);
  }

  [Symbol.iterator](): MapIterator<Item> {
    return this.#items.keys();
  }
}

/**
 * Work that nobody waits for while a daemon runs, and that has to be over before it ends: an exchange that is cut off still
 * has its line to write.
 */
export class TaskSet {
  readonly #works = new TurnoverSet<Promise<void>>();

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
