/**
 * The mixing coder, in AssemblyScript: bits by their chances, and the chances of a byte's bits by what stood behind the
 * same bytes before. SPEC section "Mixed" is the law; protocol/mixing/mixer.ts calls it. `npm run build:mixer` makes
 * mixer-binary.ts of it.
 *
 * Where the text stood behind the same four bytes before, one bit says whether it goes on as it did there, if that has
 * held for long: of every other byte nothing else is coded. Of the others contexts give evidence that a mixer adds up
 * as logits, and which learns whom to believe: M. Mahoney, "Adaptive weighing of context models for lossless data
 * compression" (2005). Both sides must come to the same bits on every machine: all numbers are whole.
 */

import { beginCoding, beginRehearsal, endRehearsal, hasEnough, makeTables, mode, READING } from "./bits";
import { codeByte, forgetBytes, learnByte, sizeSlots } from "./byte";
import { byteAt, findWords, forgetWords, hashContexts, kindOfText, makeClasses, readByte } from "./contexts";
import { codeFlag, forgetFlags, MOST_HELD } from "./flag";
import { CODED, CODED_BYTES, HELD, PLACES, PLACES_MOST_BITS, STEPS, TEXT, text } from "./memory";
import { beginRates, makeVectors } from "./slots";

export { finish, haveCome, isAtEnd, learntBit, number, unread, written } from "./bits";
export { beginText } from "./memory";
export { findRuns } from "./runs";

/** Where what is coded stands, how much may, and where the text does. */
export const CODED_AT: usize = CODED;
export const CODED_MOST: usize = CODED_BYTES;
export const STEPS_AT: usize = STEPS;
export const TEXT_AT: usize = TEXT;
/** From here to CODED_AT: all that bytes have taught so far. */
export const TAUGHT_AT: usize = HELD;

const KEY_BYTES: i32 = 4;
/** From then on a repeated byte is told by a flag. */
const SURE_HELD: i32 = 8;
/**
 * Situations: nothing is expected, or (1 to 3) the aligned byte, by how long it has held; the same after a flag; the
 * repeated byte alone (two, by how long); both, and either is likely.
 */
const AFTER_FLAG: i32 = 4;
const REPEATED: i32 = 8;
const DIFFER_BY_REPEATED: i32 = 10;
const DIFFER_BY_ALIGNED: i32 = 11;
const SITUATIONS: i32 = 12;

let placeShift: i32 = 16;
/** Where the base would go on as the page does, and where the text did so before; -1: nowhere. */
let aligned: i32 = -1;
let alignedHeld: i32 = 0;
let repeated: i32 = -1;
let repeatedHeld: i32 = 0;

makeTables();
makeVectors();
makeClasses();

/** Forgets all numbers. `how`: WRITING or READING; `coded`: bytes of what is read. */
export function begin(how: i32, coded: i32): void {
  beginCoding(how, coded);
  beginRates();
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
 * Learns the bytes between two places, which both sides have; not those that a flag would tell, where what is indexed
 * has the like elsewhere before `end`: what stands behind the bases is not known to who reads.
 */
export function learn(from: i32, to: i32, end: i32): void {
  repeated = -1;
  forgetWords();
  for (let at = from; at < to; at++) {
    findWords(at);
    if (repeated < 0 && at >= KEY_BYTES) findRepeated(at);
    if (repeated >= 0 && repeated < end && repeated !== at && byteAt(repeated) === byteAt(at)) {
      repeated++;
    } else {
      repeated = -1;
      hashContexts(at, -1);
      learnByte(<i32>byteAt(at));
    }
    readByte(byteAt(at));
  }
}

/** Before the bytes of a step. `alignedWith`: where the base would go on as the page does; -1: nowhere. */
export function beginStep(alignedWith: i32): void {
  aligned = alignedWith;
  alignedHeld = KEY_BYTES;
  repeated = -1;
  forgetWords();
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

/** Codes the bytes between two places, which both sides have, for nobody: so that all is learnt that bytes of a page teach. */
export function rehearse(from: i32, to: i32): void {
  beginRehearsal();
  beginStep(-1);
  bytes(from, to);
  endRehearsal();
  beginRates();
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

function nextByte(at: i32): void {
  const alignedByte = aligned >= 0 && aligned < at ? <i32>byteAt(aligned) : -1;
  const repeatedByte = repeated >= 0 ? <i32>byteAt(repeated) : -1;
  findWords(at);
  const byte = repeatedByte < 0 ? byAligned(at, alignedByte, -1) : byRepeated(at, alignedByte, repeatedByte);
  if (mode === READING) store<u8>(text + at, <u8>byte);
  readByte(byte);
  if (byte === repeatedByte) {
    repeated++;
    repeatedHeld++;
  } else repeated = -1;
  if (alignedByte >= 0) alignedHeld = alignedByte === byte ? alignedHeld + 1 : 0;
  if (aligned >= 0) aligned++;
}

/**
 * One bit says whether the text goes on as it did before, where that is sure or what the base has as well. Else of both
 * expected bytes the one is likely that has held for longer.
 */
function byRepeated(at: i32, alignedByte: i32, repeatedByte: i32): i32 {
  const byte = <i32>byteAt(at);
  if (repeatedHeld >= SURE_HELD || alignedByte === repeatedByte)
    return isRepeated(at, byte, repeatedByte, alignedByte)
      ? repeatedByte
      : byAligned(at, alignedByte, repeatedByte);
  if (alignedByte >= 0 && alignedHeld >= repeatedHeld)
    return byLikely(at, alignedByte, -1, alignedHeld, DIFFER_BY_ALIGNED);
  const situation = alignedByte >= 0 ? DIFFER_BY_REPEATED : repeatedHeld < 6 ? REPEATED : REPEATED + 1;
  return byLikely(at, repeatedByte, -1, repeatedHeld, situation);
}

/** `excluded`: the byte that does not come; -1: none is known of. */
function byAligned(at: i32, alignedByte: i32, excluded: i32): i32 {
  const held = alignedByte < 0 ? 0 : alignedHeld;
  const ofAligned = alignedByte < 0 ? 0 : held === 0 ? 1 : held < 4 ? 2 : 3;
  return byLikely(at, alignedByte, excluded, held, (excluded < 0 ? 0 : AFTER_FLAG) + ofAligned);
}

function byLikely(at: i32, likely: i32, excluded: i32, held: i32, situation: i32): i32 {
  hashContexts(at, likely);
  return codeByte(
    byteAt(at),
    excluded,
    likely,
    min(MOST_HELD, held),
    SITUATIONS * kindOfText(at) + situation,
  );
}

function isRepeated(at: i32, byte: i32, repeatedByte: i32, alignedByte: i32): bool {
  const ofAligned = alignedByte < 0 ? 0 : alignedByte === repeatedByte ? 2 : 1;
  const bit = byte === repeatedByte ? 1 : 0;
  const held = min(MOST_HELD, repeatedHeld);
  return codeFlag(bit, repeatedByte, held, ofAligned, byteAt(at - 1), byteAt(at - 2)) === 1;
}
