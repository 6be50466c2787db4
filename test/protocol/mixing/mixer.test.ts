// The runs that the mixing coder finds, where they are just long enough and just too short.
import { describe, expect, it } from "vitest";
import { MIXED_TEXT_BYTES } from "../../../protocol/mixing/mixed-page.ts";
import { Mixer, NUMBER, type Step } from "../../../protocol/mixing/mixer.ts";
import { Random, seeded } from "../../kit/random.ts";

const runs = (base: Buffer, page: Buffer, addedBytes = page.length): readonly Step[] | undefined => {
  const mixer = Mixer.get();
  const text = mixer.textOf(base.length + page.length);
  base.copy(text);
  page.copy(text, base.length);
  mixer.beginText(0);
  return mixer.runs(text.length, { start: base.length, best: 0 }, { steps: 100, addedBytes });
};

/** Bytes that a base does not go on with. */
const unlike = (byte = 0): Buffer => Buffer.of(byte ^ 1);

describe("a run", () => {
  it.each([
    [64, true],
    [63, false],
  ])("of %i bytes where the base would go on is found: %s", (bytes, isFound) => {
    const base = seeded().bytes(1_000);
    const page = Buffer.concat([unlike(base[0]), base.subarray(1, 1 + bytes), unlike(base[1 + bytes])]);
    const run = { add: 1, copy: bytes, from: 1 };
    const end = { add: 1, copy: 0, from: 0 };
    expect(runs(base, page)).toEqual(isFound ? [run, end] : [{ add: bytes + 2, copy: 0, from: 0 }]);
  });

  it.each(Array.from({ length: 65 }, (_, at) => 500 + at))(
    "of 96 bytes is found in full wherever it is, and one of 95 is not: %i",
    (from) => {
      const base = seeded().bytes(1_000);
      const pageOf = (bytes: number) =>
        Buffer.concat([
          unlike(base[from - 1]),
          base.subarray(from, from + bytes),
          unlike(base[from + bytes]),
        ]);
      const end = { add: 1, copy: 0, from: 0 };
      expect(runs(base, pageOf(96))).toEqual([{ add: 1, copy: 96, from }, end]);
      expect(runs(base, pageOf(95))).toEqual([{ add: 97, copy: 0, from: 0 }]);
    },
  );

  it("that begins before the place it is found by counts as none of the page's own", () => {
    const base = seeded().bytes(1_000);
    const [before, after] = [Buffer.alloc(20, unlike(base[500])), Buffer.alloc(11, unlike(base[801]))];
    const page = Buffer.concat([before, base.subarray(501, 801), after]);
    // It is found eleven bytes on, at 512.
    const steps = [
      { add: 20, copy: 300, from: 501 },
      { add: 11, copy: 0, from: 0 },
    ];
    expect([runs(base, page, 31), runs(base, page, 30)]).toEqual([steps, undefined]);
  });

  it("is the longest of the last eight that begin alike, and not of one before these", () => {
    // Others of the same short hash would be among the eight.
    const random = new Random(11);
    const [start, longest] = [random.bytes(112), random.bytes(208)];
    const others = (count: number) =>
      Array.from({ length: count }, (_, n) =>
        Buffer.concat([start, unlike(longest[0]), Buffer.alloc(15, n)]),
      );
    const page = Buffer.concat([start, longest]);
    const among = (count: number) => {
      const filler = random.bytes(128);
      return runs(Buffer.concat([filler, start, longest, ...others(count)]), page)?.[0];
    };
    expect(among(7)).toEqual({ add: 0, copy: 320, from: 128 });
    expect(among(8)?.copy).toBe(112);
  });
});

it.each([
  ["7fffffff", 1],
  ["80000000", 0],
])("a bit that is as often 1 as 0 is parted in the middle: %s", (coded, bit) => {
  const mixer = Mixer.get();
  mixer.beginReading(Buffer.from(coded, "hex"));
  expect(mixer.bit(NUMBER.place, 0, 1 - bit)).toBe(bit);
});

it("what is written is read again however it ends, its last zeros left off", () => {
  const random = seeded();
  const mixer = Mixer.get();
  let empty = 0;
  for (let round = 0; round < 4_000; round++) {
    const bits = Array.from({ length: random.int(1, 90) }, () => (random.chance(0.7) ? 1 : 0));
    mixer.beginWriting();
    for (const [at, bit] of bits.entries()) mixer.bit(NUMBER.place, at & 3, bit);
    const coded = mixer.finish() ?? Buffer.alloc(0);
    if (coded.length === 0) empty++;
    expect(coded.at(-1)).not.toBe(0);
    mixer.beginReading(coded);
    expect(bits.map((_, at) => mixer.bit(NUMBER.place, at & 3, 0))).toEqual(bits);
    expect(mixer.isAtEnd).toBe(true);
  }
  expect(empty).toBeGreaterThan(0);
});

it("the table of places leaves the largest text as it is", () => {
  const base = seeded().bytes(MIXED_TEXT_BYTES);
  expect(runs(base, Buffer.alloc(0))).toEqual([]);
  expect(Mixer.get().textOf(base.length).equals(base)).toBe(true);
});

it("runs are looked for to the end of the largest text that the memory holds, wherever the best base begins", () => {
  const mixer = Mixer.another();
  const view = mixer.textOf(0);
  const bytes = view.buffer.byteLength - view.byteOffset;
  for (let best = 0; best < 64; best++) {
    mixer.textOf(bytes);
    mixer.beginText(best);
    const steps = mixer.runs(
      bytes - best,
      { start: bytes - best - 1, best: 0 },
      { steps: 100, addedBytes: 1 },
    );
    expect(steps).toHaveLength(1);
  }
});
