/** A link from its greeting to its end, over a memory wire. SPEC sections "Greeting", "Streams", "Closing". */
import { describe, expect, it } from "vitest";
import type { KeyProof } from "../../../protocol/link/greeting.ts";
import { MOST_WAITING_CONTROL } from "../../../protocol/link/link.ts";
import { ByteWriter } from "../../../protocol/wire/bytes.ts";
import { StreamError } from "../../../protocol/wire/errors.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { FIRST_SKIPPABLE_KIND, FRAME, type Frame, type StreamId } from "../../../protocol/wire/frame.ts";
import { encodeFrame } from "../../../protocol/wire/frame-codec.ts";
import { HeaderEncoder } from "../../../protocol/wire/header-block.ts";
import { writeHello } from "../../../protocol/wire/hello.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import {
  ANSWER,
  DATA,
  END,
  framesOf,
  GET,
  greetedPair,
  helloOf,
  type Listener,
  linkPair,
  turns,
} from "../../kit/link-pair.ts";
import { seeded } from "../../kit/random.ts";

watchLeaks();

const SECRET = Buffer.alloc(32, 1);
const DIALLER: KeyProof = { by: "dialler", keyId: "shop", secret: SECRET };
const LISTENER: KeyProof = { by: "listener", secretOf: (keyId) => (keyId === "shop" ? SECRET : undefined) };
const goAway = (code: "shutting-down" | "internal", lastStreamId: number, message = ""): Buffer =>
  encodeFrame({ kind: "goAway", lastStreamId, code, message, extensions: NO_EXTENSIONS });

describe("a greeting", () => {
  it("is one message each way when the transport proved the key, besides the first ping", async () => {
    const pair = linkPair({ wire: { keyId: "shop" } });
    await turns();
    expect([pair.edge.ups, pair.origin.ups]).toEqual([1, 1]);
    for (const { sent } of [pair.edge, pair.origin]) {
      expect(sent.map((message) => framesOf([message]).map(({ kind }) => kind))[0]).toEqual(["hello"]);
      expect(framesOf(sent).map(({ kind }) => kind)).toEqual(["hello", "ping", "pong"]);
    }
    expect(pair.edge.link.peer.role).toBe("origin");
    expect(pair.edge.link.keyId).toBe("shop");
    await pair.close();
  });

  it.each([
    ["with keying material of the connection", { exporterSecret: Buffer.alloc(32, 5) }, false],
    ["without any", {}, false],
    ["behind a balancer", { exporterSecret: Buffer.alloc(32, 5) }, true],
  ])("proves the key both ways, %s", async (_, wire, behindBalancer) => {
    const pair = linkPair({ wire, behindBalancer, edgeProof: LISTENER, originProof: DIALLER });
    await turns();
    expect([pair.edge.ups, pair.origin.ups]).toEqual([1, 1]);
    expect(pair.edge.link.keyId).toBe("shop");
    await pair.close();
  });

  it("with a wrong key ends both links with that reason, and neither was up", async () => {
    const pair = linkPair({
      edgeProof: LISTENER,
      originProof: { ...DIALLER, secret: Buffer.alloc(32, 2) } as KeyProof,
    });
    await turns();
    expect([pair.edge.ups, pair.origin.ups]).toEqual([0, 0]);
    expect(pair.edge.ends).toMatchObject([{ code: "key-not-proved" }]);
    expect(pair.origin.ends).toMatchObject([{ code: "key-not-proved" }]);
    expect(pair.origin.ends[0]?.message).toContain("the peer said: the peer does not have the key");
    await pair.close();
  });

  it("leaves the listener's proof alone in its message, also when streams wait for the link", async () => {
    const pair = linkPair({ edgeProof: LISTENER, originProof: DIALLER, hello: { headBytes: 30_000 } });
    const { edge } = pair;
    const opened: Listener[] = [];
    while (edge.ups === 0) await turns(1);
    for (let i = 0; i < 5; i++) opened.push(edge.open(GET(`/${"x".repeat(4000)}`)));
    await turns();
    expect(pair.origin.opened).toHaveLength(5);
    const proof = edge.sent.findIndex((message) => framesOf([message])[0]?.kind === "proveKey");
    expect(framesOf([edge.sent[proof] as Buffer]).map(({ kind }) => kind)).toEqual(["proveKey"]);
    expect([...edge.ends, ...pair.origin.ends]).toEqual([]);
    await pair.close();
  });

  it("takes no stream before the proof", async () => {
    const pair = linkPair({ edgeProof: LISTENER, originProof: DIALLER });
    expect(pair.edge.link.accepts).toBe(false);
    expect(() => pair.edge.open()).toThrow("has not greeted");
    await turns();
    expect(pair.edge.link.accepts).toBe(true);
    expect(pair.origin.link.accepts).toBe(true);
    await pair.close();
  });

  it("refuses a stream that the peer opens before its proof", async () => {
    const pair = linkPair({ edgeProof: LISTENER, originProof: DIALLER });
    const open = encodeFrame({ ...GET(), streamId: 1 as StreamId }, new HeaderEncoder(0));
    pair.edge.transport.send(encodeFrame(helloOf("edge")));
    pair.edge.inject(open);
    await turns();
    expect(pair.origin.ups).toBe(0);
    expect(pair.origin.opened).toEqual([]);
    expect(pair.origin.ends).toMatchObject([{ code: "bad-frame" }]);
    await pair.close();
  });

  it.each([
    [4999, 0],
    [5000, 1],
  ])("with a silent peer: after %d ms %d links have ended", async (ms, ended) => {
    const pair = linkPair({ greetingMs: 5000, heartbeatMs: 1000 });
    pair.origin.transport.faults.stall();
    await pair.clock.advance(ms);
    expect(pair.edge.ends).toHaveLength(ended);
    if (ended === 1) expect(pair.edge.ends).toEqual([{ code: "silent", message: "no hello in time" }]);
    expect(framesOf(pair.edge.sent.slice(0, 1)).map(({ kind }) => kind)).toEqual(["hello"]);
    expect(framesOf(pair.edge.sent).filter(({ kind }) => kind === "ping")).toEqual([]);
    await pair.close();
  });

  it("with no version in common ends both links, and both logs say which side to upgrade", async () => {
    const pair = linkPair({ edgeHello: { version: 3, oldest: 2 } });
    await turns();
    expect(pair.edge.ends).toMatchObject([{ code: "wrong-version" }]);
    expect(pair.origin.ends).toMatchObject([{ code: "wrong-version" }]);
    const [edgeSays = "", originSays = ""] = [pair.edge.ends[0]?.message, pair.origin.ends[0]?.message];
    expect(`${edgeSays} ${originSays}`).toMatch(/upgrade (the peer|this side)/);
    await pair.close();
  });
});

describe("a peer of the next version", () => {
  /** Frames of unknown kinds, to be skipped. */
  const unknown = (random: ReturnType<typeof seeded>): Buffer => {
    const w = new ByteWriter();
    for (let count = random.int(0, 3); count > 0; count--)
      w.sized(() => w.u8(random.int(FIRST_SKIPPABLE_KIND, 255)).bytes(random.bytes(random.int(0, 60))));
    return w.take();
  };
  const extensions = (random: ReturnType<typeof seeded>, odd: boolean) =>
    Array.from({ length: random.int(1, 4) }, () => ({
      tag: 2 * random.int(20, 10_000) + (odd ? 1 : 0),
      bytes: random.bytes(random.int(0, 20)),
    }));

  it("with extensions and frames of its own is understood, over 50 exchanges", async () => {
    const random = seeded();
    const newer = helloOf("origin", { version: 2 });
    const pair = linkPair({
      originHello: newer,
      meddle(role, message) {
        if (role === "edge") return [message];
        const isHello = message[1] === FRAME.hello;
        if (!isHello) return [Buffer.concat([unknown(random), message, unknown(random)])];
        const w = new ByteWriter();
        w.sized(() => {
          w.u8(0x01);
          writeHello(w, newer, extensions(random, false));
        });
        return [w.take(), unknown(random)].filter((bytes) => bytes.length > 0);
      },
    });
    await turns();
    expect([pair.edge.ups, pair.origin.ups]).toEqual([1, 1]);
    for (let i = 0; i < 50; i++) {
      const asked = pair.edge.open(GET(`/${i}`));
      await turns(4);
      pair.origin.opened.at(-1)?.stream.send(ANSWER(`page ${i}`));
      await turns(4);
      expect(asked.body.toString()).toBe(`page ${i}`);
    }
    expect(pair.edge.ends).toEqual([]);
    await pair.close();
  });

  it("whose extension must be understood is refused", async () => {
    const random = seeded();
    const pair = linkPair({
      meddle(role, message) {
        if (role === "edge" || message[1] !== FRAME.hello) return [message];
        const w = new ByteWriter();
        w.sized(() => {
          w.u8(0x01);
          writeHello(w, helloOf("origin"), extensions(random, true));
        });
        return [w.take()];
      },
    });
    await turns();
    expect(pair.edge.ends).toMatchObject([{ code: "bad-frame" }]);
    expect(pair.edge.ends[0]?.message).toContain("must be understood");
    await pair.close();
  });
});

describe("a small exchange", () => {
  it("is one message each way, of 58 and 46 bytes the first time and 11 each the second", async () => {
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
      [58, 46],
      [11, 11],
    ]);
    await pair.close();
  });

  it("tells the payload bytes of each frame: without length, kind and stream id", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = ({ stream }) => {
      stream.send(ANSWER("", { kind: "passed" }, false));
      stream.send({ kind: "segment", proof: "12345678" });
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
    const headers = new HeaderEncoder(16 * 1024);
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
  const credit = (streamId: number): Frame => ({
    kind: "credit",
    streamId: streamId as StreamId,
    bytes: 1,
    received: 0,
  });

  it.each([
    ["data above the highest number", [data(1)], "origin", 0, "bad-frame"],
    ["credit above the highest number", [credit(2)], "edge", 1, "bad-frame"],
    ["credit for no stream, which only reports", [credit(0)], "edge", 0, undefined],
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
    const pair = await greetedPair({ hello: { streamBytes: 4096 } });
    let exchanges = 0;
    let resets = 0;
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
      for (let turn = random.int(0, 3); turn > 0; turn--) await turns(1);
      for (const asked of live) {
        if (asked.stream.closed) live.delete(asked);
        else if (random.chance(0.4)) asked.stream.reset("cancelled");
        else if (uploads.has(asked) && random.chance(0.3)) asked.stream.send(DATA(random.int(0, 6000)));
      }
      for (const heard of pair.origin.opened) {
        if (!heard.stream.closed && random.chance(0.3)) heard.stream.reset("truncated");
        resets += heard.resets.length;
      }
      pair.origin.opened.length = 0;
    }
    for (const asked of live) asked.stream.reset("cancelled");
    await turns();
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    expect([pair.edge.link.load, pair.origin.link.load]).toEqual([0, 0]);
    expect(pair.memory.usedBytes).toBe(0);
    expect(resets).toBeGreaterThan(100);
    // The tables are in step after all that.
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("still here"));
    const last = pair.edge.open(GET("/last"));
    await turns();
    expect(last.body.toString()).toBe("still here");
    await pair.close();
  });
});

describe("go-away", () => {
  it("of the origin side: what it has not accepted is refused, what it has goes on, then the link closes", async () => {
    const pair = await greetedPair();
    const first = pair.edge.open(GET("/1"));
    await turns();
    pair.origin.link.drain("SIGTERM");
    const second = pair.edge.open(GET("/2"));
    await turns();
    expect(pair.edge.drains).toBe(1);
    expect(second.resets).toEqual(["refused"]);
    expect([pair.edge.link.accepts, pair.origin.link.accepts]).toEqual([false, false]);
    expect(pair.edge.ends).toEqual([]);
    pair.origin.opened[0]?.stream.send(ANSWER("done"));
    await turns();
    expect(first.body.toString()).toBe("done");
    expect(pair.edge.ends).toMatchObject([{ code: "shutting-down" }]);
    expect(pair.origin.ends).toMatchObject([{ code: "shutting-down" }]);
    expect(pair.origin.opened).toHaveLength(1);
    await pair.close();
  });

  it("of the origin side crosses an open: it is refused, and never given to the origin server", async () => {
    const pair = await greetedPair();
    const kept = pair.edge.open(GET("/kept"));
    await turns();
    const crossed = pair.edge.open(GET("/crossed"));
    pair.origin.link.drain("SIGTERM");
    await turns();
    expect(crossed.resets).toEqual(["refused"]);
    expect(kept.resets).toEqual([]);
    expect(pair.origin.opened).toHaveLength(1);
    await pair.close();
  });

  it("of the edge: streams that wait to leave are still answered", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("done"));
    const asked = [pair.edge.open(GET("/1")), pair.edge.open(GET("/2"))];
    pair.edge.link.drain("SIGTERM");
    await turns();
    expect(asked.map(({ body }) => body.toString())).toEqual(["done", "done"]);
    expect(pair.origin.drains).toBe(1);
    expect(pair.edge.ends).toMatchObject([{ code: "shutting-down" }]);
    await pair.close();
  });

  it("with nothing open closes at once", async () => {
    for (const who of ["edge", "origin"] as const) {
      const pair = await greetedPair();
      pair[who].link.drain("SIGTERM");
      await turns();
      expect([pair.edge.ends.length, pair.origin.ends.length]).toEqual([1, 1]);
      await pair.close();
    }
  });

  it("with an answer that is not proved yet waits for the proof", async () => {
    const pair = await greetedPair();
    pair.origin.onOpened = (heard) => {
      heard.stream.send(ANSWER("", { kind: "same", offer: 0, result: "0123456789abcdef" }));
      heard.onFrame = ({ kind }) => kind === "proved" && heard.stream.answerProved();
    };
    const asked = pair.edge.open();
    await turns();
    pair.origin.link.drain("SIGTERM");
    await turns();
    expect(pair.origin.ends).toEqual([]);
    asked.stream.proved(4, true);
    await turns();
    expect(pair.origin.ends).toMatchObject([{ code: "shutting-down" }]);
    expect(asked.resets).toEqual([]);
    await pair.close();
  });

  it("with the last stream id of an unproved peer's choice refuses only what is above", async () => {
    const pair = await greetedPair();
    const asked = [1, 2, 3].map((i) => pair.edge.open(GET(`/${i}`)));
    await turns();
    pair.origin.inject(goAway("shutting-down", 2));
    await turns();
    expect(asked.map(({ resets }) => resets)).toEqual([[], [], ["refused"]]);
    await pair.close();
  });

  it("with an error ends the peer's link with that code and message", async () => {
    const pair = await greetedPair();
    const asked = pair.edge.open();
    await turns();
    pair.origin.link.close("key-removed", "this key is not served any more");
    await turns();
    expect(pair.edge.ends).toEqual([
      { code: "key-removed", message: "the peer said: this key is not served any more" },
    ]);
    expect(pair.origin.ends).toEqual([{ code: "key-removed", message: "this key is not served any more" }]);
    expect(asked.resets).toEqual(["link-lost"]);
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

describe("silence", () => {
  it("of three heartbeats ends the link; any byte before that keeps it", async () => {
    const pair = await greetedPair({ heartbeatMs: 1000 });
    await pair.clock.advance(60_000);
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    pair.origin.transport.faults.loseAfter(0);
    const asked = pair.edge.open();
    await pair.clock.advance(4000);
    expect(pair.edge.ends).toMatchObject([{ code: "silent" }]);
    expect(asked.resets).toEqual(["link-lost"]);
    await pair.close();
  });

  it("is broken by pings only where nothing else was heard", async () => {
    const pair = await greetedPair({ heartbeatMs: 1000 });
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("ok"));
    for (let i = 0; i < 20; i++) {
      await pair.clock.advance(500);
      pair.edge.open();
      await turns();
    }
    const kinds = [...framesOf(pair.edge.sent), ...framesOf(pair.origin.sent)].map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "ping")).toEqual([]);
    await pair.close();
  });

  it("leaves no timer once the links have ended", async () => {
    const pair = await greetedPair();
    expect(pair.clock.timers).toBe(2);
    await pair.close();
    expect(pair.clock.timers).toBe(0);
  });
});

describe("a peer that sends and does not read", () => {
  it(`is closed when more than ${MOST_WAITING_CONTROL} answers wait for it`, async () => {
    const pair = await greetedPair({ wire: { wireBytes: 0 } });
    pair.edge.transport.faults.stall();
    const pings = (count: number) => {
      const w = new ByteWriter();
      for (let token = 0; token < count; token++) w.bytes(encodeFrame({ kind: "ping", token: token % 100 }));
      return w.take();
    };
    // What the transport holds comes first: 64 KiB of pongs.
    for (let i = 0; i < 20; i++) {
      pair.origin.inject(pings(1000));
      await turns(2);
    }
    expect(pair.edge.ends).toEqual([]);
    for (let i = 0; i < 20 && pair.edge.ends.length === 0; i++) {
      pair.origin.inject(pings(1000));
      await turns(2);
    }
    expect(pair.edge.ends).toMatchObject([{ code: "too-large" }]);
    await pair.close();
  });
});

describe("a transport that breaks at any message", () => {
  const script = async (cut: { who: "edge" | "origin"; after: number }) => {
    const pair = linkPair({ edgeProof: LISTENER, originProof: DIALLER, hello: { streamBytes: 8192 } });
    pair[cut.who].transport.faults.cutAfter(cut.after);
    pair.origin.onOpened = ({ stream }) => {
      stream.send(ANSWER("", { kind: "passed" }, false));
      stream.send(DATA(40_000));
      stream.send(END);
    };
    await turns();
    const asked: Listener[] = [];
    for (let i = 0; i < 3 && pair.edge.link.accepts; i++) {
      asked.push(pair.edge.open(GET("/", { ended: false })));
      asked[i]?.stream.send(DATA(20_000));
      asked[i]?.stream.send(END);
    }
    await turns(60);
    return { pair, asked };
  };

  it("tells every stream and both links, once, and nothing hangs", async () => {
    let broken = 0;
    for (const who of ["edge", "origin"] as const) {
      for (let after = 1; ; after++) {
        const { pair, asked } = await script({ who, after });
        if (pair.edge.ends.length === 0) {
          // The script is over before this message: everything has arrived.
          expect(asked.map(({ body }) => body.length)).toEqual([40_000, 40_000, 40_000]);
          await pair.close();
          break;
        }
        broken++;
        expect(
          [pair.edge.ends.length, pair.origin.ends.length],
          `cut after ${who}'s message ${after}`,
        ).toEqual([1, 1]);
        for (const heard of [...asked, ...pair.origin.opened]) {
          expect(heard.stream.closed).toBe(true);
          expect(heard.resets.length).toBeLessThanOrEqual(1);
          for (const code of heard.resets) expect(["link-lost", "refused"]).toContain(code);
        }
        expect([pair.edge.link.load, pair.origin.link.load]).toEqual([0, 0]);
        await pair.close();
        expect(pair.clock.timers).toBe(0);
      }
    }
    expect(broken).toBeGreaterThan(20);
  });
});
