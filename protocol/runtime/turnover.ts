/**
 * A map and a set of what comes and goes with each request. Where V8 clears a Map or a Set, or gives its table another
 * size, the old table refers to the new one, and to all that was in it then. Once one of them is in the old generation,
 * no scavenge frees any of that, nor what is in those that follow: every page lived until the whole heap was collected.
 * Here a table refers to cells, which are emptied when what they hold is deleted, and tables whose keys are objects are
 * WeakMaps, which keep nothing. bench/TRIED.md "Collections".
 */

/** In the order in which they were added, as in a Map. */
export class TurnoverMap<Key extends string | number | undefined, Value extends object> {
  readonly #cells = new Map<Key, { value: Value | undefined }>();

  get size(): number {
    return this.#cells.size;
  }

  get(key: Key): Value | undefined {
    return this.#cells.get(key)?.value;
  }

  getAll(keys: readonly Key[]): (Value | undefined)[] {
    return keys.map((key) => this.#cells.get(key)?.value);
  }

  has(key: Key): boolean {
    return this.#cells.has(key);
  }

  set(key: Key, value: Value): void {
    const cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, { value });
    else cell.value = value;
  }

  delete(key: Key): boolean {
    const cell = this.#cells.get(key);
    if (cell === undefined) return false;
    cell.value = undefined;
    return this.#cells.delete(key);
  }

  *values(): Generator<Value, void> {
    for (const { value } of this.#cells.values()) if (value !== undefined) yield value;
  }

  *[Symbol.iterator](): Generator<[Key, Value], void> {
    for (const [key, { value }] of this.#cells) if (value !== undefined) yield [key, value];
  }
}

/** Likewise. */
export class TurnoverSet<Item extends object> {
  readonly #numbers = new WeakMap<Item, number>();
  readonly #items = new TurnoverMap<number, Item>();
  #added = 0;

  get size(): number {
    return this.#items.size;
  }

  add(item: Item): void {
    if (this.#numbers.has(item)) return;
    this.#numbers.set(item, ++this.#added);
    this.#items.set(this.#added, item);
  }

  delete(item: Item): boolean {
    const number = this.#numbers.get(item);
    if (number === undefined) return false;
    this.#numbers.delete(item);
    return this.#items.delete(number);
  }

  [Symbol.iterator](): Generator<Item, void> {
    return this.#items.values();
  }
}
