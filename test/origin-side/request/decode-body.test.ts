// Coded requests as a hand-written edge sends them, right and wrong: what the web server sees of them, byte by byte.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IncomingExchange } from "../../../origin-side/exchange/incoming-exchange.ts";
import {
  MOST_REQUEST_DECODERS,
  RequestDecoders,
  requestBodyOf,
} from "../../../origin-side/request/decode-body.ts";
import { SEGMENT_BYTES } from "../../../protocol/codec/segment-writer.ts";
import { requestEncoder } from "../../../protocol/codec/zstd-stream.ts";
import type { Frame, StreamFrame, StreamId } from "../../../protocol/frames/frame.ts";
import type { Extension } from "../../../protocol/wire/extensions.ts";
import { compressed, IN_SEGMENTS, inSegments, isBuffered, sha } from "../../kit/coded-request.ts";
import { openRawServer } from "../../kit/fake-origin.ts";
import { FakeStream, openOf } from "../../kit/fake-stream.ts";
import { type OriginHalf, openOriginHalf, wiredHalf } from "../../kit/halves.ts";
import { seeded } from "../../kit/random.ts";
import { RawWire } from "../../kit/raw-wire.ts";
import { dataFrame, endFrame, openFrame, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { stillness, until } from "../../kit/until.ts";

let connections: RawWire[];
let server: Awaited<ReturnType<typeof openRawServer>>;
let origin: OriginHalf;
let peer: ScriptedPeer;

beforeEach(async () => {
  connections = [];
  server = await openRawServer((socket) => connections.push(new RawWire(socket)));
  origin = await openOriginHalf({ port: server.port });
  ({ peer } = await wiredHalf(origin, "edge"));
});
afterEach(async () => {
  await origin[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const TEXT = Buffer.from(
  JSON.stringify(Array.from({ length: 100 }, (_, i) => ({ id: i, name: `row ${i}` }))),
);

const post = (
  coding: readonly Extension[],
  more: { fields?: readonly string[]; body?: Uint8Array; ended?: boolean; stream?: number } = {},
): Frame =>
  openFrame(more.stream ?? 1, {
    head: [
      ":method",
      "POST",
      ":target",
      "/",
      "Host",
      "www.example.com",
      "Incremental",
      "?1",
      ...(more.fields ?? []),
    ],
    extensions: coding,
    body: more.body ?? Buffer.alloc(0),
    ended: more.ended ?? false,
  });
const segment = (digest: string, stream = 1): Frame => ({
  kind: "segment",
  streamId: stream as StreamId,
  digest,
});
const trailers = (head: readonly string[]): Frame => ({ kind: "trailers", streamId: 1 as StreamId, head });

const connection = async (): Promise<RawWire> => {
  await until(() => connections.length > 0, "a connection to the web server");
  const [wire] = connections;
  if (wire === undefined) throw new Error("no connection");
  return wire;
};
const heard = async (whole: (wire: RawWire) => boolean): Promise<RawWire> => {
  const wire = await connection();
  await until(() => whole(wire), `a request: ${wire.text.slice(0, 300)}`);
  return wire;
};
const answered = async (wire: RawWire): Promise<void> => {
  wire.say("HTTP/1.1 204 No Content\r\n\r\n");
  expect((await peer.nextOf("answer")).head.slice(0, 2)).toEqual([":status", "204"]);
};
/** The edge is told, and the web server saw the beginning of a request at most, and a connection that broke off. */
const expectBroken = async (mayHaveSeen: Uint8Array): Promise<void> => {
  expect((await peer.nextOf("reset")).code).toBe("mismatch");
  const wire = await connection();
  // One on which nothing was said yet rests a second before it closes.
  if (wire.text !== "") await wire.ends();
  const { bytes, complete } = wire.body();
  expect(complete).toBe(false);
  expect(Buffer.from(mayHaveSeen).toString("latin1").startsWith(bytes)).toBe(true);
  expect(connections).toHaveLength(1);
};

describe("a body in one piece", () => {
  it("reaches the web server with the length that the visitor gave", async () => {
    const fields = ["Content-Length", String(TEXT.length)];
    peer.say(post([isBuffered(TEXT)], { fields, body: compressed(TEXT), ended: true }));
    const wire = await heard((each) => each.body().complete);
    expect(wire.text).toContain(`Content-Length: ${TEXT.length}\r\n`);
    expect(wire.text.toLowerCase()).not.toContain("transfer-encoding");
    expect(wire.body().bytes).toBe(TEXT.toString());
    await answered(wire);
  });

  it("reaches it in chunks where it had no length, with its trailers", async () => {
    const coded = compressed(TEXT);
    const pieces = [coded.subarray(0, 7), coded.subarray(7)];
    peer.say(post([isBuffered(TEXT)], { fields: ["Trailer", "Checksum"] }));
    peer.say(...pieces.map((piece) => dataFrame(1, piece)), trailers(["Checksum", "abc"]), endFrame(1));
    const wire = await heard((each) => each.body().complete);
    expect(wire.body()).toMatchObject({ bytes: TEXT.toString(), trailers: "Checksum: abc\r\n\r\n" });
    await answered(wire);
  });

  it.each<[string, Extension, (coded: Buffer) => Buffer]>([
    ["whose digest is another's", isBuffered(TEXT, { verified: Buffer.from("other") }), (coded) => coded],
    ["shorter than it says", isBuffered(TEXT, { size: TEXT.length + 1 }), (coded) => coded],
    ["longer than it says", isBuffered(TEXT, { size: TEXT.length - 1 }), (coded) => coded],
    ["cut short", isBuffered(TEXT), (coded) => coded.subarray(0, -1)],
    ["with bytes after its end", isBuffered(TEXT), (coded) => Buffer.concat([coded, Buffer.from([0])])],
    ["that is missing", isBuffered(TEXT), () => Buffer.alloc(0)],
    ["that is no zstd", isBuffered(TEXT), () => Buffer.from("no zstd")],
    ["longer coded than plain", isBuffered(TEXT), () => Buffer.alloc(TEXT.length + 1, 1)],
  ])("%s never reaches it as complete, and reaches it once", async (_, coding, damage) => {
    peer.say(post([coding], { body: damage(compressed(TEXT)), ended: true }));
    await expectBroken(Buffer.alloc(0));
  });
});

describe("a body in segments", () => {
  it("reaches the web server segment by segment", async () => {
    const pieces = ["first ", "second ", "third"].map((text) => Buffer.from(text));
    const { coded, digests, end } = await inSegments(pieces);
    peer.say(post([IN_SEGMENTS]));
    for (const [i, piece] of coded.entries()) {
      peer.say(dataFrame(1, piece), segment(digests[i] ?? ""));
      const sofar = Buffer.concat(pieces.slice(0, i + 1)).toString();
      const wire = await heard((each) => each.text.includes("\r\n\r\n") && each.body().bytes === sofar);
      expect(wire.body().complete).toBe(false);
    }
    peer.say(dataFrame(1, end), endFrame(1));
    const wire = await heard((each) => each.body().complete);
    await answered(wire);
  });

  it("is held back until it is proved", async () => {
    const { coded, digests } = await inSegments([Buffer.from("first "), Buffer.from("second")]);
    peer.say(
      post([IN_SEGMENTS]),
      dataFrame(1, coded[0] ?? coded[0] ?? Buffer.alloc(0)),
      segment(digests[0] ?? ""),
    );
    peer.say(dataFrame(1, coded[1] ?? Buffer.alloc(0)));
    await heard((each) => each.text.includes("\r\n\r\n") && each.body().bytes === "first ");
    peer.say(segment(sha(Buffer.from("first another"), 8)));
    await expectBroken(Buffer.from("first "));
  });

  it.each<[string, (coded: Buffer, end: Buffer, digest: string) => readonly Frame[]]>([
    [
      "with bytes after its last proof",
      (coded, end) => [dataFrame(1, coded), dataFrame(1, end), endFrame(1)],
    ],
    ["whose frame does not end", (coded, _, digest) => [dataFrame(1, coded), segment(digest), endFrame(1)]],
    [
      "with bytes after its frame",
      (coded, end, digest) => [
        dataFrame(1, coded),
        segment(digest),
        dataFrame(1, Buffer.concat([end, Buffer.from([0])])),
        endFrame(1),
      ],
    ],
    [
      "that is no zstd",
      (_, __, digest) => [dataFrame(1, Buffer.from("no zstd")), segment(digest), endFrame(1)],
    ],
    ["that is missing", () => [endFrame(1)]],
  ])("%s never reaches it as complete", async (_, frames) => {
    const { coded, digests, end } = await inSegments([TEXT]);
    peer.say(post([IN_SEGMENTS]), ...frames(coded[0] ?? end, end, digests[0] ?? ""));
    await expectBroken(TEXT);
  });

  it("that does not prove on a connection that had served before is not mistaken for a stale one", async () => {
    peer.say(post([isBuffered(TEXT)], { body: compressed(TEXT), ended: true }));
    const wire = await heard((each) => each.body().complete);
    await answered(wire);
    wire.text = "";
    const { coded, digests } = await inSegments([TEXT]);
    peer.say(
      post([IN_SEGMENTS], { stream: 2 }),
      dataFrame(2, coded[0] ?? Buffer.alloc(0)),
      segment(digests[0] ?? "", 2),
    );
    await heard((each) => each.text.includes("\r\n\r\n") && each.body().bytes === TEXT.toString());
    peer.say(dataFrame(2, Buffer.from("no zstd")));
    for (let frame = await peer.next(); ; frame = await peer.next()) {
      if (frame.kind !== "reset") continue;
      expect(frame.code).toBe("mismatch");
      break;
    }
    await wire.ends();
    expect(connections).toHaveLength(1);
  });

  it("that the visitor gave up breaks the web server's connection", async () => {
    const { coded, digests } = await inSegments([TEXT]);
    peer.say(post([IN_SEGMENTS]), dataFrame(1, coded[0] ?? Buffer.alloc(0)), segment(digests[0] ?? ""));
    const wire = await heard(
      (each) => each.text.includes("\r\n\r\n") && each.body().bytes === TEXT.toString(),
    );
    peer.say(endFrame(1, "closed"));
    await wire.ends();
    expect(wire.body().complete).toBe(false);
  });

  it("that is longer or shorter than its Content-Length breaks it", async () => {
    const { coded, digests, end } = await inSegments([TEXT]);
    const fields = ["Content-Length", String(TEXT.length + 1)];
    peer.say(post([IN_SEGMENTS], { fields }), dataFrame(1, coded[0] ?? end), segment(digests[0] ?? ""));
    peer.say(dataFrame(1, end), endFrame(1));
    const wire = await connection();
    await wire.ends();
    expect(wire.body().complete).toBe(false);
  });

  const bomb = async (bytes: number): Promise<readonly Buffer[]> => {
    const encoder = requestEncoder();
    const coded: Buffer[] = [];
    for (let left = bytes; left > 0; left -= SEGMENT_BYTES)
      coded.push(await encoder.write(Buffer.alloc(Math.min(left, SEGMENT_BYTES))), await encoder.flush());
    encoder.destroy();
    return coded.filter(({ length }) => length > 0);
  };

  it("of 256 KiB to a proof is taken", async () => {
    const body = Buffer.alloc(2 * SEGMENT_BYTES);
    peer.say(post([IN_SEGMENTS]), ...(await bomb(body.length)).map((piece) => dataFrame(1, piece)));
    peer.say(segment(sha(body, 8)));
    await heard((each) => each.text.includes("\r\n\r\n") && each.body().bytes.length === body.length);
  });

  it("of one byte more is refused before it is decoded further", async () => {
    const pieces = await bomb(2 * SEGMENT_BYTES + 1);
    peer.say(post([IN_SEGMENTS]), ...pieces.map((piece) => dataFrame(1, piece)));
    await expectBroken(Buffer.alloc(0));
  });

  it("that would be a gigabyte is refused, in a few kilobytes and little memory", async () => {
    const encoder = requestEncoder();
    const coded = [];
    const nothing = Buffer.alloc(2 * 1024 * 1024);
    for (let i = 0; i < 512; i++) coded.push(await encoder.write(nothing));
    encoder.destroy();
    const bytes = Buffer.concat(coded);
    expect(bytes.length).toBeLessThan(128 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    peer.say(post([IN_SEGMENTS]));
    for (let at = 0; at < bytes.length; at += 16_000) peer.say(dataFrame(1, bytes.subarray(at, at + 16_000)));
    await expectBroken(Buffer.alloc(0));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  it("goes no faster than the web server takes it", async () => {
    // More than sockets hold; what repeats is further apart than the window.
    const slab = seeded().bytes(1024 * 1024);
    const pieces = Array.from({ length: 24 * 8 }, (_, i) =>
      slab.subarray((i % 8) * 131_072, ((i % 8) + 1) * 131_072),
    );
    const { coded, digests } = await inSegments(pieces);
    peer.say(post([IN_SEGMENTS]));
    const wire = await connection();
    wire.socket.pause();
    let sent = 0;
    const room = () => peer.hello.streamBytes + (peer.window.get(1) ?? 0) - sent;
    for (const [i, piece] of coded.entries()) {
      if (room() < piece.length) await stillness(room);
      if (room() < piece.length) break;
      peer.say(...slices(piece).map((part) => dataFrame(1, part)), segment(digests[i] ?? ""));
      sent += piece.length;
    }
    expect(sent).toBeLessThan(20 * slab.length);
    wire.socket.resume();
    await until(
      () =>
        wire.text.includes("\r\n\r\n") && wire.body().bytes.length === Math.floor(sent / 131_072) * 131_072,
    );
  });
});

describe("with a bit wrong anywhere", () => {
  /** All that comes out of an exchange that hears these frames, up to an error. */
  const readOf = async (
    coding: Extension,
    frames: readonly Frame[],
  ): Promise<{ text: string; whole: boolean }> => {
    const stream = new FakeStream();
    const open = openOf({ extensions: [coding], ended: false });
    const exchange = new IncomingExchange(stream.asStream, open, { headBytes: 1 << 15, codedRequests: true });
    for (const frame of frames) stream.says(frame as StreamFrame);
    const held = requestBodyOf(exchange, new RequestDecoders());
    let text = "";
    try {
      for (;;) {
        const next = await held?.body.next();
        if (!(next instanceof Uint8Array)) return { text, whole: next?.how === "complete" };
        text += Buffer.from(next).toString("latin1");
      }
    } catch (error) {
      expect(error).toMatchObject({ code: "mismatch" });
      return { text, whole: false };
    } finally {
      held?.close();
    }
  };
  const flipped = (bytes: Buffer, bit: number): Buffer => {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return damaged;
  };

  it("a body in one piece is right, or ends in an error", async () => {
    const coded = compressed(TEXT);
    let whole = 0;
    for (let bit = 0; bit < 8 * coded.length; bit++) {
      const read = await readOf(isBuffered(TEXT), [dataFrame(1, flipped(coded, bit)), endFrame(1)]);
      if (read.whole) whole++;
      expect(read.text, `bit ${bit}`).toBe(read.whole ? TEXT.toString() : "");
    }
    expect(whole).toBeLessThan(64);
  });

  it("a body in segments is right as far as it goes, and ends only if it is whole", async () => {
    const random = seeded();
    const pieces = [TEXT.subarray(0, 900), TEXT.subarray(900)];
    const { coded, digests, end } = await inSegments(pieces);
    for (let run = 0; run < 300; run++) {
      const parts = [...coded, end];
      const hit = random.int(0, parts.length - 1);
      const part = parts[hit] ?? end;
      parts[hit] = flipped(part, random.int(0, 8 * part.length - 1));
      const [first = end, second = end, last = end] = parts;
      const read = await readOf(IN_SEGMENTS, [
        ...[dataFrame(1, first), segment(digests[0] ?? "")],
        ...[dataFrame(1, second), segment(digests[1] ?? ""), dataFrame(1, last), endFrame(1)],
      ]);
      expect(["", pieces[0]?.toString(), TEXT.toString()]).toContain(read.text);
      if (read.whole) expect(read.text).toBe(TEXT.toString());
    }
  });
});

const slices = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / 16_000) }, (_, i) =>
    bytes.subarray(i * 16_000, (i + 1) * 16_000),
  );

describe("a bad frame is", () => {
  it.each<[string, readonly Frame[]]>([
    ["a segment in a body that is as it is", [post([]), segment("12345678")]],
    ["a segment in a body in one piece", [post([isBuffered(TEXT)]), segment("12345678")]],
    ["a codec that is not in use", [post([{ tag: 1, bytes: Buffer.from([2]) }])]],
    ["a coded request for an upgrade", [post([IN_SEGMENTS], { fields: ["Upgrade", "websocket"] })]],
  ])("%s", async (_, frames) => {
    peer.say(...frames);
    await expect(peer.ended).resolves.toMatch(/bad-frame/);
  });

  it("a coded request where the hellos did not agree on it", async () => {
    const other = await wiredHalf(origin, "edge", { features: ["push"] });
    other.peer.say(post([IN_SEGMENTS]));
    await expect(other.peer.ended).resolves.toMatch(/bad-frame/);
  });
});

it("a request too many is refused, and never given to the web server", async () => {
  const decoders = new RequestDecoders();
  for (let i = 0; i < MOST_REQUEST_DECODERS; i++) expect(decoders.take()).toBe(true);
  expect(decoders.take()).toBe(false);
  decoders.release();
  expect(decoders.take()).toBe(true);
});
