/** When the service manager hears that a daemon is ready. */
import { expect, it } from "vitest";
import { LINK_WAIT_MS, untilLinked } from "../../../protocol/daemon/until-linked.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";

const waiting = () => {
  const clock = new FakeClock();
  const link = { ready: false };
  const stop = new AbortController();
  let came = "";
  void untilLinked({ readiness: () => ({ ...link, reasons: [] }) }, clock, stop.signal).then(
    () => {
      came = "ready";
    },
    () => {
      came = "stopped";
    },
  );
  return { clock, link, stop, came: () => came };
};

it("with its first link, without one after a while, and not at all where it stops before", async () => {
  const linked = waiting();
  await linked.clock.advance(1_000);
  expect(linked.came()).toBe("");
  linked.link.ready = true;
  await linked.clock.advance(100);
  expect(linked.came()).toBe("ready");
  const alone = waiting();
  await alone.clock.advance(LINK_WAIT_MS - 1);
  expect(alone.came()).toBe("");
  await alone.clock.advance(1);
  expect(alone.came()).toBe("ready");
  const stopped = waiting();
  stopped.stop.abort();
  await settle();
  expect([stopped.came(), stopped.clock.timers]).toEqual(["stopped", 0]);
});
