/**
 * Web servers whose entity tag is a hash of the page: the visitor gets the very tag however the page travelled, the link does
 * not carry it, and conditional requests match. SPEC section "Entity tags".
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MOST_HASHED_BYTES } from "../../origin-side/answer/omit-etag.ts";
import { fieldOf } from "../../protocol/http/head.ts";
import { fingerprintOf, shortOf } from "../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import { FakeClock } from "../kit/fake-clock.ts";
import { type FakeOrigin, openOrigin } from "../kit/fake-origin.ts";
import {
  type EdgeHalf,
  joinHalves,
  openEdgeHalf,
  openOriginHalf,
  TEST_HOST,
  wiredHalf,
} from "../kit/halves.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { type Random, seeded } from "../kit/random.ts";
import { openRawPair } from "../kit/raw-pair.ts";
import { request } from "../kit/raw-requests.ts";
import { fieldIn } from "../kit/raw-visitor.ts";
import { openFrame } from "../kit/scripted-peer.ts";
import { type Visited, visit } from "../kit/visits.ts";
import { tapWire, type WireTap } from "../kit/wire-tap.ts";
import { laterPage, madePage, madeVersions } from "../protocol/codec/made-pages.ts";

watchLeaks();

type TagOf = (page: Buffer) => string;
const hashed = (algorithm: string, page: Buffer) => createHash(algorithm).update(page).digest();
const express: TagOf = (page) =>
  `W/"${page.length.toString(16)}-${hashed("sha1", page).toString("base64").slice(0, 27)}"`;
const django: TagOf = (page) => `"${hashed("md5", page).toString("hex")}"`;
const rack: TagOf = (page) => `W/"${hashed("sha256", page).toString("hex").slice(0, 32)}"`;
const FRAMEWORKS: readonly (readonly [string, TagOf])[] = [
  ["Express", express],
  ["Django", django],
  ["Werkzeug", (page) => `"${hashed("sha1", page).toString("hex")}"`],
  ["Rack", rack],
  ["Spring", (page) => `"0${hashed("md5", page).toString("hex")}"`],
  ["Fastify", (page) => `"${hashed("sha1", page).toString("base64")}"`],
];

let undo: AsyncDisposableStack;
let random: Random;
beforeEach(() => {
  undo = new AsyncDisposableStack();
  random = seeded();
});
afterEach(() => undo.disposeAsync());

/** What the web server says is what the visitor sees. */
const PLAIN = { visitors: { listen: "127.0.0.1:0", compress: "off" } };

/** Serves `site.page` with its tag, and 304 to who has it, as such frameworks do. */
interface Site {
  page: Buffer;
  tagOf: TagOf;
  /** The last tag. */
  sent?: string;
}
const serving = (site: Site) => (asked: IncomingMessage, answer: ServerResponse) => {
  const tag = site.tagOf(site.page);
  site.sent = tag;
  answer.setHeader("Content-Type", "text/html").setHeader("ETag", tag).setHeader("X-Last", "1");
  const opaque = (each: string) => each.replace(/^W\//, "");
  if (opaque(asked.headers["if-none-match"] ?? "") === opaque(tag)) answer.writeHead(304).end();
  else answer.setHeader("Content-Length", site.page.length).end(site.page);
};

const expectExact = (seen: Visited, page: Buffer, tag: string): void => {
  expect([seen.status, seen.cut]).toEqual([200, false]);
  expect(seen.body.equals(page)).toBe(true);
  // In its place.
  expect(seen.fields.slice(0, 6)).toEqual(["Content-Type", "text/html", "ETag", tag, "X-Last", "1"]);
};

describe.each(FRAMEWORKS)("a page tagged as by %s", (_, tagOf) => {
  it("has its tag as it comes whole, as the same and as a delta, by GET, HEAD and condition", async () => {
    const versions = madeVersions(random, { rows: 60, count: 3 });
    const site: Site = { page: versions[0] as Buffer, tagOf };
    const pair = undo.use(await openPair({ serve: serving(site), edge: PLAIN }));
    let visits = 0;
    const kinds: (string | undefined)[] = [];
    for (const version of versions) {
      site.page = version;
      for (let again = 0; again < 3; again++) {
        expectExact(await visit(pair.port), version, tagOf(version));
        kinds.push((await pair.visited(++visits)).answer);
      }
    }
    expect(kinds.join()).toBe("whole,same,same,delta,same,same,delta,same,same");
    const tag = tagOf(site.page);
    const head = await visit(pair.port, { method: "HEAD" });
    expect([head.status, head.headers.etag]).toEqual([200, tag]);
    const known = await visit(pair.port, { headers: { "If-None-Match": tag } });
    expect([known.status, known.headers.etag, known.body.length]).toEqual([304, tag, 0]);
    const changed = await visit(pair.port, { headers: { "If-None-Match": '"another"' } });
    expectExact(changed, site.page, tag);
  });
});

describe("a page that the visitor gets compressed", () => {
  it.each([
    ["a strong tag, made weak", django],
    ["a weak tag, as it is", express],
  ])("has %s; and a condition with it matches", async (_, tagOf) => {
    const site: Site = { page: madePage(random, 60), tagOf };
    const pair = undo.use(await openPair({ serve: serving(site) }));
    for (const version of [site.page, site.page, laterPage(random, site.page)]) {
      site.page = version;
      const seen = await visit(pair.port, { headers: { "Accept-Encoding": "gzip" } });
      const tag = tagOf(version).replace(/^(?!W\/)/, "W/");
      expect([seen.headers["content-encoding"], seen.headers.etag]).toEqual(["gzip", tag]);
      expect(gunzipSync(seen.body).equals(version)).toBe(true);
      const known = await visit(pair.port, {
        headers: { "Accept-Encoding": "gzip", "If-None-Match": tag },
      });
      expect([known.status, known.headers.etag]).toEqual([304, tag]);
    }
  });

  it.each([
    ["before it was compressed", (plain: Buffer) => express(plain), 40],
    ["after that", (_: Buffer, coded: Buffer) => express(coded), 0],
  ])("by its web server has the tag that was made %s", async (_, tagOf) => {
    const pair = undo.use(await openRawPair({ route: { askEncoded: "yes" } }));
    const base = madePage(random, 40);
    for (const page of [base, base, laterPage(random, base)]) {
      const coded = gzipSync(page);
      const tag = tagOf(page, coded);
      const text = request("GET /", ["Accept-Encoding: gzip"]);
      const { visitor, request: asked } = await pair.ask(text);
      asked.answer(
        `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nETag: ${tag}\r\nContent-Length: ${coded.length}\r\n\r\n${coded.toString("latin1")}`,
      );
      const seen = await visitor.response();
      expect([fieldIn(seen, "etag"), gunzipSync(seen.body).equals(page)]).toEqual([tag, true]);
    }
  });
});

describe("the link", () => {
  let tap: WireTap | undefined;
  const tapped = async (site: Site): Promise<Pair> => {
    const via = async (tunnel: number) => {
      tap = undo.use(await tapWire(tunnel));
      return tap.port;
    };
    return undo.use(await openPair({ serve: serving(site), edge: PLAIN, via }));
  };

  const VISITS = 30;

  /** What the origin side sends for so many visits of a page that changes, each with a tag never seen; TLS and all. */
  const crossing = async (versions: readonly Buffer[], tagOf: TagOf): Promise<number> => {
    const site: Site = { page: Buffer.alloc(0), tagOf };
    const pair = await tapped(site);
    const before = tap?.seen("up").length ?? 0;
    for (const page of versions) {
      site.page = page;
      const seen = await visit(pair.port);
      expect([seen.body.equals(page), seen.headers.etag]).toEqual([true, site.sent]);
    }
    await pair.answered(versions.length);
    return (tap?.seen("up").length ?? 0) - before;
  };

  it.each<[string, TagOf, number]>([
    ["20 of Express's", express, 20],
    ["16 of Rack's", rack, 16],
    ["16 of Django's", django, 16],
  ])("carries %s bytes less than of a tag that is no hash of the page", async (_, tagOf, bytes) => {
    const versions = madeVersions(random, { rows: 20, count: VISITS });
    const left = await crossing(versions, tagOf);
    // Of the same look.
    let serial = 1000;
    const told = await crossing(versions, (page) => `${tagOf(page).slice(0, -5)}${serial++}"`);
    // The first head of all names the formula, so a little less.
    expect((told - left) / VISITS).toBeGreaterThan(bytes - 2);
  });
});

describe("a delta that does not prove", () => {
  const halves = async (site: Site, clock = new FakeClock()) => {
    const web: FakeOrigin = undo.use(await openOrigin(serving(site)));
    const edge = undo.use(await openEdgeHalf({ settings: PLAIN }));
    // Its time stands still, so that every body is one that came in one piece.
    const origin = undo.use(await openOriginHalf({ port: web.port, clock }));
    await joinHalves(edge, origin);
    return { edge, origin, web };
  };

  const heldAt = (edge: EdgeHalf, page: Buffer): Version => {
    const partition = partitionOf({ keyId: "k", host: TEST_HOST });
    const held = edge.store.nominated(partition, [shortOf(fingerprintOf(page))])[0];
    if (held === undefined) throw new Error("the edge does not hold the page");
    return held;
  };

  it.each<[string, number, TagOf]>([
    ["small", 20, express],
    ["of several segments", 1_500, express],
    ["too large to be hashed", 12_000, rack],
  ])("of a page %s comes as plain bytes, and with its tag", async (_, rows, tagOf) => {
    const base = madePage(random, rows);
    const page = laterPage(random, base);
    expect(page.length < MOST_HASHED_BYTES, "may be hashed").toBe(tagOf === express);
    const site: Site = { page: base, tagOf };
    const { edge, web } = await halves(site);
    expectExact(await visit(edge.port), base, tagOf(base));
    // What a broken memory would do: the edge's copy is not what it was.
    const { body } = heldAt(edge, base);
    body.fill(0x2a, body.length >> 1);
    site.page = page;
    expectExact(await visit(edge.port), page, tagOf(page));
    expect(await edge.record(2)).toMatchObject({ answer: "delta", mismatched: true });
    expect(web.asked).toHaveLength(2);
    expectExact(await visit(edge.port), page, tagOf(page));
    expect(await edge.record(3)).toMatchObject({ answer: "same" });
  });

  it("for want of memory alone comes as plain bytes, and with its tag", async () => {
    const page = madePage(random, 1_500);
    expect(page.length).toBeLessThan(MOST_HASHED_BYTES);
    const site: Site = { page, tagOf: express };
    const { edge } = await halves(site);
    expectExact(await visit(edge.port), page, express(page));
    await edge.record(1);
    const hog = edge.memory.lease("k");
    expect(hog.grow(64 * 1024 * 1024 - 1000)).toBe(true);
    expectExact(await visit(edge.port), page, express(page));
    hog.release();
    const { answer, answerBytes } = await edge.record(2);
    expect([answer, (answerBytes ?? 0) > page.length / 20]).toEqual(["same", true]);
  });
});

it("an edge that does not speak of it is told every tag", async () => {
  const page = madePage(random, 20);
  const web = undo.use(await openOrigin(serving({ page, tagOf: express })));
  const origin = undo.use(await openOriginHalf({ port: web.port, clock: new FakeClock() }));
  const tagTold = async (features: readonly string[]) => {
    const { peer } = await wiredHalf(origin, "edge", { features });
    peer.say(openFrame(1));
    const { form, head } = await peer.nextOf("answer");
    peer.cut();
    return [form.kind, head[head.indexOf("ETag") + 1]];
  };
  expect(await tagTold(["push", "requests"])).toEqual(["whole", express(page)]);
  expect(await tagTold(["body-tags"])).toEqual(["whole", "\x11"]);
});

it("a web server cannot write the name of a formula", async () => {
  const pair = undo.use(await openRawPair());
  const page = "<p>page</p>".repeat(20);
  const { visitor, request: asked } = await pair.ask(request("GET /"));
  asked.answer(
    `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \x12\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
  );
  // A control character is read as white space: what is left of the tag is nothing, and names nothing.
  const { status, body, fields } = await visitor.response();
  expect([status, body.toString()]).toEqual([200, page]);
  expect(fieldOf(fields, "etag") ?? "").toBe("");
});
