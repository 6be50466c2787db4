/**
 * Pages that their visitors do not take: they are counted against the key's share of the memory until they are taken, and where that
 * has no room for another it is served all the same, no faster than it is taken. Visitors of HTTP/2, whose first window is all that
 * leaves the edge; a link that can be looked into.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { MOST_ROOM_WAIT_MS } from "../../edge-side/exchange/visit-memory.ts";
import { MemoryBudget } from "../../protocol/runtime/memory-budget.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import {
  type EdgeHalf,
  joinHalves,
  MIB,
  type OriginHalf,
  openEdgeHalf,
  openOriginHalf,
} from "../kit/halves.ts";
import { type Http2Answer, type Http2VisitorSession, openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { LeapingClock } from "../kit/leaping-clock.ts";
import { Random } from "../kit/random.ts";
import { Reading } from "../kit/reading.ts";
import { makeSiteFiles } from "../kit/secure-pair.ts";
import { settledWork, until } from "../kit/until.ts";

watchLeaks();

const PAGE_BYTES = MIB;
/** Room for three pages, and for what a fourth one is made of. */
const SHARE_BYTES = 3.9 * MIB;
const CODED_BYTES = 0.35 * MIB;

/** Of each path; many versions are made of one. */
const bodies = new Map<string, string>();

const bodyOf = (path: string): string => {
  const noise = new Random([...path].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
  const body = noise
    .bytes((PAGE_BYTES * 3) / 8)
    .toString("base64")
    .repeat(2);
  bodies.set(path, body);
  return body;
};

/** It compresses to some 0.4 MiB; each `news` is a later version of the page `path`. */
const pageOf = (path: string, news: number): Buffer => {
  const body = bodies.get(path) ?? bodyOf(path);
  return Buffer.from(`${body.slice(0, -8)}${String(news).padStart(8)}`);
};

let undo: AsyncDisposableStack;
let clock: LeapingClock;
let memory: MemoryBudget;
let web: FakeOrigin;
let edge: EdgeHalf;
let origin: OriginHalf;
let visitor: Http2VisitorSession;
let news: number;
beforeEach(async () => {
  undo = new AsyncDisposableStack();
  news = 0;
  clock = new LeapingClock();
  memory = new MemoryBudget({ totalBytes: 2 * SHARE_BYTES, shareBytes: SHARE_BYTES });
  web = undo.use(
    await openOrigin((request, response) =>
      response.setHeader("Content-Type", "text/html").end(pageOf(request.url ?? "", news)),
    ),
  );
  const site = undo.use(makeSiteFiles());
  const settings = { visitors: { listen: "127.0.0.1:0", ...site.named }, times: { idle: "10m" } };
  edge = undo.use(await openEdgeHalf({ memory, clock, settings, policy: { bases: "url" } }));
  // Its time stands still, so that every body is one that came in one piece.
  origin = undo.use(await openOriginHalf({ port: web.port, clock: new FakeClock() }));
  await joinHalves(edge, origin);
  visitor = undo.use(await openHttp2({ https: edge.port, authority: site.authority }));
});
afterEach(() => undo.disposeAsync());

/** Asks, and takes nothing but the head. */
const stall = (path: string): Promise<Http2Answer> => visitor.begin({ ":path": path });

const expectPage = async ({ stream, status }: Http2Answer, page: Buffer): Promise<void> => {
  expect(status).toBe(200);
  expect((await new Reading(stream).end()).equals(page), "the page as it was sent").toBe(true);
};

const load = async (path: string): Promise<void> => expectPage(await stall(path), pageOf(path, news));

/** Three pages are held, and a fourth is here but for room to decode it. */
const collected = async (): Promise<void> => {
  await until(() => memory.usedBytes > 3 * PAGE_BYTES + CODED_BYTES, "what the fourth is made of");
  await settledWork();
};

const nothingHeld = () => until(() => memory.usedBytes === 0, "nothing held");

it("a page counts until its visitor has taken it", async () => {
  const answer = await stall("/a");
  await settledWork();
  expect(memory.usedBytes).toBe(PAGE_BYTES);
  await expectPage(answer, pageOf("/a", 0));
  await nothingHeld();
});

it("a compressed page counts as what it became, and its compressor is free while the visitor takes it", async () => {
  const answer = await visitor.begin({ ":path": "/a", "accept-encoding": "gzip" });
  await settledWork();
  const { usedBytes } = memory;
  expect(usedBytes).toBeLessThan(PAGE_BYTES * 0.9);
  const coded = await new Reading(answer.stream).end();
  expect(usedBytes).toBe(coded.length);
  await nothingHeld();
});

it("a page that ten visitors take at once is one, and counts once", async () => {
  await load("/a");
  const answers = await Promise.all(Array.from({ length: 10 }, () => stall("/a")));
  await settledWork();
  expect(memory.usedBytes).toBe(PAGE_BYTES);
  for (const answer of answers) await expectPage(answer, pageOf("/a", 0));
  expect(edge.records.slice(1).map(({ answer }) => answer)).toEqual(Array(10).fill("same"));
  await nothingHeld();
});

it("a visitor that leaves gives back what its page took", async () => {
  const { stream } = await stall("/a");
  await settledWork();
  expect(memory.usedBytes).toBe(PAGE_BYTES);
  stream.close(8);
  await nothingHeld();
});

it("deltas that there is no room for stream as plain bytes, as they are taken, and none is wrong", async () => {
  const paths = ["/a", "/b", "/c", "/d", "/e", "/f"];
  for (const path of paths) await load(path);
  news = 1;
  const answers: Http2Answer[] = [];
  for (const path of paths) {
    answers.push(await stall(path));
    await settledWork();
    expect(memory.usedBytes).toBeLessThanOrEqual(SHARE_BYTES);
  }
  // Three are held; of the others no more is here than windows hold.
  for (const [at, path] of paths.entries()) await expectPage(answers[at] as Http2Answer, pageOf(path, 1));
  const visits = edge.records.slice(paths.length);
  expect(visits.map(({ answer }) => answer)).toEqual(Array(paths.length).fill("delta"));
  const sizes = visits.map(({ answerBytes = 0 }) => answerBytes);
  expect(sizes.filter((bytes) => bytes < PAGE_BYTES / 100)).toHaveLength(3);
  expect(sizes.filter((bytes) => bytes > PAGE_BYTES / 4)).toHaveLength(3);
  expect(visits.some(({ mismatched }) => mismatched)).toBe(false);
  await nothingHeld();
});

it("a whole page that there is no room for waits until another visitor has taken its own", async () => {
  const held = [await stall("/a"), await stall("/b"), await stall("/c")];
  let answered = false;
  const fourth = stall("/d").then((answer) => {
    answered = true;
    return answer;
  });
  await collected();
  expect([answered, memory.usedBytes <= SHARE_BYTES]).toEqual([false, true]);
  await expectPage(held[0] as Http2Answer, pageOf("/a", 0));
  await expectPage(await fourth, pageOf("/d", 0));
  for (const { stream } of held) stream.close(8);
  await nothingHeld();
});

it("a whole page that no room is made for in time fails, and says so with a clean status", async () => {
  const held = [await stall("/a"), await stall("/b"), await stall("/c")];
  const fourth = stall("/d");
  await collected();
  clock.leap(MOST_ROOM_WAIT_MS);
  const { status, stream } = await fourth;
  expect([status, (await new Reading(stream).end()).length < 200]).toEqual([502, true]);
  for (const each of held) each.stream.close(8);
  await nothingHeld();
});
