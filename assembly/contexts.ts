/** What stands before a byte, in seven ways, each as a hash. AssemblyScript, see mixer.ts. */
import { CLASSES, HASHES, text } from "./memory";

/** Where bytes begin that follow no other, words are read from so many before. */
const WORDS_FROM: i32 = 32;

/** The place whose words are known: those before it, the last of them so far as it goes. */
let wordsAt: i32 = -1;
let word: u32 = 0;
let letters: i32 = 0;
let wordBefore: u32 = 0;

export function makeClasses(): void {
  for (let byte: u32 = 0; byte < 256; byte++) store<u8>(CLASSES + byte, <u8>classOf(byte));
}

/** Any letter is as good as any other, and any digit. */
function classOf(byte: u32): u32 {
  return isDigit(byte) ? 48 : isLetter(byte) ? 97 : byte;
}

function isDigit(byte: u32): bool {
  return byte - 48 < 10;
}

function isLetter(byte: u32): bool {
  return (byte | 32) - 97 < 26;
}

export function byteAt(at: i32): u32 {
  return <u32>load<u8>(text + at);
}

function classAt(at: i32): u32 {
  return <u32>load<u8>(CLASSES + byteAt(at));
}

function mixed(hash: u32, part: u32): u32 {
  return (hash * 0x2c1b_3c6d + part) * 0x297a_2d39;
}

/** What comes next does not follow what was read last. */
export function forgetWords(): void {
  wordsAt = -1;
}

/** Before the byte at a place. */
export function findWords(at: i32): void {
  if (wordsAt === at) return;
  word = 0;
  letters = 0;
  wordBefore = 0;
  for (wordsAt = max(0, at - WORDS_FROM); wordsAt < at; ) readByte(byteAt(wordsAt));
}

/** The byte at the place whose words are known. */
export function readByte(byte: u32): void {
  wordsAt++;
  if (isLetter(byte) || byte > 127) {
    word = mixed(word, byte | 32);
    letters++;
  } else if (letters > 0) {
    wordBefore = word;
    word = 0;
    letters = 0;
  }
}

/** Of eight kinds of text: words by how long they are so far, and what else the last byte is. */
export function kindOfText(at: i32): i32 {
  if (letters > 0) return letters < 4 ? 2 + letters : letters < 6 ? 6 : 7;
  const last = byteAt(at - 1);
  return isDigit(last) ? 2 : last === 32 || last === 10 ? 1 : 0;
}

/** Of the byte at a place whose words are known. `likely`: the byte to expect most, -1 for none. */
export function hashContexts(at: i32, likely: i32): void {
  const last = byteAt(at - 1);
  const two = mixed(last, byteAt(at - 2));
  const before = (classAt(at - 2) << 18) | (classAt(at - 3) << 12) | (classAt(at - 4) << 6) | classAt(at - 5);
  store<u32>(HASHES, 0);
  store<u32>(HASHES, mixed(1, last), 4);
  store<u32>(HASHES, mixed(2, two), 2 * 4);
  store<u32>(HASHES, mixed(3, (classAt(at - 1) << 24) | before), 3 * 4);
  store<u32>(HASHES, mixed(mixed(4, word), letters === 0 ? last : 0), 4 * 4);
  store<u32>(
    HASHES,
    likely < 0 ? mixed(mixed(5, two), byteAt(at - 3)) : mixed(mixed(6, likely), last),
    5 * 4,
  );
  store<u32>(HASHES, mixed(mixed(7, word), wordBefore), 6 * 4);
}
