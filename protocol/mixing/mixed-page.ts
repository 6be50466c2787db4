/**
 * A page as long runs of its bases and what it has of its own between them: the numbers of the runs, and every other byte, by as many bits as it was unlikely.
 * What the bases have where the page differs is learnt before, as far as it goes, and what stands near is known as something that may come. SPEC section "Mixed".
 */
import { ownBuffer } from "../store/compact-buffer.ts";
import { Mixer, NUMBER, type RunBounds, type Step, type TextPlaces } from "./mixer.ts";
import { readPlace, writePlace } from "./run-place.ts";

export type { RunBounds } from "./mixer.ts";

/** Bases and page together. */
export const MIXED_TEXT_BYTES = 2 * 1024 * 1024;
/** Of the page's own, which take half a microsecond each, on either side. @internal */
export const MIXED_ADDED_BYTES = 16 * 1024;
/** Of a page: no more are written or read. */
export const MIXED_STEPS = 2048;

/** Bytes of the bases that are learnt before: around each place where the page differs, and in all. */
const LEARNT = { around: 16, beyond: 600, most: 4096 } as const;
/** Bytes of the bases in which repeats are looked for: around each such place, and in all. */
const INDEXED = { around: 1024, most: 64 * 1024 } as const;

/** A step, and where in the bases the run before it ended; before the first, where the best base begins. */
interface PlacedStep extends Step {
  readonly after: number;
}

/** Of the bases. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The coded page; undefined beyond the bounds, and while the coder is at another page. Bases come best last. */
export const mixedPage = (
  bases: readonly Uint8Array[],
  page: Uint8Array,
  bounds: RunBounds,
): Buffer | undefined => {
  if (Mixer.busy !== undefined) return undefined;
  const mixer = Mixer.get();
  const places = placesOf(bases);
  if (places.start + page.length > MIXED_TEXT_BYTES) return undefined;
  const text = withBases(mixer, bases, places.start + page.length);
  text.set(page, places.start);
  const steps = mixer.runs(text.length, places, bounds);
  if (steps === undefined) return undefined;
  const placed = placedFrom(places.best, steps);
  mixer.beginWriting();
  writeSteps(mixer, placed);
  codeAdded(mixer, placed, places);
  return mixer.finish();
};

/** The page again, in a buffer of its own, where the coder is not at another one; undefined where `coded` was made of nothing, or of more than `pageBytes`. */
export const unmixedPage = (
  bases: readonly Uint8Array[],
  coded: Uint8Array,
  { pageBytes }: { readonly pageBytes: number },
): Buffer | undefined => {
  const mixer = Mixer.get();
  const places = placesOf(bases);
  const mostBytes = Math.min(pageBytes, MIXED_TEXT_BYTES - places.start);
  if (mostBytes < 0 || !mixer.beginReading(coded)) return undefined;
  const steps = readSteps(mixer, places, mostBytes);
  if (steps === undefined) return undefined;
  const text = withBases(mixer, bases, places.start + pageBytesOf(steps));
  codeAdded(mixer, steps, places, text);
  return mixer.isAtEnd ? ownBuffer(text.subarray(places.start)) : undefined;
};

const placesOf = (bases: readonly Uint8Array[]): TextPlaces => {
  const start = bases.reduce((bytes, base) => bytes + base.length, 0);
  return { start, best: start - (bases.at(-1)?.length ?? 0) };
};

const withBases = (mixer: Mixer, bases: readonly Uint8Array[], bytes: number): Buffer => {
  const text = mixer.textOf(bytes);
  let at = 0;
  for (const base of bases) {
    text.set(base, at);
    at += base.length;
  }
  return text;
};

const pageBytesOf = (steps: readonly Step[]): number =>
  steps.reduce((bytes, { add, copy }) => bytes + add + copy, 0);

const placedFrom = (best: number, steps: readonly Step[]): readonly PlacedStep[] => {
  let after = best;
  return steps.map((step) => {
    const placed = { ...step, after };
    after = endOf(placed);
    return placed;
  });
};

/** Where the bases were left after it. */
const endOf = ({ copy, from, after }: PlacedStep): number => (copy > 0 ? from + copy : after);

const writeSteps = (mixer: Mixer, steps: readonly PlacedStep[]): void => {
  mixer.number(NUMBER.steps, steps.length);
  for (const { add, copy, from, after } of steps) {
    mixer.number(NUMBER.add, add);
    mixer.number(NUMBER.copy, copy);
    if (copy > 0) writePlace(mixer, from, after + add);
  }
};

/** Undefined for steps that nobody writes, or that make a larger page than may be. */
const readSteps = (
  mixer: Mixer,
  { start, best }: TextPlaces,
  mostBytes: number,
): readonly PlacedStep[] | undefined => {
  const count = mixer.number(NUMBER.steps, 0);
  if (count < 0 || count > MIXED_STEPS) return undefined;
  const steps: PlacedStep[] = [];
  let after = best;
  let bytes = 0;
  let added = 0;
  while (steps.length < count) {
    const add = mixer.number(NUMBER.add, 0);
    const copy = mixer.number(NUMBER.copy, 0);
    if (add < 0 || copy < 0) return undefined;
    bytes += add + copy;
    added += add;
    if (bytes > mostBytes || added > MIXED_ADDED_BYTES) return undefined;
    const from = copy === 0 ? 0 : readPlace(mixer, after + add);
    if (from < 0 || from + copy > start) return undefined;
    const step = { add, copy, from, after };
    steps.push(step);
    after = endOf(step);
  }
  return steps;
};

/** Writes what the page adds, or reads it into `copied`, together with what it copies. */
const codeAdded = (
  mixer: Mixer,
  steps: readonly PlacedStep[],
  { start }: TextPlaces,
  copied?: Buffer,
): void => {
  const added = steps.reduce((bytes, { add }) => bytes + add, 0);
  if (added > 0) learnBases(mixer, steps, start, added);
  let at = start;
  for (const { add, copy, from, after } of steps) {
    if (add > 0) mixer.bytes(at, at + add, after < start ? after : -1);
    at += add;
    copied?.copyWithin(at, from, from + copy);
    at += copy;
  }
};

/** Before the first of so many `added` bytes: what of the bases, which end at `start`, is indexed and learnt. */
const learnBases = (mixer: Mixer, steps: readonly PlacedStep[], start: number, added: number): void => {
  const learnt = stretches(steps, LEARNT.most, (step) => learntAt(step, start));
  const indexed = stretches(steps, INDEXED.most, (step, reached) => indexedAt(step, start, reached));
  mixer.beginBytes({ learnt: bytesOf(learnt) + added, indexed: bytesOf(indexed) + added });
  for (const { from, to } of indexed) mixer.index(from, to);
  for (const { from, to } of learnt) mixer.learn(from, to);
};

/** One for each step that adds something, `most` bytes together. `reached`: where the one before ends. */
const stretches = (
  steps: readonly PlacedStep[],
  most: number,
  stretchAt: (step: PlacedStep, reached: number) => Stretch,
): readonly Stretch[] => {
  const all: Stretch[] = [];
  let left = most;
  let reached = 0;
  for (const step of steps) {
    if (step.add === 0) continue;
    const { from, to } = stretchAt(step, reached);
    const end = Math.min(to, from + left);
    if (end <= from) continue;
    all.push({ from, to: end });
    left -= end - from;
    reached = end;
  }
  return all;
};

const bytesOf = (all: readonly Stretch[]): number =>
  all.reduce((bytes, { from, to }) => bytes + to - from, 0);

/** Where the bases go on and the page does not, as far as the page's own bytes reach, and a little more; where they end before, as much of their end. */
const learntAt = ({ add, after }: PlacedStep, start: number): Stretch => {
  const bytes = Math.min(add, LEARNT.beyond) + 2 * LEARNT.around;
  const from = Math.max(0, Math.min(after - LEARNT.around, start - bytes));
  return { from, to: Math.min(start, from + bytes) };
};

/** The same, wider; what follows closely in the bases is taken once. */
const indexedAt = ({ add, after }: PlacedStep, start: number, reached: number): Stretch => {
  const around = Math.max(0, after - INDEXED.around);
  const follows = reached > around && reached <= after + INDEXED.around;
  return { from: follows ? reached : around, to: Math.min(start, after + add + INDEXED.around) };
};
