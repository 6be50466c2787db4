/**
 * A set of field names, asked about names in any case. Heads are sorted by such sets many times for every request, and most
 * names have a length that none of the set has: those are neither copied in lower case nor looked up.
 */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  /** Bit n: one of the names is so long, modulo the bits there are. */
  readonly #lengths: number;

  /** In lower case. */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    let lengths = 0;
    for (const name of this.#names) lengths |= 1 << name.length;
    this.#lengths = lengths;
  }

  has(name: string): boolean {
    return (this.#lengths & (1 << name.length)) !== 0 && this.#names.has(name.toLowerCase());
  }

  /** These and more. */
  with(names: Iterable<string>): FieldNames {
    return new FieldNames([...this.#names, ...names]);
  }
}
