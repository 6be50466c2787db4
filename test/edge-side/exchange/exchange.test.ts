import { describe, expect, it } from "vitest";
import { framesOfBody } from "../../../edge-side/exchange/answer-frames.ts";
import {
  INTERIM_HEAD_BYTES,
  MIXED_UP_TO_LOAD,
  MOST_INTERIM_BYTES,
} from "../../../edge-side/exchange/exchange.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { AnswerForm, AnswerFrame } from "../../../protocol/frames/frame.ts";
import { MIXED_SPLICES, NOT_MIXED } from "../../../protocol/frames/mixed-splices.ts";
import { FREE_FRAMES } from "../../../protocol/link/inbox.ts";
import { LONG_PAGES } from "../../../protocol/mixing/long-pages.ts";
import { PIECE_BYTES } from "../../../protocol/runtime/piece-merger.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { FAKE_ID, MEMORY_SHARE } from "../../kit/fake-stream.ts";
import { outgoing } from "../../kit/rebuilding.ts";

const answer = (form: AnswerForm, more: Partial<AnswerFrame> = {}): AnswerFrame => ({
  kind: "answer",
  streamId: FAKE_ID,
  ended: false,
  form,
  head: [":status", "200"],
  blockBytes: 0,
  extensions: NO_EXTENSIONS,
  body: Buffer.alloc(0),
  ...more,
});
const data = (text: string) => ({ kind: "data", streamId: FAKE_ID, bytes: Buffer.from(text) }) as const;
/** As many as fit, with a head as small as `answer` makes it. */
const MOST_SMALL_HEADS = Math.floor(
  MOST_INTERIM_BYTES / (INTERIM_HEAD_BYTES + ":status".length + "200".length),
);
const end = { kind: "end", streamId: FAKE_ID, how: "complete", extensions: NO_EXTENSIONS } as const;

describe("an exchange that goes out", () => {
  it("says its head, then its body, and its end once", () => {
    const { stream, exchange } = outgoing();
    expect(exchange.sendBody(Buffer.from("a"))).toBe(true);
    stream.hasRoom = false;
    expect(exchange.sendBody(Buffer.from("b"))).toBe(false);
    exchange.endBody("closed", []);
    exchange.endBody("complete", []);
    expect(stream.kinds).toEqual(["open", "data", "data", "end"]);
    expect(stream.sentOf("end")[0]?.how).toBe("closed");
  });

  it("tells the sender of room, and of a body that is not wanted", () => {
    const { stream, events } = outgoing();
    stream.makesRoom();
    stream.says({ kind: "stopSending", streamId: FAKE_ID, code: "cancelled" });
    expect(events.said).toEqual(["room", "refused"]);
  });

  it("counts what an answer cost, but for its heads", () => {
    const { stream, exchange } = outgoing();
    stream.says(answer({ kind: "passed" }, { blockBytes: 40 }), 50);
    stream.says(data("12345"), 5);
    stream.says({ kind: "trailers", streamId: FAKE_ID, head: ["a", "b"] }, 7);
    stream.says(end, 2);
    expect(exchange.answerBytes).toBe(10 + 5 + 0 + 2);
  });

  it("gives interim heads to one, and the final one to the other", async () => {
    const { stream, exchange, events } = outgoing();
    const final = exchange.answer();
    stream.says(answer({ kind: "interim" }));
    stream.says(answer({ kind: "interim" }));
    stream.says(answer({ kind: "passed" }));
    expect((await final).form.kind).toBe("passed");
    expect(events.interims).toHaveLength(2);
  });

  it.each([
    [MOST_SMALL_HEADS, "passed"],
    [MOST_SMALL_HEADS + 1, "internal"],
  ])("takes %i small interim heads: %s", async (heads, outcome) => {
    const { stream, exchange } = outgoing();
    const final = exchange.answer().then(
      ({ form }) => form.kind as string,
      ({ code }: { code: string }) => code,
    );
    for (let said = 0; said < heads; said++) stream.says(answer({ kind: "interim" }));
    stream.says(answer({ kind: "passed" }));
    expect(await final).toBe(outcome);
    expect(stream.resetWith).toBe(outcome === "internal" ? "internal" : undefined);
  });

  it("ends with what is wrong about an interim head, and its stream is reset so", async () => {
    const { stream, exchange, events } = outgoing();
    events.refusal = new StreamError("origin-failed", "no head");
    const final = exchange.answer();
    stream.says(answer({ kind: "interim" }));
    await expect(final).rejects.toBe(events.refusal);
    expect([stream.resetWith, events.said]).toEqual(["origin-failed", ["lost"]]);
  });

  it("ends with what came before a reset, then with its code", async () => {
    const { stream, exchange } = outgoing();
    stream.says(data("a"));
    stream.leaves("truncated");
    exchange.cancel("cancelled");
    expect((await exchange.next()).kind).toBe("data");
    await expect(exchange.next()).rejects.toMatchObject({ code: "truncated" });
  });

  it("that is cancelled resets its stream", async () => {
    const { stream, exchange } = outgoing();
    exchange.cancel("origin-silent");
    expect(stream.resetWith).toBe("origin-silent");
    await expect(exchange.next()).rejects.toMatchObject({ code: "origin-silent" });
  });

  it("keeps as many frames that nobody takes as its key's memory has room for, and is reset by one more", async () => {
    const { stream, exchange } = outgoing();
    const segment = { kind: "segment", streamId: FAKE_ID, digest: "12345678" } as const;
    const most = FREE_FRAMES + MEMORY_SHARE / PIECE_BYTES;
    for (let said = 0; said < most; said++) stream.says(segment, 8);
    expect([stream.resetWith, stream.memory.usedBytes]).toEqual([undefined, MEMORY_SHARE]);
    await exchange.next();
    expect(stream.memory.usedBytes).toBe(MEMORY_SHARE - PIECE_BYTES);
    stream.says(segment, 8);
    expect(stream.resetWith).toBeUndefined();
    stream.says(segment, 8);
    expect([stream.resetWith, stream.memory.usedBytes]).toEqual(["internal", 0]);
    for (let taken = 0; taken <= most; taken++) await exchange.next();
    await expect(exchange.next()).rejects.toThrow("memory.perKey");
  });
});

describe("the frames of a body", () => {
  it("are alike whether they came with the head or after it", async () => {
    const { stream, exchange } = outgoing();
    const frames = framesOfBody(answer({ kind: "passed" }, { body: Buffer.from("a") }), exchange);
    stream.says(data("b"));
    stream.says({ kind: "trailers", streamId: FAKE_ID, head: ["X", "1"] });
    stream.says({ ...end, how: "closed" });
    expect([await frames.next(), await frames.next(), await frames.next()]).toEqual([
      { kind: "data", bytes: Buffer.from("a") },
      { kind: "data", bytes: Buffer.from("b") },
      { how: "closed", trailers: ["X", "1"] },
    ]);
  });

  it("end with the head that ended them, and go on after a resume", async () => {
    const { stream, exchange } = outgoing();
    const frames = framesOfBody(answer({ kind: "passed" }, { ended: true }), exchange);
    expect(await frames.next()).toEqual({ how: "complete", trailers: [] });
    stream.says({ kind: "resume", streamId: FAKE_ID, offset: 0, codec: 1 });
    expect(await frames.next()).toMatchObject({ kind: "resume" });
  });

  it("are no others", async () => {
    const { stream, exchange } = outgoing();
    const frames = framesOfBody(answer({ kind: "passed" }), exchange);
    stream.says(answer({ kind: "passed" }));
    await expect(frames.next()).rejects.toMatchObject({ code: "internal" });
  });
});

describe("an exchange that begins with some of its body", () => {
  const body = Buffer.from("coded");
  const extensions = [{ tag: 1, bytes: Buffer.from([1]) }];

  it("is opened with it, and counts it", () => {
    const { stream, exchange } = outgoing({ extensions, body });
    exchange.segment("12345678");
    exchange.endBody("complete", []);
    expect(stream.sent[0]).toMatchObject({ kind: "open", extensions, body });
    expect(stream.kinds).toEqual(["open", "segment", "end"]);
    expect(exchange.requestBytes).toBe(body.length);
  });

  it("says, after what its body says, above a load that there is no time for a mixed splice, to a peer that makes some", () => {
    const extensionsAt = (load: number, features = [MIXED_SPLICES]) => {
      const open = outgoing({ extensions, body }, { load, features }).stream.sent[0];
      return open?.kind === "open" ? open.extensions : undefined;
    };
    expect(extensionsAt(MIXED_UP_TO_LOAD)).toEqual(extensions);
    expect(extensionsAt(MIXED_UP_TO_LOAD + 0.01)).toEqual([...extensions, NOT_MIXED]);
    expect(extensionsAt(1, [])).toEqual(extensions);
  });

  it("says so too while many long pages wait to be read, whatever the load", async () => {
    const waiting = Array.from({ length: 8 }, () => {
      expect(outgoing({ extensions, body }).stream.sent[0]).toMatchObject({ extensions });
      return LONG_PAGES.do(function* () {});
    });
    const many = { extensions: [...extensions, NOT_MIXED] };
    expect(outgoing({ extensions, body }).stream.sent[0]).toMatchObject(many);
    await Promise.all(waiting);
    expect(outgoing({ extensions, body }).stream.sent[0]).toMatchObject({ extensions });
  });

  it("sends nothing more once it was given up", async () => {
    const { stream, exchange, events } = outgoing({ extensions, body });
    exchange.cancel("cancelled");
    expect(exchange.sendBody(body)).toBe(true);
    exchange.segment("12345678");
    exchange.endBody("complete", []);
    expect([stream.kinds, events.said, exchange.requestBytes]).toEqual([["open"], ["lost"], body.length]);
    await expect(exchange.next()).rejects.toMatchObject({ code: "cancelled" });
  });
});
