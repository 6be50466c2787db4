// Of which offers whole units only are copied, as an open frame says it.
import { expect, it } from "vitest";
import { wholeUnitsExtension, wholeUnitsOf } from "../../../protocol/frames/whole-units.ts";
import { EXTENSION } from "../../../protocol/wire/extensions.ts";

it.each([0b1, 0b1010, 0b11111111])("%i is read as it was written", (offers) => {
  expect(wholeUnitsOf([wholeUnitsExtension(offers)])).toBe(offers);
});

it("is of none where nothing is said, and a bad frame where more is said", () => {
  expect(wholeUnitsOf([])).toBe(0);
  expect(() => wholeUnitsOf([{ tag: EXTENSION.wholeUnits, bytes: Buffer.of(1, 1) }])).toThrow();
});
