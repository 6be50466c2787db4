/** Offers that are named behind a request: what they make of it, and how long an answer waits for them. */
import { expect, it } from "vitest";
import { LaterOffers, MOST_WAIT_MS } from "../../../origin-side/exchange/later-offers.ts";
import type { OffersFrame } from "../../../protocol/frames/frame.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { FAKE_ID, openOf } from "../../kit/fake-stream.ts";

const OPEN = openOf({ offersFollow: true, extensions: [{ tag: 12, bytes: Buffer.of(1) }] });
const FRAME: OffersFrame = {
  kind: "offers",
  streamId: FAKE_ID,
  offers: ["12345678"],
  extensions: [{ tag: 12, bytes: Buffer.of(2) }],
};

const opened = () => {
  const clock = new FakeClock();
  const later = new LaterOffers();
  const told: string[] = [];
  void later.within(clock, later.named, () => told.push("late")).then(() => told.push("goes on"));
  return { clock, later, told };
};

it("stand in the open frame from then on, and what is said of them counts", () => {
  const { later } = opened();
  const open = later.taken(OPEN, FRAME);
  expect(open.offers).toEqual(FRAME.offers);
  expect(open.extensions[0]).toEqual(FRAME.extensions[0]);
});

it("are waited for until they are named, and no timer is left", async () => {
  const { clock, later, told } = opened();
  await clock.advance(MOST_WAIT_MS - 1);
  expect(told).toEqual([]);
  later.taken(OPEN, FRAME);
  await clock.advance(0);
  expect([told, clock.timers]).toEqual([["goes on"], 0]);
});

it("that do not come are waited for so long, and change nothing when they come after all", async () => {
  const { clock, later, told } = opened();
  await clock.advance(MOST_WAIT_MS);
  expect(told).toEqual(["late", "goes on"]);
  expect(later.taken(OPEN, FRAME)).toBe(OPEN);
});

it("of an exchange that is over are waited for no longer, and nobody is told", async () => {
  const { clock, later, told } = opened();
  later.giveUp();
  await clock.advance(MOST_WAIT_MS);
  expect([told, clock.timers]).toEqual([["goes on"], 0]);
});

it("are named once", () => {
  const { later } = opened();
  later.taken(OPEN, FRAME);
  expect(() => later.taken(OPEN, FRAME)).toThrow("second");
});
