/** What an outbox hands to its transport, and when. SPEC sections "Messages" and "Link budget". */
import { describe, expect, it } from "vitest";
import type { StreamId } from "../../../protocol/frames/frame.ts";
import { FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { LATER_BYTES, LATER_MS, Outbox, TRANSPORT_BYTES } from "../../../protocol/link/scheduler.ts";
import { Stream, type StreamHost } from "../../../protocol/link/stream.ts";
import { FIRST_BUDGET_BYTES, LinkBudget } from "../../../protocol/pacing/send-budget.ts";
import type { Transport } from "../../../protocol/transport/transport.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { DATA, framesOf } from "../../kit/link-pair.ts";

const KIB = 1024;

/** An outbox over a transport that keeps what it is given, and one stream with endless credit. */
const outboxOf = () => {
  const sent: Buffer[] = [];
  const wire = { queuedBytes: 0 };
  const transport: Pick<Transport, "send" | "queuedBytes"> = {
    send: (message) => void sent.push(Buffer.from(message)),
    get queuedBytes() {
      return wire.queuedBytes;
    },
  };
  const budget = new LinkBudget();
  const clock = new FakeClock(10);
  const outbox = new Outbox(transport as Transport, budget, clock);
  const host: StreamHost = {
    now: () => 0,
    baseRttMs: () => 0,
    isFull: () => false,
    mayGrow: () => false,
    ready: (each) => outbox.ready(each),
    control: (frame) => outbox.control(frame),
    later: (frame, bytes) => outbox.later(frame, bytes),
    credit: () => {},
    number: () => 1 as StreamId,
    closed: () => {},
  };
  const bounds = { receiveBytes: 1, sendBytes: 2 ** 30 };
  const stream = new Stream(host, bounds, { id: 1 as StreamId, urgency: 3 });
  const kinds = () => sent.map((message) => framesOf([message]).map(({ kind }) => kind));
  return { outbox, budget, stream, sent, kinds, wire, clock };
};

describe("an outbox", () => {
  it("sends what one turn made as one message", async () => {
    const { outbox, kinds } = outboxOf();
    for (let token = 0; token < 3; token++) outbox.control({ kind: "ping", token });
    expect(kinds()).toEqual([]);
    await settle();
    expect(kinds()).toEqual([["ping", "ping", "ping"]]);
  });

  it("holds streams back until the hellos are exchanged, and sends what came before alone", async () => {
    const { outbox, stream, kinds } = outboxOf();
    stream.send(DATA(10));
    await settle();
    outbox.control({ kind: "ping", token: 1 });
    outbox.start(new FrameHeaderEncoder(0));
    await settle();
    expect(kinds()).toEqual([["ping"], ["data"]]);
  });

  it("asks for word with a message of its own when the budget is used up and none is to come", async () => {
    const { outbox, budget, stream, kinds } = outboxOf();
    const token = budget.startPing(0);
    budget.sent(4 * FIRST_BUDGET_BYTES);
    budget.pong(token, 10, 5);
    outbox.start(new FrameHeaderEncoder(0));
    stream.send(DATA(10));
    await settle();
    expect(kinds()).toEqual([["ping"]]);
    budget.pong(token + 1, 4 * FIRST_BUDGET_BYTES, 20);
    outbox.schedule();
    await settle();
    expect(kinds()).toEqual([["ping"], ["data"]]);
  });

  it.each([
    [TRANSPORT_BYTES - 1, 1],
    [TRANSPORT_BYTES, 0],
  ])("with %d bytes waiting in the transport hands over %d messages", async (queuedBytes, messages) => {
    const { outbox, sent, wire } = outboxOf();
    wire.queuedBytes = queuedBytes;
    outbox.control({ kind: "ping", token: 1 });
    await settle();
    expect(sent).toHaveLength(messages);
    wire.queuedBytes = 0;
    outbox.flush();
    expect(sent).toHaveLength(1);
  });

  const later = (offset: number) => [{ kind: "proved", streamId: 1 as StreamId, offset }, offset] as const;

  it("lets what nobody waits for go with the next message, first in it", async () => {
    const { outbox, stream, kinds, clock } = outboxOf();
    outbox.start(new FrameHeaderEncoder(0));
    outbox.later(...later(5));
    outbox.later(...later(6));
    await settle();
    expect(kinds()).toEqual([]);
    outbox.control({ kind: "ping", token: 1 });
    await settle();
    outbox.later(...later(7));
    stream.send(DATA(10));
    await settle();
    expect(kinds()).toEqual([
      ["proved", "proved", "ping"],
      ["proved", "data"],
    ]);
    await clock.advance(LATER_MS);
    await settle();
    expect(kinds()).toHaveLength(2);
    expect(clock.timers).toBe(0);
  });

  it("lets it wait for LATER_MS and no longer", async () => {
    const { outbox, kinds, clock } = outboxOf();
    outbox.later(...later(5));
    await clock.advance(LATER_MS - 1);
    outbox.later(...later(6));
    await settle();
    expect(kinds()).toEqual([]);
    await clock.advance(1);
    await settle();
    expect(kinds()).toEqual([["proved", "proved"]]);
  });

  it("does not let it wait when the peer holds LATER_BYTES for it", async () => {
    const { outbox, kinds } = outboxOf();
    outbox.later(...later(LATER_BYTES - 1));
    await settle();
    expect(kinds()).toEqual([]);
    outbox.later(...later(1));
    await settle();
    expect(kinds()).toEqual([["proved", "proved"]]);
  });

  it("sends it before the end when told to send all", () => {
    const { outbox, kinds, clock } = outboxOf();
    outbox.later(...later(5));
    outbox.flushAll();
    expect(kinds()).toEqual([["proved"]]);
    expect(clock.timers).toBe(0);
  });

  it("leaves no timer behind once closed", () => {
    const { outbox, clock } = outboxOf();
    outbox.later(...later(5));
    outbox.close();
    outbox.later(...later(5));
    expect(clock.timers).toBe(0);
  });

  it("fills a message up to what one TLS record holds beside WebSocket's header", async () => {
    const { outbox, stream, sent } = outboxOf();
    outbox.start(new FrameHeaderEncoder(0));
    stream.send(DATA(60 * KIB));
    await settle();
    const largest = Math.max(...sent.map((message) => message.length));
    expect(largest).toBeLessThanOrEqual(16 * KIB - 8);
    expect(largest).toBeGreaterThan(16 * KIB - 64);
  });

  it("sends nothing once closed", async () => {
    const { outbox, stream, sent } = outboxOf();
    outbox.start(new FrameHeaderEncoder(0));
    stream.send(DATA(10));
    outbox.control({ kind: "ping", token: 1 });
    outbox.close();
    await settle();
    expect(sent).toEqual([]);
  });
});
