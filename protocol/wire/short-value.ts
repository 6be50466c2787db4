/**
 * Values in fewer bytes than their text: times and numbers as the difference from what stood in their place before, tags
 * by their alphabet. Each way gives back the very same text, or is not used. None is for secrets: the length of what is
 * written tells something of the value. SPEC section "Changes".
 */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { LinkError } from "./errors.ts";

/** Seconds since 1970 of the last moment that has a four-digit year. */
export const LATEST_SECONDS = 253_402_300_799;
const IMF_FIXDATE_BYTES = 29;

/** Undefined for anything but an IMF-fixdate (RFC 9110 section 5.6.7) from 1970 on, to the byte. */
const secondsOf = (text: string): number | undefined => {
  if (text.length !== IMF_FIXDATE_BYTES) return undefined;
  const ms = Date.parse(text);
  return ms >= 0 && new Date(ms).toUTCString() === text ? ms / 1000 : undefined;
};

/** Most digits of a number that is written as a difference: sums stay exact. */
const MOST_DIGITS = 15;
const NUMBER = new RegExp(`^(0|[1-9][0-9]{0,${MOST_DIGITS - 1}})$`);
const LARGEST = 10 ** MOST_DIGITS - 1;

const numberOf = (text: string): number | undefined => (NUMBER.test(text) ? Number(text) : undefined);

/** A kind of value that is written as a difference. */
export interface Scale {
  /** What `text` is further on than `base`; undefined where one of them is not of this kind. */
  difference(base: string, text: string): number | undefined;
  /** The text that is `difference` further on. Throws LinkError where `base` is not of this kind, or there is no such text. */
  after(base: string, difference: number): string;
}

const scale = (
  readNumber: (text: string) => number | undefined,
  textOf: (value: number) => string,
  most: number,
): Scale => ({
  difference(base, text) {
    const [from, to] = [readNumber(base), readNumber(text)];
    return from === undefined || to === undefined ? undefined : to - from;
  },
  after(base, difference) {
    const from = readNumber(base);
    const to = (from ?? Number.NaN) + difference;
    if (!(to >= 0 && to <= most)) throw new LinkError("bad-frame", "a difference from no number or time");
    return textOf(to);
  },
});

export const TIMES: Scale = scale(
  secondsOf,
  (seconds) => new Date(seconds * 1000).toUTCString(),
  LATEST_SECONDS,
);
export const NUMBERS: Scale = scale(numberOf, String, LARGEST);

/** A whole number with its sign in the lowest bit, so that small differences either way are short. */
export const writeSigned = (w: ByteWriter, value: number): void =>
  void w.varint(value < 0 ? -2 * value - 1 : 2 * value);

export const readSigned = (r: ByteReader): number => {
  const written = r.varint();
  return written % 2 === 0 ? written / 2 : -(written + 1) / 2;
};

/** The first byte of a tag: its alphabet, and what stands around its characters. */
const TAG = { alphabet: 0x03, quoted: 0x04, weak: 0x08, sized: 0x10 } as const;
const UUID = 3;
/** The alphabets but UUID, by number: Node's name of the coding, bits of a character, and what its zero bits spell. */
const ALPHABETS = [
  { coding: "hex", bits: 4, zero: "0", fits: /^[0-9a-f]*$/ },
  { coding: "base64", bits: 6, zero: "A", fits: /^[0-9A-Za-z+/]*$/ },
  { coding: "base64url", bits: 6, zero: "A", fits: /^[0-9A-Za-z_-]*$/ },
] as const;

/** Shorter ones gain nothing. */
const SHORTEST_TAG = 8;
export const MOST_TAG_CHARACTERS = 255;
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_DASHES = [8, 12, 16, 20];
const UUID_BYTES = 16;
/** A number in hexadecimal and a dash, as servers put a length or a time before a hash. */
const LARGEST_SIZE = 2 ** 48 - 1;
const SIZED = /^(0|[1-9a-f][0-9a-f]{0,11})-(.*)$/;

/** A tag in its parts, ready to be written. */
export interface Tag {
  readonly first: number;
  /** The number before a dash, if there is one. */
  readonly size: number | undefined;
  /** Undefined for a UUID, which has 32 always. */
  readonly characters: number | undefined;
  readonly packed: Buffer;
}

/** The parts of `text`; undefined where it is not made of one alphabet, or too short to gain by it. */
export const tagOf = (text: string): Tag | undefined => {
  if (text.length < SHORTEST_TAG) return undefined;
  const weak = text.startsWith('W/"');
  const quoted = weak || text.startsWith('"');
  if (quoted && !text.endsWith('"')) return undefined;
  const inside = quoted ? text.slice(weak ? 3 : 1, -1) : text;
  const around = (weak ? TAG.weak : 0) | (quoted ? TAG.quoted : 0);
  if (UUID_PATTERN.test(inside)) {
    const packed = Buffer.from(inside.replaceAll("-", ""), "hex");
    return { first: around | UUID, size: undefined, characters: undefined, packed };
  }
  const [, size, hash] = SIZED.exec(inside) ?? [];
  const characters = hash ?? inside;
  const number = ALPHABETS.findIndex(({ fits }) => fits.test(characters));
  const alphabet = ALPHABETS[number];
  if (alphabet === undefined || characters.length > MOST_TAG_CHARACTERS) return undefined;
  return {
    first: around | number | (size === undefined ? 0 : TAG.sized),
    size: size === undefined ? undefined : Number.parseInt(size, 16),
    characters: characters.length,
    packed: packedIn(alphabet, characters),
  };
};

type Alphabet = (typeof ALPHABETS)[number];

const packedBytes = ({ bits }: Alphabet, characters: number) => Math.ceil((characters * bits) / 8);

/** Most significant bits first, filled up with zero bits. */
const packedIn = (alphabet: Alphabet, text: string): Buffer => {
  const filled = text.padEnd(Math.ceil(text.length / 4) * 4, alphabet.zero);
  return Buffer.from(filled, alphabet.coding).subarray(0, packedBytes(alphabet, text.length));
};

/** In place of the first byte: this and the number of characters are those of the tag before. */
const AS_BEFORE = 0x20;

const isShapedAs = (a: Tag, b: Tag): boolean => a.first === b.first && a.characters === b.characters;

/** `before`: the value that stood in its place, of whatever form. */
export const writeTag = (w: ByteWriter, tag: Tag, before: string): void => {
  const { first, size, characters, packed } = tag;
  const old = tagOf(before);
  if (old !== undefined && isShapedAs(old, tag)) {
    w.u8(AS_BEFORE);
    if (size !== undefined) writeSigned(w, size - (old.size ?? 0));
  } else {
    w.u8(first);
    if (size !== undefined) w.varint(size);
    if (characters !== undefined) w.varint(characters);
  }
  w.bytes(packed);
};

/** Throws LinkError. */
export const readTag = (r: ByteReader, before: string): string => {
  const first = r.u8();
  if (first === AS_BEFORE) return readTagLike(r, tagOf(before));
  if (first > AS_BEFORE || (first & (TAG.weak | TAG.quoted)) === TAG.weak)
    throw new LinkError("bad-frame", `unknown form of a tag 0x${first.toString(16)}`);
  const size = (first & TAG.sized) === 0 ? undefined : r.varint();
  const characters = isUuid(first) ? undefined : r.varint();
  return tagText(r, { first, size, characters });
};

const readTagLike = (r: ByteReader, old: Tag | undefined): string => {
  if (old === undefined) throw new LinkError("bad-frame", "a tag like the one before, which was none");
  const size = old.size === undefined ? undefined : old.size + readSigned(r);
  return tagText(r, { first: old.first, size, characters: old.characters });
};

const isUuid = (first: number): boolean => (first & TAG.alphabet) === UUID;

const tagText = (r: ByteReader, { first, size, characters }: Omit<Tag, "packed">): string => {
  if (size !== undefined && !(size >= 0 && size <= LARGEST_SIZE))
    throw new LinkError("bad-frame", "a tag with a number out of range");
  const alphabet = ALPHABETS[first & TAG.alphabet];
  const inside =
    alphabet === undefined || characters === undefined ? readUuid(r) : readPacked(r, alphabet, characters);
  const open = (first & TAG.weak) !== 0 ? 'W/"' : (first & TAG.quoted) !== 0 ? '"' : "";
  return `${open}${size === undefined ? "" : `${size.toString(16)}-`}${inside}${open === "" ? "" : '"'}`;
};

const readUuid = (r: ByteReader): string => {
  const digits = r.bytes(UUID_BYTES).toString("hex");
  const [a, b, c, d] = UUID_DASHES;
  return `${digits.slice(0, a)}-${digits.slice(a, b)}-${digits.slice(b, c)}-${digits.slice(c, d)}-${digits.slice(d)}`;
};

const readPacked = (r: ByteReader, alphabet: Alphabet, characters: number): string => {
  if (characters > MOST_TAG_CHARACTERS)
    throw new LinkError("bad-frame", `a tag of ${characters} characters, more than ${MOST_TAG_CHARACTERS}`);
  const spelled = r.bytes(packedBytes(alphabet, characters)).toString(alphabet.coding).replaceAll("=", "");
  for (const beyond of spelled.slice(characters))
    if (beyond !== alphabet.zero) throw new LinkError("bad-frame", "a tag is not filled up with zero bits");
  return spelled.slice(0, characters);
};
