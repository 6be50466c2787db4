import { expect, it } from "vitest";
import { isMeasuredOn } from "../../../protocol/runtime/young-generation.ts";

it.each([
  ["24.21.0", true],
  ["26.0.0", false],
  ["124.0.0", false],
])("is kept small on Node %s, where that was measured: %s", (node, measured) => {
  expect(isMeasuredOn(node)).toBe(measured);
});
