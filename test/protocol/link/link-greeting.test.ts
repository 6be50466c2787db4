/** How two links meet, over a memory wire, and what a newer peer may say. SPEC sections "Greeting" and "Extensions". */
import { describe, expect, it } from "vitest";
import { FIRST_SKIPPABLE_KIND, FRAME, type StreamId } from "../../../protocol/frames/frame.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { writeHello } from "../../../protocol/frames/hello.ts";
import type { KeyProof } from "../../../protocol/link/handshake.ts";
import { Secret } from "../../../protocol/transport/key.ts";
import { ByteWriter } from "../../../protocol/wire/bytes.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { ANSWER, framesOf, GET, helloOf, type Listener, linkPair, turns } from "../../kit/link-pair.ts";
import { seeded } from "../../kit/random.ts";

watchLeaks();

const SECRET = new Secret(Buffer.alloc(32, 1));
const DIALLER: KeyProof = { by: "dialler", keyId: "shop", secret: SECRET };
const LISTENER: KeyProof = { by: "listener", secretsOf: (keyId) => (keyId === "shop" ? [SECRET] : []) };

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
      originProof: { ...DIALLER, secret: new Secret(Buffer.alloc(32, 2)) } as KeyProof,
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
    const digest = edge.sent.findIndex((message) => framesOf([message])[0]?.kind === "proveKey");
    expect(framesOf([edge.sent[digest] as Buffer]).map(({ kind }) => kind)).toEqual(["proveKey"]);
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
    const open = encodeFrame({ ...GET(), streamId: 1 as StreamId }, new FrameHeaderEncoder(0));
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
    const pair = linkPair({ handshakeMs: 5000, heartbeatMs: 1000 });
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
