/** What stands where in the memory of the mixing coder, and how much of it there is. AssemblyScript, see mixer.ts. */

export const CONTEXTS: i32 = 7;
/** Sixteen weights. */
export const ROW: usize = 32;

/** u16 by step: chances by their logits. */
export const CHANCES: usize = 1_024;
/** i16 by chance of 4,096: its logit, in steps. */
export const LOGITS: usize = CHANCES + 2 * 4_096;
/** i32 by how often seen: how far the chance of a number's bit moves, of 65,536. */
export const RATES: usize = LOGITS + 2 * 4_096;
/**
 * Vectors: what the last lane is multiplied with where the likely byte has no next bit, a 0, a 1; and what slots move
 * towards, by the bit and whether that was right.
 */
export const SIGNS: usize = RATES + 4 * 32;
export const TARGETS: usize = SIGNS + 3 * 16;
/** u32 by context, eight in two vectors: what stands before; and of the half of a byte that is coded, where its slots are. */
export const HASHES: usize = TARGETS + 4 * 16;
export const HALVES: usize = HASHES + 32;
/** u8 by byte: letters are alike, and digits. */
export const CLASSES: usize = HALVES + 32;
/** Of each of eight kinds of number 256 chances, u16, each with u16 of how often it was seen. */
export const NUMBERS: usize = CLASSES + 256;
/** From here on what bytes teach. Slots by how long the likely byte has held and which bit of it comes, and one that nobody asks. */
export const HELD: usize = NUMBERS + 4 * 8 * 256;
export const NOBODY: usize = HELD + 16 * 16;
/** 96 rows of weights, and 256. */
export const BY_SITUATION: usize = NOBODY + 32;
export const BY_PARTIAL: usize = BY_SITUATION + 96 * ROW;
/** 12 vectors of weights, then slots: of 3 times 16 situations, and of two contexts. */
export const FLAG_WEIGHTS: usize = BY_PARTIAL + 256 * ROW;
export const FLAG_SITUATIONS: usize = FLAG_WEIGHTS + 12 * 16;
export const FLAG_BITS: i32 = 12;
export const FLAG_SLOTS: usize = FLAG_SITUATIONS + 2 * 48;
/** i32 by hash: where the text stood behind the same four bytes, last. */
export const PLACES: usize = (FLAG_SLOTS + (4 << FLAG_BITS) + 1_023) & ~1_023;
export const PLACES_MOST_BITS: i32 = 18;
/** Slots, u16: a chance of 4,096, and in four bits how often it was seen; the first of each sixteen says whose they are. */
export const TABLE: usize = PLACES + (4 << PLACES_MOST_BITS);
export const SLOTS_MOST_BITS: i32 = 18;
/** What is read or written. */
export const CODED: usize = TABLE + ((2 * CONTEXTS) << SLOTS_MOST_BITS);
export const CODED_BYTES: usize = 512 * 1_024;
/** Three i32 a step: what it adds, what it copies, from where. */
export const STEPS: usize = CODED + CODED_BYTES;
export const STEPS_MOST: i32 = 2_048;
/** Zeros, then the bases, one behind the other, and the page. */
export const TEXT: usize = STEPS + 12 * 2_048 + 64;

/** Where the text begins that is coded. */
export let text: usize = TEXT;

/** From so many bytes on of what was put in: what stands before them is as good as not there. */
export function beginText(at: i32): void {
  text = TEXT + at;
  store<u64>(text - 8, 0);
}
