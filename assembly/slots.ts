/**
 * Slots, eight in a vector: a chance of 4,096 and in four bits how often it was seen; and weights, eight in a vector
 * too, of what slots say. All in whole numbers of 16 bits. AssemblyScript, see mixer.ts.
 */
import { CERTAIN } from "./bits";
import { LOGITS, SIGNS, TARGETS } from "./memory";

/** A weight of 1. */
const WEIGHT_BITS: i32 = 14;
/** How far a weight grows for an error of 65,536 and an input of 8 (2,048 steps), of 2^15: less with each byte that was coded. */
const LAST_RATE: i32 = 700;
const MORE_AT_FIRST: i32 = 1_600;
const HALF_OF_IT_AFTER: i32 = 128;
/** What is always there: 0.3, in steps. */
export const ALWAYS: i16 = 77;
/** Of a slot, of 4,096. */
const MOST_CHANCE: i16 = 4_095;
const MOST_SEEN: i16 = 15;

let codedBytes: i32 = 0;
let rate: i32 = 0;

export function beginRates(): void {
  codedBytes = 0;
  rate = LAST_RATE + MORE_AT_FIRST;
}

/** A byte was coded. */
export function slowRate(): void {
  codedBytes++;
  rate = LAST_RATE + (MORE_AT_FIRST * HALF_OF_IT_AFTER) / (HALF_OF_IT_AFTER + codedBytes);
}

export function makeVectors(): void {
  for (let row = 0; row < 3; row++)
    for (let lane = 0; lane < 7; lane++) store<i16>(SIGNS + 16 * row + 2 * lane, 1);
  for (let sign = -1; sign <= 1; sign += 2) store<i16>(SIGNS + (sign < 0 ? 16 : 32) + 14, <i16>sign);
  for (let row = 0; row < 4; row++) {
    for (let lane = 0; lane < 7; lane++) store<i16>(TARGETS + 16 * row + 2 * lane, row & 2 ? MOST_CHANCE : 0);
    store<i16>(TARGETS + 16 * row + 14, row & 1 ? MOST_CHANCE : 0);
  }
}

/** What slots move towards when a bit came, and the likely byte was right about it or not. */
export function targetsOf(bit: i32, isRight: i32): v128 {
  return v128.load(TARGETS + ((<usize>(2 * bit + isRight)) << 4));
}

/** Slots that have seen one more bit: nearly the mean of all, at first. */
export function learnt(slots: v128, targets: v128): v128 {
  const chances = i16x8.shr_u(slots, 4);
  const seen = v128.and(slots, i16x8.splat(MOST_SEEN));
  const way = i16x8.q15mulr_sat_s(i16x8.sub(targets, chances), ratesOf(seen));
  return v128.or(
    i16x8.shl(i16x8.add(chances, way), 4),
    i16x8.min_u(i16x8.splat(MOST_SEEN), i16x8.add(seen, i16x8.splat(1))),
  );
}

/** Of 2^15, by how often seen, in whole 128ths. */
function ratesOf(seen: v128): v128 {
  return bySeen(i8x16(96, 64, 48, 38, 31, 27, 23, 21, 19, 17, 15, 14, 13, 11, 10, 9), seen);
}

/** How far from even, by how often it was seen: 4 (1,024 steps) at most. */
export function leansOf(slots: v128): v128 {
  const seen = v128.and(slots, i16x8.splat(MOST_SEEN));
  const factors = bySeen(i8x16(0, 16, 22, 29, 35, 42, 48, 54, 61, 64, 64, 64, 64, 64, 64, 64), seen);
  return i16x8.q15mulr_sat_s(i16x8.sub(i16x8.shr_u(slots, 4), i16x8.splat(2_048)), factors);
}

/** 256 times what a table has for each lane. */
function bySeen(table: v128, seen: v128): v128 {
  return i8x16.swizzle(table, v128.or(i16x8.shl(seen, 8), i16x8.splat(0x80)));
}

/** The address of the logit of a slot's chance. */
export function logitAt(slot: usize): usize {
  return LOGITS + ((<usize>load<u16>(slot) >>> 3) & ~1);
}

/** The sum of four lanes, in steps; `sets`: how many sets of weights are in it. */
export function stepOf(lanes: v128, sets: i32): i32 {
  const halves = i32x4.add(lanes, v128.shuffle<i32>(lanes, lanes, 2, 3, 0, 1));
  return (i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1)) >> (WEIGHT_BITS + sets - 1);
}

/** What weights grow by for each input, when a bit came that had such a chance. */
export function errorOf(bit: i32, chance: i32): v128 {
  return i16x8.splat(<i16>((((bit ? CERTAIN : 0) - chance) * rate) >> 16));
}

export function grown(weights: v128, inputs: v128, error: v128): v128 {
  return i16x8.add_sat_s(weights, i16x8.q15mulr_sat_s(i16x8.shl(inputs, 4), error));
}
