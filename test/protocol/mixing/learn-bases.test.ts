// Both sides make the same of another bound, so no page that comes back tells of one: the stretches are what SPEC says.
import { expect, it } from "vitest";
import { learnBases } from "../../../protocol/mixing/learn-bases.ts";
import type { Mixer } from "../../../protocol/mixing/mixer.ts";

type Place = readonly [add: number, after: number];

/** What the mixer is told, for steps that add so much after such places of bases that end at `start`. */
const told = (start: number, places: readonly Place[]) => {
  const calls: unknown[] = [];
  const mixer = {
    beginBytes: (counts: object) => calls.push(counts),
    index: (from: number, to: number) => calls.push(["index", from, to]),
    learn: (from: number, to: number, end: number) => calls.push(["learn", from, to, end]),
  };
  const added = places.reduce((bytes, [add]) => bytes + add, 0);
  const steps = places.map(([add, after]) => ({ add, after, copy: 1, from: 0 }));
  learnBases(mixer as unknown as Mixer, steps, start, added);
  return calls;
};

it("what stands around each place is indexed once where it follows closely, and learnt", () => {
  const places: Place[] = [
    [700, 1_000],
    [0, 4_000],
    [10, 2_700],
    [5, 100],
    [3, 105],
  ];
  expect(told(5_000, places)).toEqual([
    { learnt: 746 + 718, indexed: 3_354 + 718 },
    ["index", 488, 2_212],
    ["index", 2_212, 3_222],
    ["index", 0, 617],
    ["index", 617, 620],
    ["learn", 984, 1_616, 5_000],
    ["learn", 2_684, 2_726, 5_000],
    ["learn", 84, 121, 5_000],
    ["learn", 89, 124, 5_000],
  ]);
});

it("as far as the bases go, and no more than may be in all", () => {
  const places: Place[] = [[70_000, 0], ...Array.from({ length: 6 }, () => [600, 200_000] as const)];
  expect(told(200_000, places)).toEqual([
    { learnt: 4_096 + 73_600, indexed: 65_536 + 73_600 },
    ["index", 0, 65_536],
    ["learn", 0, 632, 200_000],
    ...Array.from({ length: 5 }, () => ["learn", 199_368, 200_000, 200_000]),
    ["learn", 199_368, 199_672, 200_000],
  ]);
});
