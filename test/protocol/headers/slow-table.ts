/**
 * The decoder of header blocks as SPEC.md tells it, written again as simply as can be: an array, the newest entry first, cut
 * after each insert; heads in a list of 32; bits as text. The oracle for the real one.
 */
type Fields = (readonly [string, string])[];

export class SlowTable {
  readonly #tableBytes: number;
  #entries: Fields = [];
  #counted = 0;
  readonly #heads: (Fields | undefined)[] = Array(32).fill(undefined);

  constructor(tableBytes: number) {
    this.#tableBytes = tableBytes;
  }

  decode(block: Buffer): string[] {
    const read = reader(block);
    if (read.varint() !== read.left()) throw new Error("the length is wrong");
    if (read.byte() !== this.#counted % 256) throw new Error("the count is wrong");
    this.#counted++;
    const form = read.byte();
    const place = form % 32;
    const head = form >= 128 ? this.#changed(read, this.#heads[place]) : this.#inFull(read);
    if (form !== 0) {
      if (![2, 4].includes(Math.floor(form / 32))) throw new Error("no such form");
      if (costOf(head) > Math.floor(this.#tableBytes / 16)) throw new Error("too large to remember");
      this.#heads[place] = head;
    }
    const fields: string[] = [];
    for (const [name, value] of head)
      if (name === "; ") fields.push(`${fields.pop()}; ${value}`);
      else fields.push(name, value);
    return fields;
  }

  #inFull(read: Reader): Fields {
    const head: Fields = [];
    while (read.left() > 0) {
      const first = read.byte();
      if (first >= 0x80) head.push(this.#entry(read.index(first, 0x7f)));
      else if (first >= 0x40) head.push(this.#insert(this.#entry(read.index(first, 0x3f))[0], read.text()));
      else if (first >= 0x20) head.push([this.#entry(read.index(first, 0x1f))[0], read.text()]);
      else {
        const [name, value] = [read.text(), read.text()];
        this.#insert(name, first === 0x10 ? value : "");
        head.push([name, value]);
      }
    }
    return head;
  }

  #changed(read: Reader, before: Fields | undefined): Fields {
    if (before === undefined) throw new Error("nothing is remembered there");
    const head = [...before];
    const date = Date.parse(before.find(([name]) => name.toLowerCase() === "date")?.[1] ?? "");
    const canonical = before.some(([, value]) => value === new Date(date || 0).toUTCString());
    const from = Number.isNaN(date) || date < 0 || !canonical ? Date.UTC(2026, 0) : date;
    let number = 0;
    let next = 0;
    while (read.left() > 0) {
      const first = read.byte();
      next += read.index(first, 0x1f);
      const field = head[next];
      if (field === undefined) throw new Error("no such field");
      const [name, old] = field;
      const form = first >> 5;
      const value = this.#value(read, form, { old, from, number });
      if (form === 4) number = Number(value);
      if (form === 1 || form === 5 || form === 7) this.#insert(name, value);
      head[next] = [name, value];
      next++;
    }
    return head;
  }

  #value(
    read: Reader,
    form: number,
    { old, from, number }: { old: string; from: number; number: number },
  ): string {
    if (form === 0) return this.#entry(read.varint())[1];
    if (form === 1 || form === 2) return read.text();
    if (form === 3) return new Date(from + 1000 * read.signed()).toUTCString();
    if (form === 4) return `${read.varint()}`;
    return form === 5 ? tag(read) : tagAfter(read, old, number);
  }

  #entry(at: number): readonly [string, string] {
    const found = this.#entries[at];
    if (found === undefined) throw new Error("no such entry");
    return found;
  }

  #insert(name: string, value: string): readonly [string, string] {
    this.#entries = [[name, value], ...this.#entries];
    this.#counted++;
    while (costOf(this.#entries) > this.#tableBytes) this.#entries.pop();
    return [name, value];
  }
}

const costOf = (fields: Fields) =>
  fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);

type Reader = ReturnType<typeof reader>;

const reader = (block: Buffer) => {
  const bytes = [...block];
  const byte = () => {
    const taken = bytes.shift();
    if (taken === undefined) throw new Error("the block is too short");
    return taken;
  };
  const varint = (): number => {
    const taken = byte();
    return taken < 128 ? taken : taken - 128 + 128 * varint();
  };
  const take = (count: number) => Array.from({ length: count }, byte);
  return {
    byte,
    varint,
    take,
    left: () => bytes.length,
    text: () => Buffer.from(take(varint())).toString("latin1"),
    index: (first: number, full: number) => ((first & full) < full ? first & full : full + varint()),
    signed: () => {
      const written = varint();
      return written % 2 === 0 ? written / 2 : -(written + 1) / 2;
    },
  };
};

const HEX = "0123456789abcdef";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ALPHABETS = [HEX, `${LETTERS}+/`, `${LETTERS}-_`];

const tag = (read: Reader): string => {
  const first = read.byte();
  const size = (first & 0x10) === 0 ? "" : `${read.varint().toString(16)}-`;
  const alphabet = ALPHABETS[first & 3];
  const inside = alphabet === undefined ? uuid(read) : characters(read, alphabet, read.varint());
  return around(first, size + inside);
};

const around = (first: number, inside: string) =>
  (first & 8) !== 0 ? `W/"${inside}"` : (first & 4) !== 0 ? `"${inside}"` : inside;

/** The alphabet of the old tag is the first in the list that has all of its characters. */
const tagAfter = (read: Reader, old: string, number: number): string => {
  const first = old.startsWith("W/") ? 12 : old.startsWith('"') ? 4 : 0;
  const inside = old.replace(/^(W\/)?"/, "").replace(/"$/, "");
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(inside)) return around(first, uuid(read));
  const [, size, rest = ""] = /^(?:(0|[1-9a-f][0-9a-f]{0,11})-)?(.*)$/.exec(inside) ?? [];
  const alphabet = ALPHABETS.find((letters) => [...rest].every((letter) => letters.includes(letter))) ?? "";
  const before = size === undefined ? "" : `${(number + read.signed()).toString(16)}-`;
  return around(first, before + characters(read, alphabet, rest.length));
};

const characters = (read: Reader, alphabet: string, count: number): string => {
  const width = Math.log2(alphabet.length);
  const bits = read
    .take(Math.ceil((count * width) / 8))
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
  return Array.from(
    { length: count },
    (_, at) => alphabet[Number.parseInt(bits.slice(at * width, (at + 1) * width), 2)],
  ).join("");
};

const uuid = (read: Reader): string =>
  Buffer.from(read.take(16))
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
