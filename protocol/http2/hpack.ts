/** Reads header blocks as the fields that were sent, allowed or not. RFC 7541. */
import type { HeaderList } from "../http/header-list.ts";

/** SETTINGS_HEADER_TABLE_SIZE, of which nothing else is said here (RFC 9113 section 6.5.2). */
const TABLE_BYTES = 4_096;
/** What an entry counts beside its texts (section 4.1). */
const ENTRY_BYTES = 32;
/** Names and values in turn, from index 1 on (appendix A). */
const STATIC: HeaderList = `
:authority||:method|GET|:method|POST|:path|/|:path|/index.html|:scheme|http|:scheme|https|:status|200|:status|204|:status|206|:status|304|
:status|400|:status|404|:status|500|accept-charset||accept-encoding|gzip, deflate|accept-language||accept-ranges||accept||
access-control-allow-origin||age||allow||authorization||cache-control||content-disposition||content-encoding||content-language||
content-length||content-location||content-range||content-type||cookie||date||etag||expect||expires||from||host||if-match||
if-modified-since||if-none-match||if-range||if-unmodified-since||last-modified||link||location||max-forwards||proxy-authenticate||
proxy-authorization||range||referer||refresh||retry-after||server||set-cookie||strict-transport-security||transfer-encoding||
user-agent||vary||via||www-authenticate|`
  .replaceAll("\n", "")
  .split("|");
const STATIC_ENTRIES = STATIC.length / 2;

/** Of the code of each byte, `a` for 5 bits, and of the end of a text (appendix B). The code is canonical: the lengths say all of it. */
const CODE_LENGTHS = [
  ...`isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhf`,
  ...`ibccccccccccccccccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjix`,
  ...`prpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrs`,
  ...`vvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwv`,
  "z",
].map((letter) => letter.charCodeAt(0) - 0x61 + 5);
const SYMBOLS = CODE_LENGTHS.map((_, symbol) => symbol).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
const CODES_OF_LENGTH = Array.from(
  { length: 31 },
  (_, bits) => CODE_LENGTHS.filter((each) => each === bits).length,
);

function lengthOf(symbol: number): number {
  return CODE_LENGTHS[symbol] as number;
}

/** A block that is none. @internal */
export class HpackError extends Error {}

/** Of one direction of one connection: blocks build on those before them. */
export class HpackDecoder {
  /** Names and values in turn, the oldest entry first. */
  readonly #table: string[] = [];
  #tableBytes = 0;
  #mostBytes = TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Names and values in turn, each byte a character. Throws HpackError for what is no block; nothing can be decoded from then on. */
  decode(block: Buffer): HeaderList {
    const fields: string[] = [];
    this.#block = block;
    this.#at = 0;
    while (this.#at < block.length) {
      const byte = this.#byte();
      if (byte >= 0x80) {
        const index = this.#integer(byte, 0x7f);
        fields.push(this.#entry(index, 0), this.#entry(index, 1));
      } else if (byte >= 0x20 && byte < 0x40) {
        this.#resize(this.#integer(byte, 0x1f));
      } else {
        const index = this.#integer(byte, byte >= 0x40 ? 0x3f : 0x0f);
        const name = index === 0 ? this.#text() : this.#entry(index, 0);
        const value = this.#text();
        fields.push(name, value);
        if (byte >= 0x40) this.#add(name, value);
      }
    }
    return fields;
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new HpackError("a header block that breaks off");
    return byte;
  }

  #integer(first: number, mask: number): number {
    let integer = first & mask;
    if (integer < mask) return integer;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#byte();
      integer += (byte & 0x7f) * unit;
      if (byte < 0x80) return integer;
    }
  }

  #text(): string {
    const first = this.#byte();
    const length = this.#integer(first, 0x7f);
    const from = this.#at;
    if (!(length <= this.#block.length - from))
      throw new HpackError("a text that is longer than its header block");
    this.#at += length;
    const bytes = this.#block.subarray(from, this.#at);
    return first >= 0x80 ? uncoded(bytes) : bytes.toString("latin1");
  }

  /** `part`: 0 is the name, 1 the value. */
  #entry(index: number, part: 0 | 1): string {
    const text =
      index <= STATIC_ENTRIES
        ? STATIC[(index - 1) * 2 + part]
        : this.#table[this.#table.length - (index - STATIC_ENTRIES) * 2 + part];
    if (text === undefined) throw new HpackError("an index of no field");
    return text;
  }

  #add(name: string, value: string): void {
    this.#table.push(name, value);
    this.#tableBytes += name.length + value.length + ENTRY_BYTES;
    this.#evict();
  }

  #resize(bytes: number): void {
    if (!(bytes <= TABLE_BYTES)) throw new HpackError("a table that is larger than was offered");
    this.#mostBytes = bytes;
    this.#evict();
  }

  #evict(): void {
    let gone = 0;
    for (; this.#tableBytes > this.#mostBytes && gone < this.#table.length; gone += 2)
      this.#tableBytes -=
        (this.#table[gone]?.length ?? 0) + (this.#table[gone + 1]?.length ?? 0) + ENTRY_BYTES;
    if (gone > 0) this.#table.splice(0, gone);
  }
}

/** Codes of one length are numbers that follow each other, so that a code is found by how many shorter ones there are. */
const uncoded = (bytes: Buffer): string => {
  const text = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 5));
  let to = 0;
  let [code, bits, shorter] = [0, 0, 0];
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      const codes = CODES_OF_LENGTH[++bits] ?? 0;
      if (code < codes) {
        text[to++] = SYMBOLS[shorter + code] as number;
        code = bits = shorter = 0;
      } else {
        code -= codes;
        shorter += codes;
      }
    }
  }
  return text.toString("latin1", 0, to);
};
