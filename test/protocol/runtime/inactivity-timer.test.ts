import { describe, expect, it } from "vitest";
import { InactivityTimer } from "../../../protocol/runtime/inactivity-timer.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const IDLE_MS = 100;

const watched = () => {
  const clock = new FakeClock();
  let idle = 0;
  const watch = new InactivityTimer(clock, IDLE_MS, () => idle++);
  return { clock, watch, idle: () => idle };
};

describe("an inactivity timer", () => {
  it("that was not started says nothing, and sets no timer", async () => {
    const { clock, idle } = watched();
    await clock.advance(10 * IDLE_MS);
    expect([idle(), clock.timers]).toEqual([0, 0]);
  });

  it("speaks once, at its time", async () => {
    const { clock, watch, idle } = watched();
    watch.start();
    await clock.advance(IDLE_MS - 1);
    expect(idle()).toBe(0);
    await clock.advance(1);
    expect(idle()).toBe(1);
    await clock.advance(10 * IDLE_MS);
    expect([idle(), clock.timers]).toEqual([1, 0]);
  });

  it("is silent while something moves, with one timer for many moves", async () => {
    const { clock, watch, idle } = watched();
    watch.start();
    for (let move = 0; move < 20; move++) {
      await clock.advance(IDLE_MS - 1);
      watch.moved();
      expect(clock.timers).toBe(1);
    }
    expect(idle()).toBe(0);
    await clock.advance(IDLE_MS);
    expect(idle()).toBe(1);
  });

  it("starts anew when it is started again", async () => {
    const { clock, watch, idle } = watched();
    watch.start();
    await clock.advance(IDLE_MS - 1);
    watch.start();
    await clock.advance(IDLE_MS - 1);
    expect([idle(), clock.timers]).toEqual([0, 1]);
    watch.stop();
    await clock.advance(10 * IDLE_MS);
    expect([idle(), clock.timers]).toEqual([0, 0]);
  });

  it("that is paused has its whole time again when it goes on", async () => {
    const { clock, watch, idle } = watched();
    watch.start();
    await clock.advance(IDLE_MS - 1);
    watch.pause();
    await clock.advance(10 * IDLE_MS + 1);
    expect([idle(), clock.timers]).toEqual([0, 1]);
    watch.resume();
    await clock.advance(IDLE_MS - 1);
    watch.resume();
    expect(idle()).toBe(0);
    await clock.advance(1);
    expect([idle(), clock.timers]).toEqual([1, 0]);
  });

  it("takes the limit of its last start, told with it", async () => {
    const clock = new FakeClock();
    const silences: number[] = [];
    const watch = new InactivityTimer(clock, IDLE_MS, (ms) => silences.push(ms));
    watch.start();
    await clock.advance(IDLE_MS - 1);
    watch.start(IDLE_MS / 2);
    await clock.advance(IDLE_MS / 2 - 1);
    expect([silences, clock.timers]).toEqual([[], 1]);
    await clock.advance(1);
    watch.start(2 * IDLE_MS);
    await clock.advance(2 * IDLE_MS - 1);
    expect(silences).toEqual([IDLE_MS / 2]);
    await clock.advance(1);
    expect(silences).toEqual([IDLE_MS / 2, 2 * IDLE_MS]);
  });

  it("that has spoken, or was stopped, does not begin again by going on", async () => {
    const { clock, watch, idle } = watched();
    watch.start();
    await clock.advance(IDLE_MS);
    watch.pause();
    watch.resume();
    watch.moved();
    await clock.advance(10 * IDLE_MS);
    expect([idle(), clock.timers]).toEqual([1, 0]);
  });
});
