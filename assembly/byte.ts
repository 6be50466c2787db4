/**
 * How likely each bit of a byte is: what was seen behind the same contexts, and the byte that a base would go on with,
 * added up by weights that learn. AssemblyScript, see mixer.ts.
 */
import { chanceOf, code } from "./bits";
import { MOST_HELD } from "./flag";
import {
  BY_PARTIAL,
  BY_SITUATION,
  CONTEXTS,
  HALVES,
  HASHES,
  HELD,
  NOBODY,
  ROW,
  SIGNS,
  SLOTS_MOST_BITS,
  TABLE,
} from "./memory";
import { ALWAYS, errorOf, grown, leansOf, learnt, logitAt, slowRate, stepOf, targetsOf } from "./slots";

const UNSEEN: i16 = <i16>(2_048 << 4);

let slotBits: i32 = 10;

/** `slots`: of each context, as a power of 2. */
export function sizeSlots(slots: i32): void {
  slotBits = min(slots, SLOTS_MOST_BITS);
}

export function forgetBytes(): void {
  const unseen = i16x8.splat(UNSEEN);
  for (let at = TABLE, end = TABLE + ((<usize>2 * CONTEXTS) << slotBits); at < end; at += 16)
    v128.store(at, unseen);
  // A quarter of what slots and the aligned byte say and of what is always there, 0.06 of leans.
  const logits = i16x8(4_096, 4_096, 4_096, 4_096, 4_096, 4_096, 4_096, 4_096);
  const leans = i16x8(983, 983, 983, 983, 983, 983, 983, 4_096);
  for (let row = BY_SITUATION; row < BY_PARTIAL + 256 * ROW; row += ROW) {
    v128.store(row, logits);
    v128.store(row, leans, 16);
  }
  for (let held = 0; held <= MOST_HELD; held++) {
    const chance = <i32>nearest<f64>(4_096.0 * (1.0 - 0.3 / (1.0 + <f64>held * 0.7)));
    v128.store(HELD + (held << 4), i16x8.splat(<i16>(chance << 4)));
  }
}

/**
 * Codes a byte that is not the `excluded` one, bit by bit from the highest, and learns it. Each half of it finds the
 * sixteen slots of each context anew. `excluded`, `likelyByte`: -1 for none; `held`: for how long it has held, up to
 * MOST_HELD; `situation`: 0 to 95. Written out: twice as fast as loops that leave inputs in memory.
 */
export function codeByte(byte: i32, excluded: i32, likelyByte: i32, held: i32, situation: i32): i32 {
  const bySituation = BY_SITUATION + <usize>situation * ROW;
  const ofLikely = HELD + ((<usize>held) << 4);
  let partial = 1;
  let node: usize = 2;
  let a0 = v128.load(bySituation);
  let a1 = v128.load(bySituation, 16);
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
      findHalf(partial);
      p0 = slotsOf(0);
      p1 = slotsOf(1);
      p2 = slotsOf(2);
      p3 = slotsOf(3);
      p4 = slotsOf(4);
      p5 = slotsOf(5);
      p6 = slotsOf(6);
    }
    if (bit === 0 && (excluded | 256) >> 1 === partial && excluded >= 0) {
      partial = 2 * partial + ((excluded & 1) ^ 1);
      break;
    }
    const likelyBit = nextBitOf(likelyByte, partial, bit);
    const s0 = p0 + node;
    const s1 = p1 + node;
    const s2 = p2 + node;
    const s3 = p3 + node;
    const s4 = p4 + node;
    const s5 = p5 + node;
    const s6 = p6 + node;
    const s7 = likelyBit < 0 ? NOBODY : ofLikely + ((<usize>bit) << 1);
    let slots = i16x8.splat(0);
    slots = v128.load_lane<u16>(s0, slots, 0);
    slots = v128.load_lane<u16>(s1, slots, 1);
    slots = v128.load_lane<u16>(s2, slots, 2);
    slots = v128.load_lane<u16>(s3, slots, 3);
    slots = v128.load_lane<u16>(s4, slots, 4);
    slots = v128.load_lane<u16>(s5, slots, 5);
    slots = v128.load_lane<u16>(s6, slots, 6);
    slots = v128.load_lane<u16>(s7, slots, 7);
    let logits = i16x8.splat(0);
    logits = v128.load_lane<u16>(logitAt(s0), logits, 0);
    logits = v128.load_lane<u16>(logitAt(s1), logits, 1);
    logits = v128.load_lane<u16>(logitAt(s2), logits, 2);
    logits = v128.load_lane<u16>(logitAt(s3), logits, 3);
    logits = v128.load_lane<u16>(logitAt(s4), logits, 4);
    logits = v128.load_lane<u16>(logitAt(s5), logits, 5);
    logits = v128.load_lane<u16>(logitAt(s6), logits, 6);
    logits = v128.load_lane<u16>(logitAt(s7), logits, 7);
    logits = i16x8.mul(logits, v128.load(SIGNS + ((<usize>(likelyBit + 1)) << 4)));
    const leans = i16x8.replace_lane(leansOf(slots), 7, ALWAYS);
    const byPartial = BY_PARTIAL + <usize>partial * ROW;
    const b0 = v128.load(byPartial);
    const b1 = v128.load(byPartial, 16);
    const sums = i32x4.add(
      i32x4.dot_i16x8_s(logits, i16x8.add_sat_s(a0, b0)),
      i32x4.dot_i16x8_s(leans, i16x8.add_sat_s(a1, b1)),
    );
    const chance = chanceOf(stepOf(sums, 2));
    const coded = code((byte >> bit) & 1, chance);
    const error = errorOf(coded, chance);
    a0 = grown(a0, logits, error);
    a1 = grown(a1, leans, error);
    v128.store(byPartial, grown(b0, logits, error));
    v128.store(byPartial, grown(b1, leans, error), 16);
    slots = learnt(slots, targetsOf(coded, likelyBit === coded ? 1 : 0));
    v128.store_lane<u16>(s0, slots, 0);
    v128.store_lane<u16>(s1, slots, 1);
    v128.store_lane<u16>(s2, slots, 2);
    v128.store_lane<u16>(s3, slots, 3);
    v128.store_lane<u16>(s4, slots, 4);
    v128.store_lane<u16>(s5, slots, 5);
    v128.store_lane<u16>(s6, slots, 6);
    v128.store_lane<u16>(s7, slots, 7);
    partial = 2 * partial + coded;
    node = 2 * node + ((<usize>coded) << 1);
  }
  slowRate();
  v128.store(bySituation, a0);
  v128.store(bySituation, a1, 16);
  return partial & 255;
}

/** For the half of a byte behind `partial`, of all contexts. */
function findHalf(partial: u32): void {
  const half = i32x4.splat(partial * 0x2545_f491);
  v128.store(HALVES, hashed(i32x4.add(v128.load(HASHES), half)));
  v128.store(HALVES, hashed(i32x4.add(v128.load(HASHES, 16), half)), 16);
}

function hashed(lanes: v128): v128 {
  const once = i32x4.mul(lanes, i32x4.splat(0x9e37_79b1));
  return i32x4.mul(v128.xor(once, i32x4.shr_u(once, 15)), i32x4.splat(0x85eb_ca6b));
}

/**
 * Where the sixteen slots of a context are for that half: one of 15 for each beginning of it, from 1 on, and first
 * whose they are. Who finds them at neither of two places takes the one that was less used.
 */
function slotsOf(context: usize): usize {
  const hash = load<u32>(HALVES + (context << 2));
  const owner = <u16>hash;
  const place = TABLE + (((context << slotBits) + ((hash >>> (36 - slotBits)) << 4)) << 1);
  if (load<u16>(place) === owner) return place;
  const other = place ^ 32;
  if (load<u16>(other) === owner) return other;
  const taken = (load<u16>(place, 2) & 15) > (load<u16>(other, 2) & 15) ? other : place;
  v128.store(taken, i16x8.splat(UNSEEN));
  v128.store(taken, i16x8.splat(UNSEEN), 16);
  store<u16>(taken, owner);
  return taken;
}

/** The bit that a likely byte has next, as long as it may be the byte; else -1. */
function nextBitOf(byte: i32, partial: i32, bit: i32): i32 {
  return byte >= 0 && (byte | 256) >> (bit + 1) === partial ? (byte >> bit) & 1 : -1;
}

/** Learns a byte in its contexts alone. */
export function learnByte(byte: i32): void {
  let partial = 1;
  for (let half = 4; half >= 0; half -= 4) {
    findHalf(partial);
    const p0 = slotsOf(0);
    const p1 = slotsOf(1);
    const p2 = slotsOf(2);
    const p3 = slotsOf(3);
    const p4 = slotsOf(4);
    const p5 = slotsOf(5);
    const p6 = slotsOf(6);
    let node: usize = 2;
    for (let bit = half + 3; bit >= half; bit--) {
      const one = (byte >> bit) & 1;
      let slots = i16x8.splat(0);
      slots = v128.load_lane<u16>(p0 + node, slots, 0);
      slots = v128.load_lane<u16>(p1 + node, slots, 1);
      slots = v128.load_lane<u16>(p2 + node, slots, 2);
      slots = v128.load_lane<u16>(p3 + node, slots, 3);
      slots = v128.load_lane<u16>(p4 + node, slots, 4);
      slots = v128.load_lane<u16>(p5 + node, slots, 5);
      slots = v128.load_lane<u16>(p6 + node, slots, 6);
      slots = learnt(slots, targetsOf(one, 0));
      v128.store_lane<u16>(p0 + node, slots, 0);
      v128.store_lane<u16>(p1 + node, slots, 1);
      v128.store_lane<u16>(p2 + node, slots, 2);
      v128.store_lane<u16>(p3 + node, slots, 3);
      v128.store_lane<u16>(p4 + node, slots, 4);
      v128.store_lane<u16>(p5 + node, slots, 5);
      v128.store_lane<u16>(p6 + node, slots, 6);
      node = 2 * node + ((<usize>one) << 1);
    }
    partial = (byte | 256) >> 4;
  }
}
