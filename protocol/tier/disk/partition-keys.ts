/**
 * The keys of partitions: made from the store's key and a salt that stands in the file, anew each day. Without its salt a key
 * cannot be had again, so what is erased with it stays erased. SPEC section "Version store".
 */
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { derived } from "../store-key.ts";

const SALT_BYTES = 32;
/** What is sealed under one key is of one day. @internal */
export const KEY_MS = 86_400_000;

export class PartitionKeys {
  readonly #database: DatabaseSync;
  readonly #storeKey: Uint8Array;
  readonly #known = new Map<number, Buffer>();

  constructor(database: DatabaseSync, storeKey: Uint8Array) {
    this.#database = database;
    this.#storeKey = storeKey;
  }

  /** The key that a partition's versions are sealed with now. `now`: milliseconds since 1970. */
  current(partition: number, now: number): { readonly id: number; readonly key: Buffer } {
    const newest = this.#database
      .prepare("SELECT id FROM keys WHERE partition = ? AND born > ? ORDER BY born DESC LIMIT 1")
      .get(partition, now - KEY_MS);
    const id =
      newest === undefined
        ? Number(
            this.#database
              .prepare("INSERT INTO keys(partition, salt, born) VALUES (?, ?, ?)")
              .run(partition, randomBytes(SALT_BYTES), now).lastInsertRowid,
          )
        : Number(newest.id);
    const key = this.get(id);
    if (key === undefined) throw new Error("a key of the file is gone");
    return { id, key };
  }

  /** Undefined for one that was erased. */
  get(id: number): Buffer | undefined {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const salt = this.#database.prepare("SELECT salt FROM keys WHERE id = ?").get(id)?.salt;
    if (!(salt instanceof Uint8Array)) return undefined;
    const key = derived(this.#storeKey, "partition", salt);
    this.#known.set(id, key);
    return key;
  }

  /** Erases those that nothing is sealed with any more, but for today's. */
  eraseUnused(now: number): void {
    this.#database
      .prepare("DELETE FROM keys WHERE born <= ? AND NOT EXISTS (SELECT 1 FROM versions WHERE key = keys.id)")
      .run(now - KEY_MS);
    this.forgetKnown();
  }

  /** To be called whenever keys may have been erased, or a transaction that made some was undone. */
  forgetKnown(): void {
    this.#known.clear();
  }
}
