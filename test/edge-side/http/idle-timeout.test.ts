import { describe, expect, it } from "vitest";
import { AnswerDeadline } from "../../../edge-side/exchange/answer-timeout.ts";
import { IdleWatch } from "../../../edge-side/http/idle-timeout.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const IDLE_MS = 100;

const watched = () => {
  const clock = new FakeClock();
  let idle = 0;
  const watch = new IdleWatch(clock, IDLE_MS, () => idle++);
  return { clock, watch, idle: () => idle };
};

describe("an idle watch", () => {
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
});

const awaited = () => {
  const clock = new FakeClock();
  let late = 0;
  const deadline = new AnswerDeadline(clock, IDLE_MS, () => late++);
  return { clock, deadline, late: () => late };
};

describe("an answer's deadline", () => {
  it("runs from the beginning", async () => {
    const { clock, late } = awaited();
    await clock.advance(IDLE_MS);
    expect(late()).toBe(1);
  });

  it("does not run while the visitor is waited for", async () => {
    const { clock, deadline, late } = awaited();
    await clock.advance(IDLE_MS - 1);
    deadline.forVisitor();
    await clock.advance(100 * IDLE_MS);
    deadline.heard();
    deadline.forOrigin();
    deadline.forOrigin();
    await clock.advance(IDLE_MS - 1);
    expect(late()).toBe(0);
    await clock.advance(1);
    expect(late()).toBe(1);
  });

  it("starts anew when the web server is heard", async () => {
    const { clock, deadline, late } = awaited();
    for (let word = 0; word < 5; word++) {
      await clock.advance(IDLE_MS - 1);
      deadline.heard();
    }
    expect(late()).toBe(0);
  });

  it("is over when the answer is there, and leaves nothing behind", async () => {
    const { clock, deadline, late } = awaited();
    deadline.over();
    deadline.forOrigin();
    deadline.heard();
    await clock.advance(10 * IDLE_MS);
    expect([late(), clock.timers]).toEqual([0, 0]);
  });
});
