import { expect, it } from "vitest";
import { eventsTable, measureEvents } from "../../../bench/events/events.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

it("sends every event to both visitors, one at a time, and says what the pair adds", async () => {
  const { signal } = new AbortController();
  const report = await measureEvents(20, { clock: systemClock, signal });
  for (const spread of [report.direct, report.throughPair])
    expect(spread.p95).toBeGreaterThanOrEqual(spread.p50);
  expect(report.addedMs).toBe(report.throughPair.p50 - report.direct.p50);
});

it("shows both ways and their difference", () => {
  const [direct, throughPair] = [
    { p50: 0.1, p95: 0.25 },
    { p50: 1.5, p95: 3 },
  ];
  const table = eventsTable({ direct, throughPair, addedMs: 1.4 });
  expect(table).toMatch(/^straight from the web server +0\.10 +0\.25$/m);
  expect(table).toMatch(/^through the pair +1\.50 +3\.00$/m);
  expect(table).toContain("The pair adds 1.40 ms at the median.");
});
