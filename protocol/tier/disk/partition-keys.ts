/**
 * The keys of partitions: made from the store's key and a salt that stands in the file, anew each day. Without its salt a key
 * cannot be had again, so what is erased with it stays erased. SPEC section "Version store".
 */
import { type KeyObject, randomBytes } from "node:crypto";
import { derivedKey } from "../store-key.ts";
import { AHEAD_MS } from "./put-back-clock.ts";
import type { Statements } from "./statements.ts";

const SALT_BYTES = 32;
/** What is sealed under one key is of one day. @internal */
export const KEY_MS = 86_400_000;

export class PartitionKeys {
  readonly #sql: Statements;
  readonly #storeKey: Uint8Array;
  readonly #known = new Map<number, KeyObject>();

  constructor(sql: Statements, storeKey: Uint8Array) {
    this.#sql = sql;
    this.#storeKey = storeKey;
  }

  /** The key that a partition's versions are sealed with now. `now`: milliseconds since 1970. */
  current(partition: number, now: number): { readonly id: number; readonly key: KeyObject } {
    const newest = this.#sql.get(
      "SELECT id FROM keys WHERE partition = ? AND born > ? AND born <= ? ORDER BY born DESC LIMIT 1",
      partition,
      now - KEY_MS,
      now + AHEAD_MS,
    );
    const id = Number(newest?.id ?? this.#make(partition, now));
    const key = this.get(id);
    if (key === undefined) throw new Error("a key of the file is gone");
    return { id, key };
  }

  /** Undefined for one that was erased. */
  get(id: number): KeyObject | undefined {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const salt = this.#sql.get("SELECT salt FROM keys WHERE id = ?", id)?.salt;
    if (!(salt instanceof Uint8Array)) return undefined;
    const key = derivedKey(this.#storeKey, "partition", salt);
    this.#known.set(id, key);
    return key;
  }

  /** Erases those that nothing is sealed with any more, but for today's; one of the future is of before the clock was put back. */
  eraseUnused(now: number): void {
    this.#sql.run(
      "DELETE FROM keys WHERE (born <= ? OR born > ?) AND NOT EXISTS (SELECT 1 FROM versions WHERE key = keys.id)",
      now - KEY_MS,
      now + AHEAD_MS,
    );
    this.forgetKnown();
  }

  /** To be called whenever keys may have been erased, or a transaction that made some was undone. */
  forgetKnown(): void {
    this.#known.clear();
  }

  #make(partition: number, now: number): number | bigint {
    const salt = randomBytes(SALT_BYTES);
    const sql = "INSERT INTO keys(partition, salt, born) VALUES (?, ?, ?)";
    return this.#sql.run(sql, partition, salt, now).lastInsertRowid;
  }
}
