/**
 * The pieces of one page that pages of enough other people have too: runs of whole units, each the same run in the same
 * pages from its first unit to its last. Pure, and in slices: whoever drives it lets others have their turn in between.
 * What it makes depends on the pages by one thing only, which units are equal, so it tells nothing of part of a unit.
 * SPEC section "Common bases".
 */
import { BETWEEN_PIECES } from "../../../protocol/codec/page-units.ts";
import { type PageUnits, type UnitNumbers, unitsOf } from "./tokenize-page.ts";

/** Different people whose pages must have a piece, the one it is taken from among them. */
export const PEOPLE_PER_PIECE = 3;
/** Pages that are compared: more find little more. */
export const MOST_SOURCES = 6;
/** Shorter pieces save less than their place in a dictionary costs. @internal */
export const LEAST_PIECE_BYTES = 32;

/** Steps of comparing before others get their turn: about a millisecond. */
const STEPS_PER_SLICE = 16 * 1024;
/** Places in a page at which a run is looked for; those behind are passed over, and the run found is a shorter one. */
const MOST_PLACES = 24;
/** A run known to go on for so many units is not compared with others that may be longer. */
const LONG_ENOUGH = 64;

/**
 * The pieces of the first page, in order, with BETWEEN_PIECES after each; empty when there are none. `pages` are of
 * different people each. Undefined when a page is no text.
 */
export function* commonPieces(pages: readonly Buffer[]): Generator<void, Buffer | undefined> {
  const [spineBytes] = pages;
  if (spineBytes === undefined || pages.length < PEOPLE_PER_PIECE) return Buffer.alloc(0);
  const known: UnitNumbers = new Map();
  const cut: PageUnits[] = [];
  for (const page of pages) {
    const units = yield* unitsOf(page, known);
    if (units === undefined) return undefined;
    cut.push(units);
  }
  const [spine, ...others] = cut;
  if (spine === undefined) return undefined;
  const followers: Follower[] = [];
  for (const other of others) followers.push(yield* follow(spine, other));

  const pieces: Uint8Array[] = [];
  const separator = Uint8Array.of(BETWEEN_PIECES);
  let spent = 0;
  for (let at = 0; at < spine.numbers.length; ) {
    const shared = followers.map((follower) => follower.runAt(at)).sort((a, b) => b - a);
    const run = shared[PEOPLE_PER_PIECE - 2] ?? 0;
    const from = spine.starts[at] ?? 0;
    const to = spine.starts[at + run] ?? from;
    if (to - from >= LEAST_PIECE_BYTES) {
      pieces.push(spineBytes.subarray(from, to), separator);
      at += run;
    } else at += 1;
    const steps = followers.reduce((sum, follower) => sum + follower.steps, 0);
    if (steps - spent < STEPS_PER_SLICE) continue;
    spent = steps;
    yield;
  }
  return Buffer.concat(pieces);
}

/** Follows the spine through one other page. */
interface Follower {
  /** Units from `at` of the spine on that stand in the other page too, one after another; sometimes fewer. `at` only grows. */
  runAt(at: number): number;
  readonly steps: number;
}

function* follow(spinePage: PageUnits, otherPage: PageUnits): Generator<void, Follower> {
  const { numbers: spine } = spinePage;
  const { numbers: other } = otherPage;
  const bits = Math.max(4, Math.ceil(Math.log2(other.length + 1)) + 1);
  /** Of a unit that is a piece by itself; of a shorter one with the next, which is rarer. */
  const slotAt = ({ numbers, starts }: PageUnits, at: number): number => {
    const unit = numbers[at] ?? -1;
    const long = (starts[at + 1] ?? 0) - (starts[at] ?? 0) >= LEAST_PIECE_BYTES;
    const after = long ? -1 : (numbers[at + 1] ?? -1);
    return (Math.imul(unit, 0x9e3779b1) ^ Math.imul(after, 0x85ebca6b)) >>> (32 - bits);
  };
  /** First place of each slot, and the next place of the same one. */
  const first = new Int32Array(2 ** bits).fill(-1);
  const next = new Int32Array(other.length).fill(-1);
  for (let at = other.length - 1; at >= 0; at--) {
    const slot = slotAt(otherPage, at);
    next[at] = first[slot] ?? -1;
    first[slot] = at;
    if (at % STEPS_PER_SLICE === 0) yield;
  }

  let steps = 0;
  const lengthOf = (at: number, place: number): number => {
    let length = 0;
    while (
      at + length < spine.length &&
      place + length < other.length &&
      spine[at + length] === other[place + length]
    )
      length += 1;
    steps += length + 1;
    return length;
  };

  /** The run found last: where it is in the spine and in the other page, and its length. */
  let run = { at: 0, place: 0, length: 0 };
  return {
    get steps() {
      return steps;
    },
    runAt(at) {
      steps += 1;
      const passed = at - run.at;
      run = { at, place: run.place + passed, length: Math.max(0, run.length - passed) };
      if (run.length >= LONG_ENOUGH) return run.length;
      let place = first[slotAt(spinePage, at)] ?? -1;
      for (let tried = 0; place >= 0 && tried < MOST_PLACES; tried++) {
        steps += 1;
        // A place that cannot be better differs where the best one so far ends.
        if (spine[at + run.length] === other[place + run.length]) {
          const length = lengthOf(at, place);
          if (length > run.length) run = { at, place, length };
        }
        place = next[place] ?? -1;
      }
      return run.length;
    },
  };
}
