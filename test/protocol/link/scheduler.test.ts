/** What an outbox hands to its transport, and when. SPEC sections "Messages" and "Link budget". */
import { describe, expect, it } from "vitest";
import type { StreamId } from "../../../protocol/frames/frame.ts";
import { FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { LATER_BYTES, LATER_MS, Scheduler, TRANSPORT_BYTES } from "../../../protocol/link/scheduler.ts";
import { Stream, type StreamHost } from "../../../protocol/link/stream.ts";
import { FIRST_BUDGET_BYTES, SendBudget } from "../../../protocol/pacing/send-budget.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import type { Transport } from "../../../protocol/transport/transport.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { DATA, framesOf } from "../../kit/link-pair.ts";

const KIB = 1024;

/** An outbox over a transport that keeps what it is given, and one stream with endless window. */
const outboxOf = () => {
  const sent: Buffer[] = [];
  const wire = { queuedBytes: 0 };
  const transport: Pick<Transport, "send" | "queuedBytes"> = {
    send: (message) => void sent.push(Buffer.from(message)),
    get queuedBytes() {
      return wire.queuedBytes;
    },
  };
  const budget = new SendBudget();
  const clock = new FakeClock(10);
  const scheduler = new Scheduler(transport as Transport, budget, clock);
  const host: StreamHost = {
    clock: { now: () => 0 },
    baseRttMs: () => 0,
    isFull: () => false,
    mayGrow: () => false,
    ready: (each) => scheduler.ready(each),
    control: (frame) => scheduler.control(frame),
    later: (frame, bytes) => scheduler.later(frame, bytes),
    window: () => {},
    lease: () => new MemoryBudget({ totalBytes: 0, shareBytes: 0 }).lease(""),
    number: () => 1 as StreamId,
    closed: () => {},
  };
  const bounds = { receiveBytes: 1, sendBytes: 2 ** 30 };
  const stream = new Stream(host, bounds, { streamId: 1 as StreamId, urgency: 3 });
  const kinds = () => sent.map((message) => framesOf([message]).map(({ kind }) => kind));
  return { scheduler, budget, stream, sent, kinds, wire, clock };
};

describe("an outbox", () => {
  it("sends what one turn made as one message", async () => {
    const { scheduler, kinds } = outboxOf();
    for (let token = 0; token < 3; token++) scheduler.control({ kind: "ping", token });
    expect(kinds()).toEqual([]);
    await settle();
    expect(kinds()).toEqual([["ping", "ping", "ping"]]);
  });

  it("holds streams back until the hellos are exchanged, and sends what came before alone", async () => {
    const { scheduler, stream, kinds } = outboxOf();
    stream.send(DATA(10));
    await settle();
    scheduler.control({ kind: "ping", token: 1 });
    scheduler.start(new FrameHeaderEncoder(0));
    await settle();
    expect(kinds()).toEqual([["ping"], ["data"]]);
  });

  it("asks for word with a message of its own when the budget is used up and none is to come", async () => {
    const { scheduler, budget, stream, kinds } = outboxOf();
    const token = budget.startPing(0);
    budget.sent(4 * FIRST_BUDGET_BYTES);
    budget.pong(token, 10, 5);
    scheduler.start(new FrameHeaderEncoder(0));
    stream.send(DATA(10));
    await settle();
    expect(kinds()).toEqual([["ping"]]);
    budget.pong(token + 1, 4 * FIRST_BUDGET_BYTES, 20);
    scheduler.schedule();
    await settle();
    expect(kinds()).toEqual([["ping"], ["data"]]);
  });

  it.each([
    [TRANSPORT_BYTES - 1, 1],
    [TRANSPORT_BYTES, 0],
  ])("with %d bytes waiting in the transport hands over %d messages", async (queuedBytes, messages) => {
    const { scheduler, sent, wire } = outboxOf();
    wire.queuedBytes = queuedBytes;
    scheduler.control({ kind: "ping", token: 1 });
    await settle();
    expect(sent).toHaveLength(messages);
    wire.queuedBytes = 0;
    scheduler.flush();
    expect(sent).toHaveLength(1);
  });

  const later = (offset: number) => [{ kind: "verified", streamId: 1 as StreamId, offset }, offset] as const;

  it("lets what nobody waits for go with the next message, first in it", async () => {
    const { scheduler, stream, kinds, clock } = outboxOf();
    scheduler.start(new FrameHeaderEncoder(0));
    scheduler.later(...later(5));
    scheduler.later(...later(6));
    await settle();
    expect(kinds()).toEqual([]);
    scheduler.control({ kind: "ping", token: 1 });
    await settle();
    scheduler.later(...later(7));
    stream.send(DATA(10));
    await settle();
    expect(kinds()).toEqual([
      ["verified", "verified", "ping"],
      ["verified", "data"],
    ]);
    await clock.advance(LATER_MS);
    await settle();
    expect(kinds()).toHaveLength(2);
    expect(clock.timers).toBe(0);
  });

  it("lets it wait for LATER_MS and no longer", async () => {
    const { scheduler, kinds, clock } = outboxOf();
    scheduler.later(...later(5));
    await clock.advance(LATER_MS - 1);
    scheduler.later(...later(6));
    await settle();
    expect(kinds()).toEqual([]);
    await clock.advance(1);
    await settle();
    expect(kinds()).toEqual([["verified", "verified"]]);
  });

  it("does not let it wait when the peer holds LATER_BYTES for it", async () => {
    const { scheduler, kinds } = outboxOf();
    scheduler.later(...later(LATER_BYTES - 1));
    await settle();
    expect(kinds()).toEqual([]);
    scheduler.later(...later(1));
    await settle();
    expect(kinds()).toEqual([["verified", "verified"]]);
  });

  it("sends it before the end when told to send all", () => {
    const { scheduler, kinds, clock } = outboxOf();
    scheduler.later(...later(5));
    scheduler.flushAll();
    expect(kinds()).toEqual([["verified"]]);
    expect(clock.timers).toBe(0);
  });

  it("leaves no timer behind once closed", () => {
    const { scheduler, clock } = outboxOf();
    scheduler.later(...later(5));
    scheduler.close();
    scheduler.later(...later(5));
    expect(clock.timers).toBe(0);
  });

  it("fills a message up to what one TLS record holds beside WebSocket's header", async () => {
    const { scheduler, stream, sent } = outboxOf();
    scheduler.start(new FrameHeaderEncoder(0));
    stream.send(DATA(60 * KIB));
    await settle();
    const largest = Math.max(...sent.map((message) => message.length));
    expect(largest).toBeLessThanOrEqual(16 * KIB - 8);
    expect(largest).toBeGreaterThan(16 * KIB - 64);
  });

  it("sends nothing once closed", async () => {
    const { scheduler, stream, sent } = outboxOf();
    scheduler.start(new FrameHeaderEncoder(0));
    stream.send(DATA(10));
    scheduler.control({ kind: "ping", token: 1 });
    scheduler.close();
    await settle();
    expect(sent).toEqual([]);
  });
});
