import { describe, expect, it } from "vitest";
import { MOST_UNTOLD, SentHeads } from "../../../protocol/http2/sent-heads.ts";
import { CONTINUATION, END_HEADERS, frame, HEADERS, literal, PADDED } from "../../kit/http2-frames.ts";

const PUSH_PROMISE = 5;
const OK = 0x88; // `:status: 200` of the static table

/** `streams`: whose next heads are asked for, in turn. */
const told = (bytes: Buffer, streams: readonly number[], pieceBytes = bytes.length) => {
  const sent = new SentHeads();
  for (let at = 0; at < bytes.length; at += pieceBytes) sent.read(bytes.subarray(at, at + pieceBytes));
  return streams.map((stream) => sent.next(stream));
};

describe("what a web server sent", () => {
  const block = [OK, ...literal("x-one", "a\x7f", 0x40)];
  const connection = Buffer.concat([
    frame(HEADERS, PADDED, 1, [2, ...block.slice(0, 4), OK, OK]),
    frame(CONTINUATION, 0, 1),
    frame(CONTINUATION, END_HEADERS, 1, block.slice(4)),
    frame(PUSH_PROMISE, END_HEADERS, 1, [0, 0, 0, 2, ...literal("x-two", "2", 0x40)]),
    frame(HEADERS, END_HEADERS, 1, [0xbf]),
    frame(HEADERS, END_HEADERS, 3, [OK, 0xbe]),
  ]);
  const first = [":status", "200", "x-one", "a\x7f"];
  const last = [":status", "200", "x-two", "2"];

  it.each([connection.length, 1, 7])("is told of in order, come in pieces of %d bytes", (pieceBytes) => {
    expect(told(connection, [1, 1, 3, 3], pieceBytes)).toEqual([first, first.slice(2), last, undefined]);
  });

  it("of another stream is none of this one's", () => {
    expect(told(connection, [3, 1])).toEqual([last, undefined]);
  });

  it("is unknown from a block on that is none", () => {
    const broken = frame(HEADERS, END_HEADERS, 1, [0xff]);
    expect(told(Buffer.concat([broken, connection]), [1, 3])).toEqual([undefined, undefined]);
  });

  it("ends its connection with more heads than node leaves untold, or a block that is too long", () => {
    const heads = Buffer.concat(
      Array.from({ length: MOST_UNTOLD }, () => frame(HEADERS, END_HEADERS, 1, [OK])),
    );
    const sent = new SentHeads();
    expect([sent.read(heads), sent.read(heads.subarray(0, 10))]).toEqual([true, false]);
    const endless = new SentHeads();
    const part = frame(CONTINUATION, 0, 1, Array(16_384).fill(OK));
    expect(endless.read(frame(HEADERS, 0, 1))).toBe(true);
    expect(Array.from({ length: 17 }, () => endless.read(part)).indexOf(false)).toBe(16);
  });
});
