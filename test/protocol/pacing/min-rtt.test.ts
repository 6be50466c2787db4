import { describe, expect, it } from "vitest";
import { BaseRtt, RTT_PERIOD_MS } from "../../../protocol/pacing/min-rtt.ts";

describe("the base round trip", () => {
  it("is 0 before the first, then the shortest", () => {
    const rtt = new BaseRtt();
    expect(rtt.ms).toBe(0);
    for (const ms of [30, 20, 25]) rtt.measured(ms, 0);
    expect(rtt.ms).toBe(20);
  });

  it("forgets what is more than a period before this one", () => {
    const rtt = new BaseRtt();
    rtt.measured(20, 0);
    expect(rtt.measured(50, RTT_PERIOD_MS - 1)).toBe(false);
    expect(rtt.measured(50, RTT_PERIOD_MS)).toBe(true);
    expect(rtt.ms).toBe(20);
    expect(rtt.measured(60, 2 * RTT_PERIOD_MS)).toBe(true);
    expect(rtt.ms).toBe(50);
  });

  it("is never 0 once measured: rates are divided by it", () => {
    const rtt = new BaseRtt();
    rtt.measured(0, 0);
    expect(rtt.ms).toBeGreaterThan(0);
  });
});
