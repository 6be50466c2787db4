/**
 * Whether the byte comes that the text had before in the same place: one bit, and where it does nothing else of the
 * byte is coded. AssemblyScript, see mixer.ts.
 */
import { chanceOf, code } from "./bits";
import { FLAG_BITS, FLAG_SITUATIONS, FLAG_SLOTS, FLAG_WEIGHTS } from "./memory";
import { ALWAYS, errorOf, grown, leansOf, learnt, logitAt, stepOf, targetsOf } from "./slots";

/** How long an expectation has held, at most. */
export const MOST_HELD: i32 = 15;
/** Nine of ten. */
const LIKELY: i16 = <i16>(3_686 << 4);

export function forgetFlags(): void {
  const likely = i16x8.splat(LIKELY);
  for (let at = FLAG_SITUATIONS; at < FLAG_SLOTS + (4 << FLAG_BITS); at += 16) v128.store(at, likely);
  // 0.4, and 0.3 of what is always there too; 0.06.
  const weights = i16x8(6_554, 4_915, 4_915, 4_915, 0, 983, 983, 0);
  for (let row = FLAG_WEIGHTS; row < FLAG_SITUATIONS; row += 16) v128.store(row, weights);
}

/**
 * Codes whether the `expected` byte comes, and learns it. `held`: for how long it has, up to MOST_HELD; `aligned`: 0
 * without an aligned byte, 1 where that is another one, 2; `last`, `second`: what stands before.
 */
export function codeFlag(bit: i32, expected: u32, held: i32, aligned: i32, last: u32, second: u32): i32 {
  const s0 = FLAG_SITUATIONS + ((<usize>(16 * aligned + held)) << 1);
  const s1 = slotOf(0, (last << 8) + expected);
  const s2 = slotOf(1, (last << 16) + (second << 8) + expected);
  const row = FLAG_WEIGHTS + ((<usize>(3 * (held >> 2) + aligned)) << 4);
  const weights = v128.load(row);
  let slots = i16x8.splat(0);
  slots = v128.load_lane<u16>(s0, slots, 4);
  slots = v128.load_lane<u16>(s1, slots, 5);
  slots = v128.load_lane<u16>(s2, slots, 6);
  let inputs = leansOf(slots);
  inputs = v128.load_lane<u16>(logitAt(s0), inputs, 0);
  inputs = v128.load_lane<u16>(logitAt(s1), inputs, 1);
  inputs = v128.load_lane<u16>(logitAt(s2), inputs, 2);
  inputs = i16x8.replace_lane(inputs, 3, ALWAYS);
  const chance = chanceOf(stepOf(i32x4.dot_i16x8_s(inputs, weights), 1));
  bit = code(bit, chance);
  v128.store(row, grown(weights, inputs, errorOf(bit, chance)));
  slots = learnt(slots, targetsOf(bit, 0));
  v128.store_lane<u16>(s0, slots, 4);
  v128.store_lane<u16>(s1, slots, 5);
  v128.store_lane<u16>(s2, slots, 6);
  return bit;
}

function slotOf(context: usize, key: u32): usize {
  return FLAG_SLOTS + (((context << FLAG_BITS) + ((key * 0x9e37_79b1) >>> (32 - FLAG_BITS))) << 1);
}
