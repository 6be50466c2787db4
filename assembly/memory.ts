/** What stands where in the memory of the mixing coder, and how much of it there is. AssemblyScript, see mixer.ts. */

/** Weights, one for each input, padded to whole vectors of four floats. */
export const ROW: usize = 4 * 20;
export const CONTEXTS: i32 = 7;

/** u16 by step: chances by their logits. */
export const CHANCES: usize = 1_024;
/** f32 by chance of 4,096. */
export const LOGITS: usize = CHANCES + 2 * (2 * 2_816 + 4);
/** f32 by how often seen: what a lean counts. */
export const LEANS: usize = LOGITS + 4 * 4_096;
/** i32 by how often seen: how far a chance moves, of 65,536. */
export const RATES: usize = LEANS + 4 * 16;
/** u32 by context: what stands before. */
export const HASHES: usize = RATES + 4 * 32;
/** u16 by how long it has held, of each of the two expectations. */
export const HELD: usize = HASHES + 32;
/** Of each of eight kinds of number 256 chances, u16, each with u16 of how often it was seen. */
export const NUMBERS: usize = HELD + 64;
/** 16 rows of weights, and 256. */
export const BY_SITUATION: usize = NUMBERS + 4 * 8 * 256;
export const BY_PARTIAL: usize = BY_SITUATION + 16 * ROW;
/** i32 by hash: where the text stood behind the same five bytes, last. */
export const PLACES: usize = (BY_PARTIAL + 256 * ROW + 1_023) & ~1_023;
export const PLACES_MOST_BITS: i32 = 16;
/** u16: a chance of 4,096, and in four bits how often it was seen. */
export const TABLE: usize = PLACES + (4 << 16);
export const SLOTS_MOST_BITS: i32 = 17;
/** What is read or written. Twelve bits for each bit of 8 KiB, and all numbers, are less. */
export const CODED: usize = TABLE + ((2 * 7) << 17);
export const CODED_BYTES: usize = 256 * 1_024;
/** Three i32 a step: what it adds, what it copies, from where. */
export const STEPS: usize = CODED + CODED_BYTES;
export const STEPS_MOST: i32 = 2_048;
/** The bases, one behind the other, and the page. */
export const TEXT: usize = STEPS + 12 * 2_048;
