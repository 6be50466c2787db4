/**
 * A page as runs of whole units of its bases and what it adds, all of it coded by how likely it was. What is learnt
 * before is a text that both sides know, and what the page copies: so nothing is told of the bases but which units are
 * equal. A page without bases is one addition. SPEC section "Mixed in units".
 */
import { ownBuffer } from "../store/compact-buffer.ts";
import { type CodedPieces, codedInTurns } from "./coded-in-turns.ts";
import { EarlyPage } from "./early-page.ts";
import { KNOWN_TEXT } from "./known-text.ts";
import { AT_ONCE_BYTES, type Reading, readPage, SlicedBytes } from "./long-pages.ts";
import type { ReadLimits } from "./mixed-page.ts";
import { addedBytesOf, MIXED_ADDED_BYTES, STEP_CODED_BYTES } from "./mixed-steps.ts";
import { Mixer, NUMBER } from "./mixer.ts";
import { readPlace, writePlace } from "./run-place.ts";
import { atOnce, type Slices } from "./turns.ts";

/** `copy` units of the bases from unit `from` on, which are `copiedBytes`, then `add` bytes of the page's own. */
export interface UnitStep {
  readonly from: number;
  readonly copy: number;
  readonly copiedBytes: number;
  readonly add: number;
}

const UNITS_PAGE_BYTES = 1024 * 1024;
const UNIT_STEPS = 4096;

/** Of each run that is copied these, at its beginning and its end, may come again; of all runs `most`. */
const COPIED = { ends: 1024, most: 64 * 1024 } as const;
/** Of a run these are learnt, if something is added behind it; of all runs `most`. */
const LEARNT = { last: 32, most: 4096 } as const;

/**
 * Undefined beyond the bounds, and while another page is coded in turns. Else here at once, or a promise where it takes
 * turns, of its pieces.
 */
export const mixedUnits = (
  page: Uint8Array,
  steps: readonly UnitStep[],
): Buffer | undefined | Promise<Buffer | CodedPieces | undefined> => {
  const added = addedBytesOf(steps);
  const isWithin =
    page.length <= UNITS_PAGE_BYTES && added <= MIXED_ADDED_BYTES && steps.length <= UNIT_STEPS;
  if (!isWithin) return undefined;
  if (added <= AT_ONCE_BYTES) return atOnce(mixedBy(Mixer.get(), page, steps));
  return codedInTurns(
    (mixer) => mixedBy(mixer, page, steps),
    () => true,
  );
};

function* mixedBy(mixer: Mixer, page: Uint8Array, steps: readonly UnitStep[]): Slices<Buffer | undefined> {
  const layout = layoutOf(steps);
  const text = mixer.textOf(layout.page + page.length);
  text.set(page, layout.page);
  mixer.beginText(0);
  mixer.beginWriting();
  writeSteps(mixer, steps);
  placeKnown(text, layout, (step, from, to) => page.subarray(layout.at(step) + from, layout.at(step) + to));
  yield* addedCoded(mixer, steps, layout);
  return mixer.finish();
}

/** The bytes of so many units from one on; throws where they are not there. */
export type CopiedUnits = (from: number, units: number) => Uint8Array;

/** Undefined for what nobody writes; a promise where it takes turns. */
export const unmixedUnits = (
  coded: Uint8Array,
  copied: CopiedUnits,
  { pageBytes, stillWanted }: ReadLimits,
): Buffer | undefined | Promise<Buffer | undefined> =>
  readPage(coded, readingOf(copied, pageBytes), stillWanted);

/** The same of what is still coming; undefined while another page is read. */
export const earlyUnits = (
  copied: CopiedUnits,
  { pageBytes, stillWanted }: ReadLimits,
): EarlyPage | undefined => EarlyPage.begin(readingOf(copied, pageBytes), stillWanted);

interface Copying {
  readonly steps: readonly UnitStep[];
  /** What each step copies. */
  readonly runs: readonly Uint8Array[];
}

const readingOf = (copied: CopiedUnits, pageBytes: number): Reading<Copying> => ({
  *steps(mixer) {
    const runs: Uint8Array[] = [];
    const steps = yield* readSteps(mixer, Math.min(pageBytes, UNITS_PAGE_BYTES), (from, units) => {
      const run = copied(from, units);
      runs.push(run);
      return run.length;
    });
    return steps && { steps, runs };
  },
  addedBytes: ({ steps }) => addedBytesOf(steps),
  page: (mixer, copying) => unmixedBy(mixer, copying),
});

function* unmixedBy(mixer: Mixer, { steps, runs }: Copying): Slices<Buffer | undefined> {
  const layout = layoutOf(steps);
  const text = mixer.textOf(layout.page + layout.pageBytes);
  for (const [step, run] of runs.entries()) text.set(run, layout.page + layout.at(step));
  mixer.beginText(0);
  placeKnown(text, layout, (step, from, to) => (runs[step] as Uint8Array).subarray(from, to));
  yield* addedCoded(mixer, steps, layout);
  while (!mixer.isAllHere) yield "starved";
  return mixer.isAtEnd ? ownBuffer(text.subarray(layout.page)) : undefined;
}

const writeSteps = (mixer: Mixer, steps: readonly UnitStep[]): void => {
  mixer.number(NUMBER.steps, steps.length);
  let expected = 0;
  for (const { from, copy, add } of steps) {
    mixer.number(NUMBER.copy, copy);
    mixer.number(NUMBER.add, add);
    if (copy === 0) continue;
    writePlace(mixer, from, expected);
    expected = from + copy + 1;
  }
};

/** Undefined for steps that nobody writes, or that make a larger page than may be. `lengthOf`: bytes of so many units from one on. */
function* readSteps(
  mixer: Mixer,
  mostBytes: number,
  lengthOf: (from: number, units: number) => number,
): Slices<readonly UnitStep[] | undefined> {
  while (mixer.lacks(STEP_CODED_BYTES)) yield "starved";
  const count = mixer.number(NUMBER.steps, 0);
  if (count < 0 || count > UNIT_STEPS) return undefined;
  const steps: UnitStep[] = [];
  let expected = 0;
  let bytes = 0;
  let added = 0;
  while (steps.length < count) {
    while (mixer.lacks(STEP_CODED_BYTES)) yield "starved";
    const copy = mixer.number(NUMBER.copy, 0);
    const add = mixer.number(NUMBER.add, 0);
    if (copy < 0 || add < 0) return undefined;
    const from = copy === 0 ? expected : readPlace(mixer, expected);
    if (from < 0) return undefined;
    const copiedBytes = lengthOf(from, copy);
    bytes += copiedBytes + add;
    added += add;
    if (bytes > mostBytes || added > MIXED_ADDED_BYTES) return undefined;
    if (copy > 0) expected = from + copy + 1;
    steps.push({ from, copy, copiedBytes, add });
  }
  return steps;
}

/** The known text stands first, then what may come again of what is copied, then the page. */
interface Layout {
  /** Parts of runs: the number of a step, and from where to where of what it copies. */
  readonly parts: readonly (readonly [step: number, from: number, to: number])[];
  /** Where the page begins. */
  readonly page: number;
  readonly pageBytes: number;
  /** Where on the page a step begins. */
  at(step: number): number;
}

const layoutOf = (steps: readonly UnitStep[]): Layout => {
  const parts: (readonly [number, number, number])[] = [];
  const places: number[] = [];
  let left: number = COPIED.most;
  let at = 0;
  const part = (step: number, from: number, to: number): void => {
    const bytes = Math.min(to - from, left);
    if (bytes > 0) parts.push([step, from, from + bytes]);
    left -= bytes;
  };
  for (const [step, { copiedBytes, add }] of steps.entries()) {
    places.push(at);
    at += copiedBytes + add;
    if (copiedBytes <= 2 * COPIED.ends) part(step, 0, copiedBytes);
    else {
      part(step, 0, COPIED.ends);
      part(step, copiedBytes - COPIED.ends, copiedBytes);
    }
  }
  const page = KNOWN_TEXT.length + COPIED.most - left;
  return { parts, page, pageBytes: at, at: (step) => places[step] as number };
};

const placeKnown = (
  text: Buffer,
  { parts }: Layout,
  partOf: (step: number, from: number, to: number) => Uint8Array,
): void => {
  text.set(KNOWN_TEXT);
  let at = KNOWN_TEXT.length;
  for (const [step, from, to] of parts) {
    text.set(partOf(step, from, to), at);
    at += to - from;
  }
};

/** Writes what the page adds, or reads it, where what it copies stands already. */
function* addedCoded(mixer: Mixer, steps: readonly UnitStep[], layout: Layout): Slices<void> {
  if (steps.every(({ add }) => add === 0)) return;
  mixer.beginKnown(KNOWN_TEXT.length);
  mixer.index(KNOWN_TEXT.length, layout.page);
  const sliced = new SlicedBytes(mixer);
  let left: number = LEARNT.most;
  let at = layout.page;
  for (const { copiedBytes, add } of steps) {
    at += copiedBytes;
    if (add === 0) continue;
    const learnt = Math.min(copiedBytes, LEARNT.last, left);
    mixer.learn(at - learnt, at, at);
    left -= learnt;
    mixer.beginStep(-1);
    yield* sliced.code(at, at + add);
    at += add;
  }
}
