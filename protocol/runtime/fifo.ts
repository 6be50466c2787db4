/**
 * A queue at both ends in constant time, as a ring that doubles. An array's own `shift` moves all that is left: of tens of
 * thousands of items, which a peer may make wait here, each of them would cost as much as all of them.
 */
/** What stays of a ring that is empty again. */
const KEPT_PLACES = 8;

export class Fifo<Item> {
  /** A power of two of them; one at first, since each stream has queues, of which few ever hold more. */
  #places: (Item | undefined)[] = [undefined];
  #head = 0;

  /** Written by the queue only. A field, because it is asked for at every turn of every stream. */
  length = 0;

  get first(): Item | undefined {
    return this.#places[this.#head];
  }

  get last(): Item | undefined {
    return this.length === 0 ? undefined : this.#places[this.#at(this.length - 1)];
  }

  push(item: Item): void {
    if (this.length === this.#places.length) this.#grow();
    this.#places[this.#at(this.length)] = item;
    this.length += 1;
  }

  unshift(item: Item): void {
    if (this.length === this.#places.length) this.#grow();
    this.#head = this.#at(this.#places.length - 1);
    this.#places[this.#head] = item;
    this.length += 1;
  }

  shift(): Item | undefined {
    const item = this.#places[this.#head];
    if (this.length === 0) return undefined;
    this.#places[this.#head] = undefined;
    this.#head = this.#at(1);
    this.length -= 1;
    // What a burst needed is not kept for good.
    if (this.length === 0 && this.#places.length > KEPT_PLACES) this.clear();
    return item;
  }

  /** Puts another item in the place of the first one. Throws RangeError where there is none. */
  replaceFirst(item: Item): void {
    this.#throwIfEmpty();
    this.#places[this.#head] = item;
  }

  /** Puts another item in the place of the last one. Throws RangeError where there is none. */
  replaceLast(item: Item): void {
    this.#throwIfEmpty();
    this.#places[this.#at(this.length - 1)] = item;
  }

  clear(): void {
    this.#places = [undefined];
    this.#head = 0;
    this.length = 0;
  }

  #at(index: number): number {
    return (this.#head + index) & (this.#places.length - 1);
  }

  #throwIfEmpty(): void {
    if (this.length === 0) throw new RangeError("the queue is empty");
  }

  #grow(): void {
    const places = this.#places;
    const grown = places.slice(this.#head);
    for (let at = 0; at < this.#head; at++) grown.push(places[at]);
    for (let more = places.length; more > 0; more--) grown.push(undefined);
    this.#places = grown;
    this.#head = 0;
  }
}
