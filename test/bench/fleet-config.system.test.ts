import { expect, it } from "vitest";
import { measureFleetConfig } from "../../bench/fleet-config/fleet-config.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";

it("has a change of the shared config served by three edges in order, and a wrong one by none", async () => {
  const report = await measureFleetConfig({ edges: 3, changes: 5, clock: systemClock });
  expect(report).toMatchObject({ outOfOrder: 0, wronglyTaken: 0 });
  expect(report.fewestServed).toBeGreaterThan(0);
  expect(Number.isFinite(report.slowestChangeMs)).toBe(true);
});
