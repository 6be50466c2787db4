import { describe, expect, it } from "vitest";
import { restartDelayMs } from "../../../protocol/workers/supervisor.ts";

describe("the pause before a worker is started again", () => {
  it.each([
    [0, 100],
    [1, 200],
    [8, 25_600],
    [9, 30_000],
    [10_000, 30_000],
  ])("number %i is %i ms", (attempt, ms) => {
    expect(restartDelayMs(attempt)).toBe(ms);
  });
});
