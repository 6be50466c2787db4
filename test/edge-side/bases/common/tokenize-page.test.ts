/** Units of several pages have numbers, made in slices. */
import { describe, expect, it } from "vitest";
import { unitsOf } from "../../../../edge-side/bases/common/tokenize-page.ts";
import { inOneGo } from "../../../kit/slices.ts";

describe("units", () => {
  it.each([
    ["what is no text", "a\0b"],
    ["what parts the pieces of common bases", "<b>\0"],
  ])("there are none of %s", (_, text) =>
    expect(inOneGo(unitsOf(Buffer.from(text), new Map())).result).toBeUndefined(),
  );

  it("are alike where their text is, also between pages", () => {
    const known = new Map<string, number>();
    const [a, b] = ["<b>x<b>y", "y<b>"].map(
      (text) => inOneGo(unitsOf(Buffer.from(text), known)).result?.numbers,
    );
    expect([[...(a ?? [])], [...(b ?? [])]]).toEqual([
      [0, 1, 2, 1, 3],
      [4, 1],
    ]);
  });

  it("come in slices, however they are made", () => {
    const many = inOneGo(unitsOf(Buffer.from("<".repeat(100_000)), new Map()));
    const long = inOneGo(unitsOf(Buffer.from(`${"x".repeat(99)}<`.repeat(10_000)), new Map()));
    expect(many.slices).toBeGreaterThan(90);
    expect(long.slices).toBeGreaterThan(9);
  });
});
