/** Exchanges on a link that is up, over a memory wire. SPEC sections "Messages" and "Streams". */
import { describe, expect, it } from "vitest";
import { StreamError } from "../../../protocol/errors.ts";
import type { Frame, StreamId, VersionFrame } from "../../../protocol/frames/frame.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { ANSWER, DATA, END, GET, greetedPair, type Listener, SAME, turns } from "../../kit/link-pair.ts";
import { seeded } from "../../kit/random.ts";

watchLeaks();

describe("a small exchange", () => {
  it("is one message each way, of 59 and 47 bytes the first time, 9 and 10 the second", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("ok"));
    const sizes: number[][] = [];
    for (let time = 0; time < 2; time++) {
      const asked = pair.edge.open(GET("/cart"));
      await turns();
      expect(asked.body.toString()).toBe("ok");
      expect(asked.stream.closed).toBe(true);
      expect(asked.payloads).toHaveLength(1);
      sizes.push([...pair.edge.sent.splice(0), ...pair.origin.sent.splice(0)].map(({ length }) => length));
    }
    expect(sizes).toEqual([
      [59, 47],
      [9, 10],
    ]);
    await pair.close();
  });

  it("tells the payload bytes of each frame: without length, kind and stream id", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = ({ stream }) => {
      stream.send(ANSWER("", { kind: "passed" }, false));
      stream.send({ kind: "segment", digest: "12345678" });
      stream.send(DATA(5));
      stream.send(END);
    };
    const asked = pair.edge.open();
    await turns();
    expect(asked.kinds).toEqual(["answer", "segment", "data", "end"]);
    const block = asked.frames[0]?.kind === "answer" ? asked.frames[0].blockBytes : 0;
    expect(asked.payloads).toEqual([1 + block + 1, 8, 5, 1]);
    await pair.close();
  });
});

describe("stream numbers", () => {
  const injected = async (frames: readonly Frame[], to: "edge" | "origin", before = 0) => {
    const pair = await greetedPair();
    for (let i = 0; i < before; i++) pair.edge.open().stream.reset("cancelled");
    for (let i = 0; i < before; i++) pair.edge.open();
    await turns();
    const headers = new FrameHeaderEncoder(16 * 1024);
    const from = to === "edge" ? pair.origin : pair.edge;
    from.inject(Buffer.concat(frames.map((frame) => encodeFrame(frame, headers))));
    await turns();
    const code = pair[to].ends[0]?.code;
    await pair.close();
    return code;
  };
  const open = (streamId: number): Frame => ({ ...GET(), streamId: streamId as StreamId });
  const data = (streamId: number): Frame => ({
    kind: "data",
    streamId: streamId as StreamId,
    bytes: Buffer.from("x"),
  });
  const window = (streamId: number): Frame => ({
    kind: "window",
    streamId: streamId as StreamId,
    bytes: 1,
    received: 0,
  });

  it.each([
    ["data above the highest number", [data(1)], "origin", 0, "bad-frame"],
    ["credit above the highest number", [window(2)], "edge", 1, "bad-frame"],
    ["credit for no stream, which only reports", [window(0)], "edge", 0, undefined],
    ["an open at the edge", [open(1)], "edge", 0, "bad-frame"],
    ["a number that was used", [open(3), open(3)], "origin", 0, "bad-frame"],
    ["a number that goes back", [open(3), open(2)], "origin", 0, "bad-frame"],
    ["a number that skips", [open(7), open(9)], "origin", 0, undefined],
    ["data below the highest number, of a stream that never was", [open(7), data(3)], "origin", 0, undefined],
  ] as const)("%s", async (_, frames, to, before, code) => {
    expect(await injected(frames, to, before)).toBe(code);
  });

  it("are given in the order in which opens leave, by urgency", async () => {
    const pair = await greetedPair();
    const late = pair.edge.open(GET("/late", { urgency: 7 }));
    const soon = pair.edge.open(GET("/soon", { urgency: 0 }));
    expect([late.stream.id, soon.stream.id]).toEqual([undefined, undefined]);
    await turns();
    expect([late.stream.id, soon.stream.id]).toEqual([2, 1]);
    await pair.close();
  });
});

describe("the limit on streams", () => {
  it("is kept by the edge, exactly", async () => {
    const pair = await greetedPair({ originHello: { streams: 3 } });
    for (let i = 0; i < 3; i++) {
      expect(pair.edge.link.accepts).toBe(true);
      pair.edge.open();
    }
    expect(pair.edge.link.accepts).toBe(false);
    await turns();
    pair.origin.opened[0]?.stream.send(ANSWER("ok"));
    await turns();
    expect(pair.edge.link.accepts).toBe(true);
    expect(pair.edge.link.load).toBe(2);
    await pair.close();
  });

  it("counts an answer that only waits for word of it; it is not under way", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("", SAME));
    const asked = pair.edge.open();
    await turns();
    pair.origin.onOpened = () => {};
    pair.edge.open(GET("/slow"));
    await turns();
    asked.stream.verified(4, true);
    expect([pair.origin.link.load, pair.origin.link.underWay]).toEqual([2, 1]);
    expect([pair.edge.link.load, pair.edge.link.underWay]).toEqual([1, 1]);
    await pair.close();
  });

  it("one more is refused, the others go on", async () => {
    const pair = await greetedPair({ originHello: { streams: 3 } });
    const asked = Array.from({ length: 4 }, (_, i) => pair.edge.open(GET(`/${i}`)));
    await turns();
    expect(asked.map(({ resets }) => resets)).toEqual([[], [], [], ["refused"]]);
    expect(pair.origin.opened).toHaveLength(3);
    for (const { stream } of pair.origin.opened) stream.send(ANSWER("ok"));
    await turns();
    expect(asked.slice(0, 3).map(({ body }) => body.toString())).toEqual(["ok", "ok", "ok"]);
    expect([pair.edge.link.load, pair.origin.link.load]).toEqual([0, 0]);
    // The refused head has moved the header tables on both ends.
    const next = pair.edge.open(GET("/3"));
    await turns();
    pair.origin.opened[3]?.stream.send(ANSWER("more"));
    await turns();
    expect(next.body.toString()).toBe("more");
    await pair.close();
  });
});

describe("cancelling", () => {
  it("10,000 times at random moments from both sides closes no link and leaves no stream", async () => {
    const random = seeded();
    const clock = new FakeClock();
    const pair = await greetedPair({ hello: { streamBytes: 4096 }, clock });
    let exchanges = 0;
    let cancelled = 0;
    let truncated = 0;
    pair.origin.onOpened = ({ stream }) => {
      stream.send(ANSWER("", { kind: "passed" }, false));
      stream.send(DATA(random.int(0, 20_000)));
      if (random.chance(0.5)) stream.send(END);
    };
    const live = new Set<Listener>();
    const uploads = new WeakSet<Listener>();
    while (exchanges < 10_000) {
      while (pair.edge.link.load < 60) {
        exchanges++;
        const upload = random.chance(0.5);
        const asked = pair.edge.open(
          GET(`/${exchanges % 50}`, { ended: !upload, urgency: random.int(0, 7) }),
        );
        live.add(asked);
        if (upload) uploads.add(asked);
      }
      for (let turn = random.int(0, 3); turn > 0; turn--) await clock.advance(1);
      for (const asked of live) {
        if (asked.stream.closed) {
          truncated += asked.resets.length;
          live.delete(asked);
        } else if (random.chance(0.4)) asked.stream.reset("cancelled");
        else if (uploads.has(asked) && random.chance(0.3)) asked.stream.send(DATA(random.int(0, 6000)));
      }
      for (const heard of pair.origin.opened.splice(0)) {
        if (heard.stream.closed) cancelled += heard.resets.length;
        else {
          if (random.chance(0.3)) heard.stream.reset("truncated");
          pair.origin.opened.push(heard);
        }
      }
    }
    for (const asked of live) asked.stream.reset("cancelled");
    await turns();
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    expect([pair.edge.link.load, pair.origin.link.load]).toEqual([0, 0]);
    expect(pair.memory.usedBytes).toBe(0);
    expect(Math.min(cancelled, truncated)).toBeGreaterThan(500);
    // The tables are in step after all that.
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("still here"));
    const last = pair.edge.open(GET("/last"));
    await turns();
    expect(last.body.toString()).toBe("still here");
    await pair.close();
  });
});

describe("what one exchange does wrong", () => {
  it("is its own trouble: a StreamError in the story resets its stream", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = () => {
      throw new StreamError("no-route", "no route for this host");
    };
    const asked = pair.edge.open();
    await turns();
    expect(asked.resets).toEqual(["no-route"]);
    expect(pair.origin.ends).toEqual([]);
    await pair.close();
  });
});

it("forget reaches the peer", async () => {
  const pair = await greetedPair();
  pair.edge.link.forget("www.example.com", "/a");
  pair.edge.link.forget("www.example.com", "");
  await turns();
  expect(pair.origin.forgotten).toEqual([
    ["www.example.com", "/a"],
    ["www.example.com", ""],
  ]);
  await pair.close();
});

describe("a pushed version", () => {
  const VERSION: VersionFrame = {
    kind: "version",
    host: "www.example.com",
    name: "/desk",
    noStore: false,
    result: "0123456789abcdef",
    size: 9,
    codec: 1,
    bases: ["01234567"],
    coded: Buffer.from("coded"),
  };

  it("reaches the origin side before a stream that was opened first", async () => {
    const pair = await greetedPair({ hello: { features: ["push"] } });
    const order: string[] = [];
    pair.origin.onOpened = () => order.push(`opened, ${pair.origin.pushed.length} pushed`);
    pair.edge.open();
    pair.edge.link.push(VERSION);
    await turns();
    expect([order, pair.origin.pushed]).toEqual([["opened, 1 pushed"], [VERSION]]);
    await pair.close();
  });

  it("is agreed on by both hellos, or not at all", async () => {
    const pair = await greetedPair({
      edgeHello: { features: ["push", "more"] },
      originHello: { features: ["other", "push"] },
    });
    expect([pair.edge.link.peer.features, pair.origin.link.peer.features]).toEqual([["push"], ["push"]]);
    await pair.close();
    const unlike = await greetedPair({ edgeHello: { features: ["push"] } });
    expect([unlike.edge.link.peer.features, unlike.origin.link.peer.features]).toEqual([[], []]);
    await unlike.close();
  });
});
