/** Versions on their way to a tier below memory: how much may wait, and what makes room again. */
import { expect, it } from "vitest";
import { bytesOf, Gathered, ITEM_BYTES, MOST_WAITING_BYTES } from "../../../protocol/tier/gathered.ts";
import { storedVersion } from "./disk/stored.ts";

const TINY = storedVersion("");
const MOST_TINY = MOST_WAITING_BYTES / ITEM_BYTES;

it("takes so many at most, however small they are, and more when some are written or forgotten", () => {
  const gathered = new Gathered();
  let added = 0;
  while (gathered.add(TINY)) added++;
  expect([added, gathered.dropped]).toEqual([MOST_TINY, 1]);
  const taken = gathered.take(2);
  expect(gathered.add(TINY)).toBe(false);
  gathered.settled(bytesOf(taken));
  expect([gathered.add(TINY), gathered.add(TINY), gathered.add(TINY)]).toEqual([true, true, false]);
  gathered.forget({ partition: TINY.partition, fingerprints: [TINY.fingerprint] });
  expect(gathered.take()).toEqual([]);
  expect(gathered.add(TINY)).toBe(true);
});
