/**
 * A raw visitor, a real edge, a real origin side and a web server, in one process: that the two halves of a reverse proxy
 * fit. What each half does by itself is tested beside it.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { edgeSettings } from "../../../edge-side/config/edge-config.ts";
import { type EdgeDaemon, startEdge } from "../../../edge-side/run/daemon.ts";
import { originSettings } from "../../../origin-side/config/origin-config.ts";
import { type OriginDaemon, startOrigin } from "../../../origin-side/run/daemon.ts";
import { surroundingsOf } from "../../../protocol/config/config-file.ts";
import { parseConfig } from "../../../protocol/config/parse-config.ts";
import type { Log } from "../../../protocol/daemon/log.ts";
import { makeLinkKey, secretText } from "../../../protocol/transport/key.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn, RawVisitor } from "../../kit/raw-visitor.ts";
import { GET, HOST, request } from "../edge-under-test.ts";

watchLeaks();

let version = 0;
const page = () => `<!doctype html><h1>Version ${version}</h1>${"<p>what stays the same</p>".repeat(300)}`;

const serve = (asked: IncomingMessage, answer: ServerResponse): void => {
  switch (asked.url) {
    case "/page":
      answer.setHeader("Content-Type", "text/html").setHeader("ETag", `"v${version}"`).end(page());
      return;
    case "/hints":
      answer.writeEarlyHints({ link: "</a.css>; rel=preload" });
      answer.end("hinted");
      return;
    default:
      answer.setHeader("X-Method", asked.method ?? "");
      asked.pipe(answer);
  }
};

const upgrade = (asked: IncomingMessage, socket: import("node:stream").Duplex): void => {
  const key = `${asked.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.on("error", () => {});
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.pipe(socket);
};

const linkUp = Promise.withResolvers<void>();
const log: Log = {
  debug() {},
  info(event) {
    if (event === "link up") linkUp.resolve();
  },
  warn() {},
  error() {},
  with: () => log,
};

let web: Server;
let edge: EdgeDaemon;
let origin: OriginDaemon;
beforeAll(async () => {
  web = createServer(serve).on("upgrade", upgrade).listen(0, "127.0.0.1");
  await once(web, "listening");
  const key = makeLinkKey("pair");
  const written = { id: key.id, secret: secretText(key.secret) };
  const read = <T>(settings: object, schemaFor: Parameters<typeof parseConfig<T>>[0]["schema"]) =>
    parseConfig({ file: "pair.yaml", text: stringify(settings), schema: schemaFor });
  const near = surroundingsOf("pair.yaml");
  edge = await startEdge(
    read(
      { visitors: "127.0.0.1:0", tunnel: "127.0.0.1:0", keys: [{ ...written, hosts: [HOST] }] },
      edgeSettings(near),
    ),
    { log },
  );
  const { port } = web.address() as AddressInfo;
  origin = await startOrigin(
    read(
      {
        edges: [{ address: `127.0.0.1:${edge.tunnelAddress.port}`, key: written }],
        routes: [{ host: HOST, origin: `http://127.0.0.1:${port}` }],
      },
      originSettings(near),
    ),
    { log },
  );
  await linkUp.promise;
});
const visitors: RawVisitor[] = [];
afterAll(async () => {
  for (const each of visitors) each.leave();
  await origin.stop();
  await edge.stop();
  web.close();
  web.closeAllConnections();
});

const visit = async (...text: readonly string[]): Promise<RawVisitor> => {
  const visitor = await RawVisitor.connect(edge.visitorsAddress.port);
  visitors.push(visitor);
  return visitor.send(...text);
};

describe("a visitor of a web server behind Coilgun", () => {
  it("gets each version of a page, compressed, with a tag that still matches", async () => {
    const visitor = await visit();
    for (version = 1; version <= 4; version++) {
      const response = await visitor.send(GET("/page", "Accept-Encoding: br")).response();
      expect(fieldIn(response, "etag")).toBe(`W/"v${version}"`);
      expect((await promisify(brotliDecompress)(response.body)).toString()).toBe(page());
    }
    const plain = await visitor.send(GET("/page")).response();
    expect(plain.body.toString()).toBe(page());
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "sends a body by %s, with a length or in chunks",
    async (method) => {
      const visitor = await visit();
      for (const [field, body] of [
        ["Content-Length: 5", "hello"],
        ["Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"],
      ] as const) {
        const response = await visitor.send(request(`${method} /echo`, [field], body)).response();
        expect([fieldIn(response, "x-method"), response.body.toString()]).toEqual([method, "hello"]);
      }
    },
  );

  it("waits for 100 Continue", async () => {
    const visitor = await visit(request("PUT /echo", ["Expect: 100-continue", "Content-Length: 5"]));
    expect((await visitor.head()).status).toBe(100);
    const response = await visitor.send("hello").response();
    expect([response.status, response.body.toString()]).toEqual([200, "hello"]);
  });

  it("gets early hints", async () => {
    const visitor = await visit(GET("/hints"));
    expect(await visitor.head()).toMatchObject({ status: 103, fields: ["Link", "</a.css>; rel=preload"] });
    expect((await visitor.response()).body.toString()).toBe("hinted");
  });

  it("speaks WebSocket", async () => {
    const visitor = await visit(
      GET(
        "/chat",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ),
    );
    const head = await visitor.head();
    expect([head.status, fieldIn(head, "sec-websocket-accept")]).toEqual([
      101,
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]);
    for (const word of ["one", "two", "three"])
      expect((await visitor.send(word).bytes(word.length)).toString()).toBe(word);
    visitor.socket.end();
    await visitor.closed;
  });
});
