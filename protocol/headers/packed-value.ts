/**
 * Values in fewer bytes than their text: times from a Date, numbers, tags by their alphabet. Each way gives back the very
 * same text, or is not used. How many bytes a value takes follows from its own head and from Dates, never from what stood in
 * its place before: that may have been another visitor's. SPEC section "Changes".
 */

import { LinkError } from "../errors.ts";
import type { HeaderList } from "../http/header-list.ts";
import { fixdateOf, LATEST_SECONDS, secondsOf } from "../http/http-date.ts";
import type { ByteReader, ByteWriter } from "../wire/bytes.ts";

/** Most digits of a number that is written as one. */
const MOST_DIGITS = 15;
const NUMBER = new RegExp(`^(0|[1-9][0-9]{0,${MOST_DIGITS - 1}})$`);
const LARGEST_NUMBER = 10 ** MOST_DIGITS - 1;

/** Undefined where the text has another form than that of readNumber. */
export const numberOf = (text: string): number | undefined => (NUMBER.test(text) ? Number(text) : undefined);

/** Throws LinkError. */
export const readNumber = (r: ByteReader): number => {
  const number = r.varint();
  if (number > LARGEST_NUMBER)
    throw new LinkError("bad-frame", `a number of more than ${MOST_DIGITS} digits`);
  return number;
};

/** Times of heads without a Date are counted from the beginning of 2026. */
const USUAL_SECONDS = 1_767_225_600;

/** From when the times of a head are counted that is told by its changes: the Date of the remembered one, seconds since 1970. */
export const countedFrom = (remembered: HeaderList): number => {
  for (let i = 0; i + 1 < remembered.length; i += 2)
    if (remembered[i]?.length === 4 && remembered[i]?.toLowerCase() === "date")
      return secondsOf(remembered[i + 1] as string) ?? USUAL_SECONDS;
  return USUAL_SECONDS;
};

/** Throws LinkError where there is no such time. */
export const readTime = (r: ByteReader, from: number): string => {
  const seconds = from + r.signed();
  if (seconds < 0 || seconds > LATEST_SECONDS) throw new LinkError("bad-frame", "a time out of range");
  return fixdateOf(seconds);
};

/** The first byte of a tag: its alphabet, and what stands around its characters. */
const TAG = { alphabet: 0x03, quoted: 0x04, weak: 0x08, sized: 0x10 } as const;
const UUID = 3;
/** The alphabets but UUID, by number: Node's name of the coding, bits of a character, the characters, zero's first. */
const HEX = "0123456789abcdef";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ALPHABETS = [
  { coding: "hex", bits: 4, letters: HEX, zero: "0" },
  { coding: "base64", bits: 6, letters: `${LETTERS}+/`, zero: "A" },
  { coding: "base64url", bits: 6, letters: `${LETTERS}-_`, zero: "A" },
] as const;
type Alphabet = (typeof ALPHABETS)[number];

/** By code of a character: bit i set where alphabet i has it. Tags are read in every head, and patterns take longer. */
const ALPHABETS_OF = new Uint8Array(256);
for (const [number, { letters }] of ALPHABETS.entries())
  for (const letter of letters)
    ALPHABETS_OF[letter.charCodeAt(0)] = (ALPHABETS_OF[letter.charCodeAt(0)] ?? 0) | (1 << number);

/** Bits of the alphabets that have all characters of `text` from `from` up to `to`. */
const alphabetsOf = (text: string, from: number, to: number): number => {
  let all = (1 << ALPHABETS.length) - 1;
  for (let i = from; i < to && all > 0; i++) all &= ALPHABETS_OF[text.charCodeAt(i)] ?? 0;
  return all;
};

/** Shorter ones gain nothing. */
const SHORTEST_TAG = 8;
/** @internal */
export const MOST_TAG_CHARACTERS = 255;
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_LENGTH = 36;
const UUID_BYTES = 16;
/** Servers put a length or a time in hexadecimal and a dash before a hash. @internal */
export const MOST_SIZE_DIGITS = 12;
const LARGEST_SIZE = 2 ** (4 * MOST_SIZE_DIGITS) - 1;

/** How many characters of `text` from `from` on are such a number, as short as it can be written, before a dash. */
const sizeDigits = (text: string, from: number): number => {
  const count = text.indexOf("-", from) - from;
  if (count < 1 || count > MOST_SIZE_DIGITS || (count > 1 && text[from] === "0")) return 0;
  return (alphabetsOf(text, from, from + count) & 1) === 0 ? 0 : count;
};

/** All of a tag but its characters. */
interface TagShape {
  readonly first: number;
  /** The number before a dash, if there is one. */
  readonly size: number | undefined;
  /** Undefined for a UUID, which has always as many. */
  readonly count: number | undefined;
}

export interface Tag extends TagShape {
  readonly characters: string;
}

/** The parts of `text`; undefined where it is not made of one alphabet, or too short to gain by it. */
export const tagOf = (text: string): Tag | undefined => {
  if (text.length < SHORTEST_TAG) return undefined;
  const weak = text.startsWith('W/"');
  const quoted = weak || text.startsWith('"');
  if (quoted && !text.endsWith('"')) return undefined;
  const [from, to] = [weak ? 3 : quoted ? 1 : 0, quoted ? text.length - 1 : text.length];
  const around = (weak ? TAG.weak : 0) | (quoted ? TAG.quoted : 0);
  if (to - from === UUID_LENGTH && UUID_PATTERN.test(text.slice(from, to)))
    return { first: around | UUID, size: undefined, count: undefined, characters: text.slice(from, to) };
  const digits = sizeDigits(text, from);
  const start = digits === 0 ? from : from + digits + 1;
  const alphabet = ALPHABET_OF_BITS[alphabetsOf(text, start, to)];
  if (alphabet === undefined || to - start > MOST_TAG_CHARACTERS) return undefined;
  return {
    first: around | alphabet | (digits === 0 ? 0 : TAG.sized),
    size: digits === 0 ? undefined : Number.parseInt(text.slice(from, from + digits), 16),
    count: to - start,
    characters: text.slice(start, to),
  };
};

/** The first alphabet of a set of bits. */
const ALPHABET_OF_BITS = [undefined, 0, 1, 0, 2, 0, 1, 0];

const packedBytes = ({ bits }: Alphabet, count: number) => Math.ceil((count * bits) / 8);

const isUuid = (first: number): boolean => (first & TAG.alphabet) === UUID;

export const writeTag = (w: ByteWriter, tag: Tag): void => {
  w.u8(tag.first);
  if (tag.size !== undefined) w.varint(tag.size);
  if (tag.count !== undefined) w.varint(tag.count);
  writeCharacters(w, tag);
};

/** Whether both differ in nothing but the number and the characters. */
export const areShapedAlike = (a: Tag, b: Tag): boolean => a.first === b.first && a.count === b.count;

/** After one that is shaped alike. Its number is often a length, so it is written as what it is beyond `length`. */
export const writeTagAfter = (w: ByteWriter, tag: Tag, length: number): void => {
  if (tag.size !== undefined) w.signed(tag.size - length);
  writeCharacters(w, tag);
};

/** Most significant bits first, filled up with zero bits. */
const writeCharacters = (w: ByteWriter, { first, characters }: Tag): void => {
  const alphabet = ALPHABETS[first & TAG.alphabet];
  if (alphabet === undefined) w.bytes(Buffer.from(characters.replaceAll("-", ""), "hex"));
  else {
    const filled = characters.padEnd(Math.ceil(characters.length / 4) * 4, alphabet.zero);
    w.bytes(Buffer.from(filled, alphabet.coding).subarray(0, packedBytes(alphabet, characters.length)));
  }
};

/** The tag that begins with the byte `first`. Throws LinkError. */
export const readTag = (r: ByteReader, first: number): string => {
  if (first >= 2 * TAG.sized || (first & (TAG.weak | TAG.quoted)) === TAG.weak)
    throw new LinkError("bad-frame", `unknown form of a tag 0x${first.toString(16)}`);
  const size = (first & TAG.sized) === 0 ? undefined : r.varint();
  return tagText(r, { first, size, count: isUuid(first) ? undefined : r.varint() });
};

/** The tag that is shaped as `before`. Throws LinkError where that is none. */
export const readTagAfter = (r: ByteReader, before: string, length: number): string => {
  const old = tagOf(before);
  if (old === undefined) throw new LinkError("bad-frame", "a tag like the one before, which was none");
  return tagText(r, { ...old, size: old.size === undefined ? undefined : length + r.signed() });
};

const tagText = (r: ByteReader, { first, size, count }: TagShape): string => {
  if (size !== undefined && !(size >= 0 && size <= LARGEST_SIZE))
    throw new LinkError("bad-frame", "a tag with a number out of range");
  const alphabet = ALPHABETS[first & TAG.alphabet];
  const characters =
    alphabet === undefined || count === undefined ? readUuid(r) : readCharacters(r, alphabet, count);
  const inside = size === undefined ? characters : `${size.toString(16)}-${characters}`;
  if ((first & TAG.weak) !== 0) return `W/"${inside}"`;
  return (first & TAG.quoted) !== 0 ? `"${inside}"` : inside;
};

const readUuid = (r: ByteReader): string => {
  const digits = r.bytes(UUID_BYTES).toString("hex");
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
};

const readCharacters = (r: ByteReader, alphabet: Alphabet, count: number): string => {
  if (count > MOST_TAG_CHARACTERS)
    throw new LinkError("bad-frame", `a tag of ${count} characters, more than ${MOST_TAG_CHARACTERS}`);
  const bytes = r.bytes(packedBytes(alphabet, count));
  const beyond = bytes.length * 8 - count * alphabet.bits;
  if (((bytes.at(-1) ?? 0) & ((1 << beyond) - 1)) !== 0)
    throw new LinkError("bad-frame", "a tag is not filled up with zero bits");
  return bytes.toString(alphabet.coding).slice(0, count);
};
