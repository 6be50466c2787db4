/**
 * The decoder of header blocks as SPEC.md tells it, written again as simply as can be: an array, the newest entry first, cut
 * after each insert. The oracle for the real one.
 */
export class SlowTable {
  readonly #tableBytes: number;
  #entries: (readonly [string, string])[] = [];
  #inserted = 0;

  constructor(tableBytes: number) {
    this.#tableBytes = tableBytes;
  }

  decode(block: Buffer): string[] {
    const bytes = [...block];
    const take = () => {
      const byte = bytes.shift();
      if (byte === undefined) throw new Error("the block is too short");
      return byte;
    };
    const varint = (): number => {
      const byte = take();
      return byte < 128 ? byte : byte - 128 + 128 * varint();
    };
    const text = () => Buffer.from(Array.from({ length: varint() }, take)).toString("latin1");
    const index = (first: number, full: number) => ((first & full) < full ? first & full : full + varint());
    const entry = (at: number) => {
      const found = this.#entries[at];
      if (found === undefined) throw new Error("no such entry");
      return found;
    };

    if (varint() !== bytes.length) throw new Error("the length is wrong");
    if (take() !== this.#inserted % 256) throw new Error("the insert count is wrong");
    const fields: string[] = [];
    while (bytes.length > 0) {
      const first = take();
      let name: string;
      let value: string;
      if (first >= 0x80) [name, value] = entry(index(first, 0x7f));
      else if (first >= 0x40) {
        [name] = entry(index(first, 0x3f));
        value = text();
        this.#insert(name, value);
      } else if (first >= 0x20) {
        [name] = entry(index(first, 0x1f));
        value = text();
      } else {
        name = text();
        value = text();
        this.#insert(name, first === 0x10 ? value : "");
      }
      if (name === "; ") fields.push(`${fields.pop()}; ${value}`);
      else fields.push(name, value);
    }
    return fields;
  }

  #insert(name: string, value: string): void {
    this.#entries = [[name, value], ...this.#entries];
    this.#inserted++;
    const cost = () => this.#entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (cost() > this.#tableBytes) this.#entries.pop();
  }
}
