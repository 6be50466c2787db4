/**
 * A bounded set of texts of any length, each owner's by itself: the ones used last stay. A long text is held as its SHA-256, so what
 * one costs is bounded: about 120 bytes.
 */
import { hash } from "node:crypto";

/**
 * Of one owner, in two halves: when the younger one is full it takes the place of the older one. To keep all in the order of their use
 * took 4 us for each of 16,000: what a Set has deleted at its front is passed whenever its oldest item is looked for.
 */
interface Keys {
  young: Set<string>;
  old: Set<string>;
}

export class RecentKeys {
  readonly #half: number;
  readonly #owners = new Map<string, Keys>();

  /** `most`: for each owner; of those used last at least half as many stay. Owners are few, and are never forgotten. */
  constructor(most: number) {
    this.#half = Math.ceil(most / 2);
  }

  add(owner: string, ...parts: readonly string[]): void {
    let keys = this.#owners.get(owner);
    if (keys === undefined) {
      keys = { young: new Set(), old: new Set() };
      this.#owners.set(owner, keys);
    }
    this.#use(keys, nameOf(parts));
  }

  /** One that is there counts as used. */
  has(owner: string, ...parts: readonly string[]): boolean {
    const keys = this.#owners.get(owner);
    if (keys === undefined || isEmpty(keys)) return false;
    const key = nameOf(parts);
    const isHere = keys.young.has(key) || keys.old.has(key);
    if (isHere) this.#use(keys, key);
    return isHere;
  }

  delete(owner: string, ...parts: readonly string[]): void {
    const keys = this.#owners.get(owner);
    if (keys === undefined || isEmpty(keys)) return;
    const key = nameOf(parts);
    keys.young.delete(key);
    keys.old.delete(key);
  }

  #use(keys: Keys, key: string): void {
    if (keys.young.has(key)) return;
    if (keys.young.size >= this.#half) {
      keys.old = keys.young;
      keys.young = new Set();
    }
    keys.young.add(key);
  }
}

const isEmpty = ({ young, old }: Keys): boolean => young.size + old.size === 0;

/** Of a digest, and of no text that is held as it is. */
const DIGEST_CHARS = 32;
const MOST_HELD_CHARS = 64;

/** Parts hold no zero byte: they stood in a head. */
const nameOf = (parts: readonly string[]): string => {
  const text = parts.join("\0");
  const isHeld = text.length <= MOST_HELD_CHARS && text.length !== DIGEST_CHARS;
  return isHeld ? text : hash("sha256", text, "binary");
};
