import { describe, expect, it } from "vitest";
import { align, type Step } from "../../../protocol/codec/align.ts";
import { seeded } from "../../kit/random.ts";
import { laterPage, madePage } from "./made-pages.ts";

const NO_BOUNDS = { steps: Number.POSITIVE_INFINITY, addedBytes: Number.POSITIVE_INFINITY };

/** What the steps say the page is, with the page's own bytes where they say so. */
const remade = (base: Buffer, page: Buffer, steps: readonly Step[]): Buffer => {
  let at = 0;
  return Buffer.concat(
    steps.flatMap(({ from, copy, add }) => {
      const own = page.subarray(at + copy, at + copy + add);
      at += copy + add;
      return [base.subarray(from, from + copy), own];
    }),
  );
};

const added = (steps: readonly Step[] = []): number => steps.reduce((sum, { add }) => sum + add, 0);

describe("a page beside its base", () => {
  it("that is the base is one run", () => {
    const base = madePage(seeded(), 10);
    expect(align(base, base, NO_BOUNDS)).toEqual([{ from: 0, copy: base.length, add: 0 }]);
  });

  it.each([
    ["both are empty", "", ""],
    ["the base is empty", "", "page"],
    ["the page is empty", "base", ""],
    ["the page is shorter", "the same beginning, and more", "the same beginning"],
    ["the page is longer", "the same beginning", "the same beginning, and more"],
    ["nothing is alike", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"],
    ["the last byte differs", "a base that ends in 1", "a base that ends in 2"],
    ["the first byte differs", "1 begins this base", "2 begins this base"],
  ])("where %s is remade", (_, before, after) => {
    const [base, page] = [Buffer.from(before), Buffer.from(after)];
    expect(remade(base, page, align(base, page, NO_BOUNDS) ?? []).toString()).toBe(after);
  });

  it.each([1, 2, 7, 8, 9, 31, 100, 400])("finds what follows %i bytes put in, or taken out", (bytes) => {
    const random = seeded();
    const base = madePage(random, 60);
    const at = random.int(50, base.length - 1_000);
    const more = Buffer.concat([base.subarray(0, at), random.bytes(bytes), base.subarray(at)]);
    const less = Buffer.concat([base.subarray(0, at), base.subarray(at + bytes)]);
    expect(added(align(base, more, NO_BOUNDS))).toBeLessThanOrEqual(bytes + 1);
    expect(added(align(base, less, NO_BOUNDS))).toBeLessThanOrEqual(1);
  });

  it("is always remade, whatever was changed in it", () => {
    const random = seeded();
    for (let round = 0; round < 300; round++) {
      const base = madePage(random, random.int(1, 40));
      const page = random.chance(0.5) ? laterPage(random, base, random.int(0, 6)) : Buffer.from(base);
      for (let change = random.int(0, 8); change > 0 && page.length > 2; change--)
        page[random.int(0, page.length - 1)] = random.int(0, 255);
      const cut = page.subarray(random.chance(0.2) ? random.int(0, page.length) : 0);
      expect(remade(base, cut, align(base, cut, NO_BOUNDS) ?? []).equals(cut)).toBe(true);
    }
  });
});
