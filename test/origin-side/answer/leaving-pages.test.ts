// A page with much of its own leaves while it is coded.
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { awaitAcknowledgement } from "../../../origin-side/answer/await-acknowledgement.ts";
import {
  BufferedAnswer,
  encodeBuffered,
  sendBuffered,
  sentBuffered,
} from "../../../origin-side/answer/send-buffered.ts";
import { codecById } from "../../../protocol/codec/codecs.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { CodedPieces, LONG_CODING } from "../../../protocol/mixing/coded-in-turns.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import type { BodyEnd } from "../../../protocol/upstream/body.ts";
import { type AnsweringOptions, answeringOf } from "../../kit/answering.ts";
import { seeded } from "../../kit/random.ts";
import { until } from "../../kit/until.ts";
import { madePage } from "../../protocol/codec/made-pages.ts";

const END: BodyEnd = { how: "complete", trailers: [] };
/** Of which the size is not to be seen. */
const PADDED = { kind: "padded", step: 64, streams: true } as const;

const longPages = () => {
  const random = seeded();
  const base = madePage(random, 200);
  return { base, page: Buffer.concat([madePage(random, 1_000), base.subarray(0, 9_000)]) };
};

const leaving = async (
  page: Buffer,
  bases: readonly Buffer[],
  more: AnsweringOptions & { padded?: boolean } = {},
) => {
  const made = answeringOf({ ...more, bases, splice: true });
  const { exchange } = made.answering;
  if (more.padded) exchange.sizes = PADDED;
  await made.clock.advance(1_000);
  const encoded = await encodeBuffered(made.answering, page);
  return { ...made, exchange, encoded, send: (end = END) => sendBuffered(encoded, made.answering, end) };
};

const bodyOf = ({ stream }: ReturnType<typeof answeringOf>): Buffer =>
  Buffer.concat([
    ...stream.sentOf("answer").map(({ body }) => body),
    ...stream.sentOf("data").map(({ bytes }) => bytes),
  ]);

describe("a page with much of its own", () => {
  it.each([
    ["on a base", (base: Buffer) => [base], "delta"],
    ["by itself", () => [], "whole"],
  ])("leaves in pieces, the first before the last is coded: %s", async (_, basesOf, kind) => {
    const { base, page } = longPages();
    const bases = basesOf(base);
    const flow = await leaving(page, bases);
    const { stream, encoded, answering } = flow;
    expect(encoded.coded).toBeInstanceOf(CodedPieces);
    const sent = flow.send();
    for (let turns = 0; turns < 3; turns++) await turn();
    expect([LONG_CODING.isBusy, stream.kinds.slice(0, 2)]).toEqual([true, ["answer", "data"]]);
    expect(sentBuffered(encoded, answering).encodeMs).toBe(0);
    flow.clock.advance(7);
    await sent;
    expect(stream.kinds.slice(1, -1).every((each) => each === "data")).toBe(true);
    expect(stream.kinds.length).toBeGreaterThan(6);
    expect(stream.sent.at(-1)).toMatchObject({ kind: "end", how: "complete", extensions: [] });
    const [answer] = stream.sentOf("answer");
    expect(answer).toMatchObject({ ended: false, form: { kind, codec: spliceCodec.id } });
    const decoded = await spliceCodec.decode(bases, bodyOf(flow), { pageBytes: page.length });
    expect(decoded.equals(page)).toBe(true);
    expect(sentBuffered(encoded, answering)).toMatchObject({
      answer: kind,
      encodeMs: 7,
      pageBytes: page.length,
    });
  });

  it("keeps how its body ended, and its trailers", async () => {
    const { base, page } = longPages();
    const { stream, send } = await leaving(page, [base]);
    await send({ how: "closed", trailers: ["X-Sum", "1"] });
    expect(stream.sent.slice(-2)).toMatchObject([
      { kind: "trailers", head: ["X-Sum", "1"] },
      { kind: "end", how: "closed" },
    ]);
  });

  it("whose size is not to be seen leaves as one, padded", async () => {
    const { base, page } = longPages();
    const flow = await leaving(page, [base], { padded: true });
    await flow.send();
    const [answer] = flow.stream.sentOf("answer");
    expect([flow.stream.kinds, answer?.ended, answer?.extensions.length]).toEqual([["answer"], true, 1]);
    expect((await spliceCodec.decode([base], bodyOf(flow), { pageBytes: page.length })).equals(page)).toBe(
      true,
    );
  });

  it("with masked tokens leaves in pieces too, behind its masks", async () => {
    const { base, page } = longPages();
    const mask = (byte: number) => {
      const half = Buffer.alloc(16, byte);
      return `<input value="${half.toString("hex")}${Buffer.from(half.map((each, at) => each ^ at)).toString("hex")}">`;
    };
    const [old, now] = [3, 5].map((byte, at) =>
      Buffer.concat([Buffer.from(mask(byte)), [base, page][at] as Buffer]),
    ) as [Buffer, Buffer];
    const flow = await leaving(now, [old]);
    await flow.send();
    const codec = flow.stream.sentOf("answer")[0]?.form as { codec: number };
    expect([flow.stream.kinds.length > 6, codec.codec]).toEqual([true, spliceCodec.id + 4]);
    const decoded = await codecById(codec.codec)?.decode([old], bodyOf(flow), { pageBytes: 1 << 20 });
    expect(decoded?.equals(now)).toBe(true);
  });

  it("is coded on while the edge has no room for it, and leaves when it has", async () => {
    const { base, page } = longPages();
    const flow = await leaving(page, [base]);
    flow.stream.hasRoom = false;
    const sent = flow.send();
    await until(() => !LONG_CODING.isBusy);
    expect(flow.stream.kinds).toEqual(["answer", "data"]);
    flow.stream.makesRoom();
    await sent;
    expect((await spliceCodec.decode([base], bodyOf(flow), { pageBytes: page.length })).equals(page)).toBe(
      true,
    );
  });

  it("whose visitor leaves, or whose link breaks, is coded no further", async () => {
    const { base, page } = longPages();
    for (const code of ["cancelled", "link-lost"] as const) {
      const { stream, send } = await leaving(page, [base]);
      const sent = send();
      await turn();
      stream.leaves(code);
      await expect(sent).rejects.toMatchObject({ code });
      for (let turns = 0; turns < 3; turns++) await turn();
      expect([LONG_CODING.isBusy, stream.kinds.includes("end")]).toEqual([false, false]);
    }
  });

  it("whose head the edge does not take is coded no further", async () => {
    const { base, page } = longPages();
    const { send } = await leaving(page, [base], { fields: ["X-Large", "x".repeat(1 << 15)] });
    await expect(send()).rejects.toMatchObject({ code: "origin-failed" });
    for (let turns = 0; turns < 3; turns++) await turn();
    expect(LONG_CODING.isBusy).toBe(false);
  });

  it("that does not match is followed by the whole page", async () => {
    const { base, page } = longPages();
    const { stream, send, exchange, encoded, memory, options } = await leaving(page, [base]);
    await send();
    void awaitAcknowledgement(
      exchange,
      new BufferedAnswer(exchange, encoded, END, memory.lease("k")),
      options,
    );
    await stream.asksWhole(0);
    await until(() => stream.kinds.filter((kind) => kind === "end").length === 2);
    expect(stream.sentOf("resume")).toMatchObject([{ offset: 0 }]);
    expect(encoded.fingerprint).toBe(fingerprintOf(page));
    await stream.verifies(page.length);
  });
});
