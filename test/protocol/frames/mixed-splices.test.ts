// Whether the edge has time for a mixed splice, as an open frame says it.
import { expect, it } from "vitest";
import { NOT_MIXED, takesMixed } from "../../../protocol/frames/mixed-splices.ts";
import { wholeUnitsExtension } from "../../../protocol/frames/whole-units.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { readExtensions, writeExtensions } from "../../../protocol/wire/extensions.ts";

it("it has, where nothing else is said, and what says that it has none takes two bytes", () => {
  expect([takesMixed([]), takesMixed([wholeUnitsExtension(1)])]).toEqual([true, true]);
  const writer = new ByteWriter();
  writeExtensions(writer, [wholeUnitsExtension(1), NOT_MIXED]);
  const bytes = writer.take();
  expect(bytes.toString("hex")).toBe("1001011600");
  expect(takesMixed(readExtensions(new ByteReader(bytes)))).toBe(false);
});
