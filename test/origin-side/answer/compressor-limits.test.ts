import { describe, expect, it } from "vitest";
import {
  CompressorLimits,
  MOST_ALONE,
  MOST_WITH_BASES,
} from "../../../origin-side/answer/compressor-limits.ts";

const taken = (contexts: CompressorLimits, wanted: "withBases" | "alone", times: number) =>
  Array.from({ length: times }, () => contexts.take(wanted));

describe("contexts of streaming compressors", () => {
  it("are of the wanted kind, then without bases, then none", () => {
    const contexts = new CompressorLimits();
    expect(new Set(taken(contexts, "withBases", MOST_WITH_BASES))).toEqual(new Set(["withBases"]));
    expect(new Set(taken(contexts, "withBases", MOST_ALONE))).toEqual(new Set(["alone"]));
    expect(contexts.take("withBases")).toBe("none");
    expect(contexts.take("alone")).toBe("none");
  });

  it("without bases never take the place of those with", () => {
    const contexts = new CompressorLimits();
    taken(contexts, "alone", MOST_ALONE);
    expect(contexts.take("alone")).toBe("none");
    expect(contexts.take("withBases")).toBe("withBases");
  });

  it("that are given back can be taken again, none of them twice", () => {
    const contexts = new CompressorLimits();
    taken(contexts, "withBases", MOST_WITH_BASES + MOST_ALONE);
    contexts.release("none");
    expect(contexts.take("withBases")).toBe("none");
    contexts.release("withBases");
    expect(contexts.take("withBases")).toBe("withBases");
    contexts.release("alone");
    expect([contexts.take("withBases"), contexts.take("withBases")]).toEqual(["alone", "none"]);
  });
});
