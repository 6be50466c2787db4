/**
 * Places for connections that have not verified themselves: a few per address and a bound for all, so that strangers can
 * hold only so much of an edge, and one of them cannot keep the others out. SPEC section "Listening".
 */
import { ownerOf } from "../runtime/ip-address.ts";

export class HandshakeLimit {
  readonly #perAddress: number;
  readonly #inAll: number;
  readonly #taken = new Map<string, number>();
  #takenInAll = 0;

  constructor(bounds: { readonly perAddress: number; readonly inAll: number }) {
    this.#perAddress = bounds.perAddress;
    this.#inAll = bounds.inAll;
  }

  /** Takes a place for a connection from `address`; returns how to give it back, or undefined when there is none. */
  take(address: string): (() => void) | undefined {
    const owner = ownerOf(address);
    const taken = this.#taken.get(owner) ?? 0;
    if (taken >= this.#perAddress || this.#takenInAll >= this.#inAll) return undefined;
    this.#taken.set(owner, taken + 1);
    this.#takenInAll++;
    let held = true;
    return () => {
      if (held) this.#giveBack(owner);
      held = false;
    };
  }

  #giveBack(owner: string): void {
    this.#takenInAll--;
    const left = (this.#taken.get(owner) ?? 0) - 1;
    if (left > 0) this.#taken.set(owner, left);
    else this.#taken.delete(owner);
  }
}
