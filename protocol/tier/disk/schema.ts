/**
 * The tables of a file of versions, and how one is opened: made where there is none, made anew where it is damaged or of another
 * Coilgun, left alone where it is something else. The store's id stands in it and goes with it.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { PRIVATE_MODE } from "../../daemon/private-file.ts";
import type { StoreId } from "../../store/stored-version.ts";

/** Rises with every change of the tables. */
const SCHEMA = 1;
const STORE_ID_BYTES = 16;
/** Another process of this machine may be writing. */
const BUSY_MS = 2_000;

// Values of pages follow each other in a page of 8 KiB: 40 KB of HTML are 8 KB here, compressed.
const PRAGMAS = `
  PRAGMA page_size = 8192;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA secure_delete = ON;
  PRAGMA foreign_keys = ON;
  PRAGMA temp_store = MEMORY;
  PRAGMA journal_size_limit = 16777216;
`;

const TABLES = `
  CREATE TABLE store(id BLOB NOT NULL);
  CREATE TABLE partitions(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE keys(
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL REFERENCES partitions ON DELETE CASCADE,
    salt BLOB NOT NULL,
    born INTEGER NOT NULL
  );
  CREATE TABLE versions(
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL REFERENCES partitions ON DELETE CASCADE,
    fingerprint BLOB NOT NULL,
    used INTEGER NOT NULL,
    stores BLOB NOT NULL,
    key INTEGER REFERENCES keys ON DELETE CASCADE,
    body BLOB NOT NULL,
    UNIQUE(partition, fingerprint)
  );
  CREATE INDEX versions_used ON versions(used);
  CREATE INDEX versions_key ON versions(key, used) WHERE key IS NOT NULL;
  CREATE INDEX keys_partition ON keys(partition, born);
  CREATE TABLE places(
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    scope BLOB NOT NULL,
    page BLOB NOT NULL,
    about BLOB NOT NULL,
    UNIQUE(version, scope, page)
  );
  CREATE INDEX places_scope ON places(scope);
  CREATE INDEX places_page ON places(page);
  CREATE TABLE lists(
    list BLOB NOT NULL,
    seen INTEGER NOT NULL,
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE,
    PRIMARY KEY(list, place)
  ) WITHOUT ROWID;
  CREATE INDEX lists_place ON lists(place);
  PRAGMA user_version = ${SCHEMA};
`;

interface OpenedFile {
  readonly database: DatabaseSync;
  readonly storeId: StoreId;
  /** Why what was there before was thrown away; undefined where nothing was. */
  readonly madeAnew: string | undefined;
}

/** A setting that names a key, a log or another program's database by mistake must not cost that. */
export class OthersFile extends Error {
  constructor() {
    super("it is no file of versions, and stays as it is");
    this.name = "OthersFile";
  }
}

/** What every file of SQLite begins with. */
const MAGIC = Buffer.from("SQLite format 3\0", "latin1");
/** Of every release. */
const OURS: readonly string[] = ["store", "versions"];

/** Throws OthersFile. A file that begins with nothing is one that a power failure has left; reading a pipe could wait for ever. */
const checkBeginning = (file: number): void => {
  if (!fstatSync(file).isFile()) throw new OthersFile();
  const begin = Buffer.alloc(MAGIC.length);
  readSync(file, begin, 0, begin.length, 0);
  if (!begin.equals(MAGIC) && begin.some((byte) => byte !== 0)) throw new OthersFile();
};

/** Throws OthersFile where there are tables, and not those of versions; and what node:sqlite throws. */
const checkTables = (database: DatabaseSync): void => {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const names = new Set(tables.map(({ name }) => name));
  if (names.size > 0 && !OURS.every((name) => names.has(name))) throw new OthersFile();
};

/**
 * Whether there is a file. Throws OthersFile where it cannot be one of versions, as its first bytes tell, and Node's
 * errors where it cannot be written. SQLite does not open it: that would leave files of this user's beside it.
 */
export const isThere = (path: string): boolean => {
  if (!existsSync(path)) return false;
  const file = openSync(path, "r+");
  try {
    checkBeginning(file);
  } finally {
    closeSync(file);
  }
  return true;
};

/** Throws OthersFile, and what node:sqlite throws where no file can be had at all. */
export const openFile = (path: string): OpenedFile => {
  try {
    const opened = open(path);
    if (opened !== undefined) return { ...opened, madeAnew: undefined };
    eraseFile(path);
    return { ...made(path), madeAnew: "it is of another release" };
  } catch (error) {
    if (!isDamage(error)) throw error;
    eraseFile(path);
    return { ...made(path), madeAnew: "it was damaged" };
  }
};

/** The file and its log. */
export const filesOf = (path: string): string[] => ["", "-wal", "-shm"].map((end) => `${path}${end}`);

/** What is open goes on without a name. */
export const eraseFile = (path: string): void => {
  for (const file of filesOf(path)) rmSync(file, { force: true });
};

/** SQLITE_CORRUPT and SQLITE_NOTADB; SQLITE_ERROR and SQLITE_CONSTRAINT, where the tables are not as they were made. */
const DAMAGES: readonly number[] = [11, 26, 1, 19];

/** Whether it says that the file is of no use any more. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && DAMAGES.includes(Number(error.errcode) & 0xff);

/** By which it is seen that another file, or none, has its name now. Throws where it has none. */
export const identityOf = (path: string): string => {
  const { dev, ino } = statSync(path);
  return `${dev} ${ino}`;
};

const made = (path: string): Omit<OpenedFile, "madeAnew"> => {
  const opened = open(path);
  if (opened === undefined) throw new Error(`${path} is in use by another release of Coilgun`);
  return opened;
};

/** Undefined for the file of another release. */
const open = (path: string): Omit<OpenedFile, "madeAnew"> | undefined => {
  // Its log gets the same mode.
  const file = openSync(path, "a+", PRIVATE_MODE);
  try {
    checkBeginning(file);
  } finally {
    closeSync(file);
  }
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    checkTables(database);
    database.exec(PRAGMAS);
    // Two processes that start at once make the tables once.
    database.exec("BEGIN IMMEDIATE");
    const schema = database.prepare("PRAGMA user_version").get()?.user_version;
    const isEmpty = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()?.tables === 0;
    if (isEmpty) {
      database.exec(TABLES);
      database.prepare("INSERT INTO store VALUES (?)").run(randomBytes(STORE_ID_BYTES));
    }
    database.exec("COMMIT");
    const id = isEmpty || schema === SCHEMA ? database.prepare("SELECT id FROM store").get()?.id : undefined;
    if (id instanceof Uint8Array && id.length === STORE_ID_BYTES)
      return { database, storeId: Buffer.from(id).toString("latin1") as StoreId };
    database.close();
    return undefined;
  } catch (error) {
    database.close();
    throw error;
  }
};

/** Before all that others forgot who share a store beside the file. */
const NOTHING_HEARD = "0-0";

/**
 * The last news that a daemon heard, kept beside its file of versions: what others forgot while it was stopped, or cut off, is in that
 * file still. By the number that the news have, as clocks of machines differ. `id` is undefined where there is no file yet; what could not
 * be kept is heard again.
 */
export const lastHeardBeside = (versions: string) => {
  const path = `${versions}-heard`;
  return {
    id: existsSync(versions) ? heardIn(path) : undefined,
    keep(id: string): void {
      try {
        writeFileSync(path, id, { mode: PRIVATE_MODE });
      } catch {}
    },
  };
};

const heardIn = (path: string): string => {
  try {
    const text = readFileSync(path, "latin1");
    return /^\d+-\d+$/.test(text) ? text : NOTHING_HEARD;
  } catch {
    return NOTHING_HEARD;
  }
};
