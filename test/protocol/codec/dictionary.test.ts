import { describe, expect, it } from "vitest";
import { DeltaError } from "../../../protocol/codec/codec.ts";
import {
  dictionaryOf,
  isDictionaryPart,
  STREAM_DICTIONARY_BYTES,
  streamDictionaryOf,
} from "../../../protocol/codec/dictionary.ts";

const DICTIONARY_MAGIC = Buffer.from("37a430ec", "hex");

describe("isDictionaryPart", () => {
  it.each([
    { what: "an empty base", base: Buffer.alloc(0), part: false },
    { what: "the dictionary magic alone", base: DICTIONARY_MAGIC, part: false },
    {
      what: "the dictionary magic and more",
      base: Buffer.concat([DICTIONARY_MAGIC, Buffer.alloc(99)]),
      part: false,
    },
    { what: "the magic, cut short", base: DICTIONARY_MAGIC.subarray(0, 3), part: true },
    {
      what: "the magic, not at the beginning",
      base: Buffer.concat([Buffer.of(0), DICTIONARY_MAGIC]),
      part: true,
    },
    { what: "one byte", base: Buffer.of(0x37), part: true },
  ])("$what: $part", ({ base, part }) => {
    expect(isDictionaryPart(base)).toBe(part);
  });
});

describe("dictionaryOf", () => {
  it("puts the bases one after another, best last", () => {
    expect(dictionaryOf([Buffer.from("old"), Buffer.from("new"), Buffer.from("best")])?.toString()).toBe(
      "oldnewbest",
    );
  });

  it("is nothing without bases, and a single base itself, uncopied", () => {
    const base = Buffer.from("base");
    expect(dictionaryOf([])).toBeUndefined();
    expect(dictionaryOf([base])).toBe(base);
  });

  it.each([0, 1])("refuses a base with the dictionary magic at place %i", (at) => {
    const bases = [Buffer.from("one"), Buffer.from("two")];
    bases[at] = DICTIONARY_MAGIC;
    expect(() => dictionaryOf(bases)).toThrow(DeltaError);
  });
});

describe("streamDictionaryOf", () => {
  const filled = (letter: string, bytes: number) => Buffer.alloc(bytes, letter);
  const half = STREAM_DICTIONARY_BYTES / 2;
  /** Compared as one value: a difference between megabytes takes minutes to print. */
  const isExactly = (bases: readonly Buffer[], ...parts: readonly Buffer[]) =>
    Buffer.concat(parts).equals(streamDictionaryOf(bases) ?? Buffer.of());

  it("keeps bases that fit to the byte, and drops the oldest whole when they do not", () => {
    const [a, b, tooMuch] = [filled("a", half), filled("b", half), filled("c", half + 1)] as const;
    expect(isExactly([a, b], a, b)).toBe(true);
    expect(isExactly([tooMuch, b], b)).toBe(true);
    expect(isExactly([filled("x", 10), tooMuch, b], b)).toBe(true);
  });

  it("keeps the beginning of a best base that is too large alone", () => {
    const head = filled("h", STREAM_DICTIONARY_BYTES);
    expect(isExactly([filled("a", 10), Buffer.concat([head, filled("t", 1)])], head)).toBe(true);
  });

  it("is nothing without bases", () => {
    expect(streamDictionaryOf([])).toBeUndefined();
  });
});
