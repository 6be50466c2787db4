import { describe, expect, it } from "vitest";
import { recordOf } from "../../../origin-side/exchange/access-record.ts";
import { IncomingExchange } from "../../../origin-side/exchange/incoming-exchange.ts";
import { FakeStream, openOf } from "../../kit/fake-stream.ts";

const exchangeOf = () => new IncomingExchange(new FakeStream().asStream, openOf(), { headBytes: 1 << 15 });
/** As the access log writes it. */
const logged = (record: object): unknown => JSON.parse(JSON.stringify(record));

describe("the record of an exchange", () => {
  it("says what its phases came to, in milliseconds from its start", () => {
    const sent = { answer: "delta", bases: 2, encodeMs: 3, pageBytes: 500 } as const;
    const record = recordOf(exchangeOf(), { startedAt: 100, response: { status: 200, at: 140 }, sent }, 190);
    expect(logged(record)).toEqual({
      host: "www.example.com",
      target: "/",
      stream: 1,
      status: 200,
      originMs: 40,
      ...sent,
      totalMs: 90,
    });
  });

  it("of one that failed before there was a response says only that", () => {
    const record = recordOf(exchangeOf(), { startedAt: 0, failed: "no-route" }, 1);
    expect(logged(record)).toEqual({
      host: "www.example.com",
      target: "/",
      stream: 1,
      failed: "no-route",
      totalMs: 1,
    });
  });

  it("counts what crossed the link of an answer that passed, also of one that was cut", async () => {
    const exchange = exchangeOf();
    for (const piece of ["abc", "de"]) await exchange.data(Buffer.from(piece));
    const phases = { startedAt: 0, sent: { answer: "passed" }, failed: "truncated" } as const;
    expect(logged(recordOf(exchange, phases, 1))).toMatchObject({
      answer: "passed",
      pageBytes: 5,
      failed: "truncated",
    });
  });
});
