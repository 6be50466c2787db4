/**
 * Connections that become another protocol than WebSocket, those that may not, and how each half of one ends: raw bytes at both ends
 * of the pair. RFC 9110 section 7.8.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { type EchoOrigin, openEchoOrigin } from "../kit/echo-origin.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { RawVisitor } from "../kit/raw-visitor.ts";
import { Reading } from "../kit/reading.ts";
import { HOST } from "../kit/real-daemons.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { until } from "../kit/until.ts";

watchLeaks();

const undo = new AsyncDisposableStack();
let web: EchoOrigin;
let secure: SecurePair;
/** The web server's end of what was upgraded last. */
let server: Duplex | undefined;
let plain: { readonly method: string; readonly upgrade: string | undefined; readonly settings: unknown }[];
beforeAll(async () => {
  web = undo.use(
    await openEchoOrigin({
      serve: ({ method = "", headers }, response) => {
        plain.push({ method, upgrade: headers.upgrade, settings: headers["http2-settings"] });
        response.setHeader("Content-Type", "text/plain").end("plain");
      },
    }),
  );
  const hosts = [{ host: HOST, connectProtocols: ["echo"] }];
  const keys = [{ id: "k", secret: FIXTURE_SECRET, hosts }];
  const routes = [{ host: HOST, origin: `http://127.0.0.1:${web.port}` }];
  secure = undo.use(await openSecurePair({ serve() {}, origin: { routes }, edge: { keys } }));
});
afterAll(() => undo.disposeAsync());
beforeEach(() => {
  plain = [];
  server = undefined;
  web.upgrade = (request, socket, head) => {
    server = socket;
    socket.on("error", () => {});
    socket.write(
      `HTTP/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\nX-Room: 7\r\n\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
  };
});

const asking = (token: string, ...more: readonly string[]) =>
  ["GET /x HTTP/1.1", `Host: ${HOST}`, "Connection: Upgrade", `Upgrade: ${token}`, ...more, "", ""].join(
    "\r\n",
  );

const VISITORS = {
  "HTTP/1.1": () => RawVisitor.connect(secure.http),
  "HTTP/1.1 over TLS": () => RawVisitor.connect(secure.https, { servername: HOST }),
} as const;

const joined = async (visitor: RawVisitor, token = "echo/1.0") => {
  visitor.send(asking(token));
  const head = await visitor.head();
  await until(() => server !== undefined);
  return { head, atServer: new Reading(server as Duplex), server: server as Duplex };
};

describe.each(Object.entries(VISITORS))("over %s", (_, connect) => {
  it.each(["echo/1.0", "irc/6.9, RTA/x11", "TLS/1.0"])("%s carries any bytes both ways", async (token) => {
    const visitor = await connect();
    const { head, atServer, server } = await joined(visitor, token);
    expect(head).toMatchObject({ status: 101, reason: "Fine" });
    const fields = head.fields.join("\n").toLowerCase();
    expect(fields).toContain(`upgrade\n${token.toLowerCase()}`);
    expect(fields).toContain("connection\nupgrade");
    expect(fields).toContain("x-room\n7");
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    visitor.send(bytes);
    await until(() => atServer.bytes === 256);
    expect(atServer.body.equals(bytes)).toBe(true);
    server.write(bytes.toReversed());
    expect((await visitor.bytes(256)).equals(bytes.toReversed())).toBe(true);
    visitor.leave();
    await until(() => server.destroyed || atServer.ended, "the end at the web server");
    server.destroy();
  });

  it.each([
    ["a length", "Content-Length: 70", `${"body".repeat(15)}0123456789`],
    ["chunks", "Transfer-Encoding: chunked", `3c\r\n${"body".repeat(15)}\r\na\r\n0123456789\r\n0\r\n\r\n`],
  ])("a body of %s arrives before what comes of the other protocol", async (_, framing, sent) => {
    const visitor = await connect();
    visitor.send(`${asking("echo", framing).replace("GET", "POST")}${sent}early,`);
    expect((await visitor.head()).status).toBe(101);
    const asked = web.asked.at(-1)?.headers;
    expect([asked?.["content-length"], asked?.["transfer-encoding"]]).toEqual(["70", undefined]);
    visitor.send("late").socket.end();
    // Node gives a web server the body as what came behind the head.
    const atServer = new Reading(server as Duplex);
    expect((await atServer.end()).toString()).toBe(`${"body".repeat(15)}0123456789early,late`);
    server?.end("bye");
    expect(await visitor.rest()).toBe("bye");
  });

  it("a half that the visitor ends leaves the other one open until the server has said all", async () => {
    const visitor = await connect();
    const { atServer, server } = await joined(visitor);
    visitor.send("a question").socket.end();
    expect((await atServer.end()).toString()).toBe("a question");
    server.write("the answer, ");
    await visitor.until("the answer, ");
    server.end("and its end");
    expect(await visitor.rest()).toBe("and its end");
    visitor.end();
  });

  it("401 and 426 in place of 101 arrive with their fields and bodies, and the connection goes on", async () => {
    for (const [status, field] of [
      [401, 'WWW-Authenticate: Basic realm="x"'],
      [426, "Upgrade: websocket"],
    ] as const) {
      web.upgrade = (_, socket) =>
        socket.end(`HTTP/1.1 ${status} No\r\n${field}\r\nContent-Length: 5\r\n\r\nsorry`);
      const visitor = await connect();
      visitor.send(asking("websocket"));
      const response = await visitor.response();
      expect([response.status, response.body.toString(), response.complete]).toEqual([status, "sorry", true]);
      const [name = "", value = ""] = field.split(": ");
      if (status === 401) expect(response.fields[response.fields.indexOf(name) + 1]).toBe(value);
      visitor.send(asking("h2c"));
      expect((await visitor.response()).body.toString()).toBe("plain");
      visitor.end();
    }
  });

  it("h2c is ignored: the answer is one of HTTP/1.1, and the connection goes on", async () => {
    const visitor = await connect();
    const asked = asking("h2c", "HTTP2-Settings: AAMAAABkAAQAAP__").replace("n: U", "n: HTTP2-Settings, U");
    for (let again = 0; again < 2; again++) {
      visitor.send(asked);
      const { status, body } = await visitor.response();
      expect([status, body.toString()]).toEqual([200, "plain"]);
    }
    expect(plain).toEqual(Array(2).fill({ method: "GET", upgrade: undefined, settings: undefined }));
    visitor.end();
  });
});

describe("over plain TCP", () => {
  it("a server that breaks off is a reset to the visitor, not the end of a half", async () => {
    const visitor = await VISITORS["HTTP/1.1"]();
    const { server } = await joined(visitor);
    const failed = once(visitor.socket, "error") as Promise<[NodeJS.ErrnoException]>;
    (server as Socket).resetAndDestroy();
    expect((await failed)[0].code).toBe("ECONNRESET");
  });

  it("a visitor that breaks off is a reset to the server, not the end of a half", async () => {
    const visitor = await VISITORS["HTTP/1.1"]();
    const { atServer, server } = await joined(visitor);
    const failed = once(server, "error") as Promise<[NodeJS.ErrnoException]>;
    visitor.leave();
    expect([(await failed)[0].code, atServer.ended]).toEqual(["ECONNRESET", false]);
  });
});

describe("over HTTP/2", () => {
  const extended = { ":method": "CONNECT", ":protocol": "echo", ":scheme": "https" };

  it("another protocol than WebSocket is tunnelled as an extended CONNECT", async () => {
    await using visitor = await openHttp2(secure);
    const { stream, status } = await visitor.begin(extended, "open");
    expect(status).toBe(200);
    const [atVisitor, atServer] = [new Reading(stream), new Reading(server as Duplex)];
    stream.write("there");
    await atServer.upTo("there");
    server?.write("back");
    await atVisitor.upTo("back");
    stream.end();
    await atServer.end();
    server?.end("bye");
    expect((await atVisitor.end()).toString()).toBe("backbye");
  });

  it("a refusal is the answer of the stream, whose connection goes on", async () => {
    web.upgrade = (_, socket) => socket.end("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nsorry");
    await using visitor = await openHttp2(secure);
    const { stream, status } = await visitor.begin(extended, "open");
    expect([status, (await new Reading(stream).end()).toString()]).toEqual([403, "sorry"]);
    const next = await visitor.begin({});
    expect((await new Reading(next.stream).end()).toString()).toBe("plain");
  });

  it("a server that breaks off resets the stream, and only that", async () => {
    await using visitor = await openHttp2(secure);
    const { stream } = await visitor.begin(extended, "open");
    const reset = once(stream, "close");
    (server as Socket).resetAndDestroy();
    await reset;
    expect(stream.rstCode).not.toBe(0);
    expect((await visitor.begin({})).status).toBe(200);
  });

  it("a visitor that resets the stream ends the connection at the server", async () => {
    await using visitor = await openHttp2(secure);
    const { stream } = await visitor.begin(extended, "open");
    stream.close(8);
    await until(() => server?.destroyed === true, "the end at the web server");
  });
});
