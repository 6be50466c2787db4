import { expect, it } from "vitest";
import { InactivityTimeout } from "../../../protocol/upstream/inactivity-timeout.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const watching = () => {
  const clock = new FakeClock();
  const silences: number[] = [];
  return { clock, silences, watch: new InactivityTimeout(clock, (ms) => silences.push(ms)) };
};

it("is silent at its limit, not a moment before, and once", async () => {
  const { clock, silences, watch } = watching();
  watch.expect(100);
  await clock.advance(99);
  expect(silences).toEqual([]);
  await clock.advance(1_000);
  expect(silences).toEqual([100]);
  expect(clock.timers).toBe(0);
});

it("starts anew with every byte, and with every phase", async () => {
  const { clock, silences, watch } = watching();
  watch.expect(100);
  await clock.advance(90);
  watch.heard();
  await clock.advance(99);
  watch.expect(50);
  await clock.advance(49);
  expect(silences).toEqual([]);
  await clock.advance(1);
  expect(silences).toEqual([50]);
});

it("does not count while somebody else is waited for", async () => {
  const { clock, silences, watch } = watching();
  watch.expect(100);
  await clock.advance(50);
  watch.pause();
  await clock.advance(10_000);
  watch.resume();
  await clock.advance(99);
  expect(silences).toEqual([]);
  await clock.advance(100);
  expect(silences).toEqual([100]);
});

it.each(["stop", "no limit"])("hears nothing after %s, and leaves no timer", async (how) => {
  const { clock, silences, watch } = watching();
  watch.expect(100);
  if (how === "stop") watch.stop();
  else watch.expect(undefined);
  expect(clock.timers).toBe(0);
  await clock.advance(1_000);
  expect(silences).toEqual([]);
});
