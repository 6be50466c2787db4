import { describe, expect, it } from "vitest";
import { IncomingExchange } from "../../../origin-side/exchange/incoming-exchange.ts";
import type { ResponseHead } from "../../../protocol/http/head.ts";
import type { BodyEnd } from "../../../protocol/upstream/body.ts";
import { settle } from "../../kit/fake-clock.ts";
import { FAKE_ID, FakeStream, openOf } from "../../kit/fake-stream.ts";

const HEAD: ResponseHead = { status: 200, reason: "OK", fields: ["Content-Type", "text/html"] };
const END: BodyEnd = { how: "complete", trailers: [] };
const HEAD_BYTES = 100;

const accepted = (open = openOf()) => {
  const stream = new FakeStream();
  const exchange = new IncomingExchange(stream.asStream, open, { headBytes: HEAD_BYTES });
  stream.says(open);
  return { stream, exchange };
};
const posted = () => accepted(openOf({ ended: false, body: Buffer.from("abc") }));

describe("a whole answer", () => {
  it("is queued in one item, with its end", () => {
    const { stream, exchange } = accepted();
    expect(exchange.answerInFull({ kind: "passed" }, HEAD, Buffer.from("abc"), END)).toBeUndefined();
    expect(stream.sent).toMatchObject([{ kind: "answer", ended: true, body: Buffer.from("abc") }]);
    expect(exchange.sentBytes).toBe(3);
  });

  it("with trailers, or without a length, ends in frames of its own", () => {
    const { stream, exchange } = accepted();
    exchange.answerInFull({ kind: "passed" }, HEAD, Buffer.from("abc"), {
      how: "closed",
      trailers: ["X", "1"],
    });
    expect(stream.sent).toMatchObject([
      { kind: "answer", ended: false },
      { kind: "trailers", head: ["X", "1"] },
      { kind: "end", how: "closed" },
    ]);
  });

  it("waits for room where there is none, and no longer than the edge stays", async () => {
    for (const leave of [false, true]) {
      const { stream, exchange } = accepted();
      stream.hasRoom = false;
      let outcome: string | undefined;
      Promise.resolve(exchange.answerInFull({ kind: "passed" }, HEAD, Buffer.from("abc"), END)).then(
        () => {
          outcome = "sent";
        },
        (error: { code: string }) => {
          outcome = error.code;
        },
      );
      await settle();
      expect(outcome).toBeUndefined();
      if (leave) stream.leaves("cancelled");
      else stream.makesRoom();
      await settle();
      expect(outcome).toBe(leave ? "cancelled" : "sent");
    }
  });
});

describe("a head that is larger than the edge takes", () => {
  const large: ResponseHead = { ...HEAD, fields: ["X-Long", "x".repeat(HEAD_BYTES)] };

  it("is origin-failed, and nothing of it is sent", () => {
    const { stream, exchange } = accepted();
    const failure = expect.objectContaining({ code: "origin-failed" });
    expect(() => exchange.answer({ kind: "passed" }, large)).toThrow(failure);
    expect(() => exchange.answerInFull({ kind: "passed" }, large, Buffer.alloc(1), END)).toThrow(failure);
    expect(stream.sent).toEqual([]);
  });

  it("is left out where it is an interim one, as are trailers", () => {
    const { stream, exchange } = accepted();
    exchange.interim({ ...large, status: 103, reason: "Early Hints" });
    exchange.end({ how: "complete", trailers: large.fields });
    expect(stream.kinds).toEqual(["end"]);
  });
});

describe("a request's body", () => {
  it("is none for a request that came whole without one; once it is upgraded, it has ended", async () => {
    const { exchange } = accepted();
    expect(exchange.body()).toBeUndefined();
    expect(await exchange.upgradedBody().next()).toEqual(END);
  });

  it("comes with its pieces, trailers and end", async () => {
    const { stream, exchange } = posted();
    stream.says({ kind: "trailers", streamId: FAKE_ID, head: ["X", "1"] });
    stream.says({ kind: "end", streamId: FAKE_ID, how: "complete", extensions: [] });
    const body = exchange.body();
    expect([await body?.next(), await body?.next()]).toEqual([
      Buffer.from("abc"),
      { how: "complete", trailers: ["X", "1"] },
    ]);
  });

  it("that nobody wants any more is given back as it comes, once the answer has ended", async () => {
    const { stream, exchange } = posted();
    exchange.end(END);
    expect([stream.takenBytes, stream.stopped]).toEqual([3, "cancelled"]);
    stream.says({ kind: "data", streamId: FAKE_ID, bytes: Buffer.from("de") });
    expect(stream.takenBytes).toBe(5);
    expect(await exchange.body()?.next()).toEqual({ how: "closed", trailers: [] });
  });

  it("that is all here is not stopped", () => {
    const { stream, exchange } = accepted(openOf({ body: Buffer.from("abc") }));
    exchange.end(END);
    expect([stream.takenBytes, stream.stopped]).toEqual([3, undefined]);
  });

  it("rejects when the edge leaves", async () => {
    const { stream, exchange } = posted();
    const body = exchange.body();
    await body?.next();
    const next = body?.next();
    stream.leaves("cancelled");
    await expect(next).rejects.toMatchObject({ code: "cancelled" });
    expect(exchange.gone.aborted).toBe(true);
  });
});
