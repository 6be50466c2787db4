// What an edge says of a request's body: frames as a hand-written origin side hears them, the visitor a raw socket.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hello } from "../../../protocol/frames/hello.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { compressed, decodedRequest, isBuffered, sha } from "../../kit/coded-request.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type EdgeHalf, openEdgeHalf, wiredHalf } from "../../kit/halves.ts";
import { seeded } from "../../kit/random.ts";
import { RawWire } from "../../kit/raw-wire.ts";
import { answerFrame, type Heard, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { quiet, until } from "../../kit/until.ts";

const rows = (count: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, i) => ({ id: 1000 + i, name: `row ${i}`, open: i % 3 === 0 })),
  );

let clock: FakeClock;
let memory: MemoryBudget;
let edge: EdgeHalf;
let peer: ScriptedPeer;
let visitors: RawWire[];

const start = async (hello: Partial<Hello> = {}, budget = 1 << 26): Promise<void> => {
  clock = new FakeClock();
  memory = new MemoryBudget({ totalBytes: budget, shareBytes: budget });
  edge = await openEdgeHalf({ clock, memory });
  ({ peer } = await wiredHalf(edge, "origin", hello));
};
beforeEach(async () => {
  visitors = [];
  await start();
});
afterEach(async () => {
  for (const { socket } of visitors) socket.destroy();
  await edge[Symbol.asyncDispose]();
  await until(() => memory.usedBytes === 0, "memory given back");
});

const post = async (fields: readonly string[], body: string | Buffer = ""): Promise<RawWire> => {
  const visitor = await RawWire.dial(edge.port);
  visitors.push(visitor);
  const head = ["POST /save HTTP/1.1", "Host: www.example.com", ...fields, "", ""].join("\r\n");
  return visitor.say(Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body as string, "latin1")]));
};
const jsonOf = (length: number | string): readonly string[] => [
  "Content-Type: application/json",
  typeof length === "number" ? `Content-Length: ${length}` : `Transfer-Encoding: ${length}`,
];

/** The frames of one request half, to its end. */
const half = async (): Promise<Heard[]> => {
  const frames: Heard[] = [];
  for (;;) {
    const frame = await peer.next();
    frames.push(frame);
    if (frame.kind === "end" || (frame.kind === "open" && frame.ended)) return frames;
  }
};
const codedOf = (frames: readonly Heard[]): Buffer =>
  Buffer.concat(
    frames.map((each) =>
      each.kind === "data" ? each.bytes : each.kind === "open" ? each.body : Buffer.alloc(0),
    ),
  );
const openIn = (frames: readonly Heard[]) => {
  const open = frames[0];
  if (open?.kind !== "open") throw new Error("no open");
  return open;
};
/** Every segment's proof stands for the plain bytes so far, and nothing is left over. */
const expectVerified = async (frames: readonly Heard[], body: string): Promise<void> => {
  expect(openIn(frames).extensions).toEqual([{ tag: 1, bytes: Buffer.from([1]) }]);
  expect((await decodedRequest(codedOf(frames))).toString("latin1")).toBe(body);
  const last = frames.findLast((each) => each.kind === "segment");
  expect(last).toMatchObject({ digest: sha(Buffer.from(body, "latin1"), 8) });
};

describe("a body that is here with its head", () => {
  it("and is small leaves as it is, in one frame with it", async () => {
    await post(jsonOf(13), '{"login":"x"}');
    const frames = await half();
    expect(frames).toMatchObject([
      { kind: "open", ended: true, extensions: [], body: Buffer.from('{"login":"x"}') },
    ]);
  });

  it("leaves compressed in one frame with it, and proved", async () => {
    const body = rows(200);
    await post(jsonOf(body.length), body);
    const frames = await half();
    expect(frames).toHaveLength(1);
    const open = openIn(frames);
    expect(open.ended).toBe(true);
    expect(open.extensions).toEqual([isBuffered(Buffer.from(body))]);
    expect(open.body.length).toBeLessThan(body.length / 5);
    expect((await decodedRequest(open.body)).toString()).toBe(body);
  });

  it("and has chunks and trailers leaves so with its trailers", async () => {
    const body = rows(50);
    await post(
      [...jsonOf("chunked"), "Trailer: Checksum"],
      `${body.length.toString(16)}\r\n${body}\r\n0\r\nChecksum: abc\r\n\r\n`,
    );
    const frames = await half();
    expect(frames.map(({ kind }) => kind)).toEqual(["open", "trailers", "end"]);
    expect(openIn(frames).extensions).toEqual([isBuffered(Buffer.from(body))]);
    expect(frames[1]).toMatchObject({ head: ["Checksum", "abc"] });
  });

  it("and gains nothing leaves as it is", async () => {
    const body = seeded().bytes(2_000);
    await post(jsonOf(body.length), body);
    const frames = await half();
    expect(openIn(frames).extensions).toEqual([]);
    expect(codedOf(frames).equals(body)).toBe(true);
  });

  it.each([
    ["that another site had sent", ["Sec-Fetch-Site: cross-site"]],
    ["from another origin", ["Origin: https://evil.example"]],
    ["that is compressed already", ["Content-Encoding: br"]],
  ])("%s leaves as it is", async (_, fields) => {
    const body = rows(100);
    await post([...jsonOf(body.length), ...fields], body);
    const frames = await half();
    expect(openIn(frames).extensions).toEqual([]);
    expect(codedOf(frames).toString()).toBe(body);
  });

  it("leaves as it is to an origin side that does not speak of it", async () => {
    await edge[Symbol.asyncDispose]();
    await start({ features: ["push"] });
    const body = rows(100);
    await post(jsonOf(body.length), body);
    const frames = await half();
    expect(openIn(frames).extensions).toEqual([]);
    expect(codedOf(frames).toString()).toBe(body);
  });
});

describe("a body that comes later", () => {
  it("is waited for, for five milliseconds and no more, and leaves in segments whenever it pauses", async () => {
    const visitor = await post(jsonOf(600));
    await quiet(
      () => clock.timers,
      () => 0,
    );
    await clock.advance(4);
    expect(peer.unheard).toBe(0);
    await clock.advance(1);
    const frames: Heard[] = [await peer.nextOf("open")];
    const text = rows(20).slice(0, 600);
    for (const [from, to] of [
      [0, 100],
      [100, 101],
      [101, 500],
    ] as const) {
      visitor.say(text.slice(from, to));
      while (peer.unheard < 2) await clock.advance(1);
      const data = await peer.nextOf("data");
      const digest = await peer.nextOf("segment");
      frames.push(data, digest);
      expect(digest.digest).toBe(sha(Buffer.from(text.slice(0, to)), 8));
    }
    visitor.say(text.slice(500));
    frames.push(...(await half()));
    await expectVerified(frames, text);
  });

  it("and expects 100 is opened at once", async () => {
    await post([...jsonOf(1_000), "Expect: 100-continue"]);
    const open = await peer.nextOf("open");
    expect(open).toMatchObject({ ended: false, extensions: [{ tag: 1, bytes: Buffer.from([1]) }] });
    peer.say(answerFrame(open.streamId, { kind: "interim" }, { head: [":status", "100"] }));
    await visitors[0]?.hears("HTTP/1.1 100 Continue\r\n\r\n");
    const body = rows(60).slice(0, 1_000);
    visitors[0]?.say(body);
    const frames = [open, ...(await half())];
    await expectVerified(frames, body);
  });

  it("and is said to come as it is made is opened at once", async () => {
    await post([...jsonOf(1_000), "Incremental: ?1"]);
    const open = await peer.nextOf("open");
    expect(open).toMatchObject({ ended: false, extensions: [{ tag: 1, bytes: Buffer.from([1]) }] });
    const body = rows(60).slice(0, 1_000);
    visitors[0]?.say(body);
    await expectVerified([open, ...(await half())], body);
  });

  it("and is large leaves in segments of 256 KiB at most", async () => {
    const body = rows(12_000);
    await post(jsonOf(body.length), body);
    const frames: Heard[] = [];
    while (frames.at(-1)?.kind !== "end") {
      const frame = await peer.next();
      frames.push(frame);
      if (frame.kind === "data")
        peer.say({ kind: "window", streamId: frame.streamId, bytes: frame.bytes.length, received: 0 });
    }
    await expectVerified(frames, body);
    const segments = frames.filter(({ kind }) => kind === "segment").length;
    expect(segments).toBeGreaterThanOrEqual(Math.ceil(body.length / (256 * 1024)));
    expect(codedOf(frames).length).toBeLessThan(body.length / 5);
  });

  it("and is given up ends so, and never as if it were whole", async () => {
    const visitor = await post(jsonOf(100_000), rows(100));
    const open = await peer.nextOf("open");
    visitor.socket.resetAndDestroy();
    for (;;) {
      const frame = await peer.next();
      expect(frame.kind === "end" && frame.how === "complete").toBe(false);
      if (frame.kind === "reset") break;
    }
    expect(open.ended).toBe(false);
  });

  it("leaves as it is where there is no memory to compress it", async () => {
    await edge[Symbol.asyncDispose]();
    await start({}, 300_000);
    const body = rows(3_000);
    await post(jsonOf(body.length), body);
    const frames = await half();
    expect(openIn(frames).extensions).toEqual([]);
    expect(codedOf(frames).toString()).toBe(body);
  });
});

it("a form with a file leaves as it is, one without compressed", async () => {
  const part = (name: string, value: string) =>
    `--b0undary\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const small = `${Array.from({ length: 20 }, (_, i) => part(`field${i}`, `value ${i}`)).join("")}--b0undary--\r\n`;
  const type = "Content-Type: multipart/form-data; boundary=b0undary";
  await post([type, `Content-Length: ${small.length}`], small);
  const fields = await half();
  expect(openIn(fields).extensions).toEqual([isBuffered(Buffer.from(small))]);
  expect(openIn(fields).body.length).toBeLessThanOrEqual(compressed(Buffer.from(small)).length + 20);
  const file = part("file", "x".repeat(70_000));
  await post([type, `Content-Length: ${file.length}`], file);
  const frames = await half();
  expect(openIn(frames).extensions).toEqual([]);
  expect(codedOf(frames).toString()).toBe(file);
});

it("the access log tells what a body was and what it cost", async () => {
  const body = rows(200);
  await post(jsonOf(body.length), body);
  const open = openIn(await half());
  peer.say(answerFrame(open.streamId, { kind: "passed" }, { ended: true }));
  expect(await edge.record(1)).toMatchObject({ bodyBytes: body.length, requestBytes: open.body.length });
});
