// Requests on bases as a hand-written edge sends them, right and wrong: what the web server sees of them, and how often.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PROOF_MS } from "../../../origin-side/request/rebuild-body.ts";
import { spliceCodec } from "../../../protocol/codec/splice.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import type { Frame, StreamId } from "../../../protocol/frames/frame.ts";
import type { Extension } from "../../../protocol/wire/extensions.ts";
import { compressed, sha } from "../../kit/coded-request.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { openRawServer } from "../../kit/fake-origin.ts";
import { type OriginHalf, openOriginHalf, wiredHalf } from "../../kit/halves.ts";
import { RawWire } from "../../kit/raw-wire.ts";
import { dataFrame, endFrame, openFrame, resetFrame, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { settledWork, until } from "../../kit/until.ts";

const textOf = (more: string): Buffer =>
  Buffer.from(
    JSON.stringify([...Array.from({ length: 100 }, (_, i) => ({ id: i, name: `row ${i}` })), more]),
  );
const SAVED = textOf("");
const NEXT = textOf("and more");
const OTHER = textOf("something else");

let clock: FakeClock;
let connections: RawWire[];
let server: Awaited<ReturnType<typeof openRawServer>>;
let origin: OriginHalf;
let peer: ScriptedPeer;

beforeEach(async () => {
  clock = new FakeClock();
  connections = [];
  server = await openRawServer((socket) => connections.push(new RawWire(socket)));
  origin = await openOriginHalf({ port: server.port, clock });
  ({ peer } = await wiredHalf(origin, "edge"));
});
afterEach(async () => {
  await origin[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  expect(origin.memory.usedBytes).toBe(0);
});

interface Lie {
  readonly size?: number;
  readonly proved?: Uint8Array;
  readonly codec?: number;
}

/** Extension 1, its bytes by hand. */
const kept = (body: Uint8Array, base?: Uint8Array, lie: Lie = {}): Extension => {
  const size = lie.size ?? body.length;
  const codec = lie.codec ?? (base === undefined ? 1 : 3);
  const sizeBytes = size < 128 ? [size] : [(size & 127) | 128, size >> 7];
  return {
    tag: 1,
    bytes: Buffer.concat([
      Buffer.from([codec, ...sizeBytes]),
      Buffer.from(sha(lie.proved ?? body, 16), "latin1"),
      Buffer.from(base === undefined ? "\0" : `\x01${sha(base, 8)}`, "latin1"),
    ]),
  };
};
const put = (
  stream: number,
  coding: Extension,
  body: Uint8Array,
  more: { ended?: boolean; target?: string; host?: string; method?: string; fields?: readonly string[] } = {},
): Frame => {
  const { method = "PUT", target = "/d/1", host = "www.example.com", fields = [], ended = true } = more;
  const head = [":method", method, ":target", target, "Host", host, ...fields];
  return openFrame(stream, { head, extensions: [coding], body, ended, session: true });
};
const spliced = (base: Buffer, body: Buffer): Promise<Buffer> => spliceCodec.encode([base], body);
const whole = async (count: number): Promise<RawWire> => {
  await until(() => connections.some((each) => each.text.split("HTTP/1.1\r\n").length > count), "a request");
  const wire = connections.find((each) => each.text.includes("HTTP/1.1\r\n"));
  if (wire === undefined) throw new Error("no connection");
  await until(() => wire.text.includes("\r\n\r\n") && wire.body().complete, `a whole request: ${wire.text}`);
  return wire;
};
/** The web server got this body and nothing else; it is answered. */
const serves = async (body: Buffer): Promise<void> => {
  const wire = await whole(1);
  expect(wire.body().bytes).toBe(body.toString("latin1"));
  wire.text = "";
  wire.say("HTTP/1.1 204 No Content\r\n\r\n");
  expect((await peer.nextOf("answer")).head.slice(0, 2)).toEqual([":status", "204"]);
};
const save = async (stream: number, body: Buffer): Promise<void> => {
  peer.say(put(stream, kept(body), compressed(body)));
  await serves(body);
};
const requestsSeen = (): number => connections.filter(({ text }) => text !== "").length;

describe("a body on a base", () => {
  it("reaches the web server whole, and is a base itself then", async () => {
    await save(1, SAVED);
    peer.say(put(2, kept(NEXT, SAVED), await spliced(SAVED, NEXT)));
    await serves(NEXT);
    peer.say(put(3, kept(OTHER, NEXT, { codec: 1 }), await zstdCodec.encode([NEXT], OTHER)));
    await serves(OTHER);
    expect(connections).toHaveLength(1);
    expect(origin.requestBodies.count).toBe(3);
  });

  it("reaches it in chunks where it had no length, with its trailers", async () => {
    await save(1, SAVED);
    const coded = await spliced(SAVED, NEXT);
    peer.say(
      put(2, kept(NEXT, SAVED), coded.subarray(0, 5), { ended: false, fields: ["Trailer", "Checksum"] }),
    );
    peer.say(dataFrame(2, coded.subarray(5)));
    peer.say({ kind: "trailers", streamId: 2 as StreamId, head: ["Checksum", "abc"] }, endFrame(2));
    const wire = await whole(1);
    expect(wire.body()).toMatchObject({ bytes: NEXT.toString(), trailers: "Checksum: abc\r\n\r\n" });
  });

  it("as it is and kept, is a base too", async () => {
    peer.say(put(1, kept(SAVED, undefined, { codec: 0 }), SAVED));
    await serves(SAVED);
    peer.say(put(2, kept(NEXT, SAVED), await spliced(SAVED, NEXT)));
    await serves(NEXT);
  });

  it("is not given to the web server before all of it is here", async () => {
    await save(1, SAVED);
    const coded = await spliced(SAVED, NEXT);
    peer.say(put(2, kept(NEXT, SAVED), coded.subarray(0, 5), { ended: false }));
    await settledWork();
    expect(requestsSeen()).toBe(0);
    peer.say(dataFrame(2, coded.subarray(5)), endFrame(2));
    await serves(NEXT);
  });
});

describe("asked for once more is", () => {
  const asks = async (frame: Frame, stream = 2): Promise<void> => {
    peer.say(frame);
    expect(await peer.nextOf("askBody")).toEqual({ kind: "askBody", streamId: stream });
    await settledWork();
    expect([requestsSeen(), peer.unheard]).toEqual([0, 0]);
  };

  it.each<[string, (coded: Buffer) => Frame]>([
    ["a body whose base was never here", (coded) => put(2, kept(NEXT, OTHER), coded)],
    ["one whose base is of another URL", (coded) => put(2, kept(NEXT, SAVED), coded, { target: "/d/2" })],
    ["one whose base is of another query", (coded) => put(2, kept(NEXT, SAVED), coded, { target: "/d/1?" })],
    ["one whose base is of another method", (coded) => put(2, kept(NEXT, SAVED), coded, { method: "POST" })],
    ["one cut short", (coded) => put(2, kept(NEXT, SAVED), coded.subarray(0, -1))],
    [
      "one with bytes after its end",
      (coded) => put(2, kept(NEXT, SAVED), Buffer.concat([coded, Buffer.of(0)])),
    ],
    ["one that is missing", () => put(2, kept(NEXT, SAVED), Buffer.alloc(0))],
    ["one that is no splice", () => put(2, kept(NEXT, SAVED), Buffer.from("no splice"))],
    ["one that is no zstd", () => put(2, kept(NEXT, SAVED, { codec: 1 }), Buffer.from("no zstd"))],
  ])("%s, and the web server gets it once", async (_, frame) => {
    await save(1, SAVED);
    await asks(frame(await spliced(SAVED, NEXT)));
    peer.say(dataFrame(2, compressed(NEXT)), endFrame(2));
    await serves(NEXT);
    expect((await origin.record(2)).baseMissed).toBe(true);
  });

  it.each<[string, Lie]>([
    ["one whose digest is another's", { proved: OTHER }],
    ["one shorter than it says", { size: NEXT.length + 1 }],
    ["one longer than it says", { size: NEXT.length - 1 }],
  ])("%s, and as it lied the second time too, the web server never gets it", async (_, lie) => {
    await save(1, SAVED);
    await asks(put(2, kept(NEXT, SAVED, lie), await spliced(SAVED, NEXT)));
    peer.say(dataFrame(2, compressed(NEXT)), endFrame(2));
    expect(await peer.nextOf("reset")).toMatchObject({ code: "unproved" });
    expect(requestsSeen()).toBe(0);
  });

  it("one on a damaged base, which is given up then", async () => {
    await save(1, SAVED);
    const place = { tenant: "15 www.example.com k", method: "PUT", target: "/d/1" };
    const [held] = origin.requestBodies.listed(place as never);
    held?.body.fill("x", 10, 20);
    await asks(put(2, kept(NEXT, SAVED), await spliced(SAVED, NEXT)));
    peer.say(dataFrame(2, compressed(NEXT)), endFrame(2));
    await serves(NEXT);
    await asks(put(3, kept(OTHER, SAVED), await spliced(SAVED, OTHER)), 3);
  });

  it("with a bit wrong anywhere, or is right", async () => {
    await save(1, SAVED);
    const coded = await spliced(SAVED, NEXT);
    let stream = 2;
    for (let bit = 0; bit < 8 * coded.length; bit++, stream++) {
      const damaged = Buffer.from(coded);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      peer.say(put(stream, kept(NEXT, SAVED), damaged));
      await until(() => peer.unheard > 0 || requestsSeen() > 0, `bit ${bit}`);
      if (requestsSeen() === 0) {
        expect(await peer.nextOf("askBody"), `bit ${bit}`).toMatchObject({ streamId: stream });
        peer.say(dataFrame(stream, compressed(NEXT)), endFrame(stream));
      }
      await serves(NEXT);
      // It was given up when it did not prove.
      stream++;
      await save(stream, SAVED);
    }
  });

  const missing = () => put(2, kept(NEXT, OTHER), Buffer.from("x"), { fields: ["Trailer", "Checksum"] });

  it("one that comes as it is then, in pieces, with trailers", async () => {
    await asks(missing());
    peer.say(dataFrame(2, NEXT.subarray(0, 1_000)), dataFrame(2, NEXT.subarray(1_000)));
    peer.say({ kind: "trailers", streamId: 2 as StreamId, head: ["Checksum", "abc"] }, endFrame(2));
    expect((await whole(1)).body()).toMatchObject({
      bytes: NEXT.toString(),
      trailers: "Checksum: abc\r\n\r\n",
    });
  });

  it.each<[string, readonly Frame[]]>([
    ["another body", [dataFrame(2, compressed(OTHER)), endFrame(2)]],
    ["nothing", [endFrame(2)]],
    ["a body longer than it said", [dataFrame(2, Buffer.concat([NEXT, Buffer.of(0)])), endFrame(2)]],
    ["damage", [dataFrame(2, Buffer.from("no zstd")), endFrame(2)]],
  ])("one for which %s comes, and nothing reaches the web server", async (_, frames) => {
    await asks(missing());
    peer.say(...frames);
    expect(await peer.nextOf("reset")).toMatchObject({ streamId: 2, code: "unproved" });
    expect([requestsSeen(), origin.requestBodies.count]).toEqual([0, 0]);
  });

  it("one that the visitor gives up meanwhile, and nothing reaches the web server", async () => {
    await asks(missing());
    peer.say(dataFrame(2, NEXT.subarray(0, 1_000)), resetFrame(2, "cancelled"));
    await origin.record(1);
    await clock.advance(PROOF_MS);
    expect([requestsSeen(), peer.unheard]).toEqual([0, 0]);
  });

  it("one that never comes, within bounded time", async () => {
    await asks(missing());
    await clock.advance(PROOF_MS - 1);
    expect(peer.unheard).toBe(0);
    await clock.advance(1);
    expect(await peer.nextOf("reset")).toMatchObject({ streamId: 2, code: "unproved" });
    expect(requestsSeen()).toBe(0);
  });

  it("not one that does not come to its end the first time, but that ends as soon", async () => {
    peer.say(put(2, kept(NEXT, OTHER), Buffer.from("x"), { ended: false }));
    await clock.advance(PROOF_MS);
    expect(await peer.nextOf("reset")).toMatchObject({ streamId: 2, code: "unproved" });
  });
});

describe("reset, and never given to the web server, is", () => {
  it.each<[string, Frame, string]>([
    [
      "a body without a base that does not prove",
      put(2, kept(NEXT, undefined, { proved: OTHER }), compressed(NEXT)),
      "unproved",
    ],
    [
      "one as it is that is too short",
      put(2, kept(NEXT, undefined, { codec: 0 }), NEXT.subarray(1)),
      "unproved",
    ],
    [
      "one that is longer coded than plain",
      put(2, kept(NEXT, SAVED), Buffer.alloc(NEXT.length + 1)),
      "unproved",
    ],
  ])("%s", async (_, frame, code) => {
    peer.say(frame);
    expect(await peer.nextOf("reset")).toMatchObject({ code });
    expect([requestsSeen(), origin.requestBodies.count]).toEqual([0, 0]);
  });

  it("one that its visitor gave up", async () => {
    peer.say(put(2, kept(NEXT), compressed(NEXT), { ended: false }), endFrame(2, "closed"));
    expect(await peer.nextOf("reset")).toMatchObject({ code: "cancelled" });
    expect([requestsSeen(), origin.requestBodies.count]).toEqual([0, 0]);
  });
});

describe("a bad frame is", () => {
  it.each<[string, readonly Frame[]]>([
    [
      "a kept request for an upgrade",
      [put(2, kept(NEXT), compressed(NEXT), { fields: ["Upgrade", "websocket"] })],
    ],
    [
      "a segment in one",
      [
        put(2, kept(NEXT), compressed(NEXT), { ended: false }),
        { kind: "segment", streamId: 2 as StreamId, proof: "12345678" },
      ],
    ],
    [
      "a body after the end of one that nobody asked for",
      [put(2, kept(NEXT), compressed(NEXT)), dataFrame(2, NEXT)],
    ],
    ["an end after the end", [put(2, kept(NEXT), compressed(NEXT)), endFrame(2)]],
    [
      "ask-body from an edge",
      [put(2, kept(NEXT), compressed(NEXT)), { kind: "askBody", streamId: 2 as StreamId }],
    ],
  ])("%s", async (_, frames) => {
    peer.say(...frames);
    await expect(peer.ended).resolves.toMatch(/bad-frame/);
  });

  it("a third body, after the one that was asked for", async () => {
    peer.say(put(2, kept(NEXT, OTHER), Buffer.from("x")));
    await peer.nextOf("askBody");
    peer.say(dataFrame(2, NEXT), endFrame(2), dataFrame(2, NEXT));
    await expect(peer.ended).resolves.toMatch(/bad-frame/);
  });

  it("a kept request where the hellos did not agree on it", async () => {
    const other = await wiredHalf(origin, "edge", { features: ["push", "requests"] });
    other.peer.say(put(2, kept(NEXT), compressed(NEXT)));
    await expect(other.peer.ended).resolves.toMatch(/bad-frame/);
  });
});

it("an edge of a newer version that names the feature is understood", async () => {
  const newer = await wiredHalf(origin, "edge", { version: 2, features: ["request-bases", "more"] });
  newer.peer.say(put(1, kept(NEXT, OTHER), Buffer.from("x")));
  expect(await newer.peer.nextOf("askBody")).toEqual({ kind: "askBody", streamId: 1 });
});
