/**
 * How likely each bit of a byte is: what was seen behind the same contexts, and two bytes that are expected, added up by weights that learn. AssemblyScript, see
 * mixer.ts.
 */
import { CERTAIN, chanceOf, code, EVEN, MOST_SEEN, moved } from "./bits";
import {
  BY_PARTIAL,
  BY_SITUATION,
  CONTEXTS,
  HASHES,
  HELD,
  LEANS,
  LOGITS,
  ROW,
  SLOTS_MOST_BITS,
  TABLE,
} from "./memory";

/** A logit and a lean of each context, both of each expected byte, and one that is always there; a row has a lane more. */
const INPUTS: i32 = 2 * CONTEXTS + 4 + 1;
const LANES: i32 = INPUTS + 1;
const ALWAYS: f32 = 0.3;
const FIRST_WEIGHT_LOGIT: f32 = 0.25;
const FIRST_WEIGHT_LEAN: f32 = 0.06;
const FIRST_WEIGHT_EXPECTED: f32 = 0.25;
const LEARNING: f32 = 0.018 / 65_536;

/** How long an expectation has held, at most. */
export const MOST_HELD: i32 = 15;
const UNSEEN: i32 = 2_048 << 4;

let slotBits: i32 = 10;

/** `slots`: of each context, as a power of 2. */
export function forgetBytes(slots: i32): void {
  slotBits = min(slots, SLOTS_MOST_BITS);
  const unseen = i16x8.splat(<i16>UNSEEN);
  for (let at = TABLE, end = TABLE + ((<usize>2 * CONTEXTS) << slotBits); at < end; at += 16)
    v128.store(at, unseen);
  for (let row = BY_SITUATION; row < BY_PARTIAL + 256 * ROW; row += ROW)
    for (let lane = 0; lane < LANES; lane++) store<f32>(row + (lane << 2), firstWeight(lane));
  for (let at = 0; at < 2 * (MOST_HELD + 1); at++) {
    const held = <f64>(at & MOST_HELD);
    store<u16>(HELD + (at << 1), <u16>nearest<f64>(65_536.0 * (1.0 - 0.3 / (1.0 + held * 0.7))));
  }
}

function firstWeight(lane: i32): f32 {
  if (lane >= INPUTS) return 0;
  return lane >= 2 * CONTEXTS
    ? FIRST_WEIGHT_EXPECTED
    : lane < CONTEXTS
      ? FIRST_WEIGHT_LOGIT
      : FIRST_WEIGHT_LEAN;
}

/**
 * Codes a byte, bit by bit from the highest, and learns it. Each half of it finds the sixteen slots of each context anew. Written out, and all inputs put together in
 * registers: twice as fast as loops that leave them in memory.
 */
export function codeByte(
  byte: i32,
  repeatedByte: i32,
  repeatedHeld: usize,
  alignedByte: i32,
  alignedHeld: usize,
  bySituation: usize,
): i32 {
  let partial = 1;
  let node: usize = 2;
  let a0 = v128.load(bySituation);
  let a1 = v128.load(bySituation, 16);
  let a2 = v128.load(bySituation, 32);
  let a3 = v128.load(bySituation, 48);
  let a4 = v128.load(bySituation, 64);
  let p0: usize = 0;
  let p1: usize = 0;
  let p2: usize = 0;
  let p3: usize = 0;
  let p4: usize = 0;
  let p5: usize = 0;
  let p6: usize = 0;
  for (let bit = 7; bit >= 0; bit--) {
    if (bit === 7 || bit === 3) {
      node = 2;
      p0 = slotsOf(0, partial);
      p1 = slotsOf(1, partial);
      p2 = slotsOf(2, partial);
      p3 = slotsOf(3, partial);
      p4 = slotsOf(4, partial);
      p5 = slotsOf(5, partial);
      p6 = slotsOf(6, partial);
    }
    const s0 = slotAt(p0 + node);
    const s1 = slotAt(p1 + node);
    const s2 = slotAt(p2 + node);
    const s3 = slotAt(p3 + node);
    const s4 = slotAt(p4 + node);
    const s5 = slotAt(p5 + node);
    const s6 = slotAt(p6 + node);
    const repeatedBit = expectedBit(repeatedByte, partial, bit);
    const alignedBit = expectedBit(alignedByte, partial, bit);
    const repeatedSign: f32 = repeatedBit < 0 ? 0 : repeatedBit ? 1 : -1;
    const alignedSign: f32 = alignedBit < 0 ? 0 : alignedBit ? 1 : -1;
    const i0 = vectorOf(logitOf(s0), logitOf(s1), logitOf(s2), logitOf(s3));
    const i1 = vectorOf(logitOf(s4), logitOf(s5), logitOf(s6), leanOf(s0));
    const i2 = vectorOf(leanOf(s1), leanOf(s2), leanOf(s3), leanOf(s4));
    const i3 = vectorOf(
      leanOf(s5),
      leanOf(s6),
      repeatedSign * heldLogit(repeatedHeld),
      repeatedSign * heldLean(repeatedHeld),
    );
    const i4 = vectorOf(alignedSign * heldLogit(alignedHeld), alignedSign * heldLean(alignedHeld), ALWAYS, 0);
    const byPartial = BY_PARTIAL + <usize>partial * ROW;
    const b0 = v128.load(byPartial);
    const b1 = v128.load(byPartial, 16);
    const b2 = v128.load(byPartial, 32);
    const b3 = v128.load(byPartial, 48);
    const b4 = v128.load(byPartial, 64);
    const one = sumOf(
      added(added(added(times(i0, a0), times(i1, a1)), added(times(i2, a2), times(i3, a3))), times(i4, a4)),
    );
    const other = sumOf(
      added(added(added(times(i0, b0), times(i1, b1)), added(times(i2, b2), times(i3, b3))), times(i4, b4)),
    );
    const coded = code((byte >> bit) & 1, chanceOf((one + other) * 0.5));
    const target = coded ? CERTAIN : 0;
    const byOne = f32x4.splat(<f32>(target - chanceOf(one)) * LEARNING);
    const byOther = f32x4.splat(<f32>(target - chanceOf(other)) * LEARNING);
    a0 = added(a0, times(i0, byOne));
    a1 = added(a1, times(i1, byOne));
    a2 = added(a2, times(i2, byOne));
    a3 = added(a3, times(i3, byOne));
    a4 = added(a4, times(i4, byOne));
    v128.store(byPartial, added(b0, times(i0, byOther)));
    v128.store(byPartial, added(b1, times(i1, byOther)), 16);
    v128.store(byPartial, added(b2, times(i2, byOther)), 32);
    v128.store(byPartial, added(b3, times(i3, byOther)), 48);
    v128.store(byPartial, added(b4, times(i4, byOther)), 64);
    learnSlot(p0 + node, s0, coded);
    learnSlot(p1 + node, s1, coded);
    learnSlot(p2 + node, s2, coded);
    learnSlot(p3 + node, s3, coded);
    learnSlot(p4 + node, s4, coded);
    learnSlot(p5 + node, s5, coded);
    learnSlot(p6 + node, s6, coded);
    learnExpected(repeatedHeld, repeatedBit, coded);
    learnExpected(alignedHeld, alignedBit, coded);
    partial = 2 * partial + coded;
    node = 2 * node + ((<usize>coded) << 1);
  }
  v128.store(bySituation, a0);
  v128.store(bySituation, a1, 16);
  v128.store(bySituation, a2, 32);
  v128.store(bySituation, a3, 48);
  v128.store(bySituation, a4, 64);
  return partial & 255;
}

/** Where the sixteen slots of a context are, for the half of a byte behind `partial`: one of 16 for each beginning of it, from 1 on. */
function slotsOf(context: i32, partial: i32): usize {
  let hash = (load<u32>(HASHES + ((<usize>context) << 2)) + <u32>partial * 0x2545_f491) * 0x9e37_79b1;
  hash = (hash ^ (hash >>> 15)) * 0x85eb_ca6b;
  return TABLE + 2 * <usize>(((<u32>context) << slotBits) + ((hash >>> (36 - slotBits)) << 4));
}

function slotAt(place: usize): i32 {
  return <i32>load<u16>(place);
}

function logitOf(slot: i32): f32 {
  return load<f32>(LOGITS + ((<usize>(slot >> 4)) << 2));
}

/** How far from even, by how often it was seen. */
function leanOf(slot: i32): f32 {
  return <f32>((slot >> 4) - 2_048) * load<f32>(LEANS + ((<usize>(slot & MOST_SEEN)) << 2));
}

function learnSlot(place: usize, slot: i32, bit: i32): void {
  const seen = slot & MOST_SEEN;
  store<u16>(place, <u16>((moved(slot >> 4, bit ? 4_095 : 0, seen) << 4) | min(MOST_SEEN, seen + 1)));
}

function heldLogit(held: usize): f32 {
  return logitOf(<i32>load<u16>(held));
}

function heldLean(held: usize): f32 {
  return <f32>(<i32>load<u16>(held) - EVEN) / 16_384;
}

function learnExpected(held: usize, expected: i32, bit: i32): void {
  if (expected < 0) return;
  const chance = <i32>load<u16>(held);
  store<u16>(held, <u16>(chance + (((expected === bit ? CERTAIN - 1 : 0) - chance) >> 5)));
}

/** The bit that an expected byte has next, as long as it may be the byte; else -1. */
function expectedBit(byte: i32, partial: i32, bit: i32): i32 {
  return byte >= 0 && (byte | 256) >> (bit + 1) === partial ? (byte >> bit) & 1 : -1;
}

function vectorOf(first: f32, second: f32, third: f32, fourth: f32): v128 {
  return f32x4.replace_lane(
    f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(first), 1, second), 2, third),
    3,
    fourth,
  );
}

function added(one: v128, other: v128): v128 {
  return f32x4.add(one, other);
}

function times(one: v128, other: v128): v128 {
  return f32x4.mul(one, other);
}

/** Lanes in one fixed order. */
function sumOf(lanes: v128): f32 {
  const halves = added(lanes, v128.shuffle<f32>(lanes, lanes, 2, 3, 0, 1));
  return f32x4.extract_lane(halves, 0) + f32x4.extract_lane(halves, 1);
}

/** Learns a byte in its contexts alone. */
export function learnByte(byte: i32): void {
  let partial = 1;
  for (let half = 4; half >= 0; half -= 4) {
    for (let context = 0; context < CONTEXTS; context++) {
      const slots = slotsOf(context, partial);
      let node = 1;
      for (let bit = half + 3; bit >= half; bit--) {
        const one = (byte >> bit) & 1;
        const place = slots + ((<usize>node) << 1);
        learnSlot(place, slotAt(place), one);
        node = 2 * node + one;
      }
    }
    partial = (byte | 256) >> 4;
  }
}
