/** What of the bases is known before the first byte that a page adds: the same on both sides, by the steps alone. SPEC section "Mixed". */
import type { PlacedStep } from "./mixed-steps.ts";
import type { Mixer } from "./mixer.ts";

/** Bytes of the bases that are learnt before: around each place where the page differs, and in all. */
const LEARNT = { around: 16, beyond: 600, most: 4096 } as const;
/** Bytes of the bases in which repeats are looked for: around each such place, and in all. */
const INDEXED = { around: 512, most: 64 * 1024 } as const;

/** Of the bases. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Before the first of so many `added` bytes: what of the bases, which end at `start`, is indexed and learnt. */
export const learnBases = (
  mixer: Mixer,
  steps: readonly PlacedStep[],
  start: number,
  added: number,
): void => {
  const learnt = stretches(steps, LEARNT.most, (step) => learntAt(step, start));
  const indexed = stretches(steps, INDEXED.most, (step, reached) => indexedAt(step, start, reached));
  mixer.beginBytes({ learnt: bytesOf(learnt) + added, indexed: bytesOf(indexed) + added });
  for (const { from, to } of indexed) mixer.index(from, to);
  for (const { from, to } of learnt) mixer.learn(from, to, start);
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

/**
 * Where the bases go on and the page does not, as far as the page's own bytes reach, and a little more; where they end
 * before, as much of their end.
 */
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
