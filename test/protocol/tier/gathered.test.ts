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
import { storedVersion } from "./disk/stored.ts";

const TINY = storedVersion("");
let pages = 0;
/** Each of another page. */
const tiny = () => ({ ...TINY, place: { ...TINY.place, url: `/${pages++}` } });
const MOST_TINY = MOST_WAITING_BYTES / ITEM_BYTES;

it("takes so many at most, however small they are, and more when some are written or forgotten", () => {
  const gathered = new Gathered(new FakeClock());
  let added = 0;
  while (gathered.add(tiny())) added++;
  expect([added, gathered.dropped]).toEqual([MOST_TINY, 1]);
  const taken = gathered.take(2);
  expect(gathered.add(tiny())).toBe(false);
  gathered.settled(bytesOf(taken));
  expect([gathered.add(tiny()), gathered.add(tiny()), gathered.add(tiny())]).toEqual([true, true, false]);
  gathered.forget({ partition: TINY.partition, fingerprints: [TINY.fingerprint] });
  expect(gathered.take()).toEqual([]);
  expect(gathered.add(tiny())).toBe(true);
});

it("keeps of one page as many as its list keeps, the newest, and loses none of others", () => {
  const gathered = new Gathered(new FakeClock());
  const versions = ["a", "b", "c", "d", "e", "f"].map((text) => storedVersion(text));
  const other = tiny();
  for (const version of [...versions.slice(0, 1), other, ...versions.slice(1)])
    expect(gathered.add(version)).toBe(true);
  expect(gathered.take()).toEqual([other, ...versions.slice(-KEPT_PER_URL)]);
  expect(gathered.dropped).toBe(0);
});

it("lets a page rest that was just written, and no other, but not at the end", async () => {
  const clock = new FakeClock();
  const gathered = new Gathered(clock);
  const [first, second, third, other] = [storedVersion("a"), storedVersion("b"), storedVersion("c"), tiny()];
  gathered.add(first);
  expect(gathered.take()).toEqual([first]);
  gathered.add(second);
  gathered.add(other);
  expect(gathered.take()).toEqual([other]);
  await clock.advance(PAGE_REST_MS - 1);
  expect([gathered.take(), gathered.isEmpty]).toEqual([[], false]);
  await clock.advance(1);
  expect([gathered.take(), gathered.isEmpty]).toEqual([[second], true]);
  gathered.add(third);
  gathered.hurry();
  expect(gathered.take()).toEqual([third]);
});
