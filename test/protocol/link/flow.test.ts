/** Who may send how much, and in which order it leaves. SPEC sections "Window", "Link budget", "Order". */
import { describe, expect, it } from "vitest";
import type { Frame, StreamId } from "../../../protocol/frames/frame.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { MOST_WINDOW_BYTES } from "../../../protocol/link/receive-window.ts";
import { MESSAGE_BYTES } from "../../../protocol/link/scheduler.ts";
import { QUEUE_BYTES } from "../../../protocol/link/send-queue.ts";
import type { Stream } from "../../../protocol/link/stream.ts";
import { FIRST_BUDGET_BYTES } from "../../../protocol/pacing/send-budget.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import {
  ANSWER,
  DATA,
  END,
  GET,
  greetedPair,
  type LinkPair,
  type Listener,
  messagesOf,
  turns,
} from "../../kit/link-pair.ts";

watchLeaks();

const KIB = 1024;
const HEAD = ANSWER("", { kind: "passed" }, false);

/** Streams that the origin side has, `count` of them, each with its head sent. */
const opened = async (pair: LinkPair, count: number, urgencies: readonly number[] = []) => {
  for (let i = 0; i < count; i++) {
    pair.edge.open(GET(`/${i}`, { urgency: urgencies[i] ?? 3 }));
    if (urgencies.length > 0) await turns(4); // numbers in this order, whatever the urgency
  }
  await turns();
  const streams = pair.origin.opened.slice(-count).map(({ stream }) => stream);
  for (const stream of streams) stream.send(HEAD);
  await turns();
  return streams;
};
/** Bytes in messages that an end sent after the first `from`. */
const bytesSent = ({ sent }: { sent: readonly Buffer[] }, from = 0): number =>
  sent.slice(from).reduce((sum, { length }) => sum + length, 0);
/** Stream ids of the data frames in a message. */
const dataIn = (frames: readonly Frame[]): number[] =>
  frames.flatMap((frame) => (frame.kind === "data" ? [frame.streamId] : []));

/** An endless body: pushed again whenever the queue has room. */
const bulk = (stream: Stream, listener: Listener): void => {
  const fill = () => {
    while (stream.hasRoom && !stream.closed) stream.send(DATA(QUEUE_BYTES / 2));
  };
  listener.room = fill;
  fill();
};

describe("window", () => {
  it("a sender stops at the window to the byte, and goes on when the reader has taken", async () => {
    const pair = await greetedPair({ memoryBytes: 1000, edgeHello: { streamBytes: 10_000 } });
    const asked = pair.edge.open();
    asked.takes = false;
    await turns();
    const stream = pair.origin.opened[0]?.stream as Stream;
    stream.send(HEAD);
    stream.send(DATA(25_000));
    stream.send(END);
    await turns();
    expect(asked.body.length).toBe(10_000);
    asked.stream.taken(4999);
    await turns();
    expect(asked.body.length).toBe(10_000);
    asked.stream.taken(1);
    await turns();
    expect(asked.body.length).toBe(15_000);
    asked.stream.taken(10_000);
    await turns();
    asked.stream.taken(10_000);
    await turns();
    expect(asked.body.length).toBe(25_000);
    expect(asked.stream.closed).toBe(true);
    await pair.close();
  });

  it("a slow reader holds up its own stream only", async () => {
    const pair = await greetedPair({ edgeHello: { streamBytes: 10_000 } });
    const slow = pair.edge.open(GET("/slow"));
    slow.takes = false;
    const quick = pair.edge.open(GET("/quick"));
    await turns();
    for (const { stream } of pair.origin.opened) {
      stream.send(HEAD);
      stream.send(DATA(60_000));
      stream.send(END);
    }
    await turns(60);
    expect([slow.body.length, quick.body.length]).toEqual([10_000, 60_000]);
    await pair.close();
  });

  it.each([
    ["the window exactly", 10_000, undefined],
    ["one byte more", 10_001, "window-overrun"],
  ])("a peer that sends %s", async (_, bytes, code) => {
    const pair = await greetedPair({ originHello: { streamBytes: 10_000 } });
    pair.origin.onOpened = (heard) => {
      heard.takes = false;
    };
    const headers = new FrameHeaderEncoder(16 * KIB);
    const open: Frame = { ...GET("/", { ended: false, body: Buffer.alloc(1000) }), streamId: 1 as StreamId };
    const data = (count: number): Frame => ({
      kind: "data",
      streamId: 1 as StreamId,
      bytes: Buffer.alloc(count),
    });
    const frames = [open, data(bytes - 1000 - 4000), data(4000)];
    for (const frame of frames) pair.edge.inject(encodeFrame(frame, headers));
    await turns();
    expect(pair.origin.ends[0]?.code).toBe(code);
    await pair.close();
  });

  it("is not spent by segments, trailers and ends", async () => {
    const pair = await greetedPair({ edgeHello: { streamBytes: 8 } });
    const asked = pair.edge.open();
    asked.takes = false;
    await turns();
    const stream = pair.origin.opened[0]?.stream as Stream;
    stream.send(ANSWER("", { kind: "whole", codec: 1, result: undefined }, false));
    for (let i = 0; i < 4; i++) {
      stream.send(DATA(2));
      stream.send({ kind: "segment", digest: "12345678" });
    }
    stream.send({ kind: "trailers", head: ["Checksum", "abc"] });
    stream.send(END);
    await turns();
    expect(asked.kinds.at(-1)).toBe("end");
    await pair.close();
  });

  it("a window grows over a long path while there is memory, and gives the memory back", async () => {
    const clock = new FakeClock();
    const pair = await greetedPair({
      clock,
      wire: { clock, delayMs: 50 },
      edgeHello: { streamBytes: 64 * KIB },
    });
    const [stream] = await openedSlowly(pair, clock, 1);
    bulk(stream as Stream, pair.origin.opened[0] as Listener);
    await clock.advance(3000);
    expect(pair.memory.usedBytes).toBe(MOST_WINDOW_BYTES - 64 * KIB);
    stream?.reset("truncated");
    await clock.advance(100);
    expect(pair.memory.usedBytes).toBe(0);
    await pair.close();
  });

  it("a window stays as it is without memory", async () => {
    const clock = new FakeClock();
    const wire = { clock, delayMs: 50 };
    const pair = await greetedPair({
      clock,
      wire,
      memoryBytes: 64 * KIB - 1,
      edgeHello: { streamBytes: 64 * KIB },
    });
    const [stream] = await openedSlowly(pair, clock, 1);
    bulk(stream as Stream, pair.origin.opened[0] as Listener);
    await clock.advance(1000);
    expect(pair.memory.usedBytes).toBe(0);
    // A window each round trip at most.
    expect(bytesSent(pair.origin)).toBeLessThan(12 * 2 * 64 * KIB);
    await pair.close();
  });
});

const openedSlowly = async (pair: LinkPair, clock: FakeClock, count: number) => {
  for (let i = 0; i < count; i++) pair.edge.open(GET(`/${i}`));
  await clock.advance(500);
  for (const { stream } of pair.origin.opened) stream.send(HEAD);
  await clock.advance(500);
  return pair.origin.opened.map(({ stream }) => stream);
};

describe("the link budget", () => {
  it("towards a peer that does not report: 64 KiB and a message at most leave", async () => {
    const clock = new FakeClock();
    const pair = await greetedPair({ clock, edgeHello: { streamBytes: 2 ** 24 } });
    const [stream] = await opened(pair, 1);
    pair.edge.transport.faults.loseAfter(0);
    bulk(stream as Stream, pair.origin.opened[0] as Listener);
    await turns(50);
    const bytes = bytesSent(pair.origin);
    expect(bytes).toBeGreaterThan(FIRST_BUDGET_BYTES - MESSAGE_BYTES);
    expect(bytes).toBeLessThan(FIRST_BUDGET_BYTES + MESSAGE_BYTES);
    await pair.close();
  });

  it("does not hold back control frames", async () => {
    const pair = await greetedPair({ edgeHello: { streamBytes: 2 ** 24 } });
    const [stream] = await opened(pair, 1);
    pair.edge.transport.faults.loseAfter(0);
    bulk(stream as Stream, pair.origin.opened[0] as Listener);
    await turns(50);
    const before = pair.origin.sent.length;
    pair.origin.link.forget("a", "");
    await turns();
    expect(pair.origin.sent.length).toBe(before + 1);
    await pair.close();
  });

  it("grows with the path: at 100 Mbit/s and 100 ms a transfer fills the line", async () => {
    const clock = new FakeClock();
    const wire = { clock, delayMs: 50, bytesPerSecond: 12_500_000 };
    const pair = await greetedPair({ clock, wire, hello: { streamBytes: MOST_WINDOW_BYTES } });
    const [stream] = await openedSlowly(pair, clock, 1);
    bulk(stream as Stream, pair.origin.opened[0] as Listener);
    await clock.advance(2000);
    const from = pair.origin.sent.length;
    await clock.advance(1000);
    const bytes = bytesSent(pair.origin, from);
    expect(bytes).toBeGreaterThan(0.9 * 12_500_000);
    await pair.close();
  });
});

describe("order", () => {
  /** Bulk on some streams, with the transport full, so that all of them wait when it drains. */
  const waiting = async (urgencies: readonly number[]) => {
    const pair = await greetedPair({ wire: { wireBytes: 0 }, edgeHello: { streamBytes: 2 ** 24 } });
    const streams = await opened(pair, urgencies.length, urgencies);
    pair.origin.transport.faults.stall();
    // Fills what the transport takes.
    const [first] = streams;
    first?.send(DATA(QUEUE_BYTES * 2));
    await turns();
    return { pair, streams };
  };
  /** The messages that leave when the transport takes some again. */
  const resumed = async (pair: LinkPair) => {
    const from = pair.origin.sent.length;
    pair.origin.transport.faults.resume();
    await turns(40);
    return messagesOf(pair.origin.sent).slice(from);
  };

  it("streams of one urgency share each message, in turn", async () => {
    const { pair, streams } = await waiting([3, 3, 3]);
    for (const stream of streams) stream.send(DATA(60_000));
    const messages = (await resumed(pair)).slice(0, 3).map(dataIn);
    for (const ids of messages) expect(new Set(ids)).toEqual(new Set([1, 2, 3]));
    await pair.close();
  });

  it("lower urgency numbers go first, to the end of what they have", async () => {
    const { pair, streams } = await waiting([5, 0, 5, 0]);
    for (const stream of streams.slice(1)) stream.send(DATA(30_000));
    const ids = (await resumed(pair)).flatMap(dataIn);
    const urgent = ids.filter((id) => id === 2 || id === 4).length;
    expect(ids.slice(0, urgent).every((id) => id === 2 || id === 4)).toBe(true);
    expect(ids.length).toBeGreaterThan(urgent);
    await pair.close();
  });

  it("a small answer behind three bulk streams leaves in the next message", async () => {
    const { pair, streams } = await waiting([3, 3, 3, 3]);
    for (const stream of streams.slice(0, 3)) stream.send(DATA(60_000));
    streams[3]?.send(DATA(200));
    streams[3]?.send(END);
    const [next = []] = await resumed(pair);
    expect(dataIn(next)).toContain(4);
    await pair.close();
  });

  it("a head that finds no room in a message is in the one after, whatever else waits", async () => {
    const { pair, streams } = await waiting([3, 3]);
    streams[0]?.send(DATA(60_000));
    const head = {
      ...ANSWER("", { kind: "passed" }, false),
      head: [":status", "200", "X", "v".repeat(15_000)],
    };
    for (const stream of streams.slice(1)) stream.send(head as typeof HEAD);
    const messages = await resumed(pair);
    const at = messages.findIndex((frames) => frames.some(({ kind }) => kind === "answer"));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(at).toBeLessThanOrEqual(1);
    await pair.close();
  });

  it("control frames go before data", async () => {
    const { pair, streams } = await waiting([0, 0]);
    for (const stream of streams) stream.send(DATA(60_000));
    pair.origin.link.forget("a", "");
    streams[1]?.reset("truncated");
    const [next = []] = await resumed(pair);
    expect(next.slice(0, 2).map(({ kind }) => kind)).toEqual(["forget", "reset"]);
    expect(dataIn(next).every((id) => id === 1)).toBe(true);
    await pair.close();
  });

  it("a message is of 16 KiB at most while only bodies fill it", async () => {
    const { pair, streams } = await waiting([3, 3, 3]);
    for (const stream of streams) stream.send(DATA(60_000));
    await resumed(pair);
    for (const { length } of pair.origin.sent) expect(length).toBeLessThanOrEqual(MESSAGE_BYTES + 16);
    expect(Math.max(...pair.origin.sent.map(({ length }) => length))).toBeGreaterThan(MESSAGE_BYTES - 64);
    await pair.close();
  });
});

describe("the queue of a stream", () => {
  it(`has room up to ${QUEUE_BYTES} bytes, and says when it has some again`, async () => {
    const pair = await greetedPair({ memoryBytes: 100, edgeHello: { streamBytes: 1000 } });
    const asked = pair.edge.open();
    asked.takes = false;
    await turns();
    const heard = pair.origin.opened[0] as Listener;
    heard.stream.send(HEAD);
    heard.stream.send(DATA(QUEUE_BYTES + 1000));
    await turns();
    expect([heard.stream.hasRoom, heard.rooms]).toEqual([false, 0]);
    asked.stream.taken(1000);
    await turns();
    expect([heard.stream.hasRoom, heard.rooms]).toEqual([true, 1]);
    asked.stream.taken(1000);
    await turns();
    expect(heard.rooms).toBe(1);
    await pair.close();
  });
});

it("a head as large as both sides accept crosses, and does not close the link", async () => {
  const headBytes = 100 * KIB;
  const pair = await greetedPair({ hello: { headBytes } });
  const asked = pair.edge.open({
    ...GET(),
    head: [":method", "GET", ":target", "/", "Cookie", "; ".repeat(45_000)],
  });
  await turns();
  const heard = pair.origin.opened[0] as Listener;
  expect(heard.frames[0]).toMatchObject({
    head: [":method", "GET", ":target", "/", "Cookie", "; ".repeat(45_000)],
  });
  const fields = Array.from({ length: 4000 }, (_, i) => [`N${i}`, "v".repeat(15)]).flat();
  heard.stream.send({
    kind: "answer",
    ended: true,
    form: { kind: "passed" },
    head: [":status", "200", ...fields],
    blockBytes: 0,
    extensions: NO_EXTENSIONS,
    body: Buffer.alloc(0),
  });
  await turns();
  expect(asked.frames[0]?.kind).toBe("answer");
  expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
  await pair.close();
});
