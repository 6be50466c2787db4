import { describe, expect, it } from "vitest";
import { LINK_ERRORS, linkErrorOf, STREAM_ERRORS, streamErrorOf } from "../../../protocol/errors.ts";
import { MOST_MESSAGE_BYTES } from "../../../protocol/frames/control-frames.ts";
import {
  FRAME,
  type Frame,
  MOST_OFFERS,
  MOST_STREAMS_AGO,
  type StreamId,
} from "../../../protocol/frames/frame.ts";
import { encodeFrame, readFrame, writeFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder, FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { ByteReader, ByteWriter } from "../../../protocol/wire/bytes.ts";
import { freshDecoder, SAMPLES, TABLE_BYTES, titled } from "./frame-samples.ts";

const hex = (text: string) => Buffer.from(text.replace(/#.*|\s/g, ""), "hex");
const decoded = (bytes: Buffer) => readFrame(new ByteReader(bytes), freshDecoder());
const badFrame = expect.objectContaining({ code: "bad-frame" });

/** Written by hand: length, kind, fields. */
const LITERALS: readonly (readonly [string, Frame])[] = [
  ["02 03 07", { kind: "ping", token: 7 }],
  ["04 04 07 ac02", { kind: "pong", token: 7, received: 300 }],
  [
    "0b 05 29 00 07 5349475445524d",
    { kind: "goAway", lastStreamId: 41, code: "shutting-down", message: "SIGTERM", extensions: [] },
  ],
  ["08 06 07 808008 f09309", { kind: "window", streamId: 7 as StreamId, bytes: 131_072, received: 150_000 }],
  ["06 07 03 612e62 00", { kind: "forget", host: "a.b", url: "" }],
  ["07 12 05 68656c6c6f", { kind: "data", streamId: 5 as StreamId, bytes: Buffer.from("hello") }],
  ["0a 13 05 07 00 40 10 01 61 01 62", { kind: "trailers", streamId: 5 as StreamId, head: ["a", "b"] }],
  ["04 14 ac02 01", { kind: "end", streamId: 300 as StreamId, how: "closed", extensions: [] }],
  ["03 15 05 05", { kind: "reset", streamId: 5 as StreamId, code: "truncated", extensions: [] }],
  ["03 16 05 02", { kind: "stopSending", streamId: 5 as StreamId, code: "cancelled" }],
  ["0a 17 05 6162636465666768", { kind: "segment", streamId: 5 as StreamId, digest: "abcdefgh" }],
  ["06 18 05 808010 01", { kind: "resume", streamId: 5 as StreamId, offset: 262_144, codec: 1 }],
  ["05 19 05 808010", { kind: "verified", streamId: 5 as StreamId, offset: 262_144 }],
  ["05 1a 05 808010", { kind: "askWhole", streamId: 5 as StreamId, offset: 262_144 }],
  [
    `26 02 04 73686f70 ${"ab".repeat(32)}`,
    { kind: "proveKey", keyId: "shop", digest: Buffer.alloc(32, 0xab) },
  ],
  [
    "0c 10 01 18 02 00 40 00 02 0200 61 62",
    {
      kind: "open",
      streamId: 1 as StreamId,
      ended: false,
      session: false,
      timings: false,
      urgency: 3,
      incremental: false,
      head: [],
      offers: [],
      extensions: [{ tag: 2, bytes: Buffer.alloc(0) }],
      body: Buffer.from("ab"),
    },
  ],
  [
    "09 11 01 11 02 00 40 00 61 62",
    {
      kind: "answer",
      streamId: 1 as StreamId,
      ended: true,
      form: { kind: "passed" },
      head: [],
      blockBytes: 3,
      extensions: [],
      body: Buffer.from("ab"),
    },
  ],
];

describe("a frame written by hand", () => {
  it.each(LITERALS.map(([bytes, frame]) => [frame.kind, bytes, frame] as const))(
    "%s is %s",
    (_, bytes, frame) => {
      expect(encodeFrame(frame, new FrameHeaderEncoder(TABLE_BYTES)).toString("hex")).toBe(
        hex(bytes).toString("hex"),
      );
      expect(decoded(hex(bytes))).toEqual(frame);
    },
  );
});

describe("every kind of frame", () => {
  it("has a sample", () => {
    expect(new Set(SAMPLES.map(({ kind }) => kind))).toEqual(new Set(Object.keys(FRAME)));
  });

  it.each(titled)("%s comes back as it went", (_, frame, bytes) => {
    const back = decoded(bytes);
    expect(back).toEqual(frame.kind === "answer" ? { ...frame, blockBytes: expect.any(Number) } : frame);
  });

  it.each(titled)("%s begins with its length and its kind", (_, frame, bytes) => {
    const reader = new ByteReader(bytes);
    const body = reader.sized();
    expect(reader.left).toBe(0);
    expect(body.u8()).toBe(FRAME[frame.kind]);
  });

  it("may stand after another in one message", () => {
    const w = new ByteWriter();
    const headers = new FrameHeaderEncoder(TABLE_BYTES);
    for (const frame of SAMPLES) writeFrame(w, frame, headers);
    const reader = new ByteReader(w.take());
    const decoder = freshDecoder();
    const kinds: (string | undefined)[] = [];
    while (reader.left > 0) kinds.push(readFrame(reader, decoder)?.kind);
    expect(kinds).toEqual(SAMPLES.map(({ kind }) => kind));
  });
});

describe("what an answer's header block took", () => {
  it("is counted with its length", () => {
    const bytes = encodeFrame(
      {
        ...(SAMPLES.find(({ kind }) => kind === "answer") as Extract<Frame, { kind: "answer" }>),
        head: ["a", "b"],
      },
      new FrameHeaderEncoder(TABLE_BYTES),
    );
    expect(decoded(bytes)).toMatchObject({ blockBytes: 1 + 2 + 5 });
  });
});

describe("refused as bad frames", () => {
  it.each([
    ["an empty frame", "00"],
    ["a kind that is not known", "02 08 00"],
    ["the last kind that must be known", "01 7f"],
    ["the reserved kind version", "02 30 00"],
    ["stream 0", "02 12 00"],
    ["more offers than the bits of the mask", `50 10 01 00 02 00 00 09 ${"00".repeat(73)}`],
    ["more offers that follow than the bits of the mask", `4b 1c 01 09 ${"00".repeat(73)}`],
    ["offers that follow, of which one is cut short", "08 1c 01 01 00 01020304"],
    ["a count of offers that is neither few nor stands for any that follow", "08 10 01 19 02 00 40 0e 00"],
    ["an offer cut short", "0d 10 01 00 02 00 00 01 00 01020304 00"],
    ["an offer whose distance is longer than it is", "0a 10 01 00 02 00 00 01 81 00 00"],
    ["an unknown way to end", "03 14 05 02"],
    ["an unknown form of answer", "07 11 01 70 02 00 00 00"],
    ["an unknown odd extension", "05 14 05 00 07 00"],
    ["an interim answer that ends", "07 11 01 01 02 00 00 00"],
    ["an interim answer with a body", "08 11 01 00 02 00 00 00 61"],
    ["a hello of something else", `51 01 48545450 ${"00".repeat(76)}`],
    ["a byte after the last field", "03 03 07 00"],
    ["trailers before the hellos", "05 13 05 02 00 00"],
  ])("%s", (what, bytes) => {
    const headers = what === "trailers before the hellos" ? undefined : freshDecoder();
    expect(() => readFrame(new ByteReader(hex(bytes)), headers)).toThrow(badFrame);
  });

  it("eight offers are the most", () => {
    const offers = Array.from({ length: MOST_OFFERS }, () => "12345678");
    const open = SAMPLES.find(({ kind }) => kind === "open") as Extract<Frame, { kind: "open" }>;
    const at = (count: number) =>
      encodeFrame(
        { ...open, offers: [...offers, "12345678"].slice(0, count) },
        new FrameHeaderEncoder(TABLE_BYTES),
      );
    expect(decoded(at(MOST_OFFERS))).toMatchObject({ offers });
    expect(() => decoded(at(MOST_OFFERS + 1))).toThrow(badFrame);
  });
});

it("eight bases of a version that is pushed are the most", () => {
  const bases = Array.from({ length: 8 }, () => "12345678");
  const version = SAMPLES.find(({ kind }) => kind === "version") as Extract<Frame, { kind: "version" }>;
  expect(decoded(encodeFrame({ ...version, bases }))).toMatchObject({ bases });
  expect(() => decoded(encodeFrame({ ...version, bases: [...bases, "12345678"] }))).toThrow(badFrame);
});

describe("an open frame that is the acknowledgement of an earlier answer", () => {
  // kind, stream 16, ended and urgency 3, an empty head in full; the last but one counts the offers, and reaches back
  const OPEN = (count: string) => hex(`08 10 10 19 02 00 40 ${count} 00`);

  it.each([
    ["00", undefined],
    ["10", 1],
    ["f0", MOST_STREAMS_AGO],
  ])("says %s in the byte that counts offers: %s streams ago", (count, verified) => {
    const frame = decoded(OPEN(count)) as Extract<Frame, { kind: "open" }>;
    expect([frame.verified, frame.offers]).toEqual([verified, []]);
    expect(encodeFrame(frame, new FrameHeaderEncoder(TABLE_BYTES))).toEqual(OPEN(count));
  });

  it("is a bad frame where the sides did not agree on it", () => {
    const bounds = { tableBytes: TABLE_BYTES, headBytes: TABLE_BYTES };
    const headers = new FrameHeaderDecoder(bounds, undefined, undefined, false);
    expect(() => readFrame(new ByteReader(OPEN("10")), headers)).toThrow(badFrame);
  });

  it("is a bad frame that reaches back before the first stream", () => {
    expect(() => decoded(hex("08 10 01 19 02 00 40 10 00"))).toThrow(badFrame);
  });
});

describe("an open frame whose offers follow", () => {
  it.each([
    ["0f", undefined],
    ["2f", 2],
  ])("says so in place of their count (%s), whatever it acknowledges", (count, verified) => {
    const bytes = hex(`08 10 10 19 02 00 40 ${count} 00`);
    const frame = decoded(bytes) as Extract<Frame, { kind: "open" }>;
    expect([frame.offersFollow, frame.offers, frame.verified]).toEqual([true, [], verified]);
    expect(encodeFrame(frame, new FrameHeaderEncoder(TABLE_BYTES))).toEqual(bytes);
  });
});

describe("what a newer peer may send", () => {
  it.each(["01 80", "05 ff 01 02 03 04"])("a frame of a kind from 0x80 on is skipped: %s", (bytes) => {
    const reader = new ByteReader(Buffer.concat([hex(bytes), hex("02 03 07")]));
    expect(readFrame(reader)).toBeUndefined();
    expect(readFrame(reader)).toEqual({ kind: "ping", token: 7 });
  });

  it("an unknown even extension is skipped", () => {
    expect(decoded(hex("08 14 05 00 20 03 010203"))).toEqual({
      kind: "end",
      streamId: 5,
      how: "complete",
      extensions: [],
    });
  });

  it("flags without a meaning are ignored", () => {
    expect(decoded(hex("08 10 01 98 02 00 40 00 00"))).toMatchObject({
      ended: false,
      urgency: 3,
      incremental: false,
    });
    expect(decoded(hex("07 11 01 1e 02 00 40 00"))).toMatchObject({ ended: false, form: { kind: "passed" } });
  });

  it("a code that is not known reads as internal", () => {
    expect(decoded(hex("03 15 05 63"))).toMatchObject({ code: "internal" });
    expect(decoded(hex("04 05 00 63 00"))).toMatchObject({ code: "internal" });
  });
});

describe("codes", () => {
  it("have numbers of their own, and come back", () => {
    for (const code of Object.keys(LINK_ERRORS) as (keyof typeof LINK_ERRORS)[])
      expect(linkErrorOf(LINK_ERRORS[code].wire)).toBe(code);
    for (const code of Object.keys(STREAM_ERRORS) as (keyof typeof STREAM_ERRORS)[])
      expect(streamErrorOf(STREAM_ERRORS[code].wire)).toBe(code);
  });
});

describe("the message of go-away", () => {
  it.each([
    [MOST_MESSAGE_BYTES, MOST_MESSAGE_BYTES],
    [MOST_MESSAGE_BYTES + 1, MOST_MESSAGE_BYTES],
  ])("of %d characters is sent and read as %d", (length, kept) => {
    const frame = {
      kind: "goAway",
      lastStreamId: 0,
      code: "internal",
      message: "m".repeat(length),
      extensions: [],
    } as const;
    expect(decoded(encodeFrame(frame))).toMatchObject({ message: "m".repeat(kept) });
  });
});
