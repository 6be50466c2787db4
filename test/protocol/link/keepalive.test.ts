import { describe, expect, it } from "vitest";
import type { Role } from "../../../protocol/frames/hello.ts";
import { Keepalive } from "../../../protocol/link/keepalive.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const INTERVAL_MS = 1000;

const beat = (use: { inUse: boolean }, role: Role = "edge") => {
  const clock = new FakeClock();
  const heard: string[] = [];
  const told = (event: string) => () => heard.push(`${event} ${clock.now()}`);
  const keepalive = new Keepalive(
    clock,
    { intervalMs: INTERVAL_MS, role },
    { inUse: () => use.inUse, suspect: told("suspect") },
    {
      ping: told("ping"),
      trusted: told("trusted"),
      dead: (silentMs) => heard.push(`dead ${clock.now()} after ${silentMs}`),
    },
  );
  return { clock, heard, keepalive };
};

describe("a heartbeat of a link in use", () => {
  it("asks after an interval of silence, suspects after two, and gives up after five", async () => {
    const { clock, heard, keepalive } = beat({ inUse: true });
    await clock.advance(1999);
    expect(keepalive.suspect).toBe(false);
    await clock.advance(1);
    expect(keepalive.suspect).toBe(true);
    await clock.advance(60_000);
    expect(heard).toEqual(["ping 1000", "suspect 2000", "dead 5000 after 5000"]);
    expect(clock.timers).toBe(0);
  });

  it("any byte is life: it asks nothing while they come", async () => {
    const { clock, heard, keepalive } = beat({ inUse: true });
    for (let i = 0; i < 200; i++) {
      await clock.advance(400);
      keepalive.alive = true;
    }
    expect(heard).toEqual([]);
  });

  it("one byte clears a suspicion at once, and gives five intervals more", async () => {
    const { clock, heard, keepalive } = beat({ inUse: true });
    await clock.advance(4999);
    keepalive.alive = true;
    expect(keepalive.suspect).toBe(false);
    await clock.advance(4999);
    expect(heard).toEqual(["ping 1000", "suspect 2000", "trusted 5000", "ping 6000", "suspect 7000"]);
    await clock.advance(2);
    expect(heard.at(-1)).toBe("dead 10000 after 5000");
  });

  it("leaves no timer when stopped", async () => {
    const { clock, heard, keepalive } = beat({ inUse: true });
    await clock.advance(1500);
    keepalive.stop();
    expect(clock.timers).toBe(0);
    await clock.advance(10_000);
    expect(heard).toEqual(["ping 1000"]);
  });
});

describe("a heartbeat of a link at rest", () => {
  it.each([
    ["edge", "ten", 11_500],
    ["origin", "three", 4500],
  ] as const)(
    "of the %s side asks once when its use ends, then every %s intervals",
    async (role, _, atMs) => {
      const { clock, heard, keepalive } = beat({ inUse: false }, role);
      for (let i = 0; i < 2; i++) {
        await until(clock, () => heard.length > i);
        keepalive.alive = true; // the pong
      }
      expect(heard).toEqual(["ping 1000", `ping ${atMs}`]);
    },
  );

  it("that goes silent is given up by the dialling side within 7.5 intervals of the last byte", async () => {
    const { clock, heard, keepalive } = beat({ inUse: false }, "origin");
    await clock.advance(1250);
    keepalive.alive = true; // the last byte
    await clock.advance(7500);
    expect(heard.at(-1)).toBe("dead 8500 after 5000");
  });

  it("that does not answer is given up as soon as one in use", async () => {
    const { clock, heard } = beat({ inUse: false });
    await clock.advance(60_000);
    expect(heard).toEqual(["ping 1000", "suspect 2000", "dead 5000 after 5000"]);
  });

  it("that is used again is asked at once where it has been silent", async () => {
    const use = { inUse: false };
    const { clock, heard, keepalive } = beat(use);
    await clock.advance(1000);
    keepalive.alive = true;
    await clock.advance(8000);
    use.inUse = true;
    await clock.advance(500);
    expect(heard).toEqual(["ping 1000", "ping 9500"]);
  });
});

const until = async (clock: FakeClock, there: () => boolean): Promise<void> => {
  for (let i = 0; i < 1000 && !there(); i++) await clock.advance(500);
};
