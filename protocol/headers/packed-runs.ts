/**
 * What a program made of several codes, in fewer bytes than its text: a JWT, or what is signed with points, colons or stars between.
 * Runs of one alphabet take the bits that they have, and what stands between stays as it is. How many bytes it takes follows from
 * the text alone. SPEC section "Given cookies".
 */
import { LinkError } from "../errors.ts";
import { type ByteReader, ByteWriter } from "../wire/bytes.ts";
import { type CharacterCoding, packCharacters, readCharacters } from "./packed-characters.ts";

/** In hello: cookies of several codes are packed, and long ones are named by the answer that gave them. */
export const LONG_COOKIES = "long-cookies";

interface Alphabet {
  readonly run: RegExp;
  readonly coding: CharacterCoding;
  /** How + and / are written. */
  readonly plus: string;
  readonly slash: string;
}

/** Shorter ones gain nothing. */
const LEAST_RUN_CHARACTERS = 12;
/** @internal */
export const MOST_RUNS = 16;
/** Browsers keep no longer cookie. @internal */
export const MOST_RUN_CHARACTERS = 4096;

const ofRuns = (character: string) => new RegExp(`(?:${character}){${LEAST_RUN_CHARACTERS},}`, "g");

/** By their number: one of them is that of all runs of a text, the first whose own signs it has. */
const ALPHABETS: readonly [Alphabet, Alphabet, Alphabet] = [
  { run: ofRuns("[A-Za-z0-9_-]"), coding: "base64url", plus: "+", slash: "/" },
  { run: ofRuns("[A-Za-z0-9]|%2B|%2F"), coding: "base64", plus: "%2B", slash: "%2F" },
  { run: ofRuns("[A-Za-z0-9+/]"), coding: "base64", plus: "+", slash: "/" },
];
const HEX = /^[0-9a-f]+$/;

/** Used and emptied within one call. */
const writer = new ByteWriter();

/** Undefined for a text without runs, or with too many. Begins with the zero that says what it is; `readPackedRuns` goes on behind it. */
export const packedRuns = (text: string): Buffer | undefined => {
  if (text.length > MOST_RUN_CHARACTERS) return undefined;
  const number = /%2[BF]/.test(text) ? 1 : /[+/]/.test(text) ? 2 : 0;
  const { run, coding, plus, slash } = ALPHABETS[number];
  const runs = [...text.matchAll(run)];
  if (runs.length === 0 || runs.length > MOST_RUNS) return undefined;
  writer.varint(0).varint(runs.length * ALPHABETS.length + number);
  let at = 0;
  for (const { index, 0: escaped } of runs) {
    writer.text(text.slice(at, index));
    at = index + escaped.length;
    const characters = escaped.replaceAll(plus, "+").replaceAll(slash, "/");
    const isHex = HEX.test(characters);
    writer.varint(characters.length * 2 + Number(isHex));
    writer.bytes(packCharacters(characters, isHex ? "hex" : coding));
  }
  writer.text(text.slice(at));
  return writer.take();
};

/** Throws LinkError. */
export const readPackedRuns = (r: ByteReader): string => {
  const shape = r.varint();
  const count = Math.floor(shape / ALPHABETS.length);
  if (count < 1 || count > MOST_RUNS) throw new LinkError("bad-frame", `a packed text of ${count} runs`);
  const { coding, plus, slash } = ALPHABETS[(shape % ALPHABETS.length) as 0 | 1 | 2];
  let text = "";
  for (let run = 0; run < count; run++) {
    text += r.text();
    const length = r.varint();
    const [characters, isHex] = [Math.floor(length / 2), length % 2 === 1];
    if (characters + text.length > MOST_RUN_CHARACTERS)
      throw new LinkError("bad-frame", `a packed run of ${characters} characters`);
    const plain = readCharacters(r, characters, isHex ? "hex" : coding);
    text += isHex || plus === "+" ? plain : plain.replaceAll("+", plus).replaceAll("/", slash);
  }
  return text + r.text();
};
