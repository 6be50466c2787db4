import { describe, expect, it } from "vitest";
import { RATE_OVER_MS, VisitorRate } from "../../../protocol/upstream/visitor-rate.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const LEAST = 1_024;
const ENOUGH = (LEAST * RATE_OVER_MS) / 1_000;

const rated = (leastRate: number | undefined = LEAST) => {
  const clock = new FakeClock();
  const moved = { bytes: 1_000_000 };
  return { clock, moved, rate: new VisitorRate({ clock, leastRate, bytes: () => moved.bytes }) };
};

describe("a visitor that is waited for", () => {
  it.each([
    [ENOUGH - 1, RATE_OVER_MS, true],
    [ENOUGH, RATE_OVER_MS, false],
    [0, RATE_OVER_MS - 1, false],
  ])("with %i bytes in %i ms is slow: %s", async (bytes, ms, slow) => {
    const { clock, moved, rate } = rated();
    rate.wait();
    await clock.advance(ms);
    moved.bytes += bytes;
    expect(rate.isSlow).toBe(slow);
  });

  it("is not slow while it is the web server that is waited for", async () => {
    const { clock, rate } = rated();
    rate.wait();
    await clock.advance(RATE_OVER_MS - 1);
    rate.goOn();
    await clock.advance(10 * RATE_OVER_MS);
    expect(rate.isSlow).toBe(false);
    rate.wait();
    await clock.advance(1);
    expect(rate.isSlow).toBe(true);
  });

  it("does not live on what it took before it stalled", async () => {
    const { clock, moved, rate } = rated();
    rate.wait();
    await clock.advance(RATE_OVER_MS);
    moved.bytes += 1_000 * ENOUGH;
    expect(rate.isSlow).toBe(false);
    await clock.advance(RATE_OVER_MS);
    expect(rate.isSlow).toBe(true);
  });

  it("may be as slow as it likes where the route says off", async () => {
    const { clock, rate } = rated();
    const off = new VisitorRate({ clock, leastRate: undefined, bytes: () => 0 });
    for (const each of [off, rate]) each.wait();
    await clock.advance(10 * RATE_OVER_MS);
    expect([off.isSlow, rate.isSlow]).toEqual([false, true]);
  });
});
