// Which origin sides hear what was forgotten, and when.
import { beforeEach, expect, it } from "vitest";
import { ForgetNotes, MOST_NOTES } from "../../../edge-side/links/forget-notes.ts";
import type { Link } from "../../../protocol/link/link-api.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

let clock: FakeClock;
let notes: ForgetNotes;
/** `store host url` of each time that a link was told. */
let told: string[];
beforeEach(() => {
  clock = new FakeClock();
  told = [];
  notes = new ForgetNotes({ clock, mayHold: (keyId) => keyId === "k" });
});

const linkOf = (storeId: string, keyId = "k"): Link =>
  ({
    keyId,
    peer: { storeId },
    forget: (host: string, url: string) => told.push(`${storeId} ${host} ${url}`),
  }) as unknown as Link;
const forget = (links: readonly Link[], url?: string) => notes.forget({ host: "A.example", url }, links);

it("all that may hold it, at once", () => {
  forget([linkOf("one"), linkOf("two"), linkOf("three", "other")], "/a");
  expect(told).toEqual(["one a.example /a", "two a.example /a"]);
});

it("one that was away, when it is back, and only once", () => {
  forget([linkOf("one")]);
  forget([linkOf("one")], "/a");
  told.length = 0;
  for (const again of [linkOf("one"), linkOf("two"), linkOf("two"), linkOf("three", "other")])
    notes.up(again);
  expect(told).toEqual(["two a.example ", "two a.example /a"]);
});

it("again, on the next link or a parallel one, where the link on which it was told ends soon", () => {
  const [first, parallel] = [linkOf("one"), linkOf("one")];
  forget([first]);
  notes.down(first, [parallel]);
  notes.up(linkOf("one"));
  expect(told).toEqual(["one a.example ", "one a.example "]);
  notes.down(parallel, []);
  notes.up(linkOf("one"));
  expect(told).toHaveLength(3);
});

it("again, however long ago it was noted, where the link on which it was told late ends soon", async () => {
  forget([]);
  await clock.advance(60_001);
  const late = linkOf("one");
  notes.up(late);
  notes.down(late, []);
  notes.up(linkOf("one"));
  expect(told).toEqual(["one a.example ", "one a.example "]);
});

it("not again where that link ends a minute later: what was learnt since stays", async () => {
  const link = linkOf("one");
  forget([link]);
  await clock.advance(60_001);
  notes.down(link, []);
  notes.up(linkOf("one"));
  expect(told).toHaveLength(1);
});

it("of the newest notes alone, whose number is bounded", () => {
  for (let n = 0; n <= MOST_NOTES; n++) forget([], `/${n}`);
  forget([], "/1");
  notes.up(linkOf("one"));
  expect(told).toHaveLength(MOST_NOTES);
  expect([told[0], told.at(-1)]).toEqual(["one a.example /2", "one a.example /1"]);
});
