/**
 * Whose turn it is to send: lower urgency numbers first (RFC 9218), streams of one urgency in turn. Holds a stream at most
 * once. SPEC section "Order".
 */

export const URGENCIES = 8;

export class FairQueue<Item extends { readonly urgency: number }> {
  readonly #rings: Item[][] = Array.from({ length: URGENCIES }, () => []);
  readonly #waiting = new Set<Item>();

  get size(): number {
    return this.#waiting.size;
  }

  add(item: Item): void {
    if (this.#waiting.has(item)) return;
    this.#waiting.add(item);
    this.#ring(item).push(item);
  }

  /** Gives a turn back that could not be used: the item is the next of its urgency again. */
  putBack(item: Item): void {
    if (this.#waiting.has(item)) return;
    this.#waiting.add(item);
    this.#ring(item).unshift(item);
  }

  /** How many wait with the urgency of `item`. */
  alike(item: Item): number {
    return this.#ring(item).length;
  }

  remove(item: Item): void {
    if (!this.#waiting.delete(item)) return;
    const ring = this.#ring(item);
    ring.splice(ring.indexOf(item), 1);
  }

  /** Takes the next one out; add it again to give it another turn after the others. */
  next(): Item | undefined {
    for (const ring of this.#rings) {
      const item = ring.shift();
      if (item === undefined) continue;
      this.#waiting.delete(item);
      return item;
    }
    return undefined;
  }

  #ring(item: Item): Item[] {
    return this.#rings[item.urgency] as Item[];
  }
}
