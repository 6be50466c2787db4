// test/trace/figures.ts: the sums of a made trace.
import { expect, it } from "vitest";
import { figuresOf, runsOf } from "./figures.ts";

const traceOf = (...files: readonly string[]) => files.map((file, at) => ({ file, name: `f${at}`, line: 1 }));

it("counts files, moves and entries into the composition root", () => {
  const figures = figuresOf(
    traceOf("a.ts", "a.ts", "edge-side/run/daemon.ts", "a.ts", "edge-side/run/daemon.ts", "b.ts"),
  );
  expect(figures).toMatchObject({ entries: 6, files: 3, moves: 4, rootEntries: 2 });
  expect(figures.perFile).toEqual([
    { file: "a.ts", entries: 3, movesOut: 2 },
    { file: "edge-side/run/daemon.ts", entries: 2, movesOut: 2 },
    { file: "b.ts", entries: 1, movesOut: 0 },
  ]);
  expect(figures.transitions[0]).toEqual({ from: "a.ts", to: "edge-side/run/daemon.ts", count: 2 });
});

it.each([
  ["edge-side/daemon.ts", 1],
  ["origin-side/daemon.ts", 1],
  ["origin-side/run/start.ts", 1],
  ["protocol/daemon/log.ts", 0],
  ["edge-side/proxy/runner.ts", 0],
])("%s is the composition root: %i", (file, rootEntries) => {
  expect(figuresOf(traceOf(file)).rootEntries).toBe(rootEntries);
});

it("has nothing to count in an empty trace", () => {
  expect(figuresOf([])).toEqual({
    entries: 0,
    files: 0,
    moves: 0,
    rootEntries: 0,
    perFile: [],
    transitions: [],
  });
});

it("groups the sequence by file", () => {
  const runs = runsOf(traceOf("a.ts", "a.ts", "b.ts", "a.ts"));
  expect(runs.map(({ file, entered }) => `${file} ${entered.map(({ name }) => name)}`)).toEqual([
    "a.ts f0,f1",
    "b.ts f2",
    "a.ts f3",
  ]);
});
