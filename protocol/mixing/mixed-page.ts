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
export const MIXED_STEPS = 2048;

/** Bytes of the bases that are learnt before: around each place where the page differs, and in all. */
const LEARNT = { around: 16, beyond: 600, most: 4096 } as const;
/** Bytes of the bases in which repeats are looked for: around each such place, and in all. */
const INDEXED = { around: 1024, most: 64 * 1024 } as const;

/** Pairs of places of the bases, and how many bytes lie between them. */
interface Stretches {
  readonly places: readonly number[];
  readonly bytes: number;
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
  mixer.beginWriting();
  writeSteps(mixer, steps, places);
  codeAdded(mixer, steps, places);
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

const writeSteps = (mixer: Mixer, steps: readonly Step[], { best }: TextPlaces): void => {
  mixer.number(NUMBER.steps, steps.length);
  let end = best;
  for (const { add, copy, from } of steps) {
    mixer.number(NUMBER.add, add);
    mixer.number(NUMBER.copy, copy);
    if (copy === 0) continue;
    writePlace(mixer, from, end + add);
    end = from + copy;
  }
};

/** Undefined for steps that nobody writes, or that make a larger page than may be. */
const readSteps = (
  mixer: Mixer,
  { start, best }: TextPlaces,
  mostBytes: number,
): readonly Step[] | undefined => {
  const count = mixer.number(NUMBER.steps, 0);
  if (count < 0 || count > MIXED_STEPS) return undefined;
  const steps: Step[] = [];
  let end = best;
  let bytes = 0;
  let added = 0;
  while (steps.length < count) {
    const add = mixer.number(NUMBER.add, 0);
    const copy = mixer.number(NUMBER.copy, 0);
    if (add < 0 || copy < 0) return undefined;
    bytes += add + copy;
    added += add;
    if (bytes > mostBytes || added > MIXED_ADDED_BYTES) return undefined;
    const from = copy === 0 ? 0 : readPlace(mixer, end + add);
    if (from < 0 || from + copy > start) return undefined;
    if (copy > 0) end = from + copy;
    steps.push({ add, copy, from });
  }
  return steps;
};

/** Writes what the page adds, or reads it into `copied`, together with what it copies. */
const codeAdded = (mixer: Mixer, steps: readonly Step[], places: TextPlaces, copied?: Buffer): void => {
  const { start, best } = places;
  const learnt = learntStretches(steps, places);
  const indexed = indexedStretches(steps, places);
  const added = steps.reduce((bytes, { add }) => bytes + add, 0);
  if (added > 0) {
    mixer.beginBytes({ learnt: learnt.bytes + added, indexed: indexed.bytes + added });
    eachStretch(indexed, (from, to) => mixer.index(from, to));
    eachStretch(learnt, (from, to) => mixer.learn(from, to));
  }
  let at = start;
  let end = best;
  for (const { add, copy, from } of steps) {
    if (add > 0) mixer.bytes(at, at + add, end < start ? end : -1);
    at += add;
    copied?.copyWithin(at, from, from + copy);
    at += copy;
    if (copy > 0) end = from + copy;
  }
};

const eachStretch = ({ places }: Stretches, take: (from: number, to: number) => void): void => {
  for (let at = 0; at < places.length; at += 2) take(places[at] as number, places[at + 1] as number);
};

/**
 * Where the bases go on after each run that the page does not go on with, as far as the page's own bytes reach, and a little more; where they end before, as much
 * of their end.
 */
const learntStretches = (steps: readonly Step[], { start, best }: TextPlaces): Stretches => {
  const places: number[] = [];
  let left: number = LEARNT.most;
  let end = best;
  for (const { add, copy, from } of steps) {
    if (add > 0) {
      const bytes = Math.min(add, LEARNT.beyond) + 2 * LEARNT.around;
      const first = Math.max(0, Math.min(end - LEARNT.around, start - bytes));
      const last = Math.min(start, first + bytes, first + left);
      if (last > first) {
        places.push(first, last);
        left -= last - first;
      }
    }
    if (copy > 0) end = from + copy;
  }
  return { places, bytes: LEARNT.most - left };
};

/** The same, wider; what follows closely in the bases is taken once. */
const indexedStretches = (steps: readonly Step[], { start, best }: TextPlaces): Stretches => {
  const places: number[] = [];
  let left: number = INDEXED.most;
  let end = best;
  let reached = 0;
  for (const { add, copy, from } of steps) {
    if (add > 0) {
      const around = Math.max(0, end - INDEXED.around);
      const first = reached > around && reached <= end + INDEXED.around ? reached : around;
      const last = Math.min(start, end + add + INDEXED.around, first + left);
      if (last > first) {
        places.push(first, last);
        left -= last - first;
        reached = last;
      }
    }
    if (copy > 0) end = from + copy;
  }
  return { places, bytes: INDEXED.most - left };
};
