/**
 * A page as long runs of its bases and what it has of its own between them: the numbers of the runs, and every other
 * byte, by as many bits as it was unlikely. What the bases have where the page differs is learnt before, as far as it
 * goes, and what stands near is known as something that may come. SPEC section "Mixed".
 *
 * Up to 16 KiB of a page's own are done at once, which takes up to 5 ms; more in turns of the event loop, one page
 * after the other, with a mixer of their own.
 */
import { ownBuffer } from "../store/compact-buffer.ts";
import { type CodedPieces, codedInTurns, type Worth } from "./coded-in-turns.ts";
import { EarlyPage } from "./early-page.ts";
import { learnBases } from "./learn-bases.ts";
import { AT_ONCE_BYTES, type Reading, readPage, SlicedBytes } from "./long-pages.ts";
import { addedBytesOf, type PlacedStep, placedFrom, readSteps, writeSteps } from "./mixed-steps.ts";
import { Mixer, type RunBounds, type Step, type TextPlaces } from "./mixer.ts";
import { atOnce, type Slices, type StillWanted } from "./turns.ts";

export { MIXED_ADDED_BYTES, MIXED_STEPS } from "./mixed-steps.ts";
export type { RunBounds } from "./mixer.ts";

/** Bases and page together. */
export const MIXED_TEXT_BYTES = 2 * 1024 * 1024;
/**
 * A page with no more of its own beside its best base is coded on that alone: other bases gain nothing there (versions
 * 0.482 % of raw and not 0.484, templates 4.67 and 4.65).
 */
const ALONE_BYTES = 4096;

/** A coded page, and on how many of the bases, the best of them. */
export interface MixedPage<Coded = Buffer> {
  readonly coded: Coded;
  readonly bases: number;
}

/**
 * Undefined beyond the bounds, or AT_ONCE_BYTES. Bases come best last; the best alone is taken where the others would
 * hardly gain anything.
 */
export const mixedPage = (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  { steps, addedBytes }: RunBounds,
): MixedPage | undefined =>
  atOnce(
    mixedBy(Mixer.get(), bases, page, { steps, addedBytes: Math.min(addedBytes, AT_ONCE_BYTES) }, () => true),
  );

/**
 * The same in turns, with as much of its own as the bounds allow; undefined too while another page is, or where it is
 * worth nothing, by how many bytes it has of its own.
 */
export const mixedInTurns = async (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  bounds: RunBounds,
  worth: (ownBytes: number) => Worth,
): Promise<MixedPage<Buffer | CodedPieces> | undefined> => {
  let found: Worth = "nothing";
  let on = bases.length;
  const coded = await codedInTurns(
    function* (mixer) {
      const made = yield* mixedBy(mixer, bases, page, bounds, (bytes) => {
        found = worth(bytes);
        return found !== "nothing";
      });
      on = made?.bases ?? on;
      return made?.coded;
    },
    () => found === "pieces",
  );
  // On the best base alone less than a slice is coded: all of it is, before anything leaves.
  return coded && { coded, bases: on };
};

function* mixedBy(
  mixer: Mixer,
  bases: readonly Uint8Array[],
  page: Uint8Array,
  bounds: RunBounds,
  worth: (ownBytes: number) => boolean,
): Slices<MixedPage | undefined> {
  const places = placesOf(bases);
  if (places.start + page.length > MIXED_TEXT_BYTES) return undefined;
  const text = mixer.textOf(places.start + page.length);
  text.set(page, places.start);
  const best = bases.at(-1);
  if (best !== undefined && bases.length > 1) {
    // The others are not put in before they are needed.
    text.set(best, places.best);
    mixer.beginText(places.best);
    const onBest = { start: best.length, best: 0 };
    const alone = { ...bounds, addedBytes: Math.min(bounds.addedBytes, ALONE_BYTES) };
    const coded = yield* codedPage(mixer, onBest, text.length - places.best, alone, worth);
    if (coded !== undefined) return { coded, bases: 1 };
  }
  putBases(bases, text);
  mixer.beginText(0);
  const coded = yield* codedPage(mixer, places, text.length, bounds, worth);
  return coded && { coded, bases: bases.length };
}

function* codedPage(
  mixer: Mixer,
  places: TextPlaces,
  textBytes: number,
  bounds: RunBounds,
  worth: (ownBytes: number) => boolean,
): Slices<Buffer | undefined> {
  const steps = mixer.runs(textBytes, places, bounds);
  if (steps === undefined || !worth(addedBytesOf(steps))) return undefined;
  const placed = placedFrom(places.best, steps);
  mixer.beginWriting();
  writeSteps(mixer, placed);
  yield* codeAdded(mixer, placed, places);
  return mixer.finish();
}

/** `stillWanted`: asked between slices of what takes turns. */
export interface ReadLimits {
  readonly pageBytes: number;
  readonly stillWanted?: StillWanted | undefined;
}

/**
 * The page again, in a buffer of its own, or a promise of it where it takes turns; undefined where `coded` was made of
 * nothing, or of more than `pageBytes`.
 */
export const unmixedPage = (
  bases: readonly Uint8Array[],
  coded: Uint8Array,
  { pageBytes, stillWanted }: ReadLimits,
): Buffer | undefined | Promise<Buffer | undefined> => {
  const reading = readingOn(bases, pageBytes);
  return reading && readPage(coded, reading, stillWanted);
};

/** The same of what is still coming; undefined too while another page is read. */
export const earlyPage = (
  bases: readonly Uint8Array[],
  { pageBytes, stillWanted }: ReadLimits,
): EarlyPage | undefined => {
  const reading = readingOn(bases, pageBytes);
  return reading && EarlyPage.begin(reading, stillWanted);
};

/** Undefined where not even the bases have room. */
const readingOn = (
  bases: readonly Uint8Array[],
  pageBytes: number,
): Reading<readonly PlacedStep[]> | undefined => {
  const places = placesOf(bases);
  const mostBytes = Math.min(pageBytes, MIXED_TEXT_BYTES - places.start);
  if (mostBytes < 0) return undefined;
  return {
    steps: (mixer) => readSteps(mixer, places, mostBytes),
    addedBytes: (steps) => addedBytesOf(steps),
    page: (mixer, steps) => unmixedBy(mixer, bases, steps),
  };
};

function* unmixedBy(
  mixer: Mixer,
  bases: readonly Uint8Array[],
  steps: readonly PlacedStep[],
): Slices<Buffer | undefined> {
  const places = placesOf(bases);
  const text = mixer.textOf(places.start + pageBytesOf(steps));
  putBases(bases, text);
  mixer.beginText(0);
  yield* codeAdded(mixer, steps, places, text);
  while (!mixer.isAllHere) yield "starved";
  return mixer.isAtEnd ? ownBuffer(text.subarray(places.start)) : undefined;
}

const placesOf = (bases: readonly Uint8Array[]): TextPlaces => {
  const start = bases.reduce((bytes, base) => bytes + base.length, 0);
  return { start, best: start - (bases.at(-1)?.length ?? 0) };
};

const putBases = (bases: readonly Uint8Array[], text: Buffer): void => {
  let at = 0;
  for (const base of bases) {
    text.set(base, at);
    at += base.length;
  }
};

const pageBytesOf = (steps: readonly Step[]): number =>
  steps.reduce((bytes, { add, copy }) => bytes + add + copy, 0);

/** Writes what the page adds, or reads it into `copied`, together with what it copies. */
function* codeAdded(
  mixer: Mixer,
  steps: readonly PlacedStep[],
  { start }: TextPlaces,
  copied?: Buffer,
): Slices<void> {
  const added = addedBytesOf(steps);
  if (added > 0) learnBases(mixer, steps, start, added);
  const sliced = new SlicedBytes(mixer);
  let at = start;
  for (const { add, copy, from, after } of steps) {
    const end = at + add;
    if (add > 0) mixer.beginStep(after < start ? after : -1);
    yield* sliced.code(at, end);
    at = end;
    copied?.copyWithin(at, from, from + copy);
    at += copy;
  }
}
