/**
 * The versions in one file (SQLite), bounded in bytes: those that were not seen for longest give way. Synchronous, and so used
 * in a thread of its own (disk-worker.ts). A body is compressed, what is a session's is sealed, and whatever is read is compared
 * with its fingerprint. All times are milliseconds since 1970. SPEC section "Version store".
 */
import type { DatabaseSync } from "node:sqlite";
import { namesOf } from "../../store/common-base-name.ts";
import type { Fingerprint, ShortFingerprint } from "../../store/fingerprint.ts";
import { KEPT_PER_TEMPLATE, KEPT_PER_URL, MAX_OFFERS } from "../../store/page-index.ts";
import { hostName, hostOf, type Partition } from "../../store/partition.ts";
import type { StoreId } from "../../store/stored-version.ts";
import {
  type Forgotten,
  type StoredList,
  type StoredScope,
  type StoredVersion,
  standsIn,
} from "../lower-tier.ts";
import { derivedKey } from "../store-key.ts";
import { FileNames } from "./file-names.ts";
import { PartitionKeys } from "./partition-keys.ts";
import { bringBack, isAhead, nextSeen } from "./put-back-clock.ts";
import { openFile } from "./schema.ts";
import { Statements } from "./statements.ts";
import { storesIn, versionIn, writtenBody, writtenPlace, writtenStores } from "./stored-row.ts";

export interface VersionFileOptions {
  readonly path: string;
  /** Most bytes of the file. */
  readonly bytes: number;
  /** Undefined: there is none, and nothing of sessions comes here. */
  readonly storeKey: Uint8Array | undefined;
  /** Of what is a session's, after it was seen last. */
  readonly sessionMs: number;
}

/** Room is made for so much at once, and so many versions are looked at. */
const ROOM = 0.02;
const EVICTED_AT_ONCE = 64;

const FOUND = `SELECT v.id, v.fingerprint, v.stores, v.key, v.body, p.about FROM versions v JOIN places p ON p.version = v.id`;

export class VersionFile {
  readonly storeId: StoreId;
  readonly madeAnew: string | undefined;
  readonly #options: VersionFileOptions;
  readonly #database: DatabaseSync;
  readonly #names: FileNames;
  readonly #keys: PartitionKeys;
  readonly #sql: Statements;
  /** The order in which places were seen, also by other processes and earlier runs: microseconds since 1970, or what comes next. */
  #seen = 0;

  /** Throws what node:sqlite throws. */
  constructor(options: VersionFileOptions) {
    const { database, storeId, madeAnew } = openFile(options.path);
    const storeKey = options.storeKey ?? Buffer.from(storeId, "latin1");
    this.storeId = storeId;
    this.madeAnew = madeAnew;
    this.#options = options;
    this.#database = database;
    this.#sql = new Statements(database);
    this.#names = new FileNames(derivedKey(storeKey, "names"));
    this.#keys = new PartitionKeys(this.#sql, storeKey);
  }

  /** Puts all or none. */
  put(versions: readonly StoredVersion[], now: number): void {
    this.#together(() => {
      if (isAhead(this.#seen, now)) bringBack(this.#sql, now);
      for (const version of versions) this.#put(version, now);
      this.#makeRoom();
    });
  }

  nominated(partition: Partition, shorts: readonly ShortFingerprint[]): StoredVersion[] {
    const owner = this.#ownerOf(partition);
    if (owner === undefined) return [];
    return shorts.flatMap((short) => {
      const [from, to] = [0x00, 0xff].map((fill) => Buffer.alloc(32, fill));
      for (const end of [from, to]) end?.write(short, "latin1");
      const rows = this.#sql.all(
        `${FOUND} WHERE v.partition = ? AND v.fingerprint BETWEEN ? AND ? GROUP BY v.id HAVING max(p.id) LIMIT 2`,
        owner,
        from ?? null,
        to ?? null,
      );
      return rows.length === 1 ? rows.flatMap((row) => this.#read(partition, row) ?? []) : [];
    });
  }

  listed(partition: Partition, lists: readonly StoredList[], peerStore?: StoreId): StoredVersion[] {
    const found = new Map<Fingerprint, StoredVersion>();
    for (const { scopeKey, key } of lists) {
      if (found.size >= MAX_OFFERS) break;
      for (const row of this.#sql.all(
        `${FOUND} JOIN lists l ON l.place = p.id WHERE l.list = ? ORDER BY l.seen DESC LIMIT ${KEPT_PER_TEMPLATE}`,
        this.#names.list(partition, scopeKey, key),
      )) {
        if (peerStore !== undefined && !storesIn(row.stores).includes(peerStore)) continue;
        const version = this.#read(partition, row);
        // Who can write the file can put a version into another list; what is sealed with it says where it belongs.
        if (version !== undefined && standsIn(version.place, { scopeKey, key }))
          found.set(version.fingerprint, version);
        if (found.size >= MAX_OFFERS) break;
      }
    }
    return [...found.values()];
  }

  /** Nothing of it is left in the file or its log afterwards. */
  forget(what: Forgotten): void {
    this.#together(() => this.#forget(what));
    this.#sql.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Erases what was not seen for as long as a session's is kept, and keys that are of no use. */
  expire(now: number): void {
    const ended = now - this.#options.sessionMs;
    this.#together(() => {
      this.#sql.run("DELETE FROM versions WHERE key IS NOT NULL AND used < ?", ended);
      bringBack(this.#sql, now);
      this.#keys.eraseUnused(now);
    });
  }

  get count(): number {
    return Number(this.#sql.get("SELECT count(*) AS count FROM versions")?.count);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #put(version: StoredVersion, now: number): void {
    const owner = this.#ownerOf(version.partition) ?? this.#newOwner(version.partition);
    const fingerprint = Buffer.from(version.fingerprint, "latin1");
    const sealing = version.retention === "session" ? this.#keys.current(owner, now) : undefined;
    const known = this.#sql.get(
      "SELECT id, key, stores FROM versions WHERE partition = ? AND fingerprint = ?",
      owner,
      fingerprint,
    );
    const isThere = known !== undefined && known.key === (sealing?.id ?? null);
    const stores = writtenStores([...(isThere ? storesIn(known.stores) : []), ...version.stores]);
    let id = Number(known?.id);
    if (isThere) this.#sql.run("UPDATE versions SET used = ?, stores = ? WHERE id = ?", now, stores, id);
    else {
      // A body that is a session's from now on, or under a key of an earlier day, is written anew.
      if (known !== undefined) this.#sql.run("DELETE FROM versions WHERE id = ?", id);
      const made = this.#sql.run(
        "INSERT INTO versions(partition, fingerprint, used, stores, key, body) VALUES (?, ?, ?, ?, ?, ?)",
        owner,
        fingerprint,
        now,
        stores,
        sealing?.id ?? null,
        writtenBody(version, sealing?.key),
      );
      id = Number(made.lastInsertRowid);
    }
    this.#seen = nextSeen(this.#seen, now);
    this.#place(id, version, writtenPlace(version, sealing?.key));
  }

  /** Makes it the newest of its lists; what stands in none any more is gone. */
  #place(id: number, { partition, place }: StoredVersion, about: Buffer): void {
    const { scopeKey, url, templates } = place;
    const names = this.#names;
    const page = names.page(partition, url);
    const stands = this.#sql.get(
      `INSERT INTO places(version, scope, page, about) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET about = excluded.about RETURNING id`,
      id,
      names.scope(partition, scopeKey),
      page,
      about,
    );
    const lists = [url, ...templates].map((key) => names.list(partition, scopeKey, key));
    // All of them before anything gives way: a place that is in none is gone.
    for (const list of lists)
      this.#sql.run(
        "INSERT INTO lists(list, seen, place) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen = excluded.seen",
        list,
        this.#seen,
        Number(stands?.id),
      );
    for (const [at, list] of lists.entries()) {
      // Of a template one version a page, as in memory.
      if (at > 0)
        this.#leave(
          "list = ?1 AND seen < ?3 AND place IN (SELECT id FROM places WHERE page = ?2)",
          list,
          page,
          this.#seen,
        );
      const most = at === 0 ? KEPT_PER_URL : KEPT_PER_TEMPLATE;
      this.#leave(
        "list = ?1 AND seen < (SELECT seen FROM lists WHERE list = ?1 ORDER BY seen DESC LIMIT 1 OFFSET ?2)",
        list,
        most - 1,
      );
    }
  }

  #leave(which: string, ...values: (number | Buffer)[]): void {
    for (const { place } of this.#sql.all(`DELETE FROM lists WHERE ${which} RETURNING place`, ...values)) {
      const left = this.#sql.get(
        "DELETE FROM places WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM lists WHERE place = ?1) RETURNING version",
        Number(place),
      );
      if (left !== undefined)
        this.#sql.run(
          "DELETE FROM versions WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM places WHERE version = ?1)",
          Number(left.version),
        );
    }
  }

  #forget(what: Forgotten): void {
    if ("of" in what) {
      for (const { id, name } of this.#partitionsOf(what.of))
        if (what.url === undefined) this.#sql.run("DELETE FROM partitions WHERE id = ?", id);
        else
          for (const url of namesOf(what.url))
            this.#sql.run(
              "DELETE FROM versions WHERE id IN (SELECT version FROM places WHERE page = ?)",
              this.#names.page(name, url),
            );
      this.#keys.forgetKnown();
    } else if ("session" in what)
      this.#sql.run(
        "DELETE FROM versions WHERE id IN (SELECT version FROM places WHERE scope = ?)",
        this.#names.scope(what.partition, what.session),
      );
    else {
      const owner = this.#ownerOf(what.partition);
      for (const fingerprint of owner === undefined ? [] : what.fingerprints)
        this.#sql.run(
          "DELETE FROM versions WHERE partition = ? AND fingerprint = ?",
          owner ?? null,
          Buffer.from(fingerprint, "latin1"),
        );
    }
  }

  #partitionsOf(of: StoredScope): { readonly id: number; readonly name: Partition }[] {
    const host = "host" in of ? hostName(of.host) : undefined;
    return this.#sql
      .all("SELECT id, name FROM partitions")
      .map(({ id, name }) => ({ id: Number(id), name: name as Partition }))
      .filter(({ name }) => ("partition" in of ? name === of.partition : hostOf(name) === host));
  }

  #ownerOf(partition: Partition): number | undefined {
    const known = this.#sql.get("SELECT id FROM partitions WHERE name = ?", partition)?.id;
    return known === undefined ? undefined : Number(known);
  }

  #newOwner(partition: Partition): number {
    return Number(this.#sql.run("INSERT INTO partitions(name) VALUES (?)", partition).lastInsertRowid);
  }

  /** Undefined for what cannot be read, or is not what it says; that is erased. */
  #read(partition: Partition, row: Readonly<Record<string, unknown>>): StoredVersion | undefined {
    const version = versionIn(partition, row, (key) => this.#keys.get(key));
    if (version === undefined) this.#sql.run("DELETE FROM versions WHERE id = ?", Number(row.id));
    return version;
  }

  /** Pages that are in use count, not the length of the file: freed ones are written again. */
  #makeRoom(): void {
    const most = this.#options.bytes * (1 - ROOM);
    while (this.#bytesInUse() > most) {
      const { changes } = this.#sql.run(
        `DELETE FROM versions WHERE id IN (SELECT id FROM versions ORDER BY used LIMIT ${EVICTED_AT_ONCE})`,
      );
      if (changes === 0) break;
    }
  }

  #bytesInUse(): number {
    const [size, pages, free] = ["page_size", "page_count", "freelist_count"].map((name) =>
      Number(this.#sql.get(`PRAGMA ${name}`)?.[name]),
    );
    return Number(size) * (Number(pages) - Number(free));
  }

  #together(steps: () => void): void {
    try {
      this.#sql.together(steps);
    } catch (error) {
      this.#keys.forgetKnown();
      throw error;
    }
  }
}
