/**
 * A bounded set of texts of any length, each owner's by itself: the ones used last stay. A long text is held as its SHA-256, so what
 * one costs is bounded: about 120 bytes.
 */
import { hash } from "node:crypto";

export class RecentKeys {
  readonly #most: number;
  readonly #owners = new Map<string, Set<string>>();

  /** `most`: for each owner. Owners are few, and are never forgotten. */
  constructor(most: number) {
    this.#most = most;
  }

  add(owner: string, ...parts: readonly string[]): void {
    const keys = this.#owners.get(owner) ?? new Set<string>();
    this.#owners.set(owner, keys);
    const key = nameOf(parts);
    keys.delete(key);
    keys.add(key);
    const [oldest] = keys;
    if (keys.size > this.#most && oldest !== undefined) keys.delete(oldest);
  }

  /** One that is there counts as used. */
  has(owner: string, ...parts: readonly string[]): boolean {
    const keys = this.#owners.get(owner);
    if (keys === undefined || keys.size === 0) return false;
    const key = nameOf(parts);
    if (!keys.delete(key)) return false;
    keys.add(key);
    return true;
  }

  delete(owner: string, ...parts: readonly string[]): void {
    const keys = this.#owners.get(owner);
    if (keys !== undefined && keys.size > 0) keys.delete(nameOf(parts));
  }
}

/** Of a digest, and of no text that is held as it is. */
const DIGEST_CHARS = 32;
const MOST_HELD_CHARS = 64;

/** Parts hold no zero byte: they stood in a head. */
const nameOf = (parts: readonly string[]): string => {
  const text = parts.join("\0");
  const isHeld = text.length <= MOST_HELD_CHARS && text.length !== DIGEST_CHARS;
  return isHeld ? text : hash("sha256", text, "binary");
};
