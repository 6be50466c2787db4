import { describe, expect, it } from "vitest";
import {
  hasRoomForPages,
  MOST_AUTO_WORKERS,
  memoryShare,
  shareOf,
  storeShare,
  workersOf,
} from "../../../protocol/config/workers-config.ts";

const MIB = 2 ** 20;
const bounds = (budget: number, page: number, perKey = budget / 2) => ({
  memory: { budgetBytes: budget * MIB, perKeyBytes: perKey * MIB },
  limits: { pageBytes: page * MIB },
});

describe("workers: auto", () => {
  it.each([
    ["a worker for each core", 4, bounds(128, 8), 4],
    ["one on a machine of one core", 1, bounds(128, 8), 1],
    ["never more than the most", 64, bounds(1024, 8), MOST_AUTO_WORKERS],
    ["no more than pages fit into the budget", 8, bounds(128, 32), 4],
    ["one, where only one page fits", 8, bounds(128, 100), 1],
  ])("is %s", (_, cores, of, workers) => {
    expect(workersOf("auto", of, cores)).toBe(workers);
  });

  it("is what it says when it is a number", () => {
    expect(workersOf(64, bounds(1024, 8), 1)).toBe(64);
  });
});

describe("a worker's share", () => {
  it("holds a page, or the number is refused", () => {
    expect(hasRoomForPages({ ...bounds(128, 8), workers: 16 })).toBe(true);
    expect(hasRoomForPages({ ...bounds(128, 8), workers: 17 })).toBe(false);
    expect(hasRoomForPages({ ...bounds(128, 100), workers: "auto" })).toBe(true);
  });

  it("of memory and store is a part of the whole; a key's is at least a page", () => {
    expect(memoryShare(bounds(128, 8, 64), 4)).toEqual({ budgetBytes: 32 * MIB, perKeyBytes: 16 * MIB });
    expect(memoryShare(bounds(128, 8, 64), 16)).toEqual({ budgetBytes: 8 * MIB, perKeyBytes: 8 * MIB });
    expect(storeShare({ sizeBytes: 100, sessionMs: 1, noStoreMs: 2 }, 3)).toEqual({
      sizeBytes: 33,
      sessionMs: 1,
      noStoreMs: 2,
    });
  });

  it.each([
    [128, 2, 64],
    [128, 3, 43],
    [1, 8, 1],
  ])("of %i by %i is %i", (whole, workers, share) => {
    expect(shareOf(whole, workers)).toBe(share);
  });
});
