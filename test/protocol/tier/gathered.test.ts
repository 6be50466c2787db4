/** Versions on their way to a tier below memory: how much may wait, and what makes room again. */
import { expect, it } from "vitest";
import { KEPT_PER_URL } from "../../../protocol/store/page-index.ts";
import {
  bytesOf,
  Gathered,
  ITEM_BYTES,
  MOST_WAITING_BYTES,
  PAGE_REST_MS,
} from "../../../protocol/tier/gathered.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { keptOf } from "../../kit/scavenged.ts";
import { storedVersion } from "./disk/stored.ts";

const TINY = storedVersion("");
let pages = 0;
/** Each of another page. */
const tiny = () => ({ ...TINY, place: { ...TINY.place, url: `/${pages++}` } });
const GATHER_MS = 50;
const gatheredOn = (clock: FakeClock, due: () => void = () => {}) =>
  new Gathered({ clock, gatherMs: GATHER_MS, due });
const MOST_TINY = MOST_WAITING_BYTES / ITEM_BYTES;

it("takes so many at most, however small they are, and more when some are written or forgotten", () => {
  const gathered = gatheredOn(new FakeClock());
  let added = 0;
  while (gathered.add(tiny())) added++;
  expect([added, gathered.dropped]).toEqual([MOST_TINY, 1]);
  const taken = gathered.take(2);
  expect(gathered.add(tiny())).toBe(false);
  gathered.settled(bytesOf(taken));
  expect([gathered.add(tiny()), gathered.add(tiny()), gathered.add(tiny())]).toEqual([true, true, false]);
  gathered.forget({ partition: TINY.partition, fingerprints: [TINY.fingerprint], places: [] });
  expect(gathered.take()).toEqual([]);
  expect(gathered.add(tiny())).toBe(true);
});

it("keeps of one page as many as its list keeps, the newest, and loses none of others", () => {
  const gathered = gatheredOn(new FakeClock());
  const versions = ["a", "b", "c", "d", "e", "f"].map((text) => storedVersion(text));
  const other = tiny();
  for (const version of [...versions.slice(0, 1), other, ...versions.slice(1)])
    expect(gathered.add(version)).toBe(true);
  expect(gathered.take()).toEqual([other, ...versions.slice(-KEPT_PER_URL)]);
  expect(gathered.dropped).toBe(0);
});

it("keeps no version of a page that gave way to a newer one, not even until the whole heap is collected", () => {
  const gathered = gatheredOn(new FakeClock());
  expect(keptOf(200, (body) => gathered.add({ ...TINY, body }))).toBeLessThan(1);
});

it("keeps likewise nothing of pages that were written, however many there are", () => {
  const gathered = gatheredOn(new FakeClock());
  const kept = keptOf(200, (body, number) => {
    gathered.add({ ...TINY, body, place: { ...TINY.place, url: `/${number}` } });
    if (number % 200 === 199) gathered.settled(bytesOf(gathered.take()));
  });
  // Those that are old, those that are there.
  expect(kept).toBeLessThan(3);
});

it("lets a page rest that was just written, and no other, but not at the end; says when there is something", async () => {
  const clock = new FakeClock();
  let due = 0;
  const gathered = gatheredOn(clock, () => due++);
  const [first, second, third, other] = [storedVersion("a"), storedVersion("b"), storedVersion("c"), tiny()];
  gathered.add(first);
  await clock.advance(GATHER_MS);
  expect([due, gathered.take()]).toEqual([1, [first]]);
  gathered.add(second);
  gathered.add(other);
  await clock.advance(GATHER_MS);
  expect([due, gathered.take()]).toEqual([2, [other]]);
  await clock.advance(PAGE_REST_MS - GATHER_MS - 1);
  expect([due, gathered.take()]).toEqual([2, []]);
  await clock.advance(GATHER_MS);
  expect([due, gathered.take(), clock.timers]).toEqual([3, [second], 0]);
  gathered.add(third);
  gathered.hurry();
  expect([gathered.take(), clock.timers]).toEqual([[third], 0]);
});

it("a page that rests holds up nothing of others", async () => {
  const clock = new FakeClock();
  let due = 0;
  const gathered = gatheredOn(clock, () => due++);
  gathered.add(storedVersion("a"));
  gathered.take();
  gathered.add(storedVersion("b"));
  const other = tiny();
  gathered.add(other);
  await clock.advance(GATHER_MS);
  expect([due, gathered.take(1)]).toEqual([1, [other]]);
});
