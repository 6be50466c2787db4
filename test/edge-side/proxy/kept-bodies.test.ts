/** A request with a body that a link refused, or never sent, goes to another link with the same bytes; one that may have been served does not. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MOST_KEPT_BYTES } from "../../../edge-side/exchange/upload-body.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { decodedRequest } from "../../kit/coded-request.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type EdgeHalf, type EdgeOptions, openEdgeHalf, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { answerFrame, resetFrame, type ScriptedPeer } from "../../kit/scripted-peer.ts";
import { until } from "../../kit/until.ts";
import { visit } from "../../kit/visits.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const halved = async (options: EdgeOptions = {}): Promise<EdgeHalf> => open.use(await openEdgeHalf(options));
const peerOf = async (edge: EdgeHalf): Promise<ScriptedPeer> => (await wiredHalf(edge, "origin")).peer;

/** What comes of a body until its end. */
const restOf = async (peer: ScriptedPeer): Promise<Uint8Array[]> => {
  const pieces: Uint8Array[] = [];
  for (let frame = await peer.next(); frame.kind !== "end"; frame = await peer.next())
    if (frame.kind === "data") pieces.push(frame.bytes);
  return pieces;
};

/** The next request of a peer with all of its body, as it crosses the link. */
const asked = async (peer: ScriptedPeer) => {
  const { streamId, body, ended, extensions } = await peer.nextOf("open");
  const pieces = [body];
  if (!ended) pieces.push(...(await restOf(peer)));
  return { peer, streamId, coding: extensions[0]?.tag, body: Buffer.concat(pieces) };
};

/** Of two peers the one that was asked, and the other. */
const firstAsked = async ([one, two]: readonly [ScriptedPeer, ScriptedPeer]) => {
  const asks = [asked(one), asked(two)] as const;
  const first = await Promise.race(asks);
  return { first, second: first.peer === one ? asks[1] : asks[0] };
};

const answered = (streamId: number, status = "200") =>
  answerFrame(
    streamId,
    { kind: "passed" },
    { head: [":status", status], body: Buffer.from("ok"), ended: true },
  );

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7) % 251));
const refuse = (streamId: number) => resetFrame(streamId, "refused");

describe("a POST that is refused when its body is out", () => {
  it.each([
    ["of a byte", 1, "application/octet-stream"],
    ["as large as is kept", MOST_KEPT_BYTES, "application/octet-stream"],
    ["compressed on the link", 40_000, "text/plain"],
  ])("goes to another link with the same bytes: %s", async (_, length, type) => {
    const edge = await halved();
    const peers = [await peerOf(edge), await peerOf(edge)] as const;
    const visited = visit(edge.port, {
      method: "POST",
      body: bytes(length),
      headers: { "Content-Type": type, "Content-Length": length },
    });
    const { first, second } = await firstAsked(peers);
    first.peer.say(refuse(first.streamId));
    const again = await second;
    // As a whole, or in segments where it took longer to come: how it crosses may differ, and what it is may not.
    for (const { body, coding } of [first, again]) {
      expect(coding).toBe(type === "text/plain" ? 1 : undefined);
      expect((coding === undefined ? body : await decodedRequest(body)).equals(bytes(length))).toBe(true);
    }
    again.peer.say(answered(again.streamId));
    expect((await visited).status).toBe(200);
    expect(edge.memory.usedBytes).toBe(0);
  });

  it("is 503 where its body is a byte larger than what is kept", async () => {
    const edge = await halved();
    const peers = [await peerOf(edge), await peerOf(edge)] as const;
    const visited = visit(edge.port, { method: "POST", body: bytes(MOST_KEPT_BYTES + 1) });
    const { first, second } = await firstAsked(peers);
    first.peer.say(refuse(first.streamId));
    expect((await visited).status).toBe(503);
    expect(edge.memory.usedBytes).toBe(0);
    for (const peer of peers) peer.cut();
    await expect(second).rejects.toThrow();
  });

  it("is 503 where the memory budget has no room for its body", async () => {
    const memory = new MemoryBudget({ totalBytes: 1_000, shareBytes: 1_000 });
    const edge = await halved({ memory });
    const peers = [await peerOf(edge), await peerOf(edge)] as const;
    const visited = visit(edge.port, { method: "POST", body: bytes(2_000) });
    const { first, second } = await firstAsked(peers);
    first.peer.say(refuse(first.streamId));
    expect((await visited).status).toBe(503);
    expect(memory.usedBytes).toBe(0);
    for (const peer of peers) peer.cut();
    await expect(second).rejects.toThrow();
  });

  it("waits for a link that is coming, and goes out on it", async () => {
    const clock = new FakeClock();
    const edge = await halved({ clock, linkMs: 5_000 });
    const origin = await peerOf(edge);
    const visited = visit(edge.port, { method: "POST", body: bytes(3_000) });
    const { streamId } = await asked(origin);
    // Go-away below its number, then the end: the origin side has not given it to its web server.
    origin.say({
      kind: "goAway",
      lastStreamId: streamId - 1,
      code: "shutting-down",
      message: "",
      extensions: [],
    });
    await until(() => edge.pool.links.size === 0 || !edge.pool.ready, "the link that takes no more");
    const next = await peerOf(edge);
    const again = await asked(next);
    expect(again.body.equals(bytes(3_000))).toBe(true);
    next.say(answered(again.streamId));
    expect((await visited).status).toBe(200);
  });

  it("goes on with what comes later", async () => {
    const edge = await halved();
    const peers = [await peerOf(edge), await peerOf(edge)] as const;
    const rest = Promise.withResolvers<void>();
    const visited = visit(edge.port, {
      method: "POST",
      body: (async function* () {
        yield bytes(10);
        await rest.promise;
        yield bytes(20);
      })(),
    });
    const opens = peers.map(async (peer) => ({ peer, ...(await peer.nextOf("open")) }));
    const first = await Promise.race(opens);
    if (first.body.length === 0) await first.peer.nextOf("data");
    first.peer.say(refuse(first.streamId));
    const both = await Promise.all(opens);
    const second = both.find(({ peer }) => peer !== first.peer);
    if (second === undefined) throw new Error("nobody else was asked");
    const pieces = [second.body];
    const { peer, streamId } = second;
    while (Buffer.concat(pieces).length < 10) pieces.push((await peer.nextOf("data")).bytes);
    rest.resolve();
    pieces.push(...(await restOf(peer)));
    expect(Buffer.concat(pieces).equals(Buffer.concat([bytes(10), bytes(20)]))).toBe(true);
    peer.say(answered(streamId));
    expect((await visited).status).toBe(200);
  });
});

describe("a POST that may have been served", () => {
  it.each([
    ["POST", 100, "an interim head", 502],
    ["POST", 0, "an interim head", 502],
    ["DELETE", 0, "an interim head", 502],
    ["POST", 100, "stop-sending", 503],
  ])("a %s of %i bytes is not repeated, whatever is said after %s", async (method, length, what, status) => {
    const edge = await halved();
    const peers = [await peerOf(edge), await peerOf(edge)] as const;
    const visited = visit(edge.port, { method, ...(length > 0 && { body: bytes(length) }) });
    const { first, second } = await firstAsked(peers);
    const { peer, streamId } = first;
    if (what === "stop-sending") peer.say({ kind: "stopSending", streamId, code: "cancelled" });
    else peer.say(answerFrame(streamId, { kind: "interim" }, { head: [":status", "103"] }));
    peer.say(refuse(streamId));
    expect((await visited).status).toBe(status);
    for (const each of peers) each.cut();
    await expect(second).rejects.toThrow();
  });

  it("is not repeated when its link is lost with the head out: 502", async () => {
    const edge = await halved();
    const peers = [await peerOf(edge), await peerOf(edge)] as const;
    const visited = visit(edge.port, { method: "POST", body: bytes(100) });
    const { first, second } = await firstAsked(peers);
    first.peer.cut();
    expect((await visited).status).toBe(502);
    for (const each of peers) each.cut();
    await expect(second).rejects.toThrow();
    expect(edge.memory.usedBytes).toBe(0);
  });
});
