/** An edge whose host has a fallback: what goes there, how it comes back, and what never does. */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Fallback } from "../../../edge-side/upstream/fallbacks.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { bodyOf, type FakeOrigin, openOrigin } from "../../kit/fake-origin.ts";
import { type EdgeHalf, type EdgeOptions, openEdgeHalf, TEST_HOST, wiredHalf } from "../../kit/halves.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { RawVisitor } from "../../kit/raw-visitor.ts";
import { answerFrame } from "../../kit/scripted-peer.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { until } from "../../kit/until.ts";
import { begin, finish, visit } from "../../kit/visits.ts";

watchLeaks();

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

/** An edge half with a fallback, which asks for everything unless `paths` is undefined. */
const edgeWith = async (
  serve: FakeOrigin["serve"],
  { paths = ["/"], ...more }: EdgeOptions & { readonly paths?: readonly string[] | null } = {},
): Promise<{ readonly web: FakeOrigin; readonly edge: EdgeHalf }> => {
  const web = open.use(await openOrigin(serve));
  const origin = { scheme: "http", address: { host: "127.0.0.1", port: web.port } } as const;
  const settings = { origin, tls: undefined, paths: paths ?? undefined };
  const fallback = new Fallback(TEST_HOST, settings, {
    clock: systemClock,
    log: silentLog,
    headBytes: 32_768,
  });
  const edge = open.use(await openEdgeHalf({ fallbacks: { of: () => fallback }, ...more }));
  open.defer(() => fallback.client.close());
  return { web, edge };
};

const ok = (_: IncomingMessage, response: ServerResponse) => response.end("from the fallback");

it("while no link is there the web server is asked as by an origin side, and the record says so", async () => {
  let asked: IncomingMessage | undefined;
  const { edge } = await edgeWith((request, response) => {
    asked = request;
    response.setHeader("ETag", '"1"');
    response.end("from the fallback");
  });
  const visited = await visit(edge.port, { path: "/a?b", headers: { "X-Forwarded-For": "1.2.3.4" } });
  expect(visited).toMatchObject({ status: 200, body: Buffer.from("from the fallback") });
  expect(visited.headers.etag).toBe('"1"');
  expect(asked?.headers).toMatchObject({
    host: TEST_HOST,
    via: "1.1 coilgun-test",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
  });
  expect(await edge.record(1)).toMatchObject({
    target: "/a?b",
    status: 200,
    answer: "fallback",
    reason: "no-link",
    pageBytes: 17,
  });
  expect(edge.store.bytes).toBe(0);
});

it("a link that comes is used again, and the fallback once more when it has gone", async () => {
  const { web, edge } = await edgeWith(ok);
  const answers = [(await visit(edge.port)).body.toString()];
  const { peer } = await wiredHalf(edge, "origin");
  const overLink = visit(edge.port);
  const { streamId } = await peer.nextOf("open");
  peer.say(
    answerFrame(
      streamId,
      { kind: "passed" },
      { head: [":status", "200"], body: Buffer.from("link"), ended: true },
    ),
  );
  answers.push((await overLink).body.toString());
  peer.cut();
  await until(() => edge.pool.links.size === 0, "the link has gone");
  answers.push((await visit(edge.port)).body.toString());
  expect(answers).toEqual(["from the fallback", "link", "from the fallback"]);
  expect(web.asked).toHaveLength(2);
  expect(edge.records.map(({ answer }) => answer)).toEqual(["fallback", "passed", "fallback"]);
});

it("without a list of paths only what a link has answered is asked for", async () => {
  const { web, edge } = await edgeWith(ok, { paths: null });
  expect((await visit(edge.port, { path: "/news" })).status).toBe(503);
  const { peer } = await wiredHalf(edge, "origin");
  const overLink = visit(edge.port, { path: "/news" });
  const { streamId } = await peer.nextOf("open");
  peer.say(answerFrame(streamId, { kind: "passed" }, { head: [":status", "200"], ended: true }));
  await overLink;
  peer.cut();
  await until(() => edge.pool.links.size === 0, "the link has gone");
  const statuses = [];
  for (const path of ["/news?2", "/admin"]) statuses.push((await visit(edge.port, { path })).status);
  expect(statuses).toEqual([200, 503]);
  expect(web.asked).toEqual(["/news?2"]);
});

it.each(["POST", "GET"])("a %s that left on a link is not asked for anywhere else", async (method) => {
  const { web, edge } = await edgeWith(ok);
  const { peer } = await wiredHalf(edge, "origin");
  const visited = visit(edge.port, { method, ...(method === "POST" && { body: Buffer.from("order") }) });
  await peer.nextOf("open");
  peer.cut();
  expect((await visited).status).toBeGreaterThanOrEqual(502);
  expect(web.asked).toEqual([]);
});

it("a link that is silent serves nobody new", async () => {
  const clock = new FakeClock();
  const { edge } = await edgeWith(ok, { clock });
  const { link } = await wiredHalf(edge, "origin");
  Object.defineProperty(link, "suspect", { value: true });
  expect((await visit(edge.port)).body.toString()).toBe("from the fallback");
  expect(await edge.record(1)).toMatchObject({ answer: "fallback", reason: "link-silent" });
});

it("a fallback that leads back to this edge ends in 508", async () => {
  const { edge, web } = await edgeWith(ok);
  web.serve = async (request, response) => {
    const { status } = await visit(edge.port, {
      path: request.url ?? "",
      headers: { Via: request.headers.via },
    });
    response.statusCode = status;
    response.end();
  };
  expect((await visit(edge.port)).status).toBe(508);
  expect(web.asked).toHaveLength(1);
  expect((await edge.record(1)).failed).toBe("loop");
});

it("codings that the web server chose go on as they are, and its lengths, and its plain pages are compressed as ever", async () => {
  const coded = gzipSync("a page".repeat(200));
  const { edge } = await edgeWith((request, response) => {
    response.setHeader("Content-Type", "text/html");
    if (request.url === "/plain") return response.end("a page".repeat(200));
    response.writeHead(200, {
      "Content-Encoding": "gzip",
      "Content-Length": coded.length,
      ETag: '"strong"',
      "X-Asked": request.headers["accept-encoding"] ?? "",
    });
    return response.end(coded);
  });
  const asGzip = { headers: { "Accept-Encoding": "gzip, br;q=0" } };
  const passed = await visit(edge.port, asGzip);
  expect(passed.body.equals(coded)).toBe(true);
  expect(passed.headers).toMatchObject({
    "x-asked": "gzip, br;q=0",
    etag: '"strong"',
    "content-length": String(coded.length),
  });
  const plain = await visit(edge.port, { ...asGzip, path: "/plain" });
  expect(plain.headers["content-encoding"]).toBe("gzip");
  expect(plain.body.length).toBeLessThan(200);
});

it("a body goes there as it comes, with its trailers, and both of the response's come back", async () => {
  const sent = Buffer.alloc(300_000, "x");
  const { edge } = await edgeWith(async (request, response) => {
    const body = await bodyOf(request);
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.writeHead(201, { Trailer: "X-Sum", "Content-Type": "image/png" });
    response.write(body.subarray(0, 10));
    response.addTrailers({ "X-Sum": `${body.length} ${request.trailers["x-part"]}` });
    response.end();
  });
  const visitor = await RawVisitor.connect(edge.port);
  open.defer(() => visitor.leave());
  visitor.send(
    `POST /upload HTTP/1.1\r\nHost: ${TEST_HOST}\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Part\r\nConnection: close\r\n\r\n`,
    `${sent.length.toString(16)}\r\n`,
    sent,
    "\r\n0\r\nX-Part: last\r\n\r\n",
  );
  const said = await visitor.rest();
  expect(said).toMatch(/^HTTP\/1\.1 103 Early Hints\r\n[\s\S]*HTTP\/1\.1 201 Created\r\n/);
  expect(said).toContain("X-Sum: 300000 last");
});

it("an upgrade goes through, both ways and by halves", async () => {
  const { edge, web } = await edgeWith(ok);
  web.server.on("upgrade", (_, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.pipe(socket);
  });
  const visitor = await RawVisitor.connect(edge.port);
  open.defer(() => visitor.leave());
  visitor.send(`GET /ws HTTP/1.1\r\nHost: ${TEST_HOST}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  await until(() => visitor.seen.includes("\r\n\r\n"), "101");
  visitor.send("hello");
  await until(() => visitor.seen.includes("hello"), "the echo");
  visitor.socket.end();
  expect(await visitor.rest()).toMatch(/^HTTP\/1\.1 101 [\s\S]*hello$/);
  expect(await edge.record(1)).toMatchObject({ answer: "fallback", status: 101, pageBytes: 5 });
});

it.each<[string, FakeOrigin["serve"], number]>([
  ["refuses", (request) => request.socket.destroy(), 502],
  [
    "sends a head that no visitor may get",
    (_, response) => void response.socket?.end("HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na"),
    502,
  ],
])("a web server that %s gets its visitor an error page", async (_, serve, status) => {
  const { edge } = await edgeWith(serve);
  expect((await visit(edge.port)).status).toBe(status);
  expect(await edge.record(1)).toMatchObject({ answer: "fallback", failed: "origin-failed", status });
});

it("a response that breaks off is visibly cut", async () => {
  const { edge } = await edgeWith((_, response) => {
    response.writeHead(200, { "Content-Length": "10" });
    response.write("12345");
    setImmediate(() => response.destroy());
  });
  expect(await visit(edge.port)).toMatchObject({ status: 200, cut: true });
});

it("a visitor that leaves takes the request to the web server with it", async () => {
  const gone = Promise.withResolvers<void>();
  const { edge, web } = await edgeWith((request) => {
    request.socket.once("close", () => gone.resolve());
  });
  const visitor = await RawVisitor.connect(edge.port);
  visitor.send(`GET / HTTP/1.1\r\nHost: ${TEST_HOST}\r\n\r\n`);
  await web.askedReach(1);
  visitor.leave();
  await gone.promise;
  expect(await edge.record(1)).toMatchObject({ answer: "fallback", failed: "cancelled" });
});

it("HEAD, and a request whose body nobody reads, leave their connection usable", async () => {
  const { edge } = await edgeWith((request, response) => {
    response.writeHead(request.method === "HEAD" ? 200 : 413, { "Content-Length": "3" });
    response.end("abc");
  });
  const visitor = await RawVisitor.connect(edge.port);
  open.defer(() => visitor.leave());
  const head = (method: string, more = "") => `${method} / HTTP/1.1\r\nHost: ${TEST_HOST}\r\n${more}\r\n`;
  visitor.send(head("HEAD"), head("POST", "Content-Length: 100000\r\n"), Buffer.alloc(100_000));
  visitor.send(head("HEAD", "Connection: close\r\n"));
  const statuses = (await visitor.rest()).match(/HTTP\/1\.1 \d+/g);
  expect(statuses).toEqual(["HTTP/1.1 200", "HTTP/1.1 413", "HTTP/1.1 200"]);
});

it("an event stream comes event by event, and a connection is kept for the next request", async () => {
  const sockets = new Set<unknown>();
  const { edge } = await edgeWith((request, response) => {
    sockets.add(request.socket);
    if (request.url !== "/events") return response.end();
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    return response.write("data: 1\n\n");
  });
  await visit(edge.port);
  await visit(edge.port);
  expect(sockets.size).toBe(1);
  const response = await begin(edge.port, { path: "/events" });
  const [first] = await once(response, "data");
  expect(String(first)).toBe("data: 1\n\n");
  response.destroy();
  await finish(response);
  await edge.record(3);
});

it("Proxy-Status marks what a fallback answered, and says how it failed; HEAD of an error page has its head alone", async () => {
  const { edge, web } = await edgeWith(ok, { settings: { proxyStatus: true } });
  expect((await visit(edge.port)).headers["proxy-status"]).toBe('coilgun-test; details="fallback: no-link"');
  web.serve = (request) => request.socket.destroy();
  const ask = (method: string) => visit(edge.port, { method, headers: { Accept: "text/html" } });
  const [got, head] = [await ask("GET"), await ask("HEAD")];
  expect(got.body.toString()).toContain("The web server of this site");
  for (const { status, headers } of [got, head])
    expect([status, headers["proxy-status"], headers["content-length"]]).toEqual([
      502,
      "coilgun-test; error=connection_terminated",
      String(got.body.length),
    ]);
  expect(head.body.length).toBe(0);
});
