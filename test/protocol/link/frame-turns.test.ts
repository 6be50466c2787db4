import { expect, it } from "vitest";
import { FrameTurns, MANY_FRAMES, REST_MS } from "../../../protocol/link/frame-turns.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const turnsOn = () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const turns = new FrameTurns(clock, { pause: () => told.push("pause"), resume: () => told.push("resume") });
  const come = (frames: number) => {
    for (let frame = 0; frame < frames; frame++) turns.came();
  };
  return { clock, told, come };
};

it("a link on which very many frames came at once rests, once at a time", async () => {
  const { clock, told, come } = turnsOn();
  come(2 * MANY_FRAMES - 1);
  expect(told).toEqual([]);
  come(1 + 3 * MANY_FRAMES);
  expect(told).toEqual(["pause"]);
  await clock.advance(REST_MS - 1);
  expect(told).toEqual(["pause"]);
  await clock.advance(1);
  expect(told).toEqual(["pause", "resume"]);
  come(2 * MANY_FRAMES);
  expect(told).toEqual(["pause", "resume", "pause"]);
});

it("one on which they come in their time does not", async () => {
  const { clock, told, come } = turnsOn();
  for (let time = 0; time < 10; time++) {
    come(MANY_FRAMES);
    await clock.advance(REST_MS);
  }
  expect(told).toEqual([]);
});
