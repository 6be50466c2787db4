import { describe, expect, it } from "vitest";
import { pickByRendezvous as pick } from "../../../protocol/link/rendezvous.ts";

const page = (number: number) => ({ host: "shop.example", template: `html /section${number}/*` });
const PAGES = Array.from({ length: 3_000 }, (_, number) => page(number));
const IDS = ["origin-a", "origin-b", "origin-c", "origin-d"];

const pickByRendezvous = (ids: readonly string[], one: Parameters<typeof pick>[1]) =>
  pick(
    ids.map((id) => ({ id, weight: 1, load: 0 })),
    one,
  );

describe("pickByRendezvous", () => {
  it("has nothing to pick among none, and no choice among one", () => {
    expect(pickByRendezvous([], page(1))).toBeUndefined();
    expect(pickByRendezvous(["only"], page(1))).toBe("only");
  });

  it("picks the same whatever the order of candidates", () => {
    for (const one of PAGES.slice(0, 200))
      expect(pickByRendezvous([...IDS].reverse(), one)).toBe(pickByRendezvous(IDS, one));
  });

  it("stays what it was: another version of the daemon must pick alike", () => {
    expect([1, 2, 3, 4, 5, 6].map((number) => pickByRendezvous(IDS, page(number)))).toMatchInlineSnapshot(`
      [
        "origin-b",
        "origin-b",
        "origin-b",
        "origin-d",
        "origin-a",
        "origin-d",
      ]
    `);
  });

  it("moves only what the candidate that leaves had, and that to all others", () => {
    const rest = IDS.filter((id) => id !== "origin-b");
    const takers = new Map<string | undefined, number>();
    for (const one of PAGES) {
      const before = pickByRendezvous(IDS, one);
      const after = pickByRendezvous(rest, one);
      if (before === "origin-b") takers.set(after, (takers.get(after) ?? 0) + 1);
      else expect(after).toBe(before);
    }
    expect([...takers.keys()].sort()).toEqual(rest);
    for (const taken of takers.values()) expect(taken).toBeGreaterThan(PAGES.length / IDS.length / 3 / 2);
  });

  it.each([
    ["words", IDS],
    ["numbers", ["1", "2", "3", "4"]],
    ["random bytes", ["\x01\xfe\x93\x10", "\x02\xfe\x93\x10", "\x03\xfe\x93\x10", "\x04\xfe\x93\x10"]],
  ])("spreads templates roughly evenly over ids that are %s", (_, ids) => {
    for (const id of ids) {
      const share = PAGES.filter((one) => pickByRendezvous(ids, one) === id).length / PAGES.length;
      expect(share).toBeGreaterThan(0.2);
      expect(share).toBeLessThan(0.3);
    }
  });

  it("tells hosts apart", () => {
    const picks = new Set(
      Array.from({ length: 40 }, (_, number) =>
        pickByRendezvous(IDS, { host: `h${number}`, template: "html **" }),
      ),
    );
    expect(picks.size).toBe(IDS.length);
  });

  it("gives each in proportion to its weight, and moves nothing between others when one weight grows", () => {
    const weighted = (d: number) => IDS.map((id) => ({ id, weight: id === "origin-d" ? d : 1, load: 0 }));
    let heavy = 0;
    for (const one of PAGES) {
      const after = pick(weighted(3), one);
      if (after === "origin-d") heavy++;
      else expect(after).toBe(pick(weighted(1), one));
    }
    expect(heavy / PAGES.length).toBeGreaterThan(0.47);
    expect(heavy / PAGES.length).toBeLessThan(0.53);
  });

  it("lets none have more than a quarter above its part once there are many requests", () => {
    const loads = new Map(IDS.map((id) => [id, 0]));
    const hot = page(1);
    for (let i = 0; i < 400; i++) {
      const candidates = IDS.map((id) => ({ id, weight: 1, load: loads.get(id) ?? 0 }));
      const id = pick(candidates, hot) ?? "none";
      loads.set(id, (loads.get(id) ?? 0) + 1);
    }
    expect([...loads.values()].reduce((sum, load) => sum + load)).toBe(400);
    expect(Math.max(...loads.values())).toBeLessThanOrEqual(126);
    expect(loads.get(pickByRendezvous(IDS, hot) ?? "none")).toBeGreaterThan(120);
  });
});
