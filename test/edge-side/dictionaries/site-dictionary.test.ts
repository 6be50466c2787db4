import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { siteDictionary } from "../../../edge-side/dictionaries/site-dictionary.ts";

/** So many lines of 40 bytes that stand nowhere else. */
const lines = (name: string, count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `<p>${createHash("md5").update(`${name} ${i}`).digest("hex")}</p>\n`,
  ).join("");

const dictionaryOf = (...pages: readonly string[]): string => {
  const making = siteDictionary(pages.map((page) => Array.from({ length: 3 }, () => Buffer.from(page))));
  for (let step = making.next(); ; step = making.next()) if (step.done) return step.value.toString();
};

it("holds a page as it is, with what the page repeats", () => {
  const page =
    lines("head", 20) + lines("row", 20) + lines("middle", 20) + lines("row", 20) + lines("foot", 20);
  expect(dictionaryOf(page).includes(page)).toBe(true);
});

it("holds a long part that an earlier page has once, and a short one in its place again", () => {
  const [long, short] = [lines("long", 60), lines("short", 40)];
  const first = lines("first", 40) + long + short;
  const second = lines("second", 30) + short + lines("between", 30) + long + lines("end", 30);
  const dictionary = dictionaryOf(first, second);
  // All but its last tag, which stands in the first page too.
  const part = (lines("second", 30) + short + lines("between", 30)).slice(0, -"</p>\n".length);
  expect(dictionary.includes(part)).toBe(true);
  const times = (part: string) => dictionary.split(part.trim()).length - 1;
  expect([times(long), times(short)]).toEqual([1, 2]);
});
