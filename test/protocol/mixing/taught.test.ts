// What the known text has taught is kept from its first use on: it is the same whatever stands in memory then, and whichever coder was first.
import { expect, it } from "vitest";
import { KNOWN_TEXT } from "../../../protocol/mixing/known-text.ts";
import { mixedUnits } from "../../../protocol/mixing/mixed-units.ts";
import { type Mixer, NUMBER } from "../../../protocol/mixing/mixer.ts";

let copies = 0;

/** Of a module of its own, which has coded nothing yet. */
const freshMixers = async (): Promise<typeof Mixer> => {
  const url = new URL(`../../../protocol/mixing/mixer.ts?fresh=${++copies}`, import.meta.url);
  return ((await import(url.href)) as typeof import("../../../protocol/mixing/mixer.ts")).Mixer;
};

/** A page by itself. */
const mix = (mixer: Mixer, page: Buffer): Buffer | undefined => {
  const known = KNOWN_TEXT.length;
  const text = mixer.textOf(known + page.length);
  KNOWN_TEXT.copy(text);
  page.copy(text, known);
  mixer.beginText(0);
  mixer.beginWriting();
  mixer.number(NUMBER.steps, 1);
  mixer.number(NUMBER.copy, 0);
  mixer.number(NUMBER.add, page.length);
  mixer.beginKnown(known);
  mixer.beginStep(-1);
  mixer.bytes(known, known + page.length);
  return mixer.finish();
};

const PAGE = Buffer.from(
  "<title>News</title><p>There is more to read about this, and who is to read it.</p>\n",
);
const usual = () =>
  mixedUnits(PAGE, [{ from: 0, copy: 0, copiedBytes: 0, add: PAGE.length }]) as Buffer | undefined;

it.each([
  ["zeros", Buffer.of(0)],
  ["spaces", Buffer.from(" ")],
  ["a page", PAGE],
  ["ones", Buffer.of(255)],
])("whatever stands in memory at first: %s", async (_, filling) => {
  const mixer = (await freshMixers()).get();
  // The page, which stands behind the known text when that is learnt, is another than the one that is coded then.
  mix(mixer, Buffer.alloc(1 << 16, filling));
  expect(mix(mixer, PAGE)).toEqual(usual());
});

it("whichever coder was first", async () => {
  const Mixers = await freshMixers();
  const [one, other] = [Mixers.another(), Mixers.another()];
  other.textOf(1 << 20).fill(7);
  expect(mix(one, PAGE)).toEqual(usual());
  expect(mix(other, PAGE)).toEqual(usual());
  expect(mix(Mixers.get(), Buffer.from(PAGE.toString().toUpperCase()))).not.toEqual(usual());
  expect([mix(one, PAGE), mix(other, PAGE)]).toEqual([usual(), usual()]);
});
