/** bench/pair/emulated-line.ts: rate, delay, sharing and depth of an emulated link, on a clock that tests move. */
import { describe, expect, it } from "vitest";
import {
  EmulatedLine,
  type Flow,
  type LineSettings,
  PACKET_BYTES,
} from "../../../bench/pair/emulated-line.ts";
import type { Timer } from "../../../protocol/runtime/clock.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { seeded } from "../../kit/random.ts";

/** What is due within half a millisecond goes at once: timers count whole ones. */
const EARLY_MS = 0.5;

const SETTINGS: LineSettings = { delayMs: 50, bytesPerSecond: 1_250_000, bufferBytes: 100_000 };

const LATE_MS = 7.3;

/** Every timer runs late, as on a machine that is busy. */
class LateClock extends FakeClock {
  override after(ms: number, run: () => void): Timer {
    return super.after(ms + LATE_MS, run);
  }
}

function lineOf(settings: Partial<LineSettings> = {}, clock = new FakeClock()) {
  const line = new EmulatedLine({ ...SETTINGS, ...settings }, clock);
  const join = () => {
    const heard = { at: [] as number[], bytes: [] as Buffer[], ended: -1, rooms: 0, takes: true };
    const flow: Flow = line.join(
      {
        write(bytes) {
          heard.at.push(clock.now());
          heard.bytes.push(bytes);
          return heard.takes;
        },
        end() {
          heard.ended = clock.now();
        },
      },
      () => {
        heard.rooms += 1;
      },
    );
    return { flow, heard, received: () => heard.bytes.reduce((sum, { length }) => sum + length, 0) };
  };
  return { clock, join };
}

const near = (value: number | undefined, due: number) => {
  expect(value).toBeLessThanOrEqual(due + 1e-6);
  expect(value).toBeGreaterThanOrEqual(due - EARLY_MS - 1e-6);
};

describe("an emulated line", () => {
  it("brings a packet after its own time on the wire and the delay", async () => {
    const { clock, join } = lineOf();
    const { flow, heard } = join();
    flow.take(Buffer.alloc(1_250));
    await clock.advance(50);
    expect(heard.at).toEqual([]);
    await clock.advance(10);
    expect(heard.at).toHaveLength(1);
    near(heard.at[0], 51);
    expect(clock.timers).toBe(0);
  });

  it("brings every byte once and in order, and the end after all of them", async () => {
    const random = seeded();
    const { clock, join } = lineOf();
    const { flow, heard } = join();
    const sent = random.bytes(20_000);
    for (let at = 0; at < sent.length; ) {
      const piece = sent.subarray(at, at + random.int(1, 4_000));
      flow.take(piece);
      at += piece.length;
      await clock.advance(random.int(0, 5));
    }
    flow.end();
    await clock.advance(1_000);
    expect(Buffer.concat(heard.bytes).equals(sent)).toBe(true);
    expect(heard.ended).toBeGreaterThanOrEqual(heard.at.at(-1) ?? 0);
    expect(clock.timers).toBe(0);
  });

  it("keeps its rate over a long time, however late timers come", async () => {
    const { clock, join } = lineOf({ delayMs: 0, bufferBytes: 2_000_000 }, new LateClock());
    const { flow, heard, received } = join();
    flow.take(Buffer.alloc(1_000_000));
    await clock.advance(400);
    expect(received()).toBeGreaterThan((400 - LATE_MS) * 1_250 - PACKET_BYTES);
    expect(received()).toBeLessThanOrEqual((400 + EARLY_MS) * 1_250);
    await clock.advance(500);
    expect(received()).toBe(1_000_000);
    expect(heard.at.at(-1)).toBeLessThanOrEqual(800 + LATE_MS);
    expect(heard.at.at(-1)).toBeGreaterThanOrEqual(800 - EARLY_MS);
  });

  it("does not save up rate while nobody sends", async () => {
    const { clock, join } = lineOf({ delayMs: 0 });
    const { flow, heard } = join();
    await clock.advance(10_000);
    flow.take(Buffer.alloc(12_500));
    await clock.advance(100);
    near(heard.at.at(-1), 10_010);
  });

  it("gives connections a packet each in turn, so that a small answer waits for one of each bulk", async () => {
    const { clock, join } = lineOf({ delayMs: 0, bufferBytes: 1_000_000 });
    const bulk = [join(), join(), join()];
    for (const { flow } of bulk) flow.take(Buffer.alloc(500_000));
    await clock.advance(100);
    const asked = clock.now();
    const small = join();
    small.flow.take(Buffer.alloc(200));
    await clock.advance(100);
    const packetMs = PACKET_BYTES / 1_250;
    expect((small.heard.at[0] ?? Number.POSITIVE_INFINITY) - asked).toBeLessThanOrEqual(4 * packetMs + 0.2);
    const shares = bulk.map(({ received }) => received());
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(PACKET_BYTES);
  });

  it("makes a small answer wait for all the bulk before it on the same connection", async () => {
    const { clock, join } = lineOf({ delayMs: 0, bufferBytes: 1_000_000 });
    const { flow, heard } = join();
    flow.take(Buffer.alloc(500_000));
    flow.take(Buffer.from("small"));
    await clock.advance(1_000);
    near(heard.at.at(-1), (500_005 / 1_250_000) * 1_000);
  });

  it("is full beyond its depth and says when it no longer is", async () => {
    const { clock, join } = lineOf({ bufferBytes: 10_000 });
    const { flow, heard } = join();
    // The first packet leaves as it comes.
    expect(flow.take(Buffer.alloc(PACKET_BYTES + 10_000))).toBe(true);
    expect(flow.take(Buffer.alloc(1))).toBe(false);
    expect(heard.rooms).toBe(0);
    await clock.advance(5);
    expect(heard.rooms).toBe(1);
  });

  it("sends nothing to an outlet that is full, nor lets it hold up others, until it takes again", async () => {
    const { clock, join } = lineOf({ delayMs: 0 });
    const [slow, other] = [join(), join()];
    slow.heard.takes = false;
    slow.flow.take(Buffer.alloc(50_000));
    await clock.advance(500);
    const stalledAt = slow.received();
    expect(stalledAt).toBeLessThan(50_000);
    other.flow.take(Buffer.alloc(1_000));
    await clock.advance(500);
    expect(other.received()).toBe(1_000);
    expect(slow.received()).toBe(stalledAt);
    slow.heard.takes = true;
    slow.flow.resume();
    await clock.advance(500);
    expect(slow.received()).toBe(50_000);
  });

  it("forgets what a dropped connection had under way, and gives the others its turn", async () => {
    const { clock, join } = lineOf({ bufferBytes: 1_000_000 });
    const [gone, other] = [join(), join()];
    gone.flow.take(Buffer.alloc(500_000));
    await clock.advance(40);
    gone.flow.drop();
    other.flow.take(Buffer.alloc(1_250));
    await clock.advance(1_000);
    expect(gone.received()).toBe(0);
    const arrivedAt = other.heard.at.at(-1) ?? Number.NaN;
    expect(arrivedAt).toBeGreaterThanOrEqual(40 + 1 + 50 - EARLY_MS);
    // At most one packet of the other was on the wire.
    expect(arrivedAt).toBeLessThanOrEqual(40 + 1 + 50 + EARLY_MS + PACKET_BYTES / 1_250);
    expect(clock.timers).toBe(0);
  });

  it("without a limit of rate is delay alone", async () => {
    const { clock, join } = lineOf({ bytesPerSecond: Number.POSITIVE_INFINITY });
    const { flow, heard, received } = join();
    flow.take(Buffer.alloc(5_000_000));
    await clock.advance(60);
    expect(received()).toBe(5_000_000);
    near(heard.at[0], 50);
    near(heard.at.at(-1), 50);
  });
});
