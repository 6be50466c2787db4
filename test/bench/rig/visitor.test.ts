/** bench/rig/visitor.ts: asks as a browser does, over one connection, and undoes whatever coding comes back. */
import { createServer, type RequestListener } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { headersFor, visitorOf } from "../../../bench/rig/visitor.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function visitorOfServer(serve: RequestListener) {
  const server = createServer(serve);
  const visitor = visitorOf(await listenOnLoopback(server), systemClock);
  opened.push(
    () => server.closeAllConnections(),
    () => server.close(),
    () => visitor.close(),
  );
  return { visitor, server };
}

const VISIT = { host: "a.replay.test", path: "/", contentType: "text/html" };
const PAGE = Buffer.from("a page, a page, a page");

it.each([
  { coding: undefined, body: PAGE },
  { coding: "gzip", body: gzipSync(PAGE) },
  { coding: "deflate", body: deflateSync(PAGE) },
  { coding: "br", body: brotliCompressSync(PAGE) },
  { coding: "zstd", body: zstdCompressSync(PAGE) },
])("gives the page without its coding: $coding", async ({ coding, body }) => {
  const { visitor } = await visitorOfServer((_, response) => {
    if (coding !== undefined) response.setHeader("Content-Encoding", coding);
    response.end(body);
  });
  expect((await visitor.visit(VISIT)).body.equals(PAGE)).toBe(true);
});

it("refuses a coding that it did not ask for", async () => {
  const { visitor } = await visitorOfServer((_, response) => {
    response.setHeader("Content-Encoding", "compress").end(PAGE);
  });
  await expect(visitor.visit(VISIT)).rejects.toThrow("a coding that was not asked for: compress");
});

it("rejects a page that is cut off", async () => {
  const { visitor } = await visitorOfServer((_, response) => {
    response.writeHead(200, { "Content-Length": 100 }).write(PAGE, () => response.destroy());
  });
  await expect(visitor.visit(VISIT)).rejects.toThrow();
});

it("keeps its connection", async () => {
  let connections = 0;
  const { visitor, server } = await visitorOfServer((_, response) => response.end(PAGE));
  server.on("connection", () => {
    connections += 1;
  });
  for (let count = 0; count < 3; count += 1) await visitor.visit(VISIT);
  expect(connections).toBe(1);
});

it("asks as a browser: for a document, and for what a script fetches; with a cookie only when there is one", () => {
  const page = headersFor(VISIT);
  const api = headersFor({
    ...VISIT,
    contentType: "application/json",
    cookie: "session=1",
    xsrfToken: "a+b=",
  });
  expect(page).toMatchObject({ Host: VISIT.host, "Accept-Encoding": "gzip, deflate, br, zstd" });
  expect(page.Accept).toMatch(/^text\/html/);
  expect(page).not.toHaveProperty("Cookie");
  expect(page).not.toHaveProperty("Referer");
  expect(page).not.toHaveProperty("X-XSRF-TOKEN");
  expect(api).toMatchObject({ Accept: "*/*", Cookie: "session=1", "X-XSRF-TOKEN": "a+b=" });
});
