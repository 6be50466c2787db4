// One warm GET stays on a path that a reader can follow: the files it enters, and how often it changes from one to another.
import { join } from "node:path";
import { expect, it } from "vitest";
import { startScript } from "../kit/run-command.ts";
import type { TraceFigures } from "./figures.ts";

/** What the median of several GETs may reach; lower these whenever the path gets shorter. */
const AT_MOST = { files: 142, moves: 655, rootEntries: 0 } as const;
/** Of the page of 18,000 bytes: more would be no delta worth tracing. */
const DELTA_BYTES = 100;

it("goes through few files, seldom from one to another", async () => {
  const { ended } = startScript([join(import.meta.dirname, "main.ts"), "--json"]);
  const { code, stdout, stderr } = await ended;
  expect(code, stderr).toBe(0);
  const figures = JSON.parse(stdout) as TraceFigures & { readonly deltaBytes: number };
  expect(figures.deltaBytes).toBeLessThan(DELTA_BYTES);
  // Both sides, and what they share, were seen.
  for (const top of ["edge-side/", "origin-side/", "protocol/"])
    expect(figures.perFile.filter(({ file }) => file.startsWith(top)).length, top).toBeGreaterThan(3);
  expect(figures.files).toBeLessThanOrEqual(AT_MOST.files);
  expect(figures.moves).toBeLessThanOrEqual(AT_MOST.moves);
  expect(figures.rootEntries).toBeLessThanOrEqual(AT_MOST.rootEntries);
});
