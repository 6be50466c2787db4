/** Bits by their chances: tables of chances and logits, the arithmetic coder, and numbers. AssemblyScript, see mixer.ts. */
import { CHANCES, CODED, CODED_BYTES, LOGITS, NUMBERS, RATES } from "./memory";

/** A chance of 1. Chances are that a bit is 1, of 65,536; those of slots, of 4,096. */
export const CERTAIN: i32 = 65_536;
export const EVEN: i32 = 32_768;
/** Of either bit: none costs more than 12 bits, or less than a 2,800th of one. */
const LEAST_CHANCE: i32 = 16;
/** Logits are in steps of 1/256, up to this one on either side. */
const LAST_STEP: i32 = 2_047;
/** e^(1/256). */
const STEP_FACTOR: f64 = 1.003_913_889_338_347_7;

const KINDS: i32 = 8;
const MOST_SEEN_OF_NUMBERS: i32 = 30;
const NUMBER_LEAST_CHANCE: i32 = 32;
const NUMBER_BITS: i32 = 26;
const NUMBER_LEARNT_BITS: i32 = 3;

const WRITING: i32 = 0;
export const READING: i32 = 1;
/** Nothing is written or read. */
const REHEARSING: i32 = 2;

export let mode: i32 = WRITING;
let modeBefore: i32 = WRITING;
let low: u32 = 0;
let high: u32 = 0xffff_ffff;
let value: u32 = 0;
let codedAt: usize = CODED;
let codedEnd: usize = CODED;
/** What is read has come so far, and from behind here on a byte of the text might need more than that. */
let enoughUpTo: usize = usize.MAX_VALUE;

/** Of what is read, that a bit takes: where nothing is left between both bounds, four shifts make them 0 and 2^32 - 1. */
const MOST_BIT_BYTES: i32 = 4;
/** That a byte of the text takes, which is a flag and eight bits. */
const MOST_BYTE_BYTES: i32 = 9 * MOST_BIT_BYTES;

export function makeTables(): void {
  let power: f64 = 1;
  for (let step = 0; step <= LAST_STEP; step++) {
    const chance = <i32>nearest<f64>((65_536.0 * power) / (1.0 + power));
    store<u16>(CHANCES + ((LAST_STEP + step) << 1), <u16>min(CERTAIN - LEAST_CHANCE, chance));
    store<u16>(CHANCES + ((LAST_STEP - step) << 1), <u16>max(LEAST_CHANCE, CERTAIN - chance));
    power *= STEP_FACTOR;
  }
  let step = 0;
  for (let chance = 0; chance < 4_096; chance++) {
    while (step < 2 * LAST_STEP && <i32>load<u16>(CHANCES + (step << 1)) < chance * 16 + 8) step++;
    store<i16>(LOGITS + (chance << 1), <i16>(step - LAST_STEP));
  }
  for (let seen = 0; seen <= MOST_SEEN_OF_NUMBERS; seen++)
    store<i32>(RATES + (seen << 2), <i32>(65_536.0 / (<f64>seen + 1.6)));
}

/** The chance of 65,536 that a logit means, which is in steps. */
export function chanceOf(step: i32): i32 {
  return <i32>load<u16>(CHANCES + ((<usize>max(0, min(2 * LAST_STEP, step + LAST_STEP))) << 1));
}

/** A chance, moved towards what was seen: nearly the mean of all that was, at first. */
function moved(chance: i32, towards: i32, seen: i32): i32 {
  return chance + (((towards - chance) * load<i32>(RATES + (seen << 2))) >> 16);
}

/** `bytes`: of what is read. */
export function beginCoding(how: i32, bytes: i32): void {
  mode = how;
  low = 0;
  high = 0xffff_ffff;
  value = 0;
  codedAt = CODED;
  codedEnd = CODED + bytes;
  enoughUpTo = usize.MAX_VALUE;
  for (let at = 0; at < KINDS * 256; at++) store<u32>(NUMBERS + (at << 2), EVEN);
  if (how === READING) for (let read = 0; read < 4; read++) value = (value << 8) | nextCoded();
}

/** So many bytes of what is read are here by now. `isAll`: no others come. */
export function haveCome(bytes: i32, isAll: bool): void {
  codedEnd = CODED + bytes;
  enoughUpTo = isAll ? usize.MAX_VALUE : codedEnd - MOST_BYTE_BYTES;
}

/** Whether a byte of the text can be coded without more of what is read than is here. */
export function hasEnough(): bool {
  return codedAt <= enoughUpTo || mode === REHEARSING;
}

/** Bytes of what is read that are here and were not looked at. */
export function unread(): i32 {
  return <i32>(codedEnd - codedAt);
}

/** Bytes that were written so far; what comes changes none of them, but that zeros at the end may be left off. */
export function written(): i32 {
  return <i32>(codedAt - CODED);
}

export function beginRehearsal(): void {
  modeBefore = mode;
  mode = REHEARSING;
}

export function endRehearsal(): void {
  mode = modeBefore;
}

function nextCoded(): u32 {
  return codedAt < codedEnd ? <u32>load<u8>(codedAt++) : 0;
}

/** A carry-free binary arithmetic coder on ranges of 32 bits. */
export function code(bit: i32, chance: i32): i32 {
  if (mode === REHEARSING) return bit;
  const middle = low + <u32>((<u64>(high - low) * <u64>chance) >> 16);
  if (mode === READING) bit = <i32>(value <= middle);
  high = select<u32>(middle, high, bit);
  low = select<u32>(low, middle + 1, bit);
  while (((low ^ high) & 0xff00_0000) === 0) {
    if (mode === READING) value = (value << 8) | nextCoded();
    else if (codedAt < CODED + CODED_BYTES) store<u8>(codedAt++, <u8>(high >>> 24));
    low <<= 8;
    high = (high << 8) | 255;
  }
  return bit;
}

/**
 * Ends what is written, in the fewest bytes: a reader takes what is missing for zeros. The highest bytes of low and
 * high differ, so one more does. Returns how many; CODED_MOST: they did not fit.
 */
export function finish(): i32 {
  if (codedAt === CODED + CODED_BYTES) return <i32>CODED_BYTES;
  if (low > 0) store<u8>(codedAt++, <u8>((low + 0xff_ffff) >>> 24));
  while (codedAt > CODED && load<u8>(codedAt - 1) === 0) codedAt--;
  return <i32>(codedAt - CODED);
}

/** Whether a reader has looked at all there is. */
export function isAtEnd(): bool {
  return codedAt === codedEnd;
}

/** A bit whose chance is that of the ones before it, of the same kind at the same place (0 to 255). */
export function learntBit(kind: i32, at: i32, bit: i32): i32 {
  const place = NUMBERS + (((kind << 8) + at) << 2);
  const chance = <i32>load<u16>(place);
  const seen = <i32>load<u16>(place, 2);
  bit = code(bit, min(CERTAIN - NUMBER_LEAST_CHANCE, max(NUMBER_LEAST_CHANCE, chance)));
  store<u16>(place, <u16>moved(chance, bit ? CERTAIN - 1 : 0, seen));
  if (seen < MOST_SEEN_OF_NUMBERS) store<u16>(place, <u16>(seen + 1), 2);
  return bit;
}

/**
 * A whole number up to 2^26 - 2: how many bits n + 1 has in unary, then its bits from the highest but one. Unary bits
 * and the three below the highest learn. Returns it; -1: what is read is larger.
 */
export function number(kind: i32, n: i32): i32 {
  const bits = 31 - clz(n + 1);
  let read = 0;
  while (learntBit(kind, read, read < bits ? 1 : 0)) if (++read === NUMBER_BITS) return -1;
  let made = 1;
  for (let bit = read - 1; bit >= 0; bit--) {
    const below = read - bit;
    const one = ((n + 1) >> bit) & 1;
    const branch = 1 << (below - 1);
    made =
      2 * made +
      (below <= NUMBER_LEARNT_BITS
        ? learntBit(kind, 28 + 8 * read + branch + (made & (branch - 1)), one)
        : code(one, EVEN));
  }
  return made - 1;
}
