/** The smallest form of a delta, which takes either side milliseconds: it is sent where both have time, and comes out right. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CodedPieces } from "../../protocol/mixing/coded-in-turns.ts";
import { EarlyPage } from "../../protocol/mixing/early-page.ts";
import { Mixer } from "../../protocol/mixing/mixer.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair } from "../kit/pair.ts";
import { Random, seeded } from "../kit/random.ts";
import { visit } from "../kit/visits.ts";
import { laterPage, madePage } from "../protocol/codec/made-pages.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

const VERSIONS = 6;

/** Bytes of the answers to visits of versions of one page, of which nine rows of sixty are new each time; all but the first are deltas. */
const answersOf = async (seed: number, edgeLoad: number): Promise<readonly number[]> => {
  const random = new Random(seed);
  let page = madePage(random, 60);
  const serve = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(page);
  };
  const pair = open.use(await openPair({ serve, edgeLoad: () => edgeLoad }));
  const sizes: number[] = [];
  for (let version = 1; version <= VERSIONS; version++) {
    const visited = await visit(pair.port, { path: "/" });
    expect(visited.body.equals(page)).toBe(true);
    const { answer, answerBytes } = await pair.visited(version);
    expect(answer).toBe(version === 1 ? "whole" : "delta");
    sizes.push(answerBytes ?? Number.NaN);
    page = laterPage(random, page, 9);
  }
  return sizes.slice(1);
};

it("a page is a tenth smaller and more while the edge has time, and as ever while it has none", async () => {
  const { seed } = seeded();
  const [mixed, unmixed] = [await answersOf(seed, 0), await answersOf(seed, 1)];
  for (const [version, bytes] of mixed.entries())
    expect(bytes / (unmixed[version] ?? 0), `version ${version + 2}`).toBeLessThan(0.9);
});

/** Bytes of the answers to one visit each of a page and of the data that it shows, which nobody has seen before. */
const firstsOf = async (seed: number, edgeLoad: number): Promise<readonly number[]> => {
  const page = madePage(new Random(seed), 60);
  const rows = page.toString().match(/[A-Za-z][^<>"]{8,}/g) ?? [];
  const data = Buffer.from(JSON.stringify(rows.map((text, id) => ({ id, text }))));
  const serve = ({ url }: IncomingMessage, response: ServerResponse) => {
    const isData = url === "/api/rows";
    response.writeHead(200, { "Content-Type": isData ? "application/json" : "text/html" });
    response.end(isData ? data : page);
  };
  const pair = open.use(await openPair({ serve, edgeLoad: () => edgeLoad }));
  const sizes: number[] = [];
  for (const [at, path] of ["/", "/api/rows"].entries()) {
    const visited = await visit(pair.port, { path });
    expect(visited.body.equals(path === "/" ? page : data)).toBe(true);
    const { answer, answerBytes } = await pair.visited(at + 1);
    expect(answer).toBe(path === "/" ? "whole" : "delta");
    sizes.push(answerBytes ?? Number.NaN);
  }
  return sizes;
};

it("a page that nobody has seen is smaller while the edge has time, and its data builds on it at any time", async () => {
  const { seed } = seeded();
  const [mixed = 0, ofData = 0] = await firstsOf(seed, 0);
  const [unmixed = 0, ofDataUnmixed = 0] = await firstsOf(seed, 1);
  expect(mixed / unmixed).toBeLessThan(0.8);
  // As many words by themselves take as much as the page.
  for (const bytes of [ofData, ofDataUnmixed]) expect(bytes / unmixed).toBeLessThan(0.55);
});

it("a page with much of its own comes right though it leaves while it is coded, for several visitors at once, and is told as ever", async () => {
  const random = seeded();
  const pages = [madePage(random, 600), madePage(random, 500)];
  pages.push(Buffer.concat([madePage(random, 400), (pages[0] as Buffer).subarray(0, 40_000)]));
  const serve = ({ url }: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(pages[Number(url?.at(-1))]);
  };
  const pair = open.use(await openPair({ serve }));
  const coding = vi.spyOn(CodedPieces.prototype, "leave");
  const reading = vi.spyOn(EarlyPage.prototype, "end");
  // One after the other, and all at once.
  const paths = [0, 1, 2].map((page) => `/page-${page}?page=${page}`);
  const bodies: Buffer[] = [];
  for (const path of paths) bodies.push((await visit(pair.port, { path })).body);
  const again = await Promise.all(paths.map((path) => visit(pair.port, { path: path.replace("-", "/") })));
  for (const [at, body] of [...bodies, ...again.map(({ body }) => body)].entries())
    expect(body.equals(pages[at % 3] as Buffer), `visit ${at + 1}`).toBe(true);
  expect(coding.mock.calls.length).toBeGreaterThan(3 * 3);
  expect(reading.mock.calls.length).toBeGreaterThan(2);
  const [edge, origin] = [await pair.visited(1), await pair.answered(1)];
  expect([edge.answer, origin.answer, origin.pageBytes]).toEqual(["whole", "whole", bodies[0]?.length]);
  expect(origin.encodeMs).toBeGreaterThan(0);
});

it.each([
  ["edge", [false, true]],
  ["origin side", [true, false]],
])("no page is mixed where the hello of the %s does not name it", async (_, named) => {
  const { seed } = seeded();
  const works = vi.spyOn(Mixer, "works", "get");
  // The edge starts first; what each says in its hello is asked once.
  for (const each of named) works.mockReturnValueOnce(each);
  const [unnamed, unmixed] = [await answersOf(seed, 0), await answersOf(seed, 1)];
  works.mockRestore();
  for (const [version, bytes] of unnamed.entries())
    expect(bytes / (unmixed[version] ?? 0), `version ${version + 2}`).toBeGreaterThan(0.95);
});
