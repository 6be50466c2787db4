/** SQL against one database: each statement is prepared once, and several are one transaction. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

type Value = string | number | Uint8Array | null;

export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  run(sql: string, ...values: Value[]) {
    return this.#statement(sql).run(...values);
  }

  get(sql: string, ...values: Value[]) {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: Value[]) {
    return this.#statement(sql).all(...values);
  }

  /** All of it or nothing. */
  together(steps: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      steps();
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const made = this.#database.prepare(sql);
    this.#prepared.set(sql, made);
    return made;
  }
}
