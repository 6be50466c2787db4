/**
 * Places for connections that have not proved themselves: a few per address and a bound for all, so that strangers can
 * hold only so much of an edge, and one of them cannot keep the others out. SPEC section "Listening".
 */
import { isIPv6 } from "node:net";

/** Groups of 16 bits in an IPv6 address, and in the /64 that commonly belongs to one owner. */
const IPV6_GROUPS = 8;
const OWNER_GROUPS = 4;

export class PendingPlaces {
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

/** Whom a place counts for: an IPv4 address, or the /64 of an IPv6 address, of which one owner has them all. */
const ownerOf = (address: string): string => {
  if (!isIPv6(address)) return address;
  const [before = "", after = ""] = address.split("::");
  const head = before.split(":").filter((group) => group !== "");
  const tail = after.split(":").filter((group) => group !== "");
  const zeros = Array<string>(Math.max(0, IPV6_GROUPS - head.length - tail.length)).fill("0");
  return [...head, ...zeros, ...tail].slice(0, OWNER_GROUPS).join(":");
};
