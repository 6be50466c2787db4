/**
 * Large bodies both ways through both daemons, with a reader that does not read: what is under way waits in bounded memory, and
 * all of it arrives. All ends are in this one process, so its memory is an upper bound for the daemons'.
 */
import { createHash, type Hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flood } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { stillness, until } from "../kit/until.ts";
import { begin, finish, visit } from "../kit/visits.ts";

watchLeaks();

const MIB = 1024 * 1024;
/** More than windows, queues and sockets hold. */
const BODY_BYTES = 32 * MIB;
/** Two daemons, a visitor and a web server: windows, queues, and one segment; measured 2 to 7 MiB. */
const MOST_GROWTH_BYTES = 16 * MIB;

let pair: Pair;
beforeAll(async () => {
  pair = await openPair({ serve() {} });
});
afterAll(() => pair[Symbol.asyncDispose]());

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Buffers that are held, wherever they are: what bodies take. */
const bufferBytes = (): number => {
  collectGarbage();
  collectGarbage(); // what the first one found is freed in the background; the second waits for that
  const { arrayBuffers, external } = process.memoryUsage();
  return Math.max(arrayBuffers, external);
};

const patternOf = (bytes: number): string => {
  const piece = Buffer.alloc(64 * 1024, "flood ");
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= piece.length)
    hash.update(piece.subarray(0, Math.min(left, piece.length)));
  return hash.digest("hex");
};

const hashOf = async (message: IncomingMessage, hash: Hash = createHash("sha256")): Promise<string> => {
  for await (const piece of message) hash.update(piece as Buffer);
  return hash.digest("hex");
};

describe.each([
  ["an image, which passes", "image/png"],
  ["a page, which is coded", "text/html"],
])("a download of 32 MiB: %s", (_, type) => {
  it("waits in bounded memory for a visitor that does not read, and arrives whole", async () => {
    let written = 0;
    pair.web.serve = (_request, response) => {
      response.writeHead(200, { "Content-Type": type, "Content-Length": BODY_BYTES });
      void flood(response, BODY_BYTES, (bytes) => {
        written = bytes;
      }).then(() => response.end());
    };
    const before = bufferBytes();
    const response = await begin(pair.port, { path: `/${type}` });
    // A body that compresses to nothing gets far, but no further than the sockets and the windows hold.
    await stillness(() => written);
    if (type === "image/png") expect(written).toBeLessThan(BODY_BYTES);
    expect(bufferBytes() - before).toBeLessThan(MOST_GROWTH_BYTES);
    expect(await hashOf(response)).toBe(patternOf(BODY_BYTES));
  });
});

it("an upload of 32 MiB waits in bounded memory for a web server that does not read, and arrives whole", async () => {
  const reading = Promise.withResolvers<void>();
  let sum: string | undefined;
  pair.web.serve = async (request, response) => {
    await reading.promise;
    sum = await hashOf(request);
    response.end("thanks");
  };
  let sent = 0;
  const before = bufferBytes();
  const asked = pair.web.asked.length;
  const uploaded = visit(pair.port, {
    method: "POST",
    path: "/upload",
    headers: { "Content-Length": BODY_BYTES },
    body: (async function* () {
      const piece = Buffer.alloc(64 * 1024, "flood ");
      for (; sent < BODY_BYTES; sent += piece.length) yield piece;
    })(),
  });
  await until(() => pair.web.asked.length > asked);
  await stillness(() => sent);
  expect(sent).toBeLessThan(BODY_BYTES);
  expect(bufferBytes() - before).toBeLessThan(MOST_GROWTH_BYTES);
  // Meanwhile another visitor is served over the same link.
  const held = pair.web.serve;
  pair.web.serve = (_, response) => response.end("quick");
  expect((await visit(pair.port, { path: "/quick" })).body.toString()).toBe("quick");
  pair.web.serve = held;
  reading.resolve();
  expect((await uploaded).body.toString()).toBe("thanks");
  expect(sum).toBe(patternOf(BODY_BYTES));
});

it("a page larger than is remembered streams, and is not offered the next time", async () => {
  const page = Buffer.alloc(9 * MIB, "<li>a row of a very long page</li>\n");
  pair.web.serve = (_, response) => response.setHeader("Content-Type", "text/html").end(page);
  await using fresh = await openPair({ serve: pair.web.serve });
  for (let again = 1; again <= 2; again++) {
    expect((await visit(fresh.port, { path: "/long" })).body.equals(page)).toBe(true);
    expect(await fresh.visited(again)).toMatchObject({ answer: "whole", bases: 0, pageBytes: page.length });
  }
});

it("a visitor that leaves inside a large body frees everything", async () => {
  let left = 0;
  pair.web.serve = (request, response) => {
    request.socket.once("close", () => left++);
    response.writeHead(200, { "Content-Type": "image/png", "Content-Length": BODY_BYTES });
    void flood(response, BODY_BYTES).then(() => response.end());
  };
  const gone = new AbortController();
  const responses = await Promise.all(
    Array.from({ length: 10 }, (_, i) => begin(pair.port, { path: `/leave/${i}`, signal: gone.signal })),
  );
  gone.abort();
  for (const response of responses) expect((await finish(response)).cut).toBe(true);
  await until(() => left === 10, "ten cancelled requests");
});
