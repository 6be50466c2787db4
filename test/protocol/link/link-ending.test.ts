/** How a link ends: in order, by silence, by abuse, by a transport that breaks. SPEC sections "Closing" and "Heartbeat". */
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import type { KeyProof } from "../../../protocol/link/handshake.ts";
import { MOST_WAITING_CONTROL, TRANSPORT_BYTES } from "../../../protocol/link/scheduler.ts";
import { Secret } from "../../../protocol/transport/key.ts";
import { ByteWriter } from "../../../protocol/wire/bytes.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import {
  ANSWER,
  DATA,
  END,
  framesOf,
  GET,
  greetedPair,
  type Listener,
  linkPair,
  messagesOf,
  SAME,
  turns,
} from "../../kit/link-pair.ts";

watchLeaks();

/** Of one that answers a ping with a small token, when 16 KiB have been received and not 2 MiB. */
const PONG_BYTES = 6;
const SECRET = new Secret(Buffer.alloc(32, 1));
const DIALLER: KeyProof = { by: "dialler", keyId: "shop", secret: SECRET };
const LISTENER: KeyProof = { by: "listener", secretsOf: (keyId) => (keyId === "shop" ? [SECRET] : []) };
const goAway = (code: "shutting-down" | "internal", lastStreamId: number, message = ""): Buffer =>
  encodeFrame({ kind: "goAway", lastStreamId, code, message, extensions: NO_EXTENSIONS });

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
      heard.stream.send(ANSWER("", SAME));
      heard.onFrame = ({ kind }) => kind === "verified" && heard.stream.answerVerified();
    };
    const asked = pair.edge.open();
    await turns();
    pair.origin.link.drain("SIGTERM");
    await turns();
    expect(pair.origin.ends).toEqual([]);
    asked.stream.verified(4, true);
    await turns();
    expect(pair.origin.ends).toMatchObject([{ code: "shutting-down" }]);
    expect(asked.resets).toEqual([]);
    await pair.close();
  });

  it("of the origin side hurries what is verified, while other streams go on", async () => {
    const pair = await greetedPair();
    const heard: string[] = [];
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("", SAME));
    const asked = pair.edge.open();
    await turns();
    pair.origin.onOpened = () => {};
    pair.edge.open(GET("/slow"));
    await turns();
    for (const opened of pair.origin.opened) opened.onFrame = ({ kind }) => heard.push(kind);
    asked.stream.verified(4, true);
    await turns();
    expect(heard).toEqual([]);
    pair.origin.link.drain("SIGTERM");
    await turns();
    expect(heard).toEqual(["verified"]);
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

describe("silence", () => {
  it("makes a link suspect after two heartbeats and ends it after five; any byte before that keeps it", async () => {
    const pair = await greetedPair({ heartbeatMs: 1000 });
    await pair.clock.advance(60_000);
    expect([...pair.edge.ends, ...pair.origin.ends]).toEqual([]);
    pair.origin.transport.faults.loseAfter(0);
    const asked = pair.edge.open();
    await pair.clock.advance(1000);
    expect(pair.edge.link.suspect).toBe(false);
    await pair.clock.advance(1500);
    expect(pair.edge.link.suspect).toBe(true);
    await pair.clock.advance(3000);
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

  it("is broken by what is verified and a ping or pong in one message", async () => {
    const pair = await greetedPair({ heartbeatMs: 1000 });
    pair.origin.onOpened = ({ stream }) => stream.send(ANSWER("", SAME));
    const asked = pair.edge.open();
    await turns();
    asked.stream.verified(4, true);
    await turns();
    const before = pair.edge.sent.length;
    await pair.clock.advance(1500);
    await turns();
    const [first = []] = messagesOf(pair.edge.sent.slice(before));
    expect(first.map(({ kind }) => kind)).toEqual(["verified", expect.stringMatching(/^p[io]ng$/)]);
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
    // What the transport holds comes first: TRANSPORT_BYTES of pongs, and no more than is allowed to wait.
    const inTransport = Math.ceil(TRANSPORT_BYTES / PONG_BYTES / 1000);
    for (let i = 0; i < inTransport + 5; i++) {
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
