import { expect, it } from "vitest";
import { statusOf } from "../../../protocol/admin/status.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import { MOST_EVENTS, recentEvents } from "../../../protocol/daemon/recent-events.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchedOf } from "../admin/watched.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

it("the last events are kept, newest first, and no more of them", () => {
  const { log, latest } = recentEvents(silent, new FakeClock());
  for (let n = 0; n <= MOST_EVENTS; n++) log.info("link up", { n });
  log.debug("detail");
  expect(latest()).toHaveLength(MOST_EVENTS);
  expect([latest().at(0)?.fields, latest().at(-1)?.fields]).toEqual([`n=${MOST_EVENTS}`, "n=1"]);
});

it("what all lines of a part say is said with its events", () => {
  const { log, latest } = recentEvents(silent, new FakeClock());
  log.with({ key: "k" }).warn("link down", { why: "silent" });
  expect(latest()).toMatchObject([{ level: "warn", event: "link down", fields: "key=k why=silent" }]);
});

it("events and status have the time of the machine, which may have been put right since the start", () => {
  let today = Date.UTC(2026, 0, 1, 12);
  const clock = Object.assign(new FakeClock(), { today: () => today });
  const { log, latest } = recentEvents(silent, clock);
  today = Date.UTC(2026, 0, 1, 10);
  log.info("link up");
  expect(latest()[0]?.at).toBe("2026-01-01T10:00:00.000Z");
  const program = { name: "coilgun-edge", version: "0", startedAt: 0, events: latest };
  expect(statusOf(watchedOf({ clock, refused: () => [] }), program).at).toBe("2026-01-01T10:00:00.000Z");
});
