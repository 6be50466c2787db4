/**
 * The mixing coder, in AssemblyScript: bits by their chances, and the chances of a byte's bits by what stood behind the same bytes before. SPEC section "Mixed"
 * is the law; protocol/mixing/mixer.ts calls it. `npm run build:mixer` makes mixer-binary.ts of it.
 *
 * Where the text stood behind the same four bytes before, one bit says whether it goes on as it did there: of two bytes in three nothing else is coded. Of the others
 * contexts give evidence that a mixer adds up as logits, and which learns whom to believe: M. Mahoney, "Adaptive weighing of context models for lossless data
 * compression" (2005). Both sides must come to the same bits on every machine: all numbers are whole.
 */

import { beginCoding, hasEnough, makeTables, mode, READING } from "./bits";
import { codeByte, forgetBytes, learnByte, sizeSlots } from "./byte";
import { codeFlag, forgetFlags, MOST_HELD } from "./flag";
import {
  BY_SITUATION,
  CLASSES,
  CODED,
  CODED_BYTES,
  HASHES,
  PLACES,
  PLACES_MOST_BITS,
  STEPS,
  TEXT,
  text,
} from "./memory";
import { makeVectors } from "./slots";

export { finish, haveCome, isAtEnd, learntBit, number, unread, written } from "./bits";
export { beginText } from "./memory";
export { findRuns } from "./runs";

/** Where what is coded stands, how much may, and where the text does. */
export const CODED_AT: usize = CODED;
export const CODED_MOST: usize = CODED_BYTES;
export const STEPS_AT: usize = STEPS;
export const TEXT_AT: usize = TEXT;
/** From here to CODED_AT: all that bytes have taught so far. */
export const TAUGHT_AT: usize = BY_SITUATION;

const KEY_BYTES: i32 = 4;
const MOST_LETTERS: i32 = 16;

let placeShift: i32 = 16;
/** Where the base would go on as the page does, and where the text did so before; -1: nowhere. */
let aligned: i32 = -1;
let alignedHeld: i32 = 0;
let repeated: i32 = -1;
let repeatedHeld: i32 = 0;

makeTables();
makeVectors();
for (let byte: u32 = 0; byte < 256; byte++) store<u8>(CLASSES + byte, <u8>classOf(byte));

/** Forgets all numbers. `how`: WRITING or READING; `coded`: bytes of what is read. */
export function begin(how: i32, coded: i32): void {
  beginCoding(how, coded);
}

/** How large tables are. `slots`, `places`: of each context, and of what is indexed, as powers of 2. */
export function sizeTables(slots: i32, places: i32): void {
  sizeSlots(slots);
  placeShift = 32 - min(places, PLACES_MOST_BITS);
}

/** Forgets all bytes. */
export function beginBytes(): void {
  forgetBytes();
  forgetFlags();
  memory.fill(PLACES, 255, (<usize>4) << (32 - placeShift));
}

function mixed(hash: u32, part: u32): u32 {
  return (hash * 0x2c1b_3c6d + part) * 0x297a_2d39;
}

/** The place in PLACES of the four bytes before an address. */
function placeOf(address: usize): usize {
  const hash = load<u32>(address - KEY_BYTES) * 0x9e37_79b1 * 0x85eb_ca6b;
  return PLACES + ((<usize>((hash ^ (hash >>> 15)) >>> placeShift)) << 2);
}

/** What stands between two places of the text may come again. */
export function index(from: i32, to: i32): void {
  for (let at = max(from, KEY_BYTES); at < to; at++) store<i32>(placeOf(text + at), at);
}

/**
 * Learns the bytes between two places, which both sides have; not those that a flag would tell, where what is indexed has the like elsewhere before `end`: what stands
 * behind the bases is not known to who reads.
 */
export function learn(from: i32, to: i32, end: i32): void {
  repeated = -1;
  for (let at = from; at < to; at++) {
    if (repeated < 0 && at >= KEY_BYTES) findRepeated(at);
    if (repeated >= 0 && repeated < end && repeated !== at && byteAt(repeated) === byteAt(at)) {
      repeated++;
      continue;
    }
    repeated = -1;
    hashContexts(at, -1);
    learnByte(<i32>byteAt(at));
  }
}

/** Before the bytes of a step. `alignedWith`: where the base would go on as the page does; -1: nowhere. */
export function beginStep(alignedWith: i32): void {
  aligned = alignedWith;
  alignedHeld = KEY_BYTES;
  repeated = -1;
}

/** Codes the bytes between two places, as far as what is read has come. Returns where it stopped. */
export function bytes(from: i32, to: i32): i32 {
  let at = from;
  for (; at < to && hasEnough(); at++) {
    if (repeated < 0 && at >= KEY_BYTES) findRepeated(at);
    nextByte(at);
    if (at >= KEY_BYTES) store<i32>(placeOf(text + at), at);
  }
  return at;
}

function findRepeated(at: i32): void {
  const place = load<i32>(placeOf(text + at));
  if (place < 0) return;
  let held = 0;
  while (held < MOST_HELD && held < place && byteAt(place - 1 - held) === byteAt(at - 1 - held)) held++;
  if (held < KEY_BYTES) return;
  repeated = place;
  repeatedHeld = held;
}

function byteAt(at: i32): u32 {
  return <u32>load<u8>(text + at);
}

function nextByte(at: i32): void {
  const alignedByte = aligned >= 0 && aligned < at ? <i32>byteAt(aligned) : -1;
  const repeatedByte = repeated >= 0 ? <i32>byteAt(repeated) : -1;
  let byte = <i32>byteAt(at);
  if (repeatedByte >= 0 && isRepeated(at, byte, repeatedByte, alignedByte)) {
    byte = repeatedByte;
    repeated++;
    repeatedHeld++;
  } else {
    repeated = -1;
    const held = alignedByte < 0 ? 0 : min(MOST_HELD, alignedHeld);
    const ofAligned = alignedByte < 0 ? 0 : held === 0 ? 1 : held < 4 ? 2 : 3;
    hashContexts(at, alignedByte);
    byte = codeByte(byte, repeatedByte, alignedByte, held, (repeatedByte < 0 ? 0 : 4) + ofAligned);
  }
  if (mode === READING) store<u8>(text + at, <u8>byte);
  if (alignedByte >= 0) alignedHeld = alignedByte === byte ? alignedHeld + 1 : 0;
  if (aligned >= 0) aligned++;
}

function isRepeated(at: i32, byte: i32, repeatedByte: i32, alignedByte: i32): bool {
  const ofAligned = alignedByte < 0 ? 0 : alignedByte === repeatedByte ? 2 : 1;
  const bit = byte === repeatedByte ? 1 : 0;
  const held = min(MOST_HELD, repeatedHeld);
  return codeFlag(bit, repeatedByte, held, ofAligned, byteAt(at - 1), byteAt(at - 2)) === 1;
}

function isLetter(byte: u32): bool {
  return (byte | 32) - 97 < 26;
}

/** Any letter is as good as any other, and any digit. */
function classOf(byte: u32): u32 {
  return byte - 48 < 10 ? 48 : isLetter(byte) ? 97 : byte;
}

function classAt(at: i32): u32 {
  return <u32>load<u8>(CLASSES + byteAt(at));
}

function hashContexts(at: i32, aligned: i32): void {
  const last = byteAt(at - 1);
  let word: u32 = 0;
  let letters = 0;
  for (; letters < MOST_LETTERS; letters++) {
    const byte = byteAt(at - 1 - letters);
    if (!isLetter(byte) && byte < 128) break;
    word = mixed(word, byte | 32);
  }
  const before = (classAt(at - 2) << 18) | (classAt(at - 3) << 12) | (classAt(at - 4) << 6) | classAt(at - 5);
  store<u32>(HASHES, 0);
  store<u32>(HASHES, mixed(1, last), 4);
  store<u32>(HASHES, mixed(mixed(2, last), byteAt(at - 2)), 2 * 4);
  store<u32>(HASHES, mixed(3, (classAt(at - 1) << 24) | before), 3 * 4);
  store<u32>(HASHES, mixed(mixed(4, word), letters === 0 ? last : 0), 4 * 4);
  store<u32>(HASHES, mixed(mixed(5, <u32>aligned), last), 5 * 4);
}
