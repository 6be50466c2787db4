/** Requests that leave while a tier below memory is asked for what they offer: an edge before an origin side written by hand. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hello } from "../../../protocol/frames/hello.ts";
import { fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import type { StoreId } from "../../../protocol/store/stored-version.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { openEdgeHalf, TEST_HOST, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { Random } from "../../kit/random.ts";
import { wholeAnswer } from "../../kit/scripted-answers.ts";
import { answerFrame, resetFrame } from "../../kit/scripted-peer.ts";
import { ScriptedTier } from "../../kit/scripted-tier.ts";
import { reached, stillness } from "../../kit/until.ts";
import { visit } from "../../kit/visits.ts";
import { madePage } from "../../protocol/codec/made-pages.ts";
import { storedVersion } from "../../protocol/tier/disk/stored.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const PAGE = madePage(new Random(7), 30);
const SHORT = shortOf(fingerprintOf(PAGE));
const PATH = "/news";

const joined = async (hello: Partial<Hello> = {}) => {
  const tier = new ScriptedTier();
  const edge = open.use(await openEdgeHalf({ tier, clock: new FakeClock() }));
  const { peer: origin } = await wiredHalf(edge, "origin", hello);
  const stores = [origin.hello.storeId as StoreId];
  const partition = partitionOf({ keyId: "k", host: TEST_HOST });
  const has = storedVersion(PAGE, { url: PATH }, { partition, stores });
  const finds = async () => (await reached(tier.asked, 1)).resolve([has]);
  /** Of the URL first, of its templates then. */
  const findsNone = async () => {
    for (const count of [1, 2]) (await reached(tier.asked, count)).resolve([]);
  };
  return { edge, origin, tier, finds, findsNone };
};

const sameAs = (streamId: number) =>
  answerFrame(
    streamId,
    { kind: "same", offer: 0, result: fingerprintOf(PAGE).slice(0, 16) },
    { ended: true },
  );

describe("a request that memory has nothing for", () => {
  it("leaves before the tier answers, names what it found, and takes an answer that builds on it", async () => {
    const { edge, origin, finds } = await joined();
    const visited = visit(edge.port, { path: PATH });
    const { streamId, offers, offersFollow } = await origin.nextOf("open");
    expect([offers, offersFollow]).toEqual([[], true]);
    await finds();
    expect(await origin.nextOf("offers")).toMatchObject({ streamId, offers: [SHORT], extensions: [] });
    origin.say(sameAs(streamId));
    expect((await visited).body.equals(PAGE)).toBe(true);
    expect(await edge.record(1)).toMatchObject({ answer: "same", bases: 1 });
  });

  it("says that the tier has nothing either", async () => {
    const { edge, origin, findsNone } = await joined();
    const visited = visit(edge.port, { path: PATH });
    const { streamId } = await origin.nextOf("open");
    await findsNone();
    expect(await origin.nextOf("offers")).toMatchObject({ offers: [] });
    origin.say(await wholeAnswer(streamId, PAGE));
    expect((await visited).body.equals(PAGE)).toBe(true);
  });

  it("names nothing any more when its answer has come", async () => {
    const { edge, origin, finds } = await joined();
    const visited = visit(edge.port, { path: PATH });
    const { streamId } = await origin.nextOf("open");
    origin.say(await wholeAnswer(streamId, PAGE));
    expect((await visited).body.equals(PAGE)).toBe(true);
    await finds();
    await stillness(() => origin.unheard);
    expect(await edge.record(1)).toMatchObject({ answer: "whole", bases: 0 });
    expect(origin.unheard).toBe(0);
  });

  it("names nothing when its visitor has left", async () => {
    const { edge, origin, finds } = await joined();
    const leaving = new AbortController();
    const visited = visit(edge.port, { path: PATH, signal: leaving.signal });
    await origin.nextOf("open");
    leaving.abort();
    await expect(visited).rejects.toThrow();
    expect(await origin.nextOf("reset")).toMatchObject({ code: "cancelled" });
    await finds();
    await stillness(() => origin.unheard);
    expect(origin.unheard).toBe(0);
    expect(edge.memory.usedBytes).toBe(0);
  });

  it("takes no answer that builds on what it has not named", async () => {
    const { edge, origin, findsNone } = await joined();
    const visited = visit(edge.port, { path: PATH });
    const { streamId } = await origin.nextOf("open");
    origin.say(sameAs(streamId));
    expect(await origin.nextOf("askWhole")).toMatchObject({ streamId, offset: 0 });
    origin.say(resetFrame(streamId, "mismatch"));
    await findsNone();
    expect((await visited).status).toBe(502);
  });

  it("goes to another link when its own is lost, with what was found meanwhile", async () => {
    const { edge, origin, finds } = await joined();
    const visited = visit(edge.port, { path: PATH });
    await origin.nextOf("open");
    const { peer: other } = await wiredHalf(edge, "origin", { storeId: origin.hello.storeId });
    await finds();
    await origin.nextOf("offers");
    origin.cut();
    const again = await other.nextOf("open");
    expect([again.offers, again.offersFollow]).toEqual([[SHORT], undefined]);
    other.say(sameAs(again.streamId));
    expect((await visited).body.equals(PAGE)).toBe(true);
  });
});

describe("a request waits for the tier, and says at once what it offers,", () => {
  it.each([
    ["to a peer that knows no offers behind it", { features: [] }, undefined],
    ["where a body follows it", {}, "a=1"],
  ])("%s", async (_, hello, body) => {
    const { edge, origin, tier, finds } = await joined(hello);
    const method = body === undefined ? "GET" : "POST";
    const visited = visit(edge.port, { method, path: PATH, ...(body && { body: Buffer.from(body) }) });
    await reached(tier.asked, 1);
    await stillness(() => origin.unheard);
    expect(origin.unheard).toBe(0);
    await finds();
    const { streamId, offers, offersFollow } = await origin.nextOf("open");
    expect([offers, offersFollow]).toEqual([[SHORT], undefined]);
    origin.say(sameAs(streamId));
    expect((await visited).body.equals(PAGE)).toBe(true);
  });
});

it("what another site may have asked for offers nothing, and says so at once", async () => {
  const { edge, origin, findsNone } = await joined();
  const headers = {
    Cookie: "session=0123456789abcdef",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
  };
  const visited = visit(edge.port, { path: PATH, headers });
  const { streamId, offersFollow } = await origin.nextOf("open");
  expect(offersFollow).toBeUndefined();
  await findsNone();
  origin.say(answerFrame(streamId, { kind: "passed" }, { body: PAGE, ended: true }));
  expect((await visited).body.equals(PAGE)).toBe(true);
  expect(origin.unheard).toBe(0);
});
