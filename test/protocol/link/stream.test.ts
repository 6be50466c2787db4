/** Proofs and the states of both halves, over two real links. SPEC sections "Stream states" and "Verification". */
import { describe, expect, it } from "vitest";
import type { AnswerForm, Frame, StreamId } from "../../../protocol/frames/frame.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import { ACKS_IN_OPEN, FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { LATER_MS } from "../../../protocol/link/scheduler.ts";
import type { StreamItem } from "../../../protocol/link/send-queue.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import {
  ANSWER,
  DATA,
  END,
  framesOf,
  GET,
  greetedPair,
  type LinkPair,
  type Listener,
  turns,
} from "../../kit/link-pair.ts";

watchLeaks();

const RESULT = "0123456789abcdef";
const SAME: AnswerForm = { kind: "same", offer: 0, result: RESULT };
const DELTA: AnswerForm = { kind: "delta", codec: 1, offers: 1, digest: { of: "result", digest: RESULT } };
const STREAMED: AnswerForm = { kind: "delta", codec: 1, offers: 1, digest: { of: "bases", digest: RESULT } };
const WHOLE: AnswerForm = { kind: "whole", codec: 1, result: RESULT };
const SEGMENT: StreamItem = { kind: "segment", digest: "12345678" };
const RESUME: StreamItem = { kind: "resume", offset: 0, codec: 1 };
const TRAILERS: StreamItem = { kind: "trailers", head: ["Checksum", "abc"] };

const ACKNOWLEDGING = { hello: { features: [ACKS_IN_OPEN] } };

/** One exchange, up to the answer `items`; both listeners. */
const exchange = async (pair: LinkPair, items: readonly StreamItem[], request = GET()) => {
  const asked = pair.edge.open(request);
  await turns();
  const heard = pair.origin.opened.at(-1) as Listener;
  for (const item of items) heard.stream.send(item);
  await turns();
  return { asked, heard };
};
const loads = (pair: LinkPair) => [pair.edge.link.load, pair.origin.link.load];

describe("offers that follow", () => {
  const OFFERS: StreamItem = { kind: "offers", offers: ["12345678"], extensions: NO_EXTENSIONS };
  const FOLLOWED = GET("/", { offersFollow: true });

  it("leave behind a request that has ended, while its stream is open", async () => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [], FOLLOWED);
    asked.stream.send(OFFERS);
    await turns();
    expect(heard.frames.map(({ kind }) => kind)).toEqual(["open", "offers"]);
    expect(heard.frames.at(-1)).toMatchObject({ streamId: 1, offers: ["12345678"] });
    heard.stream.send(ANSWER("x"));
    await turns();
    asked.stream.send(OFFERS);
    await turns();
    expect(heard.frames).toHaveLength(2);
    await pair.close();
  });

  it("leave with their request where that has not left yet", async () => {
    const pair = await greetedPair();
    const asked = pair.edge.open(FOLLOWED);
    asked.stream.send(OFFERS);
    await turns();
    expect(pair.origin.opened[0]?.frames.map(({ kind }) => kind)).toEqual(["open", "offers"]);
    await pair.close();
  });

  it("of an origin side are a bad frame", async () => {
    const pair = await greetedPair();
    await exchange(pair, [OFFERS]);
    expect(pair.edge.ends[0]?.code).toBe("bad-frame");
    await pair.close();
  });
});

describe("the half of an answer", () => {
  it.each([
    ["passed", { kind: "passed" } as AnswerForm],
    ["whole", WHOLE],
    ["whole, streamed", { kind: "whole", codec: 1, result: undefined } as AnswerForm],
  ])("closes with its end when it is %s", async (_, form) => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [ANSWER("x", form)]);
    expect([asked.stream.closed, heard.stream.closed]).toEqual([true, true]);
    expect(loads(pair)).toEqual([0, 0]);
    await pair.close();
  });

  it.each([
    ["same", SAME],
    ["delta", DELTA],
    ["delta, streamed", STREAMED],
  ])("stays open until proved when it is %s", async (_, form) => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [ANSWER("x", form)]);
    expect(loads(pair)).toEqual([1, 1]);
    asked.stream.verified(0, false);
    await turns();
    expect(heard.frames.at(-1)).toEqual({ kind: "verified", streamId: 1, offset: 0 });
    expect(loads(pair)).toEqual([1, 1]);
    asked.stream.verified(4, true);
    expect(asked.stream.closed).toBe(true);
    await turns();
    // Nobody waits for it, but where the page is remembered only then.
    expect(heard.frames.at(-1)).toMatchObject({ kind: "verified", offset: form === STREAMED ? 4 : 0 });
    await pair.clock.advance(LATER_MS);
    expect(heard.frames.at(-1)).toEqual({ kind: "verified", streamId: 1, offset: 4 });
    expect(heard.stream.closed).toBe(false);
    heard.stream.answerVerified();
    expect(loads(pair)).toEqual([0, 0]);
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    await pair.close();
  });

  it("that was proved before its request ended stays open for the request", async () => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [ANSWER("x", SAME)], GET("/", { ended: false }));
    asked.stream.verified(4, true);
    await turns();
    heard.stream.answerVerified();
    expect(loads(pair)).toEqual([1, 1]);
    asked.stream.send(DATA(5));
    asked.stream.send(END);
    await turns();
    expect(heard.kinds).toEqual(["open", "verified", "data", "end"]);
    expect(loads(pair)).toEqual([0, 0]);
    await pair.close();
  });

  describe.each([
    ["both sides agree", [ACKS_IN_OPEN], [0, 0], Number.MAX_SAFE_INTEGER],
    ["one side does not agree", [], [4, 0], 4],
  ])("where %s on acknowledgements in open frames", (_, features, extra, offset) => {
    it("is proved by the next open, in a byte that is there anyway", async () => {
      const pair = await greetedPair({ ...ACKNOWLEDGING, originHello: { features } });
      const { asked, heard } = await exchange(pair, [ANSWER("x", SAME)]);
      pair.edge.sent.length = 0;
      asked.stream.verified(4, true);
      const next = await exchange(pair, [ANSWER("y", SAME)]);
      expect(heard.frames.at(-1)).toEqual({ kind: "verified", streamId: 1, offset });
      const alone = await exchange(pair, [ANSWER("z", SAME)]);
      expect(heard.kinds).toEqual(["open", "verified"]);
      const [first = 0, second = 0] = pair.edge.sent.map(({ length }) => length);
      expect([first - second, pair.edge.sent.length - 2]).toEqual(extra);
      for (const { stream } of [heard, next.heard, alone.heard]) stream.answerVerified();
      await pair.close();
    });
  });

  it("is proved by a frame of its own where the open is too far ahead, and by one open only", async () => {
    const pair = await greetedPair(ACKNOWLEDGING);
    const { asked, heard } = await exchange(pair, [ANSWER("x", SAME)]);
    for (let stream = 2; stream <= 16; stream++) await exchange(pair, [ANSWER("y")]);
    asked.stream.verified(4, true);
    pair.edge.open(GET());
    pair.edge.open(GET());
    await turns();
    expect(heard.frames.at(-1)).toEqual({ kind: "verified", streamId: 1, offset: 4 });
    const frames = framesOf(pair.edge.sent).map((frame) =>
      frame.kind === "open" ? `open ${frame.verified ?? ""}` : frame.kind,
    );
    expect(frames.slice(-3)).toEqual(["open ", "open ", "verified"]);
    heard.stream.answerVerified();
    await pair.close();
  });

  it("is proved before its stream is reset, or the link closed", async () => {
    const pair = await greetedPair(ACKNOWLEDGING);
    const { asked, heard } = await exchange(pair, [ANSWER("x", SAME)], GET("/", { ended: false }));
    asked.stream.verified(4, true);
    pair.edge.open();
    asked.stream.reset("cancelled");
    await turns();
    expect(heard.kinds).toEqual(["open", "verified"]);
    expect(heard.stream.closed).toBe(true);
    await pair.close();
  });

  it("is proved before its edge says go-away, though a request could have said it behind that", async () => {
    const pair = await greetedPair(ACKNOWLEDGING);
    const { asked, heard } = await exchange(pair, [ANSWER("x", SAME)], GET("/", { ended: false }));
    const drainsWhenProved: number[] = [];
    heard.onFrame = ({ kind }) => kind === "verified" && drainsWhenProved.push(pair.origin.drains);
    asked.stream.verified(4, true);
    pair.edge.open();
    pair.edge.link.drain("stops");
    await turns();
    expect([drainsWhenProved, pair.origin.drains]).toEqual([[0], 1]);
    await pair.close();
  });

  it("is proved once: saying it again does nothing", async () => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [ANSWER("x", SAME)], GET("/", { ended: false }));
    for (let time = 0; time < 3; time++) asked.stream.verified(4, true);
    await turns();
    for (let time = 0; time < 3; time++) heard.stream.answerVerified();
    asked.stream.send(END);
    await turns();
    expect(loads(pair)).toEqual([0, 0]);
    expect(pair.origin.ends).toEqual([]);
    await pair.close();
  });
});

describe("ask-whole", () => {
  it("after the end: resume, plain body, trailers and end follow, and then the proof closes the half", async () => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [ANSWER("delta", DELTA)]);
    asked.stream.askWhole(0);
    await turns();
    expect(heard.frames.at(-1)).toEqual({ kind: "askWhole", streamId: 1, offset: 0 });
    for (const item of [RESUME, DATA(9), SEGMENT, TRAILERS, END]) heard.stream.send(item);
    await turns();
    expect(asked.kinds).toEqual(["answer", "resume", "data", "segment", "trailers", "end"]);
    expect(loads(pair)).toEqual([1, 1]);
    asked.stream.verified(9, true);
    await turns();
    heard.stream.answerVerified();
    expect(loads(pair)).toEqual([0, 0]);
    await pair.close();
  });

  it("before the end: what waits is dropped, what was under way still arrives before resume", async () => {
    const pair = await greetedPair({ hello: { streamBytes: 1000 } });
    const asked = pair.edge.open();
    asked.takes = false;
    await turns();
    const heard = pair.origin.opened[0] as Listener;
    for (const item of [ANSWER("", STREAMED, false), DATA(1000), SEGMENT, DATA(5000), TRAILERS, END])
      heard.stream.send(item);
    await turns();
    asked.stream.askWhole(0);
    await turns();
    heard.stream.send(RESUME);
    for (const item of [DATA(700), SEGMENT, END]) heard.stream.send(item);
    asked.stream.taken(1000);
    await turns();
    expect(asked.kinds).toEqual(["answer", "segment", "resume", "data", "segment", "end"]);
    expect(asked.body.length).toBe(1700);
    asked.stream.verified(700, true);
    await turns();
    heard.stream.answerVerified();
    expect(loads(pair)).toEqual([0, 0]);
    await pair.close();
  });

  it("that cannot be met ends in reset unproved", async () => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(pair, [ANSWER("x", DELTA)]);
    asked.stream.askWhole(0);
    await turns();
    heard.stream.reset("mismatch");
    await turns();
    expect(asked.resets).toEqual(["mismatch"]);
    expect(loads(pair)).toEqual([0, 0]);
    await pair.close();
  });
});

describe("reset", () => {
  it.each(["edge", "origin"] as const)("by the %s ends both halves at both ends, at once", async (who) => {
    const pair = await greetedPair();
    const { asked, heard } = await exchange(
      pair,
      [ANSWER("", { kind: "passed" }, false)],
      GET("/", { ended: false }),
    );
    const [resetting, other] = who === "edge" ? [asked, heard] : [heard, asked];
    resetting.stream.reset("truncated");
    expect(resetting.stream.closed).toBe(true);
    resetting.stream.send(DATA(10));
    other.stream.send(DATA(10));
    await turns();
    expect(other.resets).toEqual(["truncated"]);
    expect(resetting.resets).toEqual([]);
    expect(loads(pair)).toEqual([0, 0]);
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    await pair.close();
  });

  it("before the open has left sends nothing", async () => {
    const pair = await greetedPair();
    pair.edge.open().stream.reset("cancelled");
    await turns();
    expect(pair.edge.sent).toEqual([]);
    expect(loads(pair)).toEqual([0, 0]);
    await pair.close();
  });

  it("while the origin side is being told of the open is no error", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = ({ stream }) => stream.reset("no-route");
    const asked = pair.edge.open(GET("/", { ended: false, body: Buffer.from("abc") }));
    await turns();
    expect(asked.resets).toEqual(["no-route"]);
    expect(pair.origin.opened[0]?.frames).toEqual([]);
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    await pair.close();
  });
});

it("stop-sending reaches the peer and leaves its half open", async () => {
  const pair = await greetedPair();
  const { asked, heard } = await exchange(pair, [ANSWER("early")], GET("/", { ended: false }));
  heard.stream.stopSending("cancelled");
  await turns();
  expect(asked.frames.at(-1)).toEqual({ kind: "stopSending", streamId: 1, code: "cancelled" });
  expect(loads(pair)).toEqual([1, 1]);
  asked.stream.send(END);
  await turns();
  expect(loads(pair)).toEqual([0, 0]);
  await pair.close();
});

it("after 101 both halves carry data until their own ends", async () => {
  const pair = await greetedPair();
  const { asked, heard } = await exchange(
    pair,
    [ANSWER("", { kind: "passed" }, false)],
    GET("/", { ended: false }),
  );
  heard.stream.send(DATA(1));
  asked.stream.send(DATA(2));
  asked.stream.send(END);
  await turns();
  heard.stream.send(DATA(3));
  heard.stream.send(END);
  await turns();
  expect(asked.kinds).toEqual(["answer", "data", "data", "end"]);
  expect(heard.kinds).toEqual(["open", "data", "end"]);
  expect(loads(pair)).toEqual([0, 0]);
  await pair.close();
});

const id = 1 as StreamId;
const answer = (form: AnswerForm, ended: boolean): Frame => ({
  kind: "answer",
  streamId: id,
  ended,
  form,
  head: [],
  blockBytes: 0,
  extensions: NO_EXTENSIONS,
  body: Buffer.alloc(0),
});
const data: Frame = { kind: "data", streamId: id, bytes: Buffer.from("x") };
const segment: Frame = { kind: "segment", streamId: id, digest: "12345678" };
const trailers: Frame = { kind: "trailers", streamId: id, head: [] };
const end: Frame = { kind: "end", streamId: id, how: "complete", extensions: NO_EXTENSIONS };
const resume: Frame = { kind: "resume", streamId: id, offset: 0, codec: 1 };
const verified: Frame = { kind: "verified", streamId: id, offset: 0 };
const askWhole: Frame = { kind: "askWhole", streamId: id, offset: 0 };
const passed = answer({ kind: "passed" }, false);

/** What one link does with frames that another implementation sent. */
const endOf = async (
  to: "edge" | "origin",
  frames: readonly Frame[],
  askedWhole = false,
): Promise<string | undefined> => {
  const pair = await greetedPair();
  const asked = pair.edge.open(GET("/", { ended: false }));
  await turns();
  if (askedWhole) asked.stream.askWhole(0);
  await turns();
  const headers = new FrameHeaderEncoder(16 * 1024);
  if (to === "origin") encodeFrame({ ...GET("/", { ended: false }), streamId: id }, headers); // the table has seen the open
  const from = to === "edge" ? pair.origin : pair.edge;
  from.inject(Buffer.concat(frames.map((frame) => encodeFrame(frame, headers))));
  await turns();
  const code = pair[to].ends[0]?.code;
  await pair.close();
  return code;
};

describe("frames out of place end the link as bad frames", () => {
  it.each([
    ["data before the answer", [data]],
    ["a segment before the answer", [segment]],
    ["an end before the answer", [end]],
    ["a resume before the answer", [resume]],
    ["a second answer", [passed, passed]],
    ["an interim answer after the answer", [passed, answer({ kind: "interim" }, false)]],
    ["data after trailers", [passed, trailers, data]],
    ["trailers after trailers", [passed, trailers, trailers]],
    ["data after the end", [passed, end, data]],
    ["an end after the end", [passed, end, end]],
    ["an end after an answer that ended", [answer({ kind: "passed" }, true), end]],
    ["data after the end of an unproved delta", [answer(DELTA, true), data]],
    ["a resume nobody asked for", [answer(DELTA, true), resume]],
    ["a proof from the origin side", [passed, verified]],
    ["ask-whole from the origin side", [passed, askWhole]],
  ])("%s", async (_, frames) => {
    expect(await endOf("edge", frames)).toBe("bad-frame");
  });

  it.each([
    ["an answer from the edge", [passed]],
    ["a segment from the edge after its end", [end, segment]],
    ["a segment from the edge after its trailers", [trailers, segment]],
    ["a resume from the edge", [resume]],
    ["data after the end", [end, data]],
    ["data after trailers", [trailers, data]],
  ])("%s", async (_, frames) => {
    expect(await endOf("origin", frames)).toBe("bad-frame");
  });
});

describe("frames in their places do not", () => {
  it.each([
    [
      "interim answers, then the answer",
      [answer({ kind: "interim" }, false), answer({ kind: "interim" }, false), passed],
    ],
    ["data, segments, trailers, end", [passed, data, segment, data, segment, trailers, end]],
    ["an end without a body", [passed, end]],
  ])("%s", async (_, frames) => {
    expect(await endOf("edge", frames)).toBeUndefined();
  });

  it.each([
    ["in the body", [answer(STREAMED, false), data, resume, data, end]],
    ["after trailers", [answer(STREAMED, false), trailers, resume, data, trailers, end]],
    ["after the end", [answer(STREAMED, false), end, resume, data, end]],
  ])("a resume that was asked for, %s", async (_, frames) => {
    expect(await endOf("edge", frames, true)).toBeUndefined();
  });

  it("but for a second resume, which nobody asked for", async () => {
    const frames = [answer(STREAMED, false), end, resume, data, end, resume];
    expect(await endOf("edge", frames, true)).toBe("bad-frame");
  });

  it("data and segments of a request: whether it has segments is for the exchange to say", async () => {
    expect(await endOf("origin", [data, segment, data, segment, trailers, end])).toBeUndefined();
  });

  it("verifications and mismatches of an answer, at any time", async () => {
    expect(await endOf("origin", [verified, askWhole, data, end, verified, askWhole])).toBeUndefined();
  });
});
