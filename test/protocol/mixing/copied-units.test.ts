// As learn-bases: another bound comes back as well, so what the mixer is told is what SPEC says, "Mixed in units".
import { expect, it, vi } from "vitest";
import { KNOWN_TEXT } from "../../../protocol/mixing/known-text.ts";
import { mixedUnits } from "../../../protocol/mixing/mixed-units.ts";
import { Mixer } from "../../../protocol/mixing/mixer.ts";

/** Bytes that a step copies, and that it adds behind them. */
type Part = readonly [copied: number, added: number];

const KNOWN = KNOWN_TEXT.length;

/** What is indexed of what a page copies, and learnt of each run of it, as places in the text, for what a page is made of. */
const told = (parts: readonly Part[]) => {
  const index = vi.spyOn(Mixer.prototype, "index");
  const learn = vi.spyOn(Mixer.prototype, "learn");
  const steps = parts.map(([copiedBytes, add], at) => ({
    from: 2 * at,
    copy: Math.sign(copiedBytes),
    copiedBytes,
    add,
  }));
  const pageBytes = parts.reduce((bytes, [copied, added]) => bytes + copied + added, 0);
  mixedUnits(Buffer.alloc(pageBytes, "text "), steps);
  const calls = { indexed: index.mock.calls, learnt: learn.mock.calls };
  vi.restoreAllMocks();
  return calls;
};

it.each([
  [1_000, 1_000],
  [2_047, 2_047],
  [2_048, 2_048],
  [2_049, 2_048],
  [9_000, 2_048],
])("of a run of %i bytes so many may come again: %i", (copied, kept) => {
  const { indexed, learnt } = told([[copied, 5]]);
  const page = KNOWN + kept;
  expect(indexed).toEqual([[KNOWN, page]]);
  expect(learnt).toEqual([[page + copied - 32, page + copied, page + copied]]);
});

it("of all runs 65,536 bytes may come again", () => {
  const runs = Array.from({ length: 31 }, (): Part => [4_000, 0]);
  const page = (last: number) => KNOWN + 31 * 2_048 + last;
  expect(told([...runs, [1_500, 0], [1_500, 3]]).indexed).toEqual([[KNOWN, page(2_048)]]);
  expect(told([...runs, [1_500, 0], [100, 3]]).indexed).toEqual([[KNOWN, page(1_600)]]);
});

it("of each run its last 32 bytes are learnt, or all of a shorter one, 4,096 in all, of none behind which nothing comes", () => {
  const { learnt } = told([[20, 1], [50, 0], ...Array.from({ length: 130 }, (): Part => [40, 1])]);
  const lengths = learnt.map(([from, to, end]) => [to - from, end - to]);
  expect(lengths).toEqual([[20, 0], ...Array.from({ length: 127 }, () => [32, 0]), [12, 0], [0, 0], [0, 0]]);
});
