import { expect, it } from "vitest";
import { CookieHistory } from "../../../protocol/scope/cookie-history.ts";
import { heldBytes } from "../../kit/held-memory.ts";

/** Room for all the marks of one takes some 200 KB in buffers. */
const MOST_BYTES = 1_000;

it("a history of no cookie yet holds next to nothing: each rule of a daemon has one from its start", () => {
  const COUNT = 100;
  const before = heldBytes();
  const histories = Array.from({ length: COUNT }, () => new CookieHistory());
  const held = heldBytes() - before;
  expect(histories.some(({ continuesAny }) => continuesAny)).toBe(false);
  expect(held / COUNT).toBeLessThan(MOST_BYTES);
});
