/** Offers by reference to an earlier answer: the bytes by hand, the reach, and references to nothing. SPEC section "Offers". */
import { describe, expect, it } from "vitest";
import type { AnswerForm, Frame, OpenFrame, StreamId, VersionFrame } from "../../../protocol/frames/frame.ts";
import { encodeFrame, readFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder, FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import {
  CarriedVersions,
  NOT_HELD,
  REACH_PUSHES,
  REACH_STREAMS,
  ReferableVersions,
} from "../../../protocol/frames/offer-references.ts";
import { ByteReader } from "../../../protocol/wire/bytes.ts";
import { seeded } from "../../kit/random.ts";
import { SAMPLES, TABLE_BYTES } from "./frame-samples.ts";

const digest = (number: number) => `${String(number).padStart(8, "0")}--------`;
const short = (number: number) => digest(number).slice(0, 8);
const whole = (number: number): AnswerForm => ({ kind: "whole", codec: 1, result: digest(number) });

/** Both ends of a link: what an edge opens and an origin side answers, over bytes. */
const link = (pushesNamed = false) => {
  const [edge, origin] = [new ReferableVersions(pushesNamed), new CarriedVersions()];
  const bounds = { tableBytes: TABLE_BYTES, headBytes: 65_536 };
  const toOrigin = [
    new FrameHeaderEncoder(TABLE_BYTES, edge),
    new FrameHeaderDecoder(bounds, origin),
  ] as const;
  const toEdge = [new FrameHeaderEncoder(TABLE_BYTES, origin), new FrameHeaderDecoder(bounds, edge)] as const;
  const [sample] = SAMPLES.filter((frame) => frame.kind === "open");
  const [answer] = SAMPLES.filter((frame) => frame.kind === "answer");
  const through = (frame: Frame, [encoder, decoder]: typeof toEdge) => {
    const bytes = encodeFrame(frame, encoder);
    return { bytes, back: readFrame(new ByteReader(bytes), decoder) };
  };
  return {
    open: (streamId: number, offers: readonly string[]) => {
      const open = { ...(sample as OpenFrame), streamId: streamId as StreamId, head: [], offers };
      const { bytes, back } = through({ ...open, extensions: [], body: Buffer.alloc(0) }, toOrigin);
      return { offers: (back as OpenFrame).offers, bytes };
    },
    push: (number: number) => {
      const [push] = SAMPLES.filter((frame) => frame.kind === "version");
      through({ ...(push as VersionFrame), result: digest(number) }, toOrigin);
    },
    answer: (streamId: number, form: AnswerForm) =>
      void through(
        { ...(answer as Extract<Frame, { kind: "answer" }>), streamId: streamId as StreamId, form },
        toEdge,
      ),
  };
};

describe("offers", () => {
  it("of versions that this link carried take a byte each, others nine", () => {
    const { open, answer } = link();
    open(1, []);
    answer(1, whole(1));
    answer(2, { kind: "same", offer: 0, result: digest(2) });
    answer(3, { kind: "delta", codec: 1, offers: 1, digest: { of: "result", digest: digest(3) } });
    const { bytes, offers } = open(4, [short(9), short(1), short(2), short(3)]);
    expect(offers).toEqual([short(9), short(1), short(2), short(3)]);
    // four offers: one in full, then of 3, 2 and 1 streams ago; no extensions
    expect(bytes.toString("hex").endsWith("04 00 3030303030303039 03 02 01 00".replaceAll(" ", ""))).toBe(
      true,
    );
  });

  it("name the last answer that named a version", () => {
    const { open, answer } = link();
    for (const stream of [1, 2, 3]) answer(stream, whole(7));
    const { bytes, offers } = open(4, [short(7)]);
    expect(offers).toEqual([short(7)]);
    expect(bytes.toString("hex").endsWith("010100")).toBe(true);
  });

  it("of answers that name no result are in full", () => {
    const { open, answer } = link();
    const streamed: AnswerForm = {
      kind: "delta",
      codec: 1,
      offers: 1,
      digest: { of: "bases", digest: digest(1) },
    };
    answer(1, streamed);
    answer(2, { kind: "whole", codec: 1, result: undefined });
    answer(3, { kind: "passed" });
    expect(
      open(4, [short(1)])
        .bytes.toString("hex")
        .endsWith("01003030303030303031 00".replace(" ", "")),
    ).toBe(true);
  });

  it.each([
    [REACH_STREAMS - 1, 2],
    [REACH_STREAMS, 9],
  ])("of %d streams ago take %d bytes", (distance, bytes) => {
    const { open, answer } = link();
    answer(5, whole(1));
    const without = open(5 + distance - 1, []).bytes.length;
    const made = open(5 + distance, [short(1)]);
    expect(made.offers).toEqual([short(1)]);
    expect(made.bytes.length - without).toBe(bytes);
  });

  it("in any order of many streams come out as they went in", () => {
    const random = seeded();
    const { open, answer } = link();
    for (let stream = 1; stream < 6000; stream++) {
      const offers = Array.from({ length: random.int(0, 4) }, () => short(random.int(0, stream)));
      expect(open(stream, offers).offers).toEqual(offers);
      if (random.chance(0.9))
        answer(random.int(Math.max(1, stream - 20), stream), whole(random.int(0, stream)));
    }
  });
});

describe("offers of versions that were pushed", () => {
  it("take two bytes, others nine", () => {
    const { open, push, answer } = link(true);
    for (const number of [1, 2, 3]) push(number);
    answer(1, whole(3));
    const { bytes, offers } = open(2, [short(9), short(1), short(2), short(3)]);
    expect(offers).toEqual([short(9), short(1), short(2), short(3)]);
    // in full, 2 and 1 pushes before the last (2048 in base 128: 80 10), of the stream before; no extensions
    expect(bytes.toString("hex").endsWith("04 00 3030303030303039 8210 8110 01 00".replaceAll(" ", ""))).toBe(
      true,
    );
  });

  it("go in full where the origin side does not know of it", () => {
    const { open, push } = link();
    push(1);
    expect(open(1, [short(1)]).bytes.length - open(2, []).bytes.length).toBe(9);
  });

  it("go in full beyond the reach, and name the last push of a version", () => {
    const { open, push } = link(true);
    for (const number of [1, 2, 1]) push(number);
    for (let number = 10; number < 10 + REACH_PUSHES - 1; number++) push(number);
    const without = open(1, []).bytes.length;
    expect(open(2, [short(1)])).toMatchObject({ offers: [short(1)], bytes: { length: without + 2 } });
    expect(open(3, [short(2)])).toMatchObject({ offers: [short(2)], bytes: { length: without + 9 } });
  });

  it("mean nothing where fewer were pushed", () => {
    const carried = new CarriedVersions();
    carried.pushed(digest(1));
    expect([REACH_STREAMS, REACH_STREAMS + 1].map((distance) => carried.at(4, distance))).toEqual([
      short(1),
      NOT_HELD,
    ]);
  });
});

describe("a reference to nothing", () => {
  it.each([
    ["a stream that was never answered", 1],
    ["the stream before the first", 4],
    ["before all streams", 2000],
    ["beyond the reach", REACH_STREAMS],
    ["beyond all reach", Number.MAX_SAFE_INTEGER],
  ])("is an offer that is not held: %s", (_, distance) => {
    const carried = new CarriedVersions();
    carried.answered(2, whole(2));
    expect(carried.at(4, distance)).toBe(NOT_HELD);
    expect(carried.at(4, 2)).toBe(short(2));
  });

  it("to a stream whose place another has taken is one too", () => {
    const carried = new CarriedVersions();
    carried.answered(2, whole(2));
    carried.answered(2 + REACH_STREAMS, whole(3));
    expect(carried.at(4, 2)).toBe(NOT_HELD);
  });
});

describe("what the edge looks up", () => {
  it("forgets a version when its place is taken, but not one that came again", () => {
    const carried = new ReferableVersions();
    carried.answered(1, whole(1));
    carried.answered(2, whole(2));
    carried.answered(3, whole(1));
    carried.answered(1 + REACH_STREAMS, whole(4));
    expect(carried.distanceTo(short(1), REACH_STREAMS)).toBe(REACH_STREAMS - 3);
    carried.answered(2 + REACH_STREAMS, whole(5));
    expect(carried.distanceTo(short(2), 100)).toBeUndefined();
  });

  it("never points at a stream that is not before", () => {
    const carried = new ReferableVersions();
    carried.answered(5, whole(1));
    expect(carried.distanceTo(short(1), 5)).toBeUndefined();
    expect(carried.distanceTo(short(1), 4)).toBeUndefined();
  });
});
