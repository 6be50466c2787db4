import { describe, expect, it } from "vitest";
import { AnswerTimeout } from "../../../edge-side/exchange/answer-timeout.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const IDLE_MS = 100;

const awaited = () => {
  const clock = new FakeClock();
  let late = 0;
  const deadline = new AnswerTimeout(clock, IDLE_MS, () => late++);
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
