/**
 * Whatever way an exchange ends, nothing of it stays: no stream on either end of the link, no byte of either budget. A pair
 * without daemons, on an in-memory link that can be looked into.
 */
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bodyOf, type FakeOrigin, flood, openOrigin } from "../kit/fake-origin.ts";
import { type EdgeHalf, joinHalves, type OriginHalf, openEdgeHalf, openOriginHalf } from "../kit/halves.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { seeded } from "../kit/random.ts";
import { stillness, until } from "../kit/until.ts";
import { begin, finish, visit } from "../kit/visits.ts";
import { laterPage, madePage } from "../protocol/codec/made-pages.ts";

watchLeaks();

let web: FakeOrigin;
let edge: EdgeHalf;
let origin: OriginHalf;
let links: Awaited<ReturnType<typeof joinHalves>>;
beforeEach(async () => {
  web = await openOrigin(() => {});
  edge = await openEdgeHalf();
  origin = await openOriginHalf({ port: web.port });
  links = await joinHalves(edge, origin);
});
afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});

const nothingLeft = async (visits: number): Promise<void> => {
  const { atEdge, atOrigin } = links;
  await until(() => edge.records.length === visits && origin.records.length === visits, "the records");
  await until(() => atEdge.link.load === 0 && atOrigin.link.load === 0, "the end of every stream");
  expect([edge.memory.usedBytes, origin.memory.usedBytes]).toEqual([0, 0]);
};

const HTML = { "Content-Type": "text/html" };

it("pages: whole, delta, same", async () => {
  const random = seeded();
  let page = madePage(random, 30);
  web.serve = (_, response) => response.writeHead(200, HTML).end(page);
  for (let n = 0; n < 6; n++) {
    if (n % 2 === 0) page = laterPage(random, page);
    expect((await visit(edge.port)).body.equals(page)).toBe(true);
  }
  await nothingLeft(6);
});

it.each(["completes", "is cut by the web server", "is left by the visitor"])(
  "a page that streams and %s",
  async (how) => {
    const page = madePage(seeded(), 60);
    let goOn = () => {};
    web.serve = (_, response) => {
      response.writeHead(200, HTML).write(page.subarray(0, 5_000));
      goOn = () => {
        if (how === "completes") response.end(page.subarray(5_000));
        else response.write(page.subarray(5_000), () => response.destroy());
      };
    };
    // The second time with a base, so as a delta where it completed the first time.
    for (let n = 0; n < 2; n++) {
      const gone = new AbortController();
      const response = await begin(edge.port, { signal: gone.signal });
      await once(response, "readable");
      if (how === "is left by the visitor") gone.abort();
      else goOn();
      const { body, cut } = await finish(response);
      expect([cut, body.equals(page)]).toEqual(how === "completes" ? [false, true] : [true, false]);
    }
    await nothingLeft(2);
  },
);

it("large uploads that the web server answers without reading", async () => {
  const SIZE = 50 * 1024 * 1024;
  for (let n = 1; n <= 3; n++) {
    let answer = () => {};
    let sent = 0;
    web.serve = (_, response) => {
      answer = () => response.writeHead(413, HTML).end("too large");
    };
    const visited = visit(edge.port, {
      method: "POST",
      headers: { "Content-Length": SIZE },
      body: (async function* () {
        const piece = Buffer.alloc(64 * 1024);
        for (; sent < SIZE; sent += piece.length) yield piece;
      })(),
    });
    await web.askedReach(n);
    // Every window and every buffer on the way is full.
    await stillness(() => sent);
    expect(sent).toBeLessThan(SIZE);
    answer();
    expect((await visited).status).toBe(413);
  }
  await nothingLeft(3);
});

it("uploads that are read, and that the visitor leaves", async () => {
  web.serve = async (request, response) => {
    const body = await bodyOf(request).catch(() => undefined);
    response.end(`${body?.length}`);
  };
  expect((await visit(edge.port, { method: "POST", body: Buffer.alloc(300_000) })).body.toString()).toBe(
    "300000",
  );
  const gone = new AbortController();
  const never = Promise.withResolvers<never>();
  const uploading = begin(edge.port, {
    method: "POST",
    signal: gone.signal,
    body: (async function* () {
      yield Buffer.alloc(300_000);
      await never.promise;
    })(),
  }).catch(() => {});
  await web.askedReach(2);
  gone.abort();
  await uploading;
  await nothingLeft(2);
});

it("downloads that the visitor leaves", async () => {
  web.serve = (_, response) => {
    response.writeHead(200, { "Content-Type": "image/png" });
    void flood(response, 1 << 30);
  };
  for (let n = 0; n < 5; n++) {
    const gone = new AbortController();
    const response = await begin(edge.port, { signal: gone.signal });
    gone.abort();
    await finish(response);
  }
  await nothingLeft(5);
});

it("visitors that leave while nothing has come", async () => {
  for (let n = 1; n <= 5; n++) {
    const gone = new AbortController();
    const visited = begin(edge.port, { signal: gone.signal }).catch(() => {});
    await web.askedReach(n);
    gone.abort();
    await visited;
  }
  await nothingLeft(5);
});
