/**
 * From where each key's origin sides dialled: a second running program with the same key, from an address that is neither listed nor
 * was seen before, may be a thief of it. SPEC section "Keys".
 */

/** Addresses remembered of one key; of more each is told. */
const MOST_ADDRESSES = 64;

export interface Sighting {
  readonly keyId: string;
  /** Names the running program. */
  readonly instance: string;
  readonly address: string;
}

export class KeySightings {
  readonly #addresses = new Map<string, Set<string>>();

  /**
   * The address of another program that has a link with this key, where that of `one` is a surprise; undefined: nothing is wrong.
   * `up`: the links that are up. `listed`: whether the key's `addresses` have it.
   */
  surprising(
    one: Sighting,
    { up, listed }: { readonly up: Iterable<Sighting>; readonly listed: boolean },
  ): string | undefined {
    const seen = this.#addresses.get(one.keyId) ?? new Set<string>();
    this.#addresses.set(one.keyId, seen);
    const known = listed || seen.has(one.address);
    if (seen.size < MOST_ADDRESSES) seen.add(one.address);
    if (known) return undefined;
    for (const other of up)
      if (other.keyId === one.keyId && other.instance !== one.instance) return other.address;
    return undefined;
  }
}
