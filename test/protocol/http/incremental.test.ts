/** Which messages ask for being forwarded as they come (RFC 10036: an Item of RFC 9651 that is a Boolean). */
import { expect, it } from "vitest";
import { isIncremental, isUnbuffered } from "../../../protocol/http/incremental.ts";

it.each([
  ["?1", true],
  [" ?1;a=1", true],
  ["?0", false],
  ["1", false],
  ["?1, ?1", false],
  ["true", false],
  ["", false],
])("Incremental: %s: %s", (said, is) => {
  expect(isIncremental(["Incremental", said])).toBe(is);
});

it("of a response, what nginx heeds too", () => {
  expect(isUnbuffered(["X-Accel-Buffering", "no"])).toBe(true);
  expect(isUnbuffered(["X-Accel-Buffering", "yes"])).toBe(false);
  expect(isIncremental(["X-Accel-Buffering", "no"])).toBe(false);
});
