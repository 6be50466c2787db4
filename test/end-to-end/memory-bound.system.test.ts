/**
 * The memory formula (docs/operations.md, "Memory"): two real daemons with small settings, every buffer of both filled at once by
 * visitors that take nothing and send more than is wanted. What they hold once garbage is gone stays below what the formula grants for what
 * is there, without its share for the program; their resident memory below all of it.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { memoryOf } from "../../bench/pair/consumption.ts";
import {
  edgeMemory,
  type MemoryTerms,
  memoryBound,
  originMemory,
  type Present,
} from "../../protocol/daemon/memory-bound.ts";
import { type FakeOrigin, flood, openOrigin } from "../kit/fake-origin.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { edgeYaml, HOST, openScene, originYaml, type RealDaemon, type Scene } from "../kit/real-daemons.ts";
import { makeSiteFiles, type SiteFiles } from "../kit/secure-pair.ts";
import { stillness, until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const KIB = 1024;
const MIB = 1024 * KIB;
const PROBE = [
  "--expose-gc",
  "--import",
  fileURLToPath(new URL("../kit/heap-probe.fixture.ts", import.meta.url)),
];
const BOUNDED = {
  store: { sizeBytes: 2 * MIB },
  memory: { budgetBytes: 12 * MIB },
  limits: { headBytes: 64 * KIB },
};
const SETTINGS = {
  store: { size: "2 MiB" },
  memory: { budget: "12 MiB", perKey: "8 MiB" },
  limits: { pageBytes: "1 MiB" },
  accessLog: "off",
};

const PAGES = 120;
const PAGE_BYTES = 30 * KIB;
/** Of each kind of visitor. */
const EACH = 12;
/** Sent behind a request that hangs. */
const HEADS_AHEAD = 250;
const HEAD_BYTES = 60_000;
const BODY_BYTES = 40 * MIB;
/** Of one byte, in chunks of their own. */
const CRUMBS = 30_000;

let scene: Scene;
let site: SiteFiles;
let web: FakeOrigin;
let edge: RealDaemon;
let origin: RealDaemon;
/** Bytes that the web server could write of bodies that visitors do not take. */
let written = 0;
beforeAll(async () => {
  scene = openScene();
  site = makeSiteFiles();
  web = await openOrigin(({ url = "" }, response) => {
    if (url.startsWith("/hang")) return;
    if (url.startsWith("/page")) {
      response.setHeader("Content-Type", "text/html");
      return response.end(randomBytes(PAGE_BYTES / 2).toString("hex"));
    }
    response.writeHead(200, { "Content-Type": url.startsWith("/html") ? "text/html" : "video/mp4" });
    let before = 0;
    return void flood(response, BODY_BYTES, (sent) => {
      written += sent - before;
      before = sent;
    });
  });
  const visitors = ["127.0.0.1:0", { listen: "127.0.0.1:0", ...site.named }];
  edge = await scene.start("edge-side", edgeYaml({ ...SETTINGS, visitors }), PROBE);
  const routes = [{ host: HOST, origin: `http://127.0.0.1:${web.port}`, connections: 512 }];
  const tunnel = edge.port("tunnel");
  origin = await scene.start("origin-side", originYaml(tunnel, web.port, { ...SETTINGS, routes }), PROBE);
  await Promise.all([edge.logged("link up"), origin.logged("link up")]);
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
  site[Symbol.dispose]();
});

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
});

let probes = 0;
/** Bytes of heap and buffers that each daemon holds once garbage is gone. */
const held = async (): Promise<{ readonly edge: number; readonly origin: number }> => {
  probes++;
  const of = async (daemon: RealDaemon) => {
    daemon.signal("SIGUSR2");
    const { heapBytes, externalBytes } = await daemon.logged("heap", probes);
    return Number(heapBytes) + Number(externalBytes);
  };
  const [ofEdge, ofOrigin] = await Promise.all([of(edge), of(origin)]);
  return { edge: ofEdge, origin: ofOrigin };
};

/** Bytes that what is there may add to a program that holds nothing: the formula without what it grants the program itself. */
const granted = (terms: MemoryTerms, present: Present): number =>
  BOUNDED.store.sizeBytes + BOUNDED.memory.budgetBytes + memoryBound({ ...terms, fixed: 0 }, present);

/** A visitor that sends `pieces` as far as they are taken, and reads nothing. */
const stalled = async (port: number, pieces: readonly (Buffer | string)[]): Promise<Socket> => {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  socket.pause();
  for (const piece of pieces) socket.write(piece);
  return socket;
};

const head = (line: string, ...fields: readonly string[]): string =>
  [`${line} HTTP/1.1`, `Host: ${HOST}`, ...fields, "", ""].join("\r\n");

it("every buffer at once, on both sides, stays within the formula", async () => {
  const [http = 0, https = 0] = [
    ...String(edge.log.find(({ event }) => event === "ready")?.visitors).matchAll(/:(\d+)/g),
  ].map(([, port]) => Number(port));
  const pages = async () => {
    for (let n = 0; n < PAGES / EACH; n++)
      await Promise.all(Array.from({ length: EACH }, (_, i) => visit(http, { path: `/page/${n}-${i}` })));
  };
  await visit(http, { path: "/page/first" });
  const before = await held();
  await pages();

  const each = <T>(make: (n: number) => T): T[] => Array.from({ length: EACH }, (_, n) => make(n));
  const long = Buffer.from(head("GET /hang/behind", `X-Long: ${"h".repeat(HEAD_BYTES)}`));
  const body = Buffer.alloc(MIB, "body ");
  const crumbs = Buffer.from("1\r\nx\r\n".repeat(CRUMBS));
  await Promise.all([
    ...each((n) =>
      stalled(http, [head(`GET /hang/${n}`), ...Array.from({ length: HEADS_AHEAD }, () => long)]),
    ),
    ...each((n) => stalled(http, [head(`GET /video/${n}`)])),
    ...each((n) => stalled(http, [head(`GET /html/${n}`)])),
    ...each((n) =>
      stalled(http, [
        head(`POST /hang/${n}`, `Content-Length: ${20 * MIB}`),
        ...Array.from({ length: 20 }, () => body),
      ]),
    ),
    ...each((n) => stalled(http, [head(`POST /hang/${n}`, "Transfer-Encoding: chunked"), crumbs])),
  ]);
  await using http2 = await openHttp2({ https, authority: site.authority });
  const streams = each((n) => {
    const stream = http2.session.request({ ":path": `/html/h2-${n}`, ":authority": HOST });
    return stream.on("error", () => {});
  });
  await Promise.all(streams.map((stream) => once(stream, "response")));
  const requests = 6 * EACH;
  await until(() => web.asked.length >= 1 + PAGES + requests, "the last request");
  await stillness(
    () =>
      written +
      web.asked.length +
      sockets.reduce((sum, each) => sum + each.bytesWritten - each.writableLength, 0),
  );

  const after = await held();
  const present = { links: 1, connections: 5 * EACH + 1, requests };
  const mostOfEdge = granted(edgeMemory(BOUNDED), present);
  const mostOfOrigin = granted(originMemory(BOUNDED), present);
  expect(after.edge - before.edge).toBeLessThan(mostOfEdge);
  expect(after.origin - before.origin).toBeLessThan(mostOfOrigin);
  if (process.platform === "linux") {
    expect(memoryOf(edge.pid).peakBytes).toBeLessThan(memoryBound(edgeMemory(BOUNDED), present));
    expect(memoryOf(origin.pid).peakBytes).toBeLessThan(memoryBound(originMemory(BOUNDED), present));
  }

  for (const stream of streams) stream.close();
  expect((await visit(http, { path: "/page/last" })).status).toBe(200);
});
