/**
 * The mixing coder, in AssemblyScript: bits by their chances, and the chances of a byte's bits by what stood behind the same bytes before. SPEC section "Mixed"
 * is the law; protocol/mixing/mixer.ts calls it. `npm run build:mixer` makes mixer-binary.ts of it.
 *
 * Contexts whose evidence a mixer adds up as logits, and which learns whom to believe: M. Mahoney, "Adaptive weighing of context models for lossless data
 * compression" (2005). Both sides must come to the same bits on every machine: whole numbers, and floats of 32 bits that are added and multiplied in one
 * order, which WebAssembly fixes to the last bit.
 */

import { beginCoding, makeTables, mode, READING } from "./bits";
import { codeByte, forgetBytes, learnByte, MOST_HELD } from "./byte";
import {
  BY_SITUATION,
  CODED,
  CODED_BYTES,
  HASHES,
  HELD,
  PLACES,
  PLACES_MOST_BITS,
  ROW,
  STEPS,
  TEXT,
} from "./memory";

export { finish, isAtEnd, learntBit, number } from "./bits";
export { findRuns } from "./runs";

/** Where what is coded stands, how much may, and where the text does. */
export const CODED_AT: usize = CODED;
export const CODED_MOST: usize = CODED_BYTES;
export const STEPS_AT: usize = STEPS;
export const TEXT_AT: usize = TEXT;
/** From here to CODED_AT: what bytes have taught so far, but for weights, which bytes that are learnt leave alone. */
export const TAUGHT_AT: usize = PLACES;

const LEAST_COMPARED: i32 = 4;
const KEY_BYTES: i32 = 5;
const MOST_LETTERS: i32 = 16;
const CLASSED_BYTES: i32 = 5;

let placeShift: i32 = 16;
/** Where the base would go on as the page does, and where the text did so before; -1: nowhere. */
let aligned: i32 = -1;
let alignedHeld: i32 = 0;
let repeated: i32 = -1;
let repeatedHeld: i32 = 0;

makeTables();

/** Forgets all numbers. `how`: WRITING or READING; `coded`: bytes of what is read. */
export function begin(how: i32, coded: i32): void {
  beginCoding(how, coded);
}

/** Forgets all bytes. `slots`, `places`: of each context, and of what is indexed, as powers of 2. */
export function beginBytes(slots: i32, places: i32): void {
  forgetBytes(slots);
  const placeBits = min(places, PLACES_MOST_BITS);
  placeShift = 32 - placeBits;
  memory.fill(PLACES, 255, (<usize>4) << placeBits);
}

function mixed(hash: u32, part: u32): u32 {
  return (hash * 0x2c1b_3c6d + part) * 0x297a_2d39;
}

/** The place in PLACES of the five bytes before an address. */
function placeOf(address: usize): usize {
  const hash = ((load<u32>(address - 4) * 0x9e37_79b1) ^ <u32>load<u8>(address - KEY_BYTES)) * 0x85eb_ca6b;
  return PLACES + ((<usize>((hash ^ (hash >>> 15)) >>> placeShift)) << 2);
}

/** What stands between two places of the text may come again. */
export function index(from: i32, to: i32): void {
  for (let at = max(from, KEY_BYTES); at < to; at++) store<i32>(placeOf(TEXT + at), at);
}

/** Learns the bytes between two places, which both sides have. */
export function learn(from: i32, to: i32): void {
  for (let at = from; at < to; at++) {
    hashContexts(at, -1);
    learnByte(<i32>byteAt(at));
  }
}

/** Codes the bytes between two places. `alignedWith`: where the base would go on as the page does; -1: nowhere. */
export function bytes(from: i32, to: i32, alignedWith: i32): void {
  aligned = alignedWith;
  alignedHeld = LEAST_COMPARED;
  repeated = -1;
  for (let at = from; at < to; at++) {
    if (repeated < 0 && at >= KEY_BYTES) findRepeated(at);
    nextByte(at);
    if (at >= KEY_BYTES) store<i32>(placeOf(TEXT + at), at);
  }
}

function findRepeated(at: i32): void {
  const place = load<i32>(placeOf(TEXT + at));
  if (place < 0) return;
  let held = 0;
  while (held < MOST_HELD && held < place && byteAt(place - 1 - held) === byteAt(at - 1 - held)) held++;
  if (held < LEAST_COMPARED) return;
  repeated = place;
  repeatedHeld = held;
}

function byteAt(at: i32): u32 {
  return at < 0 ? 0 : <u32>load<u8>(TEXT + at);
}

function nextByte(at: i32): void {
  const alignedByte = aligned >= 0 && aligned < at ? <i32>byteAt(aligned) : -1;
  const repeatedByte = repeated >= 0 ? <i32>byteAt(repeated) : -1;
  const alignedFor = alignedByte < 0 ? 0 : min(MOST_HELD, alignedHeld);
  const repeatedFor = repeatedByte < 0 ? 0 : min(MOST_HELD, repeatedHeld);
  hashContexts(at, alignedByte);
  const ofAligned = alignedByte < 0 ? 0 : alignedFor === 0 ? 1 : alignedFor < 4 ? 2 : 3;
  const ofRepeated = repeatedByte < 0 ? 0 : repeatedFor < 8 ? 1 : repeatedFor < MOST_HELD ? 2 : 3;
  const weights = BY_SITUATION + <usize>(ofRepeated * 4 + ofAligned) * ROW;
  const byte = codeByte(
    <i32>byteAt(at),
    repeatedByte,
    HELD + (repeatedFor << 1),
    alignedByte,
    HELD + 32 + (alignedFor << 1),
    weights,
  );
  if (mode === READING) store<u8>(TEXT + at, <u8>byte);
  if (alignedByte >= 0) alignedHeld = alignedByte === byte ? alignedHeld + 1 : 0;
  if (aligned >= 0) aligned++;
  if (repeatedByte === byte) {
    repeated++;
    repeatedHeld++;
  } else repeated = -1;
}

function isLetter(byte: u32): bool {
  return (byte | 32) - 97 < 26;
}

/** Any letter is as good as any other, and any digit. */
function classOf(byte: u32): u32 {
  return byte - 48 < 10 ? 48 : isLetter(byte) ? 97 : byte;
}

function hashContexts(at: i32, aligned: i32): void {
  const last = byteAt(at - 1);
  const second = mixed(mixed(2, last), byteAt(at - 2));
  let word: u32 = 0;
  let letters = 0;
  for (; letters < MOST_LETTERS; letters++) {
    const byte = byteAt(at - 1 - letters);
    if (!isLetter(byte) && byte < 128) break;
    word = mixed(word, byte | 32);
  }
  let classes: u32 = 7;
  for (let back = 1; back <= CLASSED_BYTES; back++) classes = mixed(classes, classOf(byteAt(at - back)));
  store<u32>(HASHES, 0);
  store<u32>(HASHES, mixed(1, last), 4);
  store<u32>(HASHES, second, 2 * 4);
  store<u32>(HASHES, mixed(second, byteAt(at - 3)), 3 * 4);
  store<u32>(HASHES, mixed(mixed(4, word), letters === 0 ? last : 0), 4 * 4);
  store<u32>(HASHES, mixed(mixed(5, <u32>aligned), last), 5 * 4);
  store<u32>(HASHES, classes, 6 * 4);
}
