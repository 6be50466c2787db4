import { expect, it } from "vitest";
import { TurnoverMap, TurnoverSet } from "../../../protocol/runtime/turnover.ts";
import { keptOf } from "../../kit/scavenged.ts";

it("has what was added and not deleted, in that order, however much came and went", () => {
  const map = new TurnoverMap<number, { readonly of: number }>();
  const set = new TurnoverSet<{ readonly of: number }>();
  for (let key = 0; key < 1_000; key++) {
    const item = { of: key };
    map.set(key, item);
    set.add(item);
    set.add(item);
    if (key % 100 === 0) continue;
    expect([map.delete(key), map.delete(key)]).toEqual([true, false]);
    expect([set.delete(item), set.delete(item)]).toEqual([true, false]);
  }
  map.set(300, { of: -1 });
  const kept = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900];
  expect([...map]).toEqual(kept.map((key) => [key, { of: key === 300 ? -1 : key }]));
  expect([...set]).toEqual(kept.map((key) => ({ of: key })));
  expect([map.size, set.size]).toEqual([10, 10]);
});

interface Page {
  readonly bytes: Buffer;
}

const map = new TurnoverMap<number, Page>();
const set = new TurnoverSet<Page>();
/** What there is besides refers to none that has gone. */
const ring: Page[] = [];

it.each<[string, (page: Page, key: number) => void]>([
  [
    "a map",
    (page, key) => {
      map.set(key, page);
      map.delete(key - LIVE);
    },
  ],
  [
    "a set",
    (page, key) => {
      set.add(page);
      const gone = ring[key % LIVE];
      if (gone !== undefined) set.delete(gone);
      ring[key % LIVE] = page;
    },
  ],
])("lets scavenges free what went through %s, though it is old itself", (_, pass) => {
  expect(keptOf(LIVE, (bytes, key) => pass({ bytes }, key))).toBeLessThan(3);
});

const LIVE = 200;
