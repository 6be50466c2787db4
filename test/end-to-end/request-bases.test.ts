// Requests that build on what their session sent before, through both daemons: few bytes on the link, and the web server gets
// every body exactly, and once.
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startOrigin } from "../../origin-side/run/daemon.ts";
import { tenantOf } from "../../protocol/store/tenant.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { originConfigOf } from "../kit/daemons.ts";
import { openOrigin } from "../kit/fake-origin.ts";
import { type FaultyRelay, openRelay } from "../kit/faulty-relay.ts";
import { joinHalves, openEdgeHalf, openOriginHalf } from "../kit/halves.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { HeardLog, openPair, type Pair, type PairOptions } from "../kit/pair.ts";
import { Random } from "../kit/random.ts";
import { RawWire } from "../kit/raw-wire.ts";
import { openSecurePair } from "../kit/secure-pair.ts";
import { stillness, until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const WORDS = "the draft of a text that its author saves every few seconds while a sentence grows".split(" ");
const proseOf = (seed: number, words: number): string => {
  const random = new Random(seed);
  return Array.from(
    { length: words },
    () => `${random.pick(WORDS)}${random.chance(0.1) ? random.int(0, 999) : ""}`,
  ).join(" ");
};
/** A document of 20 KB in JSON, the author having typed `typed` in the middle of it. */
const draft = (typed: string): string =>
  JSON.stringify({
    id: 4711,
    title: "A draft",
    blocks: [proseOf(1, 1_900), `In the middle ${typed}`, proseOf(2, 1_900)],
  });
/** As an app sends it with each visit: the same text again, with other variables. */
const QUERY = `query ProductPage($id: ID!, $locale: Locale!, $currency: Currency!, $first: Int = 24, $after: String) {
  viewer { id displayName avatarUrl(size: 64) unreadCount cart { ...CartSummary } wishlist { productIds } }
  product(id: $id, locale: $locale) {
    id slug title subtitle descriptionHtml brand { id name logoUrl } publishedAt availability
    price(currency: $currency) { amount formatted taxIncluded discount { percent endsAt label } }
    images(first: 8) { nodes { url width height altText dominantColor } }
    variants { id sku barcode weightInGrams options { name value swatch } stock { quantity warehouse restockedAt } }
    reviews(first: $first, after: $after, orderBy: HELPFUL) {
      totalCount averageRating histogram { stars count }
      pageInfo { hasNextPage endCursor } nodes { ...ReviewCard }
    }
    shipping { carrier estimatedDays freeAbove } related(first: 12) { nodes { ...ProductTile } }
    breadcrumbs { title href } seo { canonicalUrl metaDescription openGraphImage }
  }
}
fragment CartSummary on Cart { id itemCount subtotal { amount formatted } voucherCodes expiresAt }
fragment ReviewCard on Review {
  id rating headline bodyText submittedAt verifiedPurchase helpfulVotes
  author { displayName countryCode } photos { thumbnailUrl } merchantReply { bodyText repliedAt }
}
fragment ProductTile on Product { id slug title badge image { url(width: 320) } price(currency: $currency) { formatted } }`;
const query = (id: number): string =>
  JSON.stringify({
    operationName: "ProductPage",
    variables: { id, locale: "EN", currency: "EUR" },
    query: QUERY,
  });

const JANE = "session=0123456789abcdef";
const OMAR = "session=fedcba9876543210";

interface Got {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}
let got: Got[];
/** Keeps what it gets, whole bodies only. */
const serve: PairOptions["serve"] = (request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const { method = "", url = "", trailers } = request;
    got.push({ method, url, body: Buffer.concat(pieces).toString(), trailers });
    response.writeHead(204).end();
  });
};
const bodies = (): readonly string[] => got.map(({ body }) => body);
const edgeWith = (host: object, more: object = {}) => ({
  keys: [{ id: "k", secret: FIXTURE_SECRET, hosts: [{ host: "www.example.com", ...host }] }],
  ...more,
});

interface Saving {
  readonly cookie?: string;
  readonly path?: string;
  readonly type?: string;
}
const save = (
  port: number,
  body: string,
  { cookie = JANE, path = "/d/1", type = "application/json" }: Saving = {},
) =>
  visit(port, {
    method: "PUT",
    path,
    headers: {
      "Content-Type": type,
      "Content-Length": Buffer.byteLength(body),
      ...(cookie && { Cookie: cookie }),
    },
    body: Buffer.from(body),
  });

/** Bytes from the edge to the origin side while this runs, TLS and all. */
const onLink = async (relay: FaultyRelay, run: () => Promise<unknown>): Promise<number> => {
  const total = () => relay.connections.reduce((sum, { toOrigin }) => sum + toOrigin, 0);
  await stillness(total);
  const before = total();
  await run();
  await stillness(total);
  return total() - before;
};

interface Relayed extends AsyncDisposable {
  readonly pair: Pair;
  readonly relay: FaultyRelay;
}
const openRelayed = async (requestBases: string, origin: PairOptions["origin"] = {}): Promise<Relayed> => {
  const undo = new AsyncDisposableStack();
  let relay: FaultyRelay | undefined;
  const via = async (tunnel: number) => {
    relay = undo.use(await openRelay(tunnel));
    return relay.port;
  };
  const pair = undo.use(await openPair({ serve, edge: edgeWith({ requestBases }), origin, via }));
  if (relay === undefined) throw new Error("no relay");
  return { pair, relay, [Symbol.asyncDispose]: () => undo.disposeAsync() };
};

let chosen: Relayed;
let pair: Pair;
beforeAll(async () => {
  chosen = await openRelayed("session");
  ({ pair } = chosen);
});
afterAll(() => chosen[Symbol.asyncDispose]());
beforeEach(() => {
  got = [];
});

describe("sizes on the link", () => {
  it("an autosave of 20 KB takes less than 120 bytes after the first, where it took thousands", async () => {
    expect(draft("").length).toBeGreaterThan(20_000);
    await using plain = await openRelayed("off");
    const sizes: Record<string, number[]> = {};
    for (const [
      name,
      {
        pair: { port },
        relay,
      },
    ] of Object.entries({ session: chosen, off: plain })) {
      got = [];
      const saved = ["", "a word", "a word or two"].map(draft);
      sizes[name] = [];
      for (const body of saved)
        sizes[name].push(await onLink(relay, () => save(port, body, { path: "/autosave" })));
      expect(bodies()).toEqual(saved);
    }
    const [, second = 0, third = 0] = sizes.session ?? [];
    expect(sizes.off?.[2]).toBeGreaterThan(4_000);
    expect(second).toBeLessThan(120);
    expect(third).toBeLessThan(120);
  });

  it("a long GraphQL query takes less than 120 bytes when it comes again, with other variables", async () => {
    await using plain = await openRelayed("off");
    const sizes: Record<string, number[]> = {};
    for (const [
      name,
      {
        pair: { port },
        relay,
      },
    ] of Object.entries({ session: chosen, off: plain })) {
      got = [];
      sizes[name] = [];
      for (const id of [1, 2, 34])
        sizes[name].push(await onLink(relay, () => save(port, query(id), { path: "/graphql" })));
      expect(bodies()).toEqual([1, 2, 34].map(query));
    }
    expect(sizes.off?.[2]).toBeGreaterThan(500);
    expect(sizes.session?.[2]).toBeLessThan(120);
  });
});

/** What each of these takes on the link, by the edge's access log, once it has been served. */
const costs = async (
  on: Pair,
  path: string,
  savings: readonly (readonly [string, Saving])[],
): Promise<number[]> => {
  const sizes: number[] = [];
  for (const [i, [body, saving]] of savings.entries()) {
    expect((await save(on.port, body, { ...saving, path })).status).toBe(204);
    sizes.push((await on.visitOf(path, i + 1)).requestBytes ?? Number.NaN);
  }
  expect(bodies()).toEqual(savings.map(([body]) => body));
  return sizes;
};
const SMALL = 100;
const LARGE = 3_000;

describe("a body builds on", () => {
  it("what its own session sent, and never on another's", async () => {
    const sizes = await costs(pair, "/shared", [
      [draft("one"), {}],
      [draft("two"), { cookie: OMAR }],
      [draft("three"), { cookie: OMAR }],
      [draft("four"), {}],
    ]);
    expect(sizes.map((size) => size < SMALL)).toEqual([false, false, true, true]);
    for (const size of sizes.slice(0, 2)) expect(size).toBeGreaterThan(LARGE);
  });

  it("nothing where there is no session", async () => {
    const sizes = await costs(pair, "/nobody", [
      [draft("one"), { cookie: "" }],
      [draft("two"), { cookie: "" }],
      [draft("two"), { cookie: "lang=en" }],
      [draft("two"), { cookie: "lang=en" }],
    ]);
    for (const size of sizes) expect(size).toBeGreaterThan(LARGE);
  });

  it("nothing where it is a form, unless forms were chosen", async () => {
    const type = "application/x-www-form-urlencoded";
    const form = (typed: string) =>
      new URLSearchParams({ text: draft(typed), token: "0123456789" }).toString();
    const forms = [form("one"), form("two")].map((each) => [each, { type }] as const);
    for (const size of await costs(pair, "/form", forms)) expect(size).toBeGreaterThan(LARGE);
    await using both = await openPair({ serve, edge: edgeWith({ requestBases: "session+forms" }) });
    got = [];
    expect((await costs(both, "/form", forms))[1]).toBeLessThan(SMALL);
  });

  it("nothing after the host was forgotten, on both sides", async () => {
    await costs(pair, "/forgotten", [[draft("one"), {}]]);
    expect(await pair.edge.forget({ host: "www.example.com", url: "/forgotten" })).toBe(1);
    await pair.originLog.heard("versions erased");
    expect(pair.originLog.lines.find(({ event }) => event === "versions erased")?.fields).toMatchObject({
      erased: 1,
    });
    await save(pair.port, draft("two"), { path: "/forgotten" });
    expect((await pair.visitOf("/forgotten", 2)).requestBytes).toBeGreaterThan(LARGE);
  });

  it("nothing where the origin side keeps nothing", async () => {
    await using none = await openPair({
      serve,
      edge: edgeWith({ requestBases: "session" }),
      origin: { store: { requests: "off" } },
    });
    const sizes = await costs(none, "/none", [
      [draft("one"), {}],
      [draft("two"), {}],
    ]);
    for (const size of sizes) expect(size).toBeGreaterThan(LARGE);
  });
});

describe("where the origin side does not hold the base,", () => {
  it("because it was restarted, the body travels whole, and arrives once", async () => {
    const edge = edgeWith({ requestBases: "session" });
    await using again = await openPair({ serve, edge });
    await save(again.port, draft("one"));
    await again.origin.stop();
    const log = new HeardLog();
    const config = originConfigOf({ tunnel: again.edge.tunnelAddress.port, web: again.web.port });
    const restarted = await startOrigin(config, { log });
    await log.heard("link up");
    await again.edgeLog.heard("link up", 2);
    for (const typed of ["two", "three"]) expect((await save(again.port, draft(typed))).status).toBe(204);
    expect(bodies()).toEqual(["one", "two", "three"].map(draft));
    const [second, third] = [await again.visitOf("/d/1", 2), await again.visitOf("/d/1", 3)];
    expect(second.requestBytes).toBeGreaterThan(LARGE);
    expect(third.requestBytes).toBeLessThan(SMALL);
    expect(second.baseMissed).toBeUndefined();
    await restarted.stop();
  });

  it("because others took its room, it is asked for once more on the same stream, and arrives once", async () => {
    const origin = { store: { requests: "64 KiB" } };
    await using tight = await openPair({ serve, edge: edgeWith({ requestBases: "session" }), origin });
    await save(tight.port, draft("one"));
    for (const path of ["/a", "/b", "/c"]) await save(tight.port, draft(path), { path });
    expect((await save(tight.port, draft("two"))).status).toBe(204);
    expect(bodies().filter((body) => body === draft("two"))).toHaveLength(1);
    expect(got).toHaveLength(5);
    const record = await tight.visitOf("/d/1", 2);
    expect(record).toMatchObject({ baseMissed: true, status: 204 });
    expect(record.requestBytes).toBeGreaterThan(LARGE);
    expect(await tight.answered(5)).toMatchObject({ baseMissed: true });
    await save(tight.port, draft("three"));
    expect((await tight.visitOf("/d/1", 3)).requestBytes).toBeLessThan(SMALL);
  });

  it("because it is damaged, the body travels whole, and arrives once", async () => {
    await using web = await openOrigin(serve);
    await using edge = await openEdgeHalf({ requestBases: "session" });
    await using origin = await openOriginHalf({ port: web.port });
    await joinHalves(edge, origin);
    await save(edge.port, draft("one"));
    const tenant = tenantOf({ keyId: "k", host: "www.example.com" });
    const [held] = origin.requestBodies.listed({ tenant, method: "PUT", target: "/d/1" });
    held?.body.write("X", 1_000);
    expect((await save(edge.port, draft("two"))).status).toBe(204);
    expect(bodies()).toEqual(["one", "two"].map(draft));
    expect(await edge.record(2)).toMatchObject({ baseMissed: true });
    expect((await save(edge.port, draft("three"))).status).toBe(204);
    expect((await edge.record(3)).requestBytes).toBeLessThan(SMALL);
  });
});

describe("bodies of other shapes arrive as they were sent:", () => {
  const dial = async (fields: readonly string[], rest = ""): Promise<RawWire> => {
    const visitor = await RawWire.dial(pair.port);
    const head = [
      "PUT /shapes HTTP/1.1",
      "Host: www.example.com",
      `Cookie: ${JANE}`,
      "Content-Type: application/json",
    ];
    return visitor.say([...head, ...fields, "", rest].join("\r\n"));
  };
  const chunked = (body: string, trailers = ""): string =>
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailers}\r\n`;

  it("in chunks, with trailers, on a base", async () => {
    for (const typed of ["one", "two"]) {
      const visitor = await dial(
        ["Transfer-Encoding: chunked", "Trailer: Checksum"],
        chunked(draft(typed), "Checksum: abc\r\n"),
      );
      await visitor.hears("204 No Content");
      visitor.socket.destroy();
    }
    expect(got.map(({ body, trailers }) => [body, trailers])).toEqual(
      ["one", "two"].map((typed) => [draft(typed), { checksum: "abc" }]),
    );
    expect((await pair.visitOf("/shapes", 2)).requestBytes).toBeLessThan(SMALL);
  });

  it("that expect 100, and that are large", async () => {
    const body = draft("one");
    const visitor = await dial([`Content-Length: ${body.length}`, "Expect: 100-continue"]);
    await visitor.hears("100 Continue");
    visitor.say(body);
    await visitor.hears("204 No Content");
    visitor.socket.destroy();
    const large = JSON.stringify([1, 2, 3, 4].map((seed) => proseOf(seed, 4_000)));
    expect(large.length).toBeGreaterThan(65_536);
    for (let times = 0; times < 2; times++) await save(pair.port, large, { path: "/large" });
    expect(bodies()).toEqual([body, large, large]);
  });

  it("a visitor that leaves in the middle leaves nothing behind, and the next save is served", async () => {
    const path = "/left";
    await save(pair.port, draft("one"), { path });
    const visitor = await RawWire.dial(pair.port);
    const head = [
      `PUT ${path} HTTP/1.1`,
      "Host: www.example.com",
      `Cookie: ${JANE}`,
      "Content-Type: application/json",
    ];
    visitor.say(
      [...head, `Content-Length: ${draft("two").length}`, "", draft("two").slice(0, 9_000)].join("\r\n"),
    );
    await until(() => visitor.socket.writableLength === 0, "the first part to leave");
    visitor.socket.resetAndDestroy();
    await pair.visitOf(path, 2);
    await save(pair.port, draft("three"), { path });
    expect(bodies()).toEqual([draft("one"), draft("three")]);
    expect((await pair.visitOf(path, 3)).requestBytes).toBeLessThan(SMALL);
  });

  it("over HTTP/2, on a base", async () => {
    await using secure = await openSecurePair({ serve, edge: edgeWith({ requestBases: "session" }) });
    await using visitor = await openHttp2(secure);
    for (const typed of ["one", "two"]) {
      const fields = { ":method": "PUT", ":path": "/d/1", cookie: JANE, "content-type": "application/json" };
      const stream = visitor.session.request({ ...fields, ":authority": "www.example.com" });
      stream.end(draft(typed));
      const [head] = await once(stream, "response");
      expect(head[":status"]).toBe(204);
      stream.resume();
      await once(stream, "close");
    }
    expect(bodies()).toEqual(["one", "two"].map(draft));
    expect((await secure.pair.visitOf("/d/1", 2)).requestBytes).toBeLessThan(SMALL);
  });

  it("many at once, of many sessions and documents, each exactly once", async () => {
    const random = new Random(5);
    const saves = Array.from({ length: 120 }, (_, i) => ({
      body: draft(`${i} ${"typed ".repeat(random.int(0, 50))}`),
      path: `/many/${random.int(1, 4)}`,
      cookie: `session=${"x".repeat(16)}${random.int(1, 5)}`,
    }));
    await Promise.all(saves.map(({ body, path, cookie }) => save(pair.port, body, { path, cookie })));
    expect([...bodies()].sort()).toEqual(saves.map(({ body }) => body).sort());
  });
});
