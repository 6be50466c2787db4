/**
 * The table of header fields seen on one direction of a link. New entries push out the oldest when the bytes run out, by
 * the same arithmetic on both ends; indexes count back from the newest entry. Only the encoder needs to look fields up.
 * SPEC section "Header blocks".
 */
import { LinkError } from "../errors.ts";

interface TableEntry {
  readonly name: string;
  readonly value: string;
  /** Both as one, of a table in which fields are looked up. */
  readonly key: string | undefined;
}

/** What an entry costs beyond its bytes (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;

const sizeOf = (name: string, value: string) => name.length + value.length + ENTRY_OVERHEAD_BYTES;

export interface HeaderTable {
  /** Entries inserted since the link began. */
  readonly inserted: number;
  /** The entry at `index`, 0 being the newest; throws LinkError if there is none. */
  at(index: number): TableEntry;
  insert(name: string, value: string): void;
}

/** A longer value would push out too much. Policies of 3 to 5 KB, and sessions that are cookies of 2 to 4, are worth it. @internal */
export const LONGEST_ENTERED_VALUE = 8192;
/** And one that takes more than this part of the table's bound. */
const SHARE_OF_TABLE = 8;

export interface TableLookup extends HeaderTable {
  /** Whether it is short enough to be inserted. */
  takes(value: string): boolean;
  /** The index of this very field, if the table has it. */
  find(name: string, value: string): number | undefined;
  /** The index of the newest entry of this name. */
  findName(name: string): number | undefined;
}

const GONE: TableEntry = { name: "", value: "", key: undefined };

type Dropped = (entry: TableEntry, sequence: number) => void;

class Table implements HeaderTable {
  readonly #tableBytes: number;
  readonly #dropped: Dropped | undefined;
  /** Entries in the order of insertion; those before `#first` are gone. */
  #entries: TableEntry[] = [];
  #first = 0;
  #droppedBefore = 0;
  #bytes = 0;
  inserted = 0;

  constructor(tableBytes: number, dropped?: Dropped) {
    this.#tableBytes = tableBytes;
    this.#dropped = dropped;
  }

  at(index: number): TableEntry {
    const entry = this.#entries[this.#entries.length - 1 - index];
    if (index < 0 || index >= this.#entries.length - this.#first || entry === undefined)
      throw new LinkError("header-table", `header index ${index} is not in the table`);
    return entry;
  }

  /** An entry larger than the whole table empties it, as in RFC 7541 section 4.4; it counts as inserted. */
  insert(name: string, value: string, key?: string): void {
    this.#entries.push({ name, value, key });
    this.#bytes += sizeOf(name, value);
    this.inserted++;
    while (this.#bytes > this.#tableBytes) this.#dropOldest();
  }

  #dropOldest(): void {
    const entry = this.#entries[this.#first] as TableEntry;
    this.#bytes -= sizeOf(entry.name, entry.value);
    this.#dropped?.(entry, this.#droppedBefore);
    this.#entries[this.#first] = GONE; // its strings are given up now, not when the array is compacted
    this.#first++;
    this.#droppedBefore++;
    // Compact now and then, so that dropping stays cheap and the array stays short.
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

export const newHeaderTable = (tableBytes: number): HeaderTable => new Table(tableBytes);

/** A table that also finds fields, for the encoder. */
export const newLookupTable = (tableBytes: number): TableLookup => {
  /** Sequence numbers of the newest entry of a field, and of a name. */
  const fields = new Map<string, number>();
  const names = new Map<string, number>();
  // A field that is looked for is inserted next as a rule. Neither a name nor a value can hold a line feed.
  let asked = { name: "", value: "", key: "\n" };
  const keyOf = (name: string, value: string) => {
    if (name !== asked.name || value !== asked.value) asked = { name, value, key: `${name}\n${value}` };
    return asked.key;
  };
  const forget = (map: Map<string, number>, key: string, sequence: number) => {
    if (map.get(key) === sequence) map.delete(key);
  };
  const longest = Math.min(LONGEST_ENTERED_VALUE, Math.floor(tableBytes / SHARE_OF_TABLE));
  const table = new Table(tableBytes, (entry, sequence) => {
    if (entry.key !== undefined) forget(fields, entry.key, sequence);
    forget(names, entry.name, sequence);
  });
  const indexOf = (sequence: number | undefined) =>
    sequence === undefined ? undefined : table.inserted - 1 - sequence;
  return {
    get inserted() {
      return table.inserted;
    },
    at: (index) => table.at(index),
    takes: (value) => value.length <= longest,
    find: (name, value) => indexOf(fields.get(keyOf(name, value))),
    findName: (name) => indexOf(names.get(name)),
    insert(name, value) {
      const key = keyOf(name, value);
      fields.set(key, table.inserted);
      names.set(name, table.inserted);
      table.insert(name, value, key);
    },
  };
};
