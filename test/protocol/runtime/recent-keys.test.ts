import { expect, it } from "vitest";
import { RecentKeys } from "../../../protocol/runtime/recent-keys.ts";

it("keeps the keys that were used last, for each owner by itself", () => {
  const keys = new RecentKeys(2);
  keys.add("a", "1");
  keys.add("a", "2");
  expect(keys.has("a", "1")).toBe(true);
  keys.add("a", "3");
  for (let i = 0; i < 9; i++) keys.add("b", String(i));
  expect(["1", "2", "3"].map((each) => keys.has("a", each))).toEqual([true, false, true]);
  keys.delete("a", "1");
  expect(keys.has("a", "1")).toBe(false);
  expect(keys.has("nobody", "1")).toBe(false);
});

it("tells parts apart", () => {
  const keys = new RecentKeys(9);
  keys.add("a", "x", "yz");
  expect([keys.has("a", "xy", "z"), keys.has("a", "x", "yz")]).toEqual([false, true]);
});

it("keeps at least half of its number of those added last, and never more than its number", () => {
  for (let added = 1; added <= 40; added++) {
    const keys = new RecentKeys(8);
    for (let i = 0; i < added; i++) keys.add("a", String(i));
    // The newest first: those that are moved on by being found are in front of those that give way to them.
    const held = Array.from({ length: added }, (_, i) => added - 1 - i).filter((i) =>
      keys.has("a", String(i)),
    );
    expect(held.length, `of ${added}`).toBeLessThanOrEqual(8);
    expect(held.slice(0, 4), `of ${added}`).toEqual(
      [1, 2, 3, 4].map((ago) => added - ago).filter((i) => i >= 0),
    );
  }
});
