import { describe, expect, it } from "vitest";
import { Keepalive } from "../../../protocol/link/keepalive.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const beat = (intervalMs: number) => {
  const clock = new FakeClock();
  const heard = { pings: [] as number[], dead: [] as number[] };
  const keepalive = new Keepalive(clock, intervalMs, {
    ping: () => heard.pings.push(clock.now()),
    dead: (silentMs) => heard.dead.push(silentMs),
  });
  return { clock, heard, keepalive };
};

describe("a heartbeat", () => {
  it("pings after an interval of silence, and gives up after three", async () => {
    const { clock, heard } = beat(1000);
    await clock.advance(10_000);
    expect(heard).toEqual({ pings: [1000, 2000], dead: [3000] });
    expect(clock.timers).toBe(0);
  });

  it("any byte is life: no ping while they come", async () => {
    const { clock, heard, keepalive } = beat(1000);
    for (let i = 0; i < 100; i++) {
      await clock.advance(700);
      keepalive.alive = true;
    }
    expect(heard).toEqual({ pings: [], dead: [] });
  });

  it("one byte gives three intervals more", async () => {
    const { clock, heard, keepalive } = beat(1000);
    await clock.advance(2999);
    keepalive.alive = true;
    await clock.advance(2999);
    expect(heard.dead).toEqual([]);
    await clock.advance(1002);
    expect(heard.dead).toHaveLength(1);
    expect(heard.dead[0]).toBeGreaterThanOrEqual(3000);
  });

  it("leaves no timer when stopped", async () => {
    const { clock, heard, keepalive } = beat(1000);
    await clock.advance(1500);
    keepalive.stop();
    expect(clock.timers).toBe(0);
    await clock.advance(10_000);
    expect(heard.dead).toEqual([]);
  });
});
