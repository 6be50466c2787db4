import { expect, it } from "vitest";
import type { Log } from "../../../protocol/daemon/log.ts";
import { MOST_EVENTS, recentEvents } from "../../../protocol/daemon/recent-events.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

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
