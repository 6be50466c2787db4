/** The steps of a mixed page as numbers, written and read. SPEC section "Mixed". */
import { type Mixer, NUMBER, NUMBER_CODED_BYTES, type Step, type TextPlaces } from "./mixer.ts";
import { readPlace, writePlace } from "./run-place.ts";
import type { Slices } from "./turns.ts";

/** Of the page's own, which take up to half a microsecond each, on either side. */
export const MIXED_ADDED_BYTES = 256 * 1024;
/** Of a page: no more are written or read. */
export const MIXED_STEPS = 2048;

/** That a step takes: its numbers, and two bits. */
export const STEP_CODED_BYTES = 4 * NUMBER_CODED_BYTES;

/** A step, and where in the bases the run before it ended; before the first, where the best base begins. */
export interface PlacedStep extends Step {
  readonly after: number;
}

/** `best`: where the best base begins. */
export const placedFrom = (best: number, steps: readonly Step[]): readonly PlacedStep[] => {
  let after = best;
  return steps.map((step) => {
    const placed = { ...step, after };
    after = endOf(placed);
    return placed;
  });
};

/** Where the bases were left after it. */
const endOf = ({ copy, from, after }: PlacedStep): number => (copy > 0 ? from + copy : after);

export const writeSteps = (mixer: Mixer, steps: readonly PlacedStep[]): void => {
  mixer.number(NUMBER.steps, steps.length);
  for (const { add, copy, from, after } of steps) {
    mixer.number(NUMBER.add, add);
    mixer.number(NUMBER.copy, copy);
    if (copy > 0) writePlace(mixer, from, after + add);
  }
};

/** Undefined for steps that nobody writes, or that make a larger page than may be. */
export function* readSteps(
  mixer: Mixer,
  { start, best }: TextPlaces,
  mostBytes: number,
): Slices<readonly PlacedStep[] | undefined> {
  while (mixer.lacks(STEP_CODED_BYTES)) yield "starved";
  const count = mixer.number(NUMBER.steps, 0);
  if (count < 0 || count > MIXED_STEPS) return undefined;
  const steps: PlacedStep[] = [];
  let after = best;
  let bytes = 0;
  let added = 0;
  while (steps.length < count) {
    while (mixer.lacks(STEP_CODED_BYTES)) yield "starved";
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
}

export const addedBytesOf = (steps: readonly Pick<Step, "add">[]): number =>
  steps.reduce((bytes, { add }) => bytes + add, 0);
