import { expect, it } from "vitest";
import { browsersTable, measureBrowsers } from "../../../bench/browsers/browsers.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

it("measures the three kinds of visitors at both kinds of edge, and checks each page", async () => {
  const { signal } = new AbortController();
  const report = await measureBrowsers({
    clock: systemClock,
    signal,
    seconds: 0.2,
    visits: 1,
    connections: 2,
  });
  expect(report.rows.map(({ edge }) => edge)).toEqual(["alone", "of a pair"]);
  for (const { ways } of report.rows) {
    expect(ways.dictionary.bytesOfRaw).toBeLessThan(0.5 * ways.brotli.bytesOfRaw);
    for (const { pagesPerSecond, firstByteMs } of Object.values(ways))
      expect([pagesPerSecond > 0, firstByteMs.length]).toEqual([true, 1]);
  }
  expect(browsersTable(report)).toMatch(/^alone +brotli .*1\.00$/m);
});
