import { expect, it } from "vitest";
import { measureSlowPages, slowPagesTable } from "../../../bench/events/slow-pages.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

it("times the pieces of every kind of page, and sees that all but one kind become small deltas", async () => {
  const { signal } = new AbortController();
  const { rows } = await measureSlowPages({ visits: 1, pauseMs: 20 }, { clock: systemClock, signal });
  expect(rows.map(({ server }) => server)).toEqual([...Array(4).fill("identity"), ...Array(4).fill("gzip")]);
  for (const { visitor, direct, throughPair, linkBytes } of rows) {
    for (const late of [direct, throughPair]) expect(late.worst).toBeGreaterThan(0);
    expect([visitor, linkBytes < 400]).toEqual([visitor, visitor !== "session, led here"]);
  }
}, 60_000);

it("shows both ways in a row", () => {
  const late = (ms: number) => ({ head: ms, first: ms + 0.5, worst: ms + 1 });
  const row = {
    server: "gzip",
    visitor: "no codings",
    direct: late(1),
    throughPair: late(4),
    linkBytes: 142,
  };
  expect(slowPagesTable({ rows: [row] })).toMatch(
    /^gzip +no codings +1\.00 \/ 1\.50 \/ 2\.00 +4\.00 \/ 4\.50 \/ 5\.00 +142$/m,
  );
});
