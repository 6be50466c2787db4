import { describe, expect, it } from "vitest";
import { LONG_BODY_BYTES, passThrough } from "../../../edge-side/answer/passthrough.ts";
import { framesOfBody } from "../../../edge-side/exchange/answer-frames.ts";
import { PART_BYTES } from "../../../edge-side/exchange/visitor.ts";
import type { AnswerFrame } from "../../../protocol/frames/frame.ts";
import { FAKE_ID } from "../../kit/fake-stream.ts";
import { ANSWER } from "../../kit/link-pair.ts";
import { outgoing } from "../../kit/rebuilding.ts";

const MESSAGE = 16 * 1024;

/** What comes of a body whose first `bytes` have passed when what `says` brings is here all at once. */
const piecesAfter = async (bytes: number, says: readonly number[]) => {
  const { stream, exchange } = outgoing();
  const head = { ...ANSWER("", { kind: "passed" }, false), streamId: FAKE_ID } as AnswerFrame;
  let options = 0;
  const say = (length: number) => {
    const filled = Buffer.alloc(length);
    for (let at = 0; at < length; at++) filled[at] = options + at;
    options += length;
    stream.says({ kind: "data", streamId: FAKE_ID, bytes: filled });
  };
  const body = passThrough(framesOfBody(head, exchange), exchange);
  say(bytes);
  const first = await body.next();
  for (const length of says) say(length);
  stream.says({ kind: "end", streamId: FAKE_ID, how: "complete", extensions: [] });
  const pieces = [first.value as Buffer];
  for (let step = await body.next(); !step.done; step = await body.next()) pieces.push(step.value);
  const all = Buffer.concat(pieces);
  expect(all.every((byte, at) => byte === at % 256)).toBe(true);
  expect(all).toHaveLength(options);
  return pieces.slice(1).map(({ length }) => length);
};

describe("a body that passes", () => {
  it("passes frame by frame at first, and together once it is long", async () => {
    expect(await piecesAfter(LONG_BODY_BYTES - 1, [MESSAGE, MESSAGE])).toEqual([MESSAGE, MESSAGE]);
    expect(await piecesAfter(LONG_BODY_BYTES, [MESSAGE, MESSAGE])).toEqual([2 * MESSAGE]);
  });

  it("is not held for more than a part that the visitor is seen to take", async () => {
    const frames = Array.from({ length: 6 }, () => MESSAGE);
    expect(await piecesAfter(LONG_BODY_BYTES, frames)).toEqual([PART_BYTES, 2 * MESSAGE]);
  });

  it("passes a piece that comes alone alone", async () => {
    expect(await piecesAfter(LONG_BODY_BYTES, [7])).toEqual([7]);
  });

  it("ends as it ended, and fails where something else stands in it", async () => {
    const { stream, exchange } = outgoing();
    const head = { ...ANSWER("", { kind: "passed" }, false), streamId: FAKE_ID } as AnswerFrame;
    const body = passThrough(framesOfBody(head, exchange), exchange);
    stream.says({ kind: "data", streamId: FAKE_ID, bytes: Buffer.from("a") });
    stream.says({ kind: "segment", streamId: FAKE_ID, digest: "12345678" });
    expect((await body.next()).value).toEqual(Buffer.from("a"));
    await expect(body.next()).rejects.toMatchObject({ code: "internal" });
  });
});
