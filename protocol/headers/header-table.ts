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

/** A longer value would push out too much. Policies of 3 to 5 KB, and sessions that are cookies of 2 to 4, are worth it. @internal */
export const LONGEST_ENTERED_VALUE = 8192;
/** And one that takes more than this part of the table's bound. */
const SHARE_OF_TABLE = 8;

const GONE: TableEntry = { name: "", value: "", key: undefined };

export class HeaderTable {
  readonly #tableBytes: number;
  /** Entries in the order of insertion; those before `#first` are gone. */
  #entries: TableEntry[] = [];
  #first = 0;
  #droppedBefore = 0;
  #bytes = 0;
  /** Entries inserted since the link began. Written here alone. */
  inserted = 0;

  constructor(tableBytes: number) {
    this.#tableBytes = tableBytes;
  }

  /** The entry at `index`, 0 being the newest; throws LinkError if there is none. */
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
    this.dropped(entry, this.#droppedBefore);
    this.#entries[this.#first] = GONE; // its strings are given up now, not when the array is compacted
    this.#first++;
    this.#droppedBefore++;
    // Compact now and then, so that dropping stays cheap and the array stays short.
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** `sequence`: how many entries were inserted before it. */
  protected dropped(_entry: TableEntry, _sequence: number): void {}
}

/** A table that also finds fields, for the encoder. */
export class LookupTable extends HeaderTable {
  /** Sequence numbers of the newest entry of a field, and of a name. */
  readonly #fields = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #longest: number;
  // A field that is looked for is inserted next as a rule.
  #asked = { name: "", value: "", key: "\n" };

  constructor(tableBytes: number) {
    super(tableBytes);
    this.#longest = Math.min(LONGEST_ENTERED_VALUE, Math.floor(tableBytes / SHARE_OF_TABLE));
  }

  /** Whether it is short enough to be inserted. */
  takes(value: string): boolean {
    return value.length <= this.#longest;
  }

  /** The index of this very field, if the table has it. */
  find(name: string, value: string): number | undefined {
    return this.#indexOf(this.#fields.get(this.#keyOf(name, value)));
  }

  /** The index of the newest entry of this name. */
  findName(name: string): number | undefined {
    return this.#indexOf(this.#names.get(name));
  }

  override insert(name: string, value: string): void {
    const key = this.#keyOf(name, value);
    this.#fields.set(key, this.inserted);
    this.#names.set(name, this.inserted);
    super.insert(name, value, key);
  }

  protected override dropped({ name, key }: TableEntry, sequence: number): void {
    if (key !== undefined && this.#fields.get(key) === sequence) this.#fields.delete(key);
    if (this.#names.get(name) === sequence) this.#names.delete(name);
  }

  /** Neither a name nor a value can hold a line feed. */
  #keyOf(name: string, value: string): string {
    if (name !== this.#asked.name || value !== this.#asked.value)
      this.#asked = { name, value, key: `${name}\n${value}` };
    return this.#asked.key;
  }

  #indexOf(sequence: number | undefined): number | undefined {
    return sequence === undefined ? undefined : this.inserted - 1 - sequence;
  }
}
