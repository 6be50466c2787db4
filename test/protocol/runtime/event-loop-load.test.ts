import type { EventLoopUtilization } from "node:perf_hooks";
import { expect, it } from "vitest";
import { eventLoopLoad, SAMPLE_MS } from "../../../protocol/runtime/event-loop-load.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";

/** An event loop of which a test says how long it was active and idle, as node's counts both. */
const loop = () => {
  const total = { active: 0, idle: 0 };
  const utilization = (now?: EventLoopUtilization, before?: EventLoopUtilization): EventLoopUtilization => {
    const { active, idle } = now ?? total;
    const past = before ?? { active: 0, idle: 0 };
    const [busy, waited] = [active - past.active, idle - past.idle];
    return { active: busy, idle: waited, utilization: busy / Math.max(1, busy + waited) };
  };
  return { total, utilization };
};

it("is the share of time since the last sample in which the loop was active", async () => {
  const clock = new FakeClock();
  const { total, utilization } = loop();
  const load = eventLoopLoad(clock, utilization);
  expect(load()).toBe(0);
  total.active += 30;
  total.idle += 20;
  await clock.advance(SAMPLE_MS - 1);
  expect(load()).toBe(0);
  await clock.advance(1);
  expect(load()).toBe(0.6);
  total.idle += 500;
  await clock.advance(500);
  expect(load()).toBe(0);
});

it("is measured where nothing else is given", async () => {
  const clock = new FakeClock();
  const load = eventLoopLoad(clock);
  let turns = 0;
  for (; turns < 1000; turns++) await settle();
  await clock.advance(SAMPLE_MS);
  expect(load()).toBeGreaterThan(0);
});
