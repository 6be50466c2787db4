/**
 * The long runs that a page shares with its bases, in order, wherever they stand there. Every 64th place of the bases
 * is known by a hash of the 16 bytes from it on, so that no run that is long enough is passed by; where the base would
 * go on is tried before that. AssemblyScript, see mixer.ts.
 */
import { STEPS, STEPS_MOST, TABLE, text } from "./memory";

/** Shorter ones cost less as bytes that are expected: where the base would go on, and elsewhere. */
const LEAST_RUN: i32 = 64;
const LEAST_FAR_RUN: i32 = 96;
const KEY_BYTES: i32 = 16;
/** Between such places. With a key it is less than the shortest run that is looked for everywhere. */
const STRIDE: i32 = 64;
const LEAST_HEAD_BITS: i32 = 8;
/** Of 2 MiB of bases: these and what stood before each place take 0.625 MiB, less than the table that they are in. */
const MOST_HEAD_BITS: i32 = 17;
/** Places in the bases of one hash that are compared. */
const MOST_TRIED: i32 = 8;

let start: i32 = 0;
let end: i32 = 0;
let shift: i32 = 0;
/** In the table of contexts, which nobody uses yet: the last place of each hash, and the one before each place. */
const heads: usize = TABLE;
let befores: usize = TABLE;
/** The run that was found last: where it is in the bases, how long it is, and how much of it stands before where it was looked for. */
let runFrom: i32 = 0;
let runBytes: i32 = 0;
let runBefore: i32 = 0;

/**
 * Puts steps into STEPS, three i32 each: bytes that the page adds, bytes that it copies then, and from where; the last
 * may copy none. The page is from `pageAt` to `textEnd`, the best base begins at `best`. Returns how many steps; -1:
 * more than `mostSteps` or `mostAdded` bytes of the page's own.
 */
export function findRuns(pageAt: i32, textEnd: i32, best: i32, mostSteps: i32, mostAdded: i32): i32 {
  start = pageAt;
  end = textEnd;
  indexBases();
  const most = min(mostSteps, STEPS_MOST);
  let steps = 0;
  let added = 0;
  let add = 0;
  let expected = best;
  for (let at = start; at < end; ) {
    if (isNear(at, expected + add) || (add > 0 && isNear(at, expected)) || isFar(at, add)) {
      if (steps + 1 >= most) return -1;
      putStep(steps++, add - runBefore, runBytes, runFrom);
      at += runBytes - runBefore;
      added -= runBefore;
      expected = runFrom + runBytes;
      add = 0;
    } else {
      at++;
      add++;
      if (++added > mostAdded) return -1;
    }
  }
  if (add > 0) putStep(steps++, add, 0, 0);
  return steps;
}

function putStep(step: i32, add: i32, copy: i32, from: i32): void {
  const place = STEPS + <usize>step * 12;
  store<i32>(place, add);
  store<i32>(place, copy, 4);
  store<i32>(place, from, 8);
}

function indexBases(): void {
  const places = (start + STRIDE - 1) / STRIDE;
  const bits = min(MOST_HEAD_BITS, max(LEAST_HEAD_BITS, 33 - clz(places)));
  shift = 32 - bits;
  befores = heads + ((<usize>4) << bits);
  memory.fill(heads, 255, (<usize>4) << bits);
  for (let place = 0; place < places; place++) {
    const head = headOf(place * STRIDE);
    store<i32>(befores + ((<usize>place) << 2), load<i32>(head));
    store<i32>(head, place);
  }
}

function headOf(at: i32): usize {
  const address = text + at;
  let hash = (load<u64>(address) * 0x9e37_79b9_7f4a_7c15) ^ load<u64>(address, 8);
  hash = (hash ^ (hash >>> 29)) * 0xbf58_476d_1ce4_e5b9;
  return heads + ((<usize>((hash >>> 32) >>> shift)) << 2);
}

function isNear(at: i32, from: i32): bool {
  if (from + LEAST_RUN > start || load<u8>(text + from) !== load<u8>(text + at)) return false;
  const shared = sharedFrom(from, at);
  if (shared < LEAST_RUN) return false;
  runFrom = from;
  runBytes = shared;
  runBefore = 0;
  return true;
}

/** The longest of those that are tried. */
function isFar(at: i32, add: i32): bool {
  if (at + KEY_BYTES > end) return false;
  runBytes = 0;
  let place = load<i32>(headOf(at));
  for (let tried = 0; place >= 0 && tried < MOST_TRIED; tried++) {
    const from = place * STRIDE;
    const most = min(from, min(add, STRIDE - 1));
    let before = 0;
    while (before < most && load<u8>(text + from - before - 1) === load<u8>(text + at - before - 1)) before++;
    const shared = before + sharedFrom(from, at);
    if (shared >= LEAST_FAR_RUN && shared > runBytes) {
      runFrom = from - before;
      runBytes = shared;
      runBefore = before;
    }
    place = load<i32>(befores + ((<usize>place) << 2));
  }
  return runBytes > 0;
}

/** Bytes that the bases from one place on and the page from another on have in common. */
function sharedFrom(from: i32, at: i32): i32 {
  const most = min(start - from, end - at);
  let shared = 0;
  while (shared + 16 <= most && isSame(text + from + shared, text + at + shared)) shared += 16;
  while (shared + 8 <= most) {
    const differing = load<u64>(text + from + shared) ^ load<u64>(text + at + shared);
    if (differing !== 0) return shared + <i32>(ctz(differing) >>> 3);
    shared += 8;
  }
  while (shared < most && load<u8>(text + from + shared) === load<u8>(text + at + shared)) shared++;
  return shared;
}

/** Sixteen bytes. */
function isSame(one: usize, other: usize): bool {
  return !v128.any_true(v128.xor(v128.load(one), v128.load(other)));
}
