/** protocol/frames/given-cookies.ts: a cookie that an answer gave is named by the answer, on whatever side. */
import { expect, it } from "vitest";
import type { AnswerFrame, OpenFrame, StreamId } from "../../../protocol/frames/frame.ts";
import { encodeFrame, readFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderDecoder, FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import {
  GivenCookies,
  MOST_GIVEN_CHARS,
  MOST_GIVEN_CHARS_LONG,
  REACH_STREAMS,
  REACH_STREAMS_LONG,
} from "../../../protocol/frames/given-cookies.ts";
import { ByteReader } from "../../../protocol/wire/bytes.ts";

const SESSION = (n: number) => `_session=${String(n).padStart(4, "0").repeat(100)}`;
const BOUNDS = { tableBytes: 262_144, headBytes: 65_536 };

/** Both ends of a link, and what a frame takes on it. */
const link = (longCookies = false) => {
  const sides = {
    edge: new GivenCookies({ asks: true, longCookies }),
    origin: new GivenCookies({ asks: false, longCookies }),
  };
  const ways = {
    edge: {
      encoder: new FrameHeaderEncoder(BOUNDS.tableBytes, undefined, sides.edge),
      decoder: new FrameHeaderDecoder(BOUNDS, undefined, sides.origin),
    },
    origin: {
      encoder: new FrameHeaderEncoder(BOUNDS.tableBytes, undefined, sides.origin),
      decoder: new FrameHeaderDecoder(BOUNDS, undefined, sides.edge),
    },
  };
  const cross = (from: "edge" | "origin", frame: OpenFrame | AnswerFrame): number => {
    const bytes = encodeFrame(frame, ways[from].encoder);
    expect(readFrame(new ByteReader(bytes), ways[from].decoder)).toMatchObject({ head: frame.head });
    return bytes.length;
  };
  return {
    ask: (stream: number, cookie: string) =>
      cross("edge", {
        kind: "open",
        streamId: stream as StreamId,
        ended: true,
        session: true,
        timings: false,
        urgency: 3,
        incremental: false,
        head: [":method", "GET", ":target", "/", "Cookie", cookie],
        offers: [],
        extensions: [],
        body: Buffer.alloc(0),
      }),
    answer: (stream: number, ...cookies: string[]) =>
      cross("origin", {
        kind: "answer",
        streamId: stream as StreamId,
        ended: true,
        form: { kind: "passed" },
        head: [":status", "200", ...cookies.flatMap((each) => ["Set-Cookie", `${each}; path=/; HttpOnly`])],
        blockBytes: 0,
        extensions: [],
        body: Buffer.alloc(0),
      }),
  };
};

it("sends no cookie back that came with an answer on the same link", () => {
  const { ask, answer } = link();
  ask(1, SESSION(0));
  for (let stream = 2; stream < 6; stream++) {
    answer(stream - 1, SESSION(stream));
    expect(ask(stream, SESSION(stream))).toBeLessThan(20);
  }
});

it("names one of two, beside a pair that nobody gave", () => {
  const { ask, answer } = link();
  ask(1, `theme=dark; ${SESSION(0)}`);
  answer(1, SESSION(1), `XSRF-${SESSION(2)}`);
  expect(ask(2, `theme=dark; XSRF-${SESSION(2)}`)).toBeLessThan(35);
});

it("says in full what was given too long ago, and what there is no room to remember", () => {
  const { ask, answer } = link();
  ask(1, SESSION(0));
  answer(1, SESSION(1), `big=${"x".repeat(MOST_GIVEN_CHARS)}`);
  expect(ask(2, `big=${"x".repeat(MOST_GIVEN_CHARS)}`)).toBeGreaterThan(MOST_GIVEN_CHARS);
  expect(ask(1 + REACH_STREAMS, SESSION(1))).toBeGreaterThan(400);
});

it("names nothing in a request that may leave after the place was taken again", () => {
  const { ask, answer } = link();
  ask(1, SESSION(0));
  answer(1, SESSION(1));
  ask(1 + REACH_STREAMS, SESSION(0));
  answer(1 + REACH_STREAMS, SESSION(2));
  expect(ask(2, SESSION(1))).toBeGreaterThan(400);
});

it("refuses an answer that is not known", () => {
  const given = new GivenCookies({ asks: false });
  given.answered(5, ["Set-Cookie", SESSION(5)]);
  expect(given.at(7, [2, 0])).toBe(SESSION(5));
  for (const by of [
    [1, 0],
    [2, 1],
    [3, 0],
    [9, 0],
    [REACH_STREAMS + 2, 0],
  ] as const)
    expect(() => given.at(7, by)).toThrow("no cookie");
});

const LONG = (n: number) => `long-${n}=${String(n).padStart(4, "0").repeat(900)}`;

it("names long ones where both sides say so, beside short ones of the same answer", () => {
  const { ask, answer } = link(true);
  ask(1, `a=1; ${SESSION(0)}; b=2`);
  for (let stream = 2; stream < 6; stream++) {
    answer(stream - 1, LONG(stream), SESSION(stream), `${LONG(stream)}-too`);
    expect(ask(stream, `${LONG(stream)}; ${SESSION(stream)}; ${LONG(stream)}-too`)).toBeLessThan(30);
  }
});

it("says long ones in full to a peer that does not know them, or that were given too long ago, or that there is no room for", () => {
  const old = link();
  old.ask(1, SESSION(0));
  old.answer(1, LONG(1));
  expect(old.ask(2, LONG(1))).toBeGreaterThan(3_600);
  const { ask, answer } = link(true);
  ask(1, SESSION(0));
  answer(1, LONG(1), LONG(2), LONG(3));
  expect(ask(2, LONG(1))).toBeLessThan(30);
  expect(ask(3, LONG(3))).toBeGreaterThan(MOST_GIVEN_CHARS_LONG / 3);
  answer(4, LONG(4));
  expect(ask(4 + REACH_STREAMS_LONG, LONG(4))).toBeGreaterThan(3_600);
});

it("names no long one in a request that may leave after its place was taken again", () => {
  const { ask, answer } = link(true);
  ask(1, SESSION(0));
  answer(1, LONG(1));
  ask(1 + REACH_STREAMS_LONG, SESSION(0));
  answer(1 + REACH_STREAMS_LONG, LONG(2));
  expect(ask(2, LONG(1))).toBeGreaterThan(3_600);
});
