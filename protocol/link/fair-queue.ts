/**
 * Whose turn it is to send: lower urgency numbers first (RFC 9218). Of one urgency those that sent little of late, then the
 * rest, in turn each: a page is through before a download notices. Holds a stream at most once. SPEC section "Order".
 */

/** @internal */
export const URGENCIES = 8;

/** What a stream may send before it counts as heavy: most pages with most of their pictures. @internal */
export const LIGHT_BYTES = 128 * 1024;
/** Who sends less than this part of all that leaves stays light, however long it lasts: a chat beside downloads. */
const LIGHT_PART = 64;

/** How much of what left of late was one stream's; written by the queue only. */
export interface Weight {
  bytes: number;
  /** As of this many bytes that left in all. */
  at: number;
  /** Among which of its urgency it waits: it may weigh something else meanwhile. Undefined: it does not wait. */
  waitsAs: "light" | "heavy" | undefined;
}

export interface Queued {
  readonly urgency: number;
  readonly weight: Weight;
}

interface Rings<Item> {
  readonly light: Item[];
  readonly heavy: Item[];
}

export class FairQueue<Item extends Queued> {
  readonly #rings: readonly Rings<Item>[] = Array.from({ length: URGENCIES }, () => ({
    light: [],
    heavy: [],
  }));
  #sentBytes = 0;

  /** How many wait. A field, because the scheduler asks several times for each message. */
  size = 0;

  add(item: Item): void {
    if (item.weight.waitsAs === undefined) this.#ringFor(item).push(item);
  }

  /** Gives a turn back that could not be used: the item is the next of its like again. */
  putBack(item: Item): void {
    if (item.weight.waitsAs === undefined) this.#ringFor(item).unshift(item);
  }

  /** An item that has just had its turn sent so much. */
  sent(item: Item, bytes: number): void {
    const left = this.#weightOf(item);
    this.#sentBytes += bytes;
    item.weight.bytes = left + bytes;
    item.weight.at = this.#sentBytes;
  }

  /** How many wait with the urgency of `item` and are light, or heavy, as it is. */
  alike(item: Item): number {
    return this.#rings[item.urgency]?.[this.#kindOf(item)].length ?? 0;
  }

  remove(item: Item): void {
    const { urgency, weight } = item;
    if (weight.waitsAs === undefined) return;
    const ring = this.#rings[urgency]?.[weight.waitsAs];
    ring?.splice(ring.indexOf(item), 1);
    this.#waitsNoMore(item);
  }

  /** Takes the next one out; add it again to give it another turn after the others. */
  next(first: "light" | "heavy" = "light"): Item | undefined {
    if (this.size === 0) return undefined;
    const then = first === "light" ? "heavy" : "light";
    for (const rings of this.#rings) {
      const item = rings[first].shift() ?? rings[then].shift();
      if (item === undefined) continue;
      this.#waitsNoMore(item);
      return item;
    }
    return undefined;
  }

  #ringFor(item: Item): Item[] {
    const kind = this.#kindOf(item);
    item.weight.waitsAs = kind;
    this.size++;
    return (this.#rings[item.urgency] as Rings<Item>)[kind];
  }

  #waitsNoMore({ weight }: Item): void {
    weight.waitsAs = undefined;
    this.size--;
  }

  #kindOf(item: Item): "light" | "heavy" {
    return this.#weightOf(item) < LIGHT_BYTES ? "light" : "heavy";
  }

  #weightOf({ weight }: Item): number {
    return Math.max(0, weight.bytes - (this.#sentBytes - weight.at) / LIGHT_PART);
  }
}
