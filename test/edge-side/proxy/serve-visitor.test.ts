/** A real edge side between visitors over HTTP and an origin side written by hand, frame by frame. */
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { LEFT } from "../../../edge-side/http/errors/error-page.ts";
import { READY_TARGET } from "../../../edge-side/http/validate-request.ts";
import type { StreamDecoder } from "../../../protocol/codec/codec.ts";
import { STREAMING_CODEC } from "../../../protocol/codec/codecs.ts";
import type { OpenFrame } from "../../../protocol/frames/frame.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { NO_EXTENSIONS } from "../../../protocol/wire/extensions.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type EdgeHalf, type EdgeOptions, openEdgeHalf, TEST_HOST, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { seeded } from "../../kit/random.ts";
import { segmentFrames, wholeAnswer } from "../../kit/scripted-answers.ts";
import { answerFrame, dataFrame, endFrame, resetFrame, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { changes, stillness, until } from "../../kit/until.ts";
import { begin, finish, type Visited, visit } from "../../kit/visits.ts";
import { madePage } from "../../protocol/codec/made-pages.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const joined = async (options: EdgeOptions = {}): Promise<{ edge: EdgeHalf; origin: ScriptedPeer }> => {
  const edge = open.use(await openEdgeHalf(options));
  const { peer: origin } = await wiredHalf(edge, "origin");
  return { edge, origin };
};

const another = async (edge: EdgeHalf): Promise<ScriptedPeer> => (await wiredHalf(edge, "origin")).peer;

const shortOfPage = (page: Buffer): string => shortOf(fingerprintOf(page));
const passedText = (id: number, text = "ok") =>
  answerFrame(id, { kind: "passed" }, { head: [":status", "200"], body: Buffer.from(text), ended: true });

/** Answers one visit with this page, whole. */
const answerWhole = async (origin: ScriptedPeer, page: Buffer): Promise<OpenFrame> => {
  const asked = await origin.nextOf("open");
  origin.say(await wholeAnswer(asked.streamId, page));
  return asked;
};

const expectNothingInside = (visited: Visited): void => {
  const said = JSON.stringify(visited.fields) + visited.body;
  expect(said).not.toMatch(/coilgun|stack|Error|127\.0\.0\.1|\.ts|origin/i);
};

describe("/.well-known/coilgun/ready", () => {
  it.each(["www.example.com", "10.0.0.7:8080"])(
    "says to %s whether a link takes requests, and asks no origin side",
    async (host) => {
      const edge = open.use(await openEdgeHalf());
      const ask = (method: string) =>
        visit(edge.port, { method, path: READY_TARGET, headers: { Host: host } });
      expect((await ask("GET")).status).toBe(503);
      const origin = await another(edge);
      expect(await ask("GET")).toMatchObject({ status: 200, body: Buffer.from("200 OK\n") });
      expect(await ask("HEAD")).toMatchObject({ status: 200, body: Buffer.alloc(0) });
      expect(origin.unheard).toBe(0);
    },
  );
});

describe("a visit", () => {
  it("opens one exchange, ended, with the request's head and no offers, and is recorded", async () => {
    const { edge, origin } = await joined();
    const page = madePage(seeded(), 30);
    const visited = visit(edge.port, { path: "/a?b", headers: { "X-A": "1", Priority: "u=1" } });
    const asked = await answerWhole(origin, page);
    expect(asked).toMatchObject({ ended: true, session: false, urgency: 1, offers: [] });
    expect(asked.head.slice(0, 8)).toEqual([
      ":method",
      "GET",
      ":target",
      "/a?b",
      "Host",
      TEST_HOST,
      "X-A",
      "1",
    ]);
    expect(asked.head.join("|")).toContain("X-Forwarded-For|127.0.0.1|");
    expect((await visited).body.equals(page)).toBe(true);
    const record = await edge.record(1);
    expect(record).toMatchObject({
      host: TEST_HOST,
      method: "GET",
      target: "/a?b",
      link: "k",
      stream: 1,
      status: 200,
      answer: "whole",
      reason: "first-visit",
      bases: 0,
      pageBytes: page.length,
    });
    expect(record.answerBytes).toBeLessThan(page.length);
    expect(record.failed).toBeUndefined();
    expect(edge.memory.usedBytes).toBe(0);
  });

  it("again offers what came, and a same costs next to nothing", async () => {
    const { edge, origin } = await joined();
    const page = madePage(seeded(), 30);
    const first = visit(edge.port);
    await answerWhole(origin, page);
    await first;
    const second = visit(edge.port);
    const asked = await origin.nextOf("open");
    expect(asked.offers).toEqual([shortOfPage(page)]);
    const result = fingerprintOf(page).slice(0, 16);
    origin.say(answerFrame(asked.streamId, { kind: "same", offer: 0, result }, { ended: true }));
    expect((await second).body.equals(page)).toBe(true);
    origin.say({ kind: "ping", token: 1 }); // the pong takes the acknowledgement along
    expect(await origin.nextOf("verified")).toMatchObject({ offset: page.length });
    const record = await edge.record(2);
    expect(record).toMatchObject({ answer: "same", bases: 1 });
    expect(record.reason).toBeUndefined();
    expect(record.answerBytes).toBeLessThan(40);
  });

  it("offers only versions that came from the store that will answer", async () => {
    const { edge, origin } = await joined();
    const first = visit(edge.port);
    await answerWhole(origin, madePage(seeded(), 10));
    await first;
    origin.cut();
    await until(() => edge.pool.links.size === 0);
    const other = await another(edge);
    const second = visit(edge.port);
    expect((await answerWhole(other, madePage(seeded(), 10))).offers).toEqual([]);
    await second;
  });

  it("with a session says so; its versions are offered to it alone", async () => {
    const { edge, origin } = await joined();
    const page = madePage(seeded(), 10);
    const asking = (session: string) => ({
      headers: { "Sec-Fetch-Site": "none", Cookie: `sid=${session}-0123456789abcdef` },
    });
    const ask = async (session: string | undefined): Promise<OpenFrame> => {
      const visited = visit(edge.port, session === undefined ? {} : asking(session));
      const asked = await answerWhole(origin, page);
      await visited;
      return asked;
    };
    expect(await ask("alice")).toMatchObject({ session: true, offers: [] });
    expect(await ask("bob")).toMatchObject({ session: true, offers: [] });
    expect(await ask(undefined)).toMatchObject({ session: false, offers: [] });
    expect((await ask("alice")).offers).toContain(shortOfPage(page));
  });

  it("to a host that no key serves is 502, and nobody is asked", async () => {
    const { edge, origin } = await joined();
    const visited = await visit(edge.port, { host: "other.example.com" });
    expect(visited.status).toBe(502);
    expectNothingInside(visited);
    expect([(await edge.record(1)).failed, origin.unheard]).toEqual(["no-route", 0]);
  });

  it("without a link is 503, and may come again", async () => {
    const edge = open.use(await openEdgeHalf());
    const visited = await visit(edge.port);
    expect([visited.status, visited.headers["retry-after"]]).toEqual([503, "5"]);
    expectNothingInside(visited);
    expect((await edge.record(1)).failed).toBe("refused");
  });

  it("with a head larger than the origin side takes is 431, and nobody is asked", async () => {
    const { edge, origin } = await joined();
    const visited = await visit(edge.port, { headers: { "X-Long": "x".repeat(origin.hello.headBytes) } });
    expect(visited.status).toBe(431);
    expect(origin.unheard).toBe(0);
  });

  it.each([
    ["origin-failed", 502],
    ["origin-silent", 504],
    ["truncated", 502],
    ["no-route", 502],
    ["internal", 502],
  ] as const)("that the origin side resets as %s is %i", async (code, status) => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port);
    const { streamId } = await origin.nextOf("open");
    origin.say(resetFrame(streamId, code));
    expect((await visited).status).toBe(status);
    expectNothingInside(await visited);
    expect(await edge.record(1)).toMatchObject({ status, failed: code });
  });

  it("that is reset inside its body is cut, for the visitor to see", async () => {
    const { edge, origin } = await joined();
    const beginning = begin(edge.port);
    const { streamId } = await origin.nextOf("open");
    origin.say(answerFrame(streamId, { kind: "passed" }, { body: Buffer.from("half") }));
    const response = await beginning;
    origin.say(resetFrame(streamId, "truncated"));
    expect(await finish(response)).toMatchObject({ status: 200, cut: true });
    expect(await edge.record(1)).toMatchObject({ status: 200, failed: "truncated" });
  });

  it("whose answer does not come in time is 504, and the origin side hears why", async () => {
    const clock = new FakeClock();
    const { edge, origin } = await joined({ clock, originAnswerMs: 5_000 });
    const visited = visit(edge.port);
    const { streamId } = await origin.nextOf("open");
    await clock.advance(4_999);
    expect(origin.unheard).toBe(0);
    await clock.advance(1);
    expect((await visited).status).toBe(504);
    expect(await origin.nextOf("reset")).toMatchObject({ streamId, code: "origin-silent" });
  });

  it("that the visitor leaves is cancelled at the origin side", async () => {
    const { edge, origin } = await joined();
    const gone = new AbortController();
    const visited = begin(edge.port, { signal: gone.signal }).catch(() => {});
    const { streamId } = await origin.nextOf("open");
    gone.abort();
    await visited;
    expect(await origin.nextOf("reset")).toMatchObject({ streamId, code: "cancelled" });
    expect(await edge.record(1)).toMatchObject({ failed: "cancelled", status: LEFT });
  });

  it("that the visitor leaves inside a body is cancelled at the origin side", async () => {
    const { edge, origin } = await joined();
    const gone = new AbortController();
    const beginning = begin(edge.port, { signal: gone.signal });
    const { streamId } = await origin.nextOf("open");
    origin.say(answerFrame(streamId, { kind: "passed" }, { body: Buffer.from("half") }));
    const response = await beginning;
    gone.abort();
    expect((await finish(response)).cut).toBe(true);
    expect(await origin.nextOf("reset")).toMatchObject({ code: "cancelled" });
    expect(await edge.record(1)).toMatchObject({ failed: "cancelled", status: 200 });
    expect(edge.memory.usedBytes).toBe(0);
  });

  it("gets early hints, trailers, and the end of the body as the origin side tells it", async () => {
    const { edge, origin } = await joined();
    const interim: number[] = [];
    const visited = visit(edge.port, {
      headers: { TE: "trailers" },
      interim: (status) => interim.push(status),
    });
    const { streamId } = await origin.nextOf("open");
    origin.say(
      answerFrame(streamId, { kind: "interim" }, { head: [":status", "103", "Link", "</a>; rel=preload"] }),
      answerFrame(streamId, { kind: "passed" }),
      dataFrame(streamId, Buffer.from("body")),
      { kind: "trailers", streamId, head: ["X-Sum", "1"] },
      endFrame(streamId, "closed"),
    );
    expect(await visited).toMatchObject({ cut: false, trailers: { "x-sum": "1" } });
    expect([(await visited).body.toString(), interim]).toEqual(["body", [103]]);
  });
});

describe("a request's body", () => {
  it("goes on as it comes, as far as there is credit", async () => {
    const { edge, origin } = await joined();
    const size = 4 * 1024 * 1024;
    const visited = visit(edge.port, { method: "POST", body: Buffer.alloc(size, "x") });
    const { streamId, ended, body } = await origin.nextOf("open");
    expect(ended).toBe(false);
    let got = body.length;
    const window = origin.hello.streamBytes;
    while (got < window) got += (await origin.nextOf("data")).bytes.length;
    await stillness(() => origin.unheard);
    expect([got, origin.unheard]).toEqual([window, 0]);
    origin.say({ kind: "window", streamId, bytes: size, received: 0 });
    for (let frame = await origin.next(); frame.kind !== "end"; frame = await origin.next())
      if (frame.kind === "data") got += frame.bytes.length;
    expect(got).toBe(size);
    origin.say(passedText(streamId));
    expect((await visited).status).toBe(200);
  });

  it("may take longer than the answer may: its time begins with the last byte", async () => {
    const clock = new FakeClock();
    const { edge, origin } = await joined({ clock, originAnswerMs: 1_000 });
    const finishing = Promise.withResolvers<void>();
    const visited = visit(edge.port, {
      method: "POST",
      body: (async function* () {
        yield Buffer.from("begin");
        await finishing.promise;
        yield Buffer.from("end");
      })(),
    });
    const { streamId, body } = await origin.nextOf("open");
    let got = body.toString();
    while (got !== "begin") got += (await origin.nextOf("data")).bytes.toString();
    await clock.advance(10_000);
    expect(origin.unheard).toBe(0);
    finishing.resolve();
    await origin.nextOf("data");
    await origin.nextOf("end");
    await clock.advance(999);
    origin.say(passedText(streamId));
    expect((await visited).status).toBe(200);
  });

  it("that is not wanted is stopped, and the answer comes", async () => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port, { method: "POST", body: Buffer.alloc(8 * 1024 * 1024) });
    const { streamId } = await origin.nextOf("open");
    origin.say({ kind: "stopSending", streamId, code: "cancelled" });
    for (let frame = await origin.next(); frame.kind !== "end"; frame = await origin.next())
      expect(frame.kind).toBe("data");
    origin.say(answerFrame(streamId, { kind: "passed" }, { head: [":status", "413"], ended: true }));
    expect((await visited).status).toBe(413);
  });
});

describe("a request that a link did not serve", () => {
  it.each(["GET", "DELETE"])("%s, refused, goes to another link", async (method) => {
    const { edge, origin } = await joined();
    const second = await another(edge);
    const visited = visit(edge.port, { method });
    const opens = [origin, second].map(async (peer) => ({ peer, asked: await peer.nextOf("open") }));
    const first = await Promise.race(opens);
    first.peer.say(resetFrame(first.asked.streamId, "refused"));
    const both = await Promise.all(opens);
    const other = both.find(({ peer }) => peer !== first.peer);
    other?.peer.say(passedText(other.asked.streamId, "from the other"));
    expect((await visited).body.toString()).toBe("from the other");
  });

  it("is tried on three links at most, then 503", async () => {
    const { edge, origin } = await joined();
    const peers = [origin, ...(await Promise.all([another(edge), another(edge), another(edge)]))];
    let tries = 0;
    for (const peer of peers)
      void (async () => {
        const asked = await peer.nextOf("open");
        tries++;
        peer.say(resetFrame(asked.streamId, "refused"));
      })().catch(() => {});
    expect((await visit(edge.port)).status).toBe(503);
    expect(tries).toBe(3);
    for (const peer of peers) peer.cut();
  });

  it("is tried on all links of an origin side that drains, and answered by another one", async () => {
    const { edge, origin } = await joined();
    const peers = [origin];
    for (let n = 0; n < 4; n++) peers.push(await another(edge));
    let tries = 0;
    for (const peer of peers)
      void (async () => {
        const { streamId } = await peer.nextOf("open");
        const [code, message] = ["shutting-down", "the origin side stops"] as const;
        if (++tries === peers.length) peer.say(passedText(streamId, "from the fifth"));
        else peer.say({ kind: "goAway", lastStreamId: 0, code, message, extensions: NO_EXTENSIONS });
      })().catch(() => {});
    expect((await visit(edge.port, { method: "POST", body: Buffer.from("one") })).body.toString()).toBe(
      "from the fifth",
    );
    expect(tries).toBe(peers.length);
    for (const peer of peers) peer.cut();
  });

  it("GET, its link lost, is repeated once", async () => {
    const { edge, origin } = await joined();
    const second = await another(edge);
    const third = await another(edge);
    const peers = [origin, second, third];
    let tries = 0;
    for (const peer of peers)
      void (async () => {
        await peer.nextOf("open");
        tries++;
        peer.cut();
      })().catch(() => {});
    expect((await visit(edge.port)).status).toBe(502);
    expect(tries).toBe(2);
    for (const peer of peers) peer.cut();
  });

  it("GET, its only link lost, is 503", async () => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port);
    await origin.nextOf("open");
    origin.cut();
    expect(await visited).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
  });

  it("POST waits for a link that is coming, and goes out once it is there", async () => {
    const clock = new FakeClock();
    const edge = open.use(await openEdgeHalf({ clock, linkMs: 5_000 }));
    const visited = visit(edge.port, { method: "POST", body: Buffer.from("x") });
    await until(() => clock.timers > 0, "the wait");
    await clock.advance(4_999);
    const origin = await another(edge);
    const { streamId } = await origin.nextOf("open");
    origin.say(passedText(streamId));
    expect((await visited).body.toString()).toBe("ok");
  });

  it("is 503 when no link has come in time", async () => {
    const clock = new FakeClock();
    const edge = open.use(await openEdgeHalf({ clock, linkMs: 5_000 }));
    const visited = visit(edge.port);
    await until(() => clock.timers > 0, "the wait");
    await clock.advance(5_000);
    expect((await visited).status).toBe(503);
  });

  it.each(["POST", "DELETE"])("%s, its link lost, is not repeated", async (method) => {
    const { edge, origin } = await joined();
    const second = await another(edge);
    const visited = visit(edge.port, { method });
    const lost = (peer: ScriptedPeer) => peer.nextOf("open").then(() => peer);
    const asked = await Promise.race([lost(origin), lost(second)]);
    asked.cut();
    expect((await visited).status).toBe(502);
    expect((await edge.record(1)).failed).toBe("link-lost");
  });

  it("after its head is not repeated: the visitor sees a cut", async () => {
    const { edge, origin } = await joined();
    const second = await another(edge);
    const beginning = begin(edge.port);
    const asked = await Promise.race(
      [origin, second].map(async (peer) => ({ peer, ...(await peer.nextOf("open")) })),
    );
    asked.peer.say(answerFrame(asked.streamId, { kind: "passed" }, { body: Buffer.from("half") }));
    const response = await beginning;
    asked.peer.cut();
    expect((await finish(response)).cut).toBe(true);
    expect((await edge.record(1)).failed).toBe("link-lost");
  });
});

describe("an origin side that does not play fair", () => {
  it("with a frame that lies about its size loses its link; another goes on, and the edge lives", async () => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port);
    await origin.nextOf("open");
    origin.sayBytes(Buffer.from("ff0f12010000", "hex"));
    expect((await visited).status).toBe(503);
    expect(await origin.nextOf("goAway")).toMatchObject({ code: "bad-frame" });
    const other = await another(edge);
    const again = visit(edge.port);
    await answerWhole(other, madePage(seeded(), 5));
    expect((await again).status).toBe(200);
  });

  it("with a head that is none loses the exchange: 502", async () => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port);
    const { streamId } = await origin.nextOf("open");
    origin.say(answerFrame(streamId, { kind: "passed" }, { head: ["X", "1"], ended: true }));
    expect((await visited).status).toBe(502);
  });

  it.each([
    ["a field's name", ["bad name", "1"]],
    ["a field's value", ["X-A", "1\r\nX-B: 2"]],
    ["a reason", []],
  ])(
    "with %s that HTTP does not allow loses the exchange: 502, and nothing is smuggled",
    async (what, fields) => {
      const { edge, origin } = await joined();
      const visited = visit(edge.port);
      const { streamId } = await origin.nextOf("open");
      const reason = what === "a reason" ? [":reason", "OK\r\nX-B: 2"] : [];
      origin.say(
        answerFrame(
          streamId,
          { kind: "passed" },
          { head: [":status", "200", ...reason, ...fields], ended: true },
        ),
      );
      expect((await visited).status).toBe(502);
      expect((await visited).headers["x-b"]).toBeUndefined();
    },
  );

  it("with a body shorter than its Content-Length is seen by the visitor", async () => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port);
    const { streamId } = await origin.nextOf("open");
    const head = [":status", "200", "Content-Length", "10"];
    origin.say(answerFrame(streamId, { kind: "passed" }, { head, body: Buffer.from("short"), ended: true }));
    expect((await visited).cut).toBe(true);
  });

  it("with trailers that HTTP does not allow is 502, rather than two responses", async () => {
    const { edge, origin } = await joined();
    const visited = visit(edge.port);
    const { streamId } = await origin.nextOf("open");
    origin.say(
      answerFrame(streamId, { kind: "passed" }, { body: Buffer.from("x") }),
      { kind: "trailers", streamId, head: ["bad name", "1"] },
      endFrame(streamId),
    );
    expect((await visited).status).toBe(502);
    expect((await edge.record(1)).failed).toBe("origin-failed");
  });
});

describe("memory", () => {
  it("that is spent makes a coded answer 502, and is given back", async () => {
    const memory = new MemoryBudget({ totalBytes: 1_000, shareBytes: 1_000 });
    const { edge, origin } = await joined({ memory });
    const visited = visit(edge.port);
    await answerWhole(origin, seeded().bytes(2_000));
    expect((await visited).status).toBe(502);
    await edge.record(1);
    expect(memory.usedBytes).toBe(0);
  });

  it("of a decoder is let go when its visitor leaves in the middle of what it gave out", async () => {
    const { edge, origin } = await joined();
    const made = vi.spyOn(STREAMING_CODEC.streaming, "decoder");
    onTestFinished(() => made.mockRestore());
    const gone = new AbortController();
    const beginning = begin(edge.port, { signal: gone.signal });
    const { streamId } = await origin.nextOf("open");
    origin.say(answerFrame(streamId, { kind: "whole", codec: STREAMING_CODEC.id, result: undefined }));
    const response = await beginning;
    const [decoder] = made.mock.results.map(({ value }) => value as StreamDecoder);
    if (decoder === undefined) throw new Error("nothing was decoded");
    const destroyed = vi.spyOn(decoder, "destroy");
    // More than sockets hold, so the edge waits for a visitor that does not read.
    const parts = Array.from({ length: 10 }, () => Buffer.alloc(3 * 1024 * 1024));
    origin.say(...(await segmentFrames(streamId, [], parts)));
    await stillness(() => origin.window.get(streamId) ?? 0);
    expect(destroyed).not.toHaveBeenCalled();
    gone.abort();
    await finish(response);
    await edge.record(1);
    expect(destroyed).toHaveBeenCalled();
  });

  it("of a slow visitor is its stream's window", async () => {
    const { edge, origin } = await joined();
    const beginning = begin(edge.port);
    const { streamId } = await origin.nextOf("open");
    origin.say(answerFrame(streamId, { kind: "passed" }));
    const response = await beginning;
    let said = 0;
    const window = () => 128 * 1024 + (origin.window.get(streamId) ?? 0);
    do {
      while (said + 16_000 <= window()) {
        origin.say(dataFrame(streamId, Buffer.alloc(16_000)));
        said += 16_000;
      }
    } while (await changes(window));
    // Kernel buffers and node's own queue, and then no more window.
    expect(said).toBeLessThan(32 * 1024 * 1024);
    origin.say(resetFrame(streamId, "cancelled"));
    await finish(response);
  });
});

it("erases nothing that was not asked for: a version stays until it is forgotten", async () => {
  const { edge, origin } = await joined();
  const page = madePage(seeded(), 10);
  const visited = visit(edge.port, { path: "/a" });
  await answerWhole(origin, page);
  await visited;
  const partition = partitionOf({ keyId: "k", host: TEST_HOST });
  expect(edge.store.find(partition, fingerprintOf(page))).toBeDefined();
  edge.store.forget({ host: TEST_HOST }, "/a");
  const again = visit(edge.port, { path: "/a" });
  expect((await answerWhole(origin, page)).offers).toEqual([]);
  await again;
});
