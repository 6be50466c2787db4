/** What an outbox hands to its transport, and when. SPEC sections "Messages" and "Link budget". */
import { describe, expect, it } from "vitest";
import { FIRST_BUDGET_BYTES, LinkBudget } from "../../../protocol/link/link-budget.ts";
import { Outbox, TRANSPORT_BYTES } from "../../../protocol/link/outbox.ts";
import { Stream, type StreamHost } from "../../../protocol/link/stream.ts";
import type { Transport } from "../../../protocol/link/transport.ts";
import type { StreamId } from "../../../protocol/wire/frame.ts";
import { HeaderEncoder } from "../../../protocol/wire/header-block.ts";
import { settle } from "../../kit/fake-clock.ts";
import { DATA, framesOf } from "../../kit/link-pair.ts";

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
  const outbox = new Outbox(transport as Transport, budget, () => 10);
  const host: StreamHost = {
    now: () => 0,
    baseRttMs: () => 0,
    mayGrow: () => false,
    ready: (each) => outbox.ready(each),
    control: (frame) => outbox.control(frame),
    credit: () => {},
    number: () => 1 as StreamId,
    closed: () => {},
  };
  const bounds = { receiveBytes: 1, sendBytes: 2 ** 30 };
  const stream = new Stream(host, bounds, { id: 1 as StreamId, urgency: 3 });
  const kinds = () => sent.map((message) => framesOf([message]).map(({ kind }) => kind));
  return { outbox, budget, stream, sent, kinds, wire };
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
    outbox.start(new HeaderEncoder(0));
    await settle();
    expect(kinds()).toEqual([["ping"], ["data"]]);
  });

  it("asks for word with a message of its own when the budget is used up and none is to come", async () => {
    const { outbox, budget, stream, kinds } = outboxOf();
    const token = budget.startPing(0);
    budget.sent(4 * FIRST_BUDGET_BYTES);
    budget.pong(token, 10, 5);
    outbox.start(new HeaderEncoder(0));
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

  it("sends nothing once closed", async () => {
    const { outbox, stream, sent } = outboxOf();
    outbox.start(new HeaderEncoder(0));
    stream.send(DATA(10));
    outbox.control({ kind: "ping", token: 1 });
    outbox.close();
    await settle();
    expect(sent).toEqual([]);
  });
});
