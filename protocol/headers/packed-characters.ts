/**
 * Characters of a code that a program made, in the bits that they have: 4 of hexadecimal, 6 of base64, filled up with zero bits. How
 * many bytes they take follows from their number. SPEC section "Given cookies".
 */
import type { ByteReader } from "../wire/bytes.ts";

export type CharacterCoding = "hex" | "base64" | "base64url";

const bitsOf = (coding: CharacterCoding): number => (coding === "hex" ? 4 : 6);

const bytesOf = (characters: number, coding: CharacterCoding): number =>
  Math.ceil((characters * bitsOf(coding)) / 8);

/** Of characters of that coding alone: + and / unescaped, without pads. */
export const packCharacters = (characters: string, coding: CharacterCoding): Buffer => {
  // To whole groups, with the character of zero bits.
  const filled = characters.padEnd(Math.ceil(characters.length / 4) * 4, coding === "hex" ? "0" : "A");
  return Buffer.from(filled, coding).subarray(0, bytesOf(characters.length, coding));
};

/** Throws LinkError where there are not so many. */
export const readCharacters = (r: ByteReader, count: number, coding: CharacterCoding): string =>
  r.bytes(bytesOf(count, coding)).toString(coding).slice(0, count);
