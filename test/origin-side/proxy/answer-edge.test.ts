/** A real origin side between a scripted edge, frame by frame, and a web server on loopback. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MOST_MISMATCHES } from "../../../origin-side/answer/coding/codec-trust.ts";
import { MOST_WAITING_ACKNOWLEDGEMENTS } from "../../../origin-side/exchange/incoming-exchange.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import { answerSizesExtension } from "../../../protocol/frames/answer-sizes.ts";
import type { AnswerFrame, StreamId } from "../../../protocol/frames/frame.ts";
import type { Link, LinkEnd } from "../../../protocol/link/link-api.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import {
  bodyOf,
  type FakeOrigin,
  flood,
  freePort,
  openOrigin,
  openRawServer,
} from "../../kit/fake-origin.ts";
import {
  type OriginHalf,
  type OriginOptions,
  openOriginHalf,
  TEST_HOST,
  wiredHalf,
} from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { seeded } from "../../kit/random.ts";
import {
  answerFrame,
  dataFrame,
  endFrame,
  openFrame,
  resetFrame,
  type ScriptedPeer,
} from "../../kit/scripted-peer.ts";
import { changes, reached, stillness, until } from "../../kit/until.ts";
import { laterPage, madePage } from "../../protocol/codec/made-pages.ts";

watchLeaks();

let web: FakeOrigin;
let page: Buffer;
let open: AsyncDisposableStack;
beforeEach(async () => {
  open = new AsyncDisposableStack();
  page = madePage(seeded(), 50);
  web = open.use(
    await openOrigin((_, response) => {
      response.writeHead(200, { "Content-Type": "text/html", "Content-Length": page.length });
      response.end(page);
    }),
  );
});
afterEach(() => open.disposeAsync());

const joined = async (
  options: Partial<OriginOptions> = {},
): Promise<{ side: OriginHalf; edge: ScriptedPeer; link: Link; ended: Promise<LinkEnd> }> => {
  const side = open.use(await openOriginHalf({ port: web.port, ...options }));
  const { peer: edge, link, ended } = await wiredHalf(side, "edge");
  return { side, edge, link, ended };
};

const id = (streamId: number) => streamId as StreamId;
const short = (body: Buffer) => shortOf(fingerprintOf(body));

/** One answer in one piece, head and body. */
const answered = async (edge: ScriptedPeer): Promise<{ answer: AnswerFrame; coded: Buffer }> => {
  const answer = await edge.nextOf("answer");
  const pieces: Uint8Array[] = [answer.body];
  for (let { ended } = answer; !ended; ) {
    const frame = await edge.next();
    if (frame.kind === "data") pieces.push(frame.bytes);
    else if (frame.kind === "end") ended = true;
    else throw new Error(`${frame.kind} in the answer`);
  }
  return { answer, coded: Buffer.concat(pieces) };
};

describe("an exchange", () => {
  it("asks the web server, and answers whole; both ends then remember", async () => {
    const { side, edge } = await joined();
    edge.say(openFrame(1, { target: "/a" }));
    const { answer, coded } = await answered(edge);
    expect(answer.head.slice(0, 2)).toEqual([":status", "200"]);
    expect((await STREAMING_CODEC.decode([], coded, { pageBytes: 1e6 })).equals(page)).toBe(true);
    expect(await side.record(1)).toMatchObject({
      status: 200,
      answer: "whole",
      reason: undefined,
      bases: 0,
      pageBytes: page.length,
    });
    const partition = partitionOf({ keyId: "k", host: TEST_HOST });
    expect(side.store.find(partition, fingerprintOf(page))?.body.equals(page)).toBe(true);
    expect([web.asked, side.memory.usedBytes]).toEqual([["/a"], 0]);
  });

  it("whose page was offered is answered same, and is over when the edge has proved it", async () => {
    const { side, edge } = await joined();
    edge.say(openFrame(1));
    await answered(edge);
    edge.say(openFrame(2, { offers: ["notheld!", short(page)] }));
    const { answer, coded } = await answered(edge);
    expect(answer.form).toEqual({ kind: "same", offer: 1, result: fingerprintOf(page).slice(0, 16) });
    expect(coded.length).toBe(0);
    expect(side.records).toHaveLength(1);
    edge.say({ kind: "verified", streamId: id(2), offset: page.length });
    expect(await side.record(2)).toMatchObject({ answer: "same", bases: 1 });
  });

  it("whose acknowledgement waits for company is noted meanwhile, and once", async () => {
    const { side, edge, link } = await joined();
    edge.say(openFrame(1));
    await answered(edge);
    edge.say(openFrame(2, { offers: [short(page)] }));
    await answered(edge);
    expect(await side.record(2)).toMatchObject({ answer: "same", bases: 1 });
    expect(link.load).toBe(1);
    edge.say({ kind: "verified", streamId: id(2), offset: page.length });
    await until(() => link.load === 0);
    expect([await stillness(() => side.records.length), side.memory.usedBytes]).toEqual([2, 0]);
  });

  it("that offers what this side does not hold is answered whole", async () => {
    const { side, edge } = await joined();
    edge.say(openFrame(1, { offers: ["12345678", "abcdefgh"] }));
    expect((await answered(edge)).answer.form.kind).toBe("whole");
    expect(await side.record(1)).toMatchObject({ answer: "whole", reason: "not-held" });
  });

  it("whose answer another site may have asked for passes, and the record says so", async () => {
    const { side, edge } = await joined();
    edge.say(openFrame(1, { extensions: [answerSizesExtension({ kind: "plain" })] }));
    expect((await answered(edge)).coded.equals(page)).toBe(true);
    expect(await side.record(1)).toMatchObject({ answer: "passed", reason: "foreign" });
  });

  it("that offers one version twice is answered by a delta that both ends read alike", async () => {
    const { edge } = await joined();
    const old = page;
    edge.say(openFrame(1));
    await answered(edge);
    page = laterPage(seeded(), page);
    edge.say(openFrame(2, { offers: [short(old), short(old)] }));
    const { answer, coded } = await answered(edge);
    expect(answer.form).toMatchObject({ kind: "delta", offers: 0b11 });
    expect((await STREAMING_CODEC.decode([old, old], coded, { pageBytes: 1e6 })).equals(page)).toBe(true);
  });

  it("that does not match at the edge gets the plain page, and the web server is asked once", async () => {
    const { side, edge } = await joined();
    const old = page;
    edge.say(openFrame(1));
    await answered(edge);
    page = laterPage(seeded(), page);
    edge.say(openFrame(2, { offers: [short(old)] }));
    await answered(edge);
    edge.say({ kind: "askWhole", streamId: id(2), offset: 0 });
    expect(await edge.nextOf("resume")).toMatchObject({ offset: 0 });
    for (let frame = await edge.next(); frame.kind !== "end"; frame = await edge.next())
      expect(["data", "segment"]).toContain(frame.kind);
    edge.say({ kind: "verified", streamId: id(2), offset: page.length });
    expect(await side.record(2)).toMatchObject({ answer: "delta" });
    expect([web.asked.length, side.memory.usedBytes]).toEqual([2, 0]);
  });

  it("is answered by a codec whose deltas did not match eight times no more", async () => {
    const { edge } = await joined();
    edge.say(openFrame(1));
    await answered(edge);
    const codecs: unknown[] = [];
    for (let n = 2; n <= MOST_MISMATCHES + 3; n++) {
      const old = page;
      page = laterPage(seeded(), page);
      edge.say(openFrame(n, { offers: [short(old)] }));
      const { form } = (await answered(edge)).answer;
      codecs.push(form.kind === "delta" ? form.codec : form.kind);
      if (form.kind !== "delta") continue;
      edge.say({ kind: "askWhole", streamId: id(n), offset: 0 });
      while ((await edge.next()).kind !== "end");
      edge.say({ kind: "verified", streamId: id(n), offset: page.length });
    }
    expect(codecs.slice(0, MOST_MISMATCHES)).toEqual(Array(MOST_MISMATCHES).fill(codecs[0]));
    expect(codecs.slice(MOST_MISMATCHES)).not.toContain(codecs[0]);
  });

  it("for a host without a route is no-route, and nothing is asked", async () => {
    const { side, edge } = await joined();
    edge.say(openFrame(1, { host: "other.example.com" }));
    expect(await edge.nextOf("reset")).toMatchObject({ code: "no-route" });
    expect([(await side.record(1)).failed, web.asked]).toEqual(["no-route", []]);
  });

  it("whose web server is away is origin-failed", async () => {
    const { edge } = await joined({ port: await freePort() });
    edge.say(openFrame(1));
    expect(await edge.nextOf("reset")).toMatchObject({ code: "origin-failed" });
  });

  it("whose response head is larger than the edge takes is origin-failed", async () => {
    web.serve = (_, response) => {
      response.setHeader("X-Long", "x".repeat(17 * 1024));
      response.end("ok");
    };
    const { side, edge } = await joined();
    expect(edge.hello.headBytes).toBeLessThan(17 * 1024);
    edge.say(openFrame(1));
    expect(await edge.nextOf("reset")).toMatchObject({ code: "origin-failed" });
    await side.record(1);
  });

  it("whose web server breaks off is truncated, and holds no memory", async () => {
    web.serve = (_, response) => {
      response.writeHead(200, { "Content-Type": "text/html", "Content-Length": 1_000 });
      response.write("x".repeat(500), () => response.destroy());
    };
    const { side, edge } = await joined();
    edge.say(openFrame(1));
    for (;;) {
      const frame = await edge.next();
      if (frame.kind !== "reset") continue;
      expect(frame.code).toBe("truncated");
      break;
    }
    const { failed, reason } = await side.record(1);
    expect([failed, reason, side.memory.usedBytes]).toEqual(["truncated", "broken", 0]);
  });

  it("that the edge gives up ends the request to the web server, and holds no memory", async () => {
    const left = Promise.withResolvers<void>();
    web.serve = (request, response) => {
      request.socket.once("close", () => left.resolve());
      response.writeHead(200, { "Content-Type": "text/html" });
      response.write("x".repeat(10_000));
    };
    const { side, edge } = await joined();
    edge.say(openFrame(1));
    await edge.nextOf("answer");
    edge.say(resetFrame(1, "cancelled"));
    await left.promise;
    expect([(await side.record(1)).failed, side.memory.usedBytes]).toEqual(["cancelled", 0]);
  });

  it("that a lost link ends is told so, and holds no memory", async () => {
    web.serve = () => {};
    const { side, edge, ended } = await joined();
    edge.say(openFrame(1));
    await web.askedReach(1);
    edge.cut();
    await ended;
    expect([(await side.record(1)).failed, side.memory.usedBytes]).toEqual(["link-lost", 0]);
  });

  it("without budget streams its page whole", async () => {
    const { side, edge } = await joined();
    const other = side.memory.lease("k");
    while (other.grow(1024 * 1024));
    while (other.grow(1_024));
    expect(side.memory.totalBytes - side.memory.usedBytes).toBeLessThan(page.length);
    edge.say(openFrame(1));
    expect((await edge.nextOf("answer")).form).toMatchObject({ kind: "whole", result: undefined });
    await until(() => side.records.length === 1);
  });
});

describe("a request's body", () => {
  it("reaches the web server as it comes, and gives its credit back", async () => {
    web.serve = async (request, response) => response.end(`got ${(await bodyOf(request)).length}`);
    const { edge } = await joined();
    edge.say(
      openFrame(1, {
        ended: false,
        head: [":method", "POST", ":target", "/", "Host", TEST_HOST],
      }),
    );
    for (let sent = 0; sent < 8; sent++) edge.say(dataFrame(1, Buffer.alloc(16_000, "x")));
    edge.say(endFrame(1));
    const { answer, coded } = await answered(edge);
    expect([answer.form.kind, coded.toString()]).toEqual(["passed", "got 128000"]);
    expect(edge.window.get(1)).toBeGreaterThanOrEqual(64_000);
  });

  it("that the web server does not want is stopped when the answer is complete", async () => {
    web.serve = (_, response) => {
      response.writeHead(413, { Connection: "close" });
      response.end("too large");
    };
    const { edge } = await joined();
    edge.say(
      openFrame(1, {
        ended: false,
        head: [":method", "POST", ":target", "/", "Host", TEST_HOST],
      }),
    );
    edge.say(dataFrame(1, Buffer.alloc(1_000)));
    // Said at once, so before the answer: frames of the link go first.
    expect(await edge.nextOf("stopSending")).toMatchObject({ code: "cancelled" });
    const { answer } = await answered(edge);
    expect(answer.head.slice(0, 2)).toEqual([":status", "413"]);
  });

  it("that was refused is read to its end and dropped, or the end behind it could never come", async () => {
    // It reads the head and no more; its answer comes when all of the window is used up.
    let answer = () => {};
    await using server = await openRawServer((socket) => {
      socket.once("data", () => socket.pause());
      answer = () => socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large");
    });
    const { edge, link } = await joined({ port: server.port });
    const head = [":method", "POST", ":target", "/", "Host", TEST_HOST];
    edge.say(openFrame(1, { ended: false, head }));
    let said = 0;
    const window = () => edge.hello.streamBytes + (edge.window.get(1) ?? 0);
    do {
      for (; said + 16 * 1024 <= window(); said += 16 * 1024) edge.say(dataFrame(1, Buffer.alloc(16 * 1024)));
    } while (await changes(window));
    const before = edge.window.get(1) ?? 0;
    answer();
    await edge.nextOf("stopSending");
    await answered(edge);
    await until(() => (edge.window.get(1) ?? 0) >= before + 64 * 1024, "credit for what had come");
    const again = edge.window.get(1) ?? 0;
    for (let n = 0; n < 4; n++) edge.say(dataFrame(1, Buffer.alloc(16 * 1024)));
    await until(() => (edge.window.get(1) ?? 0) > again, "credit for what still came");
    edge.say(endFrame(1, "closed"));
    await until(() => link.load === 0, "the end of the stream");
  });
});

describe("an edge that does not play fair", () => {
  it("with more acknowledgements than any answer needs loses the stream, not the link", async () => {
    const running: (() => void)[] = [];
    web.serve = (_, response) => running.push(() => response.end("x"));
    const { side, edge } = await joined();
    edge.say(openFrame(1), openFrame(2));
    await web.askedReach(2);
    for (let said = 0; said <= MOST_WAITING_ACKNOWLEDGEMENTS; said++)
      edge.say({ kind: "verified", streamId: id(1), offset: said });
    expect(await edge.nextOf("reset")).toMatchObject({ streamId: 1 });
    for (const finish of running) finish();
    expect((await edge.nextOf("answer")).streamId).toBe(2);
    await side.record(2);
  });

  it("with a frame that lies about its size ends its link with a reason; others go on", async () => {
    const { side, edge, ended } = await joined();
    const { peer: other } = await wiredHalf(side, "edge");
    edge.sayBytes(Buffer.from("ff0f12010000", "hex")); // claims 2047 bytes
    expect(await ended).toMatchObject({ code: "bad-frame" });
    expect(await edge.nextOf("goAway")).toMatchObject({ code: "bad-frame" });
    other.say(openFrame(1));
    expect((await answered(other)).answer.form.kind).toBe("whole");
  });

  it("with an answer of its own ends its link", async () => {
    const { edge, ended } = await joined();
    web.serve = () => {};
    edge.say(openFrame(1), answerFrame(1, { kind: "passed" }));
    expect((await ended).code).toBe("bad-frame");
  });

  it("that asks for the whole of an answer that is not retained loses the stream", async () => {
    web.serve = (_, response) => {
      response.writeHead(200, { "Content-Type": "text/html" });
      response.write("x".repeat(1_000));
    };
    const { side, edge } = await joined();
    edge.say(openFrame(1));
    expect((await edge.nextOf("answer")).form).toMatchObject({ kind: "whole" });
    edge.say({ kind: "askWhole", streamId: id(1), offset: 0 });
    for (let frame = await edge.next(); frame.kind !== "reset"; frame = await edge.next())
      expect(frame.kind).not.toBe("resume");
    expect((await side.record(1)).failed).toBe("mismatch");
  });
});

it("bodies that pass wait for the edge's credit, and for nobody else's memory", async () => {
  const BYTES = 20 * 1024 * 1024;
  let written = 0;
  web.serve = async (_, response) => {
    response.writeHead(200, { "Content-Type": "image/png", "Content-Length": BYTES });
    await flood(response, BYTES, (bytes) => {
      written = bytes;
    });
  };
  const { side, edge } = await joined();
  edge.say(openFrame(1));
  const { body } = await edge.nextOf("answer");
  let got = body.length;
  const more = async () => {
    for (;;) {
      const frame = await edge.next();
      if (frame.kind === "data") got += frame.bytes.length;
    }
  };
  more().catch(() => {});
  await until(() => got >= edge.hello.streamBytes, "a window full");
  await stillness(() => written + got);
  expect(got).toBe(edge.hello.streamBytes);
  expect(written).toBeLessThan(BYTES);
  edge.say(resetFrame(1, "cancelled"));
  await reached(side.records, 1);
});
