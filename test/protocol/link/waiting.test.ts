/**
 * How long an answer waits beside downloads on a line of given rate and delay, by the fake clock; and that the downloads use
 * the line, and are not stopped by what goes first. SPEC sections "Link budget" and "Order".
 */
import { describe, expect, it } from "vitest";
import { LIGHT_BYTES } from "../../../protocol/link/fair-queue.ts";
import { MOST_WINDOW_BYTES } from "../../../protocol/link/receive-window.ts";
import { QUEUE_BYTES } from "../../../protocol/link/send-queue.ts";
import { RTT_PERIOD_MS } from "../../../protocol/pacing/min-rtt.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { ANSWER, DATA, END, GET, greetedPair, type Listener } from "../../kit/link-pair.ts";

watchLeaks();

const HEAD = ANSWER("", { kind: "passed" }, false);
/** Of a download; made once, as hundreds of megabytes of it cross. */
const PIECE = DATA(QUEUE_BYTES / 2);
const TEN_MBIT = 1_250_000;

interface Line {
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

/** Two links over a line, with downloads from the origin side that never end. */
const downloading = async (line: Line, downloads: number) => {
  const clock = new FakeClock();
  const pair = await greetedPair({
    clock,
    wire: { clock, ...line },
    hello: { streamBytes: MOST_WINDOW_BYTES },
    keepSent: false,
  });
  const fill = ({ stream }: Listener) => {
    while (stream.hasRoom && !stream.closed) stream.send(PIECE);
  };
  pair.origin.onOpened = (heard) => {
    heard.stream.send(HEAD);
    heard.room = () => fill(heard);
    fill(heard);
  };
  const asked = Array.from({ length: downloads }, (_, i) => pair.edge.open(GET(`/${i}`)));
  for (const listener of asked) listener.keeps = false;
  await clock.advance(2 * line.delayMs);
  /** From the moment at which the origin side has an answer of `bytes` to its arrival at the edge, less the line's delay. */
  const waitOf = async (bytes: number): Promise<number> => {
    let [from, until] = [0, Number.POSITIVE_INFINITY];
    pair.origin.onOpened = ({ stream }) => {
      from = clock.now();
      stream.send(HEAD);
      stream.send(DATA(bytes));
      stream.send(END);
    };
    const page = pair.edge.open(GET("/small"));
    page.onFrame = (frame) => {
      if (frame.kind === "end" || (frame.kind === "answer" && frame.ended)) until = clock.now();
    };
    for (let ms = 0; ms < 60_000 && until === Number.POSITIVE_INFINITY; ms += 50) await clock.advance(50);
    return until - from - line.delayMs;
  };
  const waits = async (count: number, everyMs: number, bytes = 200): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) {
      all.push(await waitOf(bytes));
      await clock.advance(everyMs);
    }
    return all.sort((a, b) => a - b);
  };
  /** Share of the line that is in use for so long. */
  const use = async (ms: number): Promise<number> => {
    const received = () => asked.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    const before = received();
    await clock.advance(ms);
    return (received() - before) / ((line.bytesPerSecond * ms) / 1000);
  };
  return { pair, clock, asked, waits, use };
};

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? Number.NaN;

describe("a small answer beside downloads", () => {
  it.each([
    ["10 Mbit/s, 100 ms, three", { delayMs: 50, bytesPerSecond: TEN_MBIT }, 3, 25, 50],
    ["10 Mbit/s, 100 ms, one", { delayMs: 50, bytesPerSecond: TEN_MBIT }, 1, 25, 60],
    ["10 Mbit/s, 100 ms, twenty", { delayMs: 50, bytesPerSecond: TEN_MBIT }, 20, 30, 60],
    ["10 Mbit/s, 10 ms", { delayMs: 5, bytesPerSecond: TEN_MBIT }, 3, 25, 35],
    ["100 Mbit/s, 60 ms", { delayMs: 30, bytesPerSecond: 10 * TEN_MBIT }, 3, 25, 40],
    ["1 Mbit/s, 20 ms: where 16 KiB are 130 ms", { delayMs: 10, bytesPerSecond: TEN_MBIT / 10 }, 3, 180, 260],
  ])("waits at most as long as this: %s", async (_, line, downloads, atMedian, atMost) => {
    const { pair, clock, waits } = await downloading(line, downloads);
    await clock.advance(4000);
    // Beyond the next measuring of the round trip, which ends in a burst.
    const all = await waits(30, (RTT_PERIOD_MS + 1000) / 30);
    expect(median(all)).toBeLessThanOrEqual(atMedian);
    expect(all.at(-1)).toBeLessThanOrEqual(atMost);
    await pair.close();
  });

  it("waits for no more than the first rounds of a download take to find the rate", async () => {
    const { pair, waits } = await downloading({ delayMs: 50, bytesPerSecond: TEN_MBIT }, 3);
    expect((await waits(15, 10)).at(-1)).toBeLessThanOrEqual(150);
    await pair.close();
  });
});

describe("a message of downloads", () => {
  it.each([
    ["16 KiB on a fast line", 10 * TEN_MBIT, 16 * 1024],
    ["what the line takes in 5 ms", TEN_MBIT, 5 * (TEN_MBIT / 1000)],
    ["4 KiB at least", TEN_MBIT / 10, 4 * 1024],
  ])("is of %s", async (_, bytesPerSecond, bytes) => {
    const { pair, clock } = await downloading({ delayMs: 20, bytesPerSecond }, 1);
    await clock.advance(4000);
    const from = pair.origin.sentBytes.length;
    await clock.advance(1000);
    const longest = Math.max(...pair.origin.sentBytes.slice(from));
    expect(longest).toBeGreaterThan(0.95 * bytes);
    expect(longest).toBeLessThan(1.05 * bytes);
    await pair.close();
  });
});

describe("a page beside downloads", () => {
  it("overtakes them: 100 KB take little longer than on a line of their own", async () => {
    const { pair, clock, waits } = await downloading({ delayMs: 50, bytesPerSecond: TEN_MBIT }, 3);
    await clock.advance(4000);
    const alone = 100_000 / (TEN_MBIT / 1000);
    // One message in four begins with a download.
    expect(median(await waits(9, 300, 100_000))).toBeLessThan(alone * (4 / 3) + 40);
    await pair.close();
  });

  it("that is larger than most takes its turn after that", async () => {
    const { pair, clock, waits } = await downloading({ delayMs: 50, bytesPerSecond: TEN_MBIT }, 1);
    await clock.advance(4000);
    const bytes = LIGHT_BYTES + 500_000;
    const alone = bytes / (TEN_MBIT / 1000);
    const [ms = 0] = await waits(1, 0, bytes);
    expect(ms).toBeGreaterThan(1.6 * alone);
    expect(ms).toBeLessThan(2.2 * alone);
    await pair.close();
  });
});

describe("downloads", () => {
  it.each([
    ["10 Mbit/s, 100 ms", { delayMs: 50, bytesPerSecond: TEN_MBIT }, 1],
    ["10 Mbit/s, 100 ms, three", { delayMs: 50, bytesPerSecond: TEN_MBIT }, 3],
    ["10 Mbit/s, 10 ms", { delayMs: 5, bytesPerSecond: TEN_MBIT }, 1],
    ["1 Mbit/s, 200 ms", { delayMs: 100, bytesPerSecond: TEN_MBIT / 10 }, 1],
    ["100 Mbit/s, 60 ms", { delayMs: 30, bytesPerSecond: 10 * TEN_MBIT }, 3],
  ])("use nine tenths of the line and more: %s", async (_, line, downloads) => {
    const { pair, clock, use } = await downloading(line, downloads);
    await clock.advance(4000);
    expect(await use(RTT_PERIOD_MS)).toBeGreaterThan(0.95);
    await pair.close();
  });

  it("share the line evenly", async () => {
    const { pair, clock, asked } = await downloading({ delayMs: 50, bytesPerSecond: TEN_MBIT }, 3);
    await clock.advance(8000);
    const bytes = asked.map(({ bodyBytes }) => bodyBytes);
    expect(Math.max(...bytes)).toBeLessThan(1.05 * Math.min(...bytes));
    await pair.close();
  });

  it("go on beside pages without end: a fifth of the line at least", async () => {
    const { pair, clock, use } = await downloading({ delayMs: 50, bytesPerSecond: TEN_MBIT }, 1);
    await clock.advance(4000);
    const ask = () => {
      const page = pair.edge.open(GET("/page"));
      page.onFrame = (frame) => {
        if (frame.kind === "end") ask();
      };
    };
    pair.origin.onOpened = ({ stream }) => {
      stream.send(HEAD);
      stream.send(DATA(QUEUE_BYTES));
      stream.send(END);
    };
    for (let i = 0; i < 20; i++) ask();
    await clock.advance(2000);
    const share = await use(6000);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.5);
    await pair.close();
  });
});
