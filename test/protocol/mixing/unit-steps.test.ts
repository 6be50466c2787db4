// Steps of whole units at their smallest and largest, told by hand: what is written is what SPEC says, "Mixed in units", and what nobody writes makes no page.
import { describe, expect, it } from "vitest";
import { mixedPage } from "../../../protocol/mixing/mixed-page.ts";
import { mixedUnits, type UnitStep, unmixedUnits } from "../../../protocol/mixing/mixed-units.ts";
import { Mixer, NUMBER } from "../../../protocol/mixing/mixer.ts";
import { seeded } from "../../kit/random.ts";

const LIMIT = { pageBytes: 1 << 21 };
const MIB = 1024 * 1024;

/** Units of a byte each. */
const UNITS = Buffer.from('<"?>&<">?"<>');
const copied = (from: number, units: number): Buffer => UNITS.subarray(from, from + units);

/** A page of units, each with a byte of its own behind it. */
const ones = (places: readonly number[]) => {
  const steps = places.map((from): UnitStep => ({ from, copy: 1, copiedBytes: 1, add: 1 }));
  const page = Buffer.concat(
    places.flatMap((from, at) => [copied(from, 1), Buffer.of(97 + ((at * 7) % 26))]),
  );
  return { steps, page };
};

it("units of one byte, with one byte behind each, come back and are these bytes", async () => {
  const { steps, page } = ones([0, 2, 4, 9, 1, 3, 3, 0, 11]);
  const coded = mixedUnits(page, steps) as Buffer;
  expect(coded.toString("hex")).toBe("1ada5522cfb78f12dd7eecdaa1fb03d9dd");
  expect((await unmixedUnits(coded, copied, LIMIT))?.equals(page)).toBe(true);
});

it("are coded alike whatever was coded before, as on the best of two bases alone", async () => {
  const random = seeded();
  const { steps, page } = ones([5, 6, 7, 8]);
  const alone = () => {
    const [other, best] = [random.bytes(500), random.bytes(500)];
    expect(mixedPage([other, best], best, { steps: 9, addedBytes: 99 })?.bases).toBe(1);
  };
  const before = mixedUnits(page, steps) as Buffer;
  alone();
  expect(mixedUnits(page, steps)).toEqual(before);
  alone();
  expect((await unmixedUnits(before, copied, LIMIT))?.equals(page)).toBe(true);
});

it.each([
  [MIB, 4096, true],
  [MIB + 1, 1, false],
  [4097, 4097, false],
])("a page of %i bytes in %i steps is within the bounds: %s", (bytes, count, isWithin) => {
  const each = Math.floor(bytes / count);
  const steps = Array.from({ length: count }, (_, at) => ({
    from: 0,
    copy: 1,
    copiedBytes: at === 0 ? bytes - each * (count - 1) : each,
    add: 0,
  }));
  expect(mixedUnits(Buffer.alloc(bytes), steps) !== undefined).toBe(isWithin);
});

describe("what nobody writes makes no page", () => {
  const told = (numbers: (mixer: Mixer) => void): Buffer => {
    const mixer = Mixer.get();
    mixer.beginWriting();
    numbers(mixer);
    return mixer.finish() ?? Buffer.alloc(0);
  };
  const TOO_MANY = 2 ** 26 - 1;

  it.each([
    ["so many units, or bytes, that no number tells them", TOO_MANY, 5],
    ["so many bytes that no number tells them", 0, TOO_MANY],
  ])("%s", async (_, copy, add) => {
    const coded = told((mixer) => {
      mixer.number(NUMBER.steps, 1);
      mixer.number(NUMBER.copy, copy);
      mixer.number(NUMBER.add, add);
    });
    expect(await unmixedUnits(coded, () => Buffer.alloc(0), LIMIT)).toBeUndefined();
  });

  it("more bytes than may be, copied and added together", async () => {
    const coded = told((mixer) => {
      mixer.number(NUMBER.steps, 1);
      mixer.number(NUMBER.copy, 6);
      mixer.number(NUMBER.add, 6);
      mixer.bit(NUMBER.place, 0, 1);
    });
    expect((await unmixedUnits(coded, copied, { pageBytes: 12 }))?.length).toBe(12);
    expect(await unmixedUnits(coded, copied, { pageBytes: 11 })).toBeUndefined();
  });

  it("more steps than there may be, though they are nothing", async () => {
    const steps = (count: number) =>
      told((mixer) => {
        mixer.number(NUMBER.steps, count);
        for (let step = 0; step < count; step++)
          for (const kind of [NUMBER.copy, NUMBER.add]) mixer.number(kind, 0);
      });
    expect((await unmixedUnits(steps(4096), copied, LIMIT))?.length).toBe(0);
    expect(await unmixedUnits(steps(4097), copied, LIMIT)).toBeUndefined();
  });
});
