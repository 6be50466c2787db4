/**
 * WebSocket through both daemons, with the server and the client of the package `ws`: whatever a direct connection would have
 * shown either of them. RFC 6455; over HTTP/2 as an extended CONNECT, RFC 8441.
 */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { type EchoOrigin, openEchoOrigin } from "../kit/echo-origin.ts";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { seeded } from "../kit/random.ts";
import { HOST } from "../kit/real-daemons.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { stillness, until } from "../kit/until.ts";
import { WEBSOCKET_WAYS, type WebSocketAsked } from "../kit/websocket-visitor.ts";

watchLeaks();

const MIB = 1024 * 1024;

const undo = new AsyncDisposableStack();
let web: EchoOrigin;
let secure: SecurePair;
beforeAll(async () => {
  const handleProtocols = (offered: Set<string>) => (offered.has("chat.v2") ? "chat.v2" : false);
  web = undo.use(await openEchoOrigin({ sockets: { perMessageDeflate: { threshold: 0 }, handleProtocols } }));
  const routes = [{ host: HOST, origin: `http://127.0.0.1:${web.port}`, connections: 256 }];
  secure = undo.use(await openSecurePair({ serve() {}, origin: { routes } }));
});
afterAll(() => undo.disposeAsync());

const echo = async (socket: WebSocket, message: Buffer | string): Promise<Buffer | string> => {
  socket.send(message);
  const [said, binary] = (await once(socket, "message")) as [Buffer, boolean];
  return binary ? said : said.toString();
};

/** What a close shows at the end that did not begin it. */
const closeOf = async (socket: WebSocket): Promise<[number, string]> => {
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return [code, reason.toString()];
};

it("a protocol of HTTP/2 in other letters is WebSocket too, and its handshake has a key", async () => {
  await using visitor = await openHttp2(secure);
  const { stream, status } = await visitor.begin(
    { ":method": "CONNECT", ":protocol": "WebSocket", ":scheme": "https", "sec-websocket-version": "13" },
    "open",
  );
  expect(status).toBe(200);
  stream.destroy();
  await noneOpen();
});

const noneOpen = () => until(() => web.sockets.clients.size === 0, "the end of all at the web server");

describe.each(Object.entries(WEBSOCKET_WAYS))("a WebSocket over %s", (way, open) => {
  const openBoth = async (asked?: WebSocketAsked) => {
    const atServer = once(web.sockets, "connection") as Promise<[WebSocket]>;
    const visitor = await open(secure, asked);
    const [server] = await atServer;
    return { visitor, server };
  };

  it("says text and bytes back, the empty message too, in order", async () => {
    const { visitor } = await openBoth();
    for (const message of ["", "häuser", "x".repeat(126), Buffer.of(0, 255, 10, 13), Buffer.alloc(70_000, 7)])
      expect(await echo(visitor, message)).toEqual(message);
    visitor.close();
    await closeOf(visitor);
  });

  it("carries messages of 1 MiB both ways, byte for byte", async () => {
    const { visitor } = await openBoth({ options: { perMessageDeflate: false } });
    const random = seeded();
    for (let n = 0; n < 4; n++) {
      const message = random.bytes(MIB);
      expect((await echo(visitor, message)) as Buffer).toSatisfy((said: Buffer) => said.equals(message));
    }
    visitor.close();
    await closeOf(visitor);
  });

  it("shows the server the visitor's close code and reason, and the visitor the server's", async () => {
    const first = await openBoth();
    const seen = closeOf(first.server);
    first.visitor.close(4001, "the visitor has enough");
    expect(await seen).toEqual([4001, "the visitor has enough"]);
    const second = await openBoth();
    const shown = closeOf(second.visitor);
    second.server.close(1011, "the server fails");
    expect(await shown).toEqual([1011, "the server fails"]);
  });

  it("shows either end that the other broke off: 1006", async () => {
    const first = await openBoth();
    const seen = closeOf(first.server);
    first.visitor.terminate();
    expect((await seen)[0]).toBe(1006);
    const second = await openBoth();
    const shown = closeOf(second.visitor);
    second.server.terminate();
    expect((await shown)[0]).toBe(1006);
  });

  it("has the subprotocol that both want, and none where they do not agree", async () => {
    const { visitor } = await openBoth({ protocols: ["chat.v1", "chat.v2"] });
    expect(visitor.protocol).toBe("chat.v2");
    visitor.close();
    await closeOf(visitor);
    await expect(open(secure, { protocols: ["chat.v1"] })).rejects.toThrow("Server sent no subprotocol");
  });

  it.each([true, false])("compresses messages if both ends want it (%s)", async (perMessageDeflate) => {
    const { visitor, server } = await openBoth({ options: { perMessageDeflate } });
    const deflate = perMessageDeflate ? "permessage-deflate" : "";
    expect([visitor.extensions, server.extensions]).toEqual([deflate, deflate]);
    const text = "the same again ".repeat(5_000);
    expect(await echo(visitor, text)).toBe(text);
    visitor.close();
    await closeOf(visitor);
  });

  it("tells the server of the visitor, and of its path", async () => {
    const { visitor } = await openBoth({ path: "/room/7?x=%2F" });
    const { url, headers } = web.asked.at(-1) ?? {};
    expect(url).toBe("/room/7?x=%2F");
    expect(headers).toMatchObject({
      via: expect.stringMatching(way.endsWith("/2") ? /^2\.0 coilgun-/ : /^1\.1 coilgun-/),
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": way.startsWith("HTTPS") ? "https" : "http",
      host: HOST,
    });
    visitor.close();
    await closeOf(visitor);
  });

  it("is one of a hundred at once, each with its own messages", async () => {
    await noneOpen();
    // A hundred pairs of compressors at either end would be most of the work.
    const options = { perMessageDeflate: false };
    const all = await Promise.all(Array.from({ length: 100 }, () => open(secure, { options })));
    expect(web.sockets.clients.size).toBe(100);
    const wrong: number[] = [];
    await Promise.all(
      all.map(async (socket, i) => {
        for (let n = 0; n < 5; n++)
          if ((await echo(socket, `${i}: message ${n}`)) !== `${i}: message ${n}`) wrong.push(i);
      }),
    );
    expect(wrong).toEqual([]);
    const closed = Promise.all(all.map(closeOf));
    for (const socket of all) socket.close(1000);
    expect((await closed).every(([code]) => code === 1000)).toBe(true);
    await noneOpen();
  });

  it("that the visitor does not read holds the server back, and then gets everything", async () => {
    const { visitor, server } = await openBoth({ options: { perMessageDeflate: false } });
    visitor.pause();
    const whole = 20 * MIB;
    const piece = Buffer.alloc(64 * 1024, 3);
    let sent = 0;
    const more = () => {
      if (sent === whole) return;
      sent += piece.length;
      server.send(piece, more); // calls back when the system has taken it
    };
    more();
    await stillness(() => sent);
    expect(sent).toBeLessThan(whole);
    let got = 0;
    visitor.on("message", (message: Buffer) => {
      got += message.length;
    });
    visitor.resume();
    await until(() => got === whole, "all that was sent");
    visitor.terminate();
    await closeOf(server);
  });
});
