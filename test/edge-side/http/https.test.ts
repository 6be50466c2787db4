/** HTTPS: HTTP/2 and HTTP/1.1 on one port, certificates that are renewed, and hosts that they do not cover. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MOST_STREAMS } from "../../../edge-side/http/http2-session.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { RawVisitor } from "../../kit/raw-visitor.ts";
import { stillness, until } from "../../kit/until.ts";
import { configOf, type EdgeUnderTest, GET, HOST, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const authority = makeAuthority();
const first = authority.issue({ name: HOST });
const second = authority.issue({ name: HOST, names: [HOST, "other.example.com"] });
const TLS_PORT = 1;
const settings = {
  visitors: ["127.0.0.1:0", { listen: "127.0.0.1:0", certificate: "site.pem", privateKey: "site.key" }],
  limits: { bodyBytes: "64 KiB", headBytes: "16 KiB", targetBytes: "4 KiB" },
};
const filesOf = ({ certificate, privateKey }: typeof first) => ({
  "site.pem": certificate,
  "site.key": privateKey,
});

const IDLE_MS = 60_000;
const KEEP_ALIVE_MS = 70_000;
/** An edge whose time the test moves, by less than what makes a link ask whether its peer lives. */
const timed = async () => {
  const clock = new FakeClock();
  const times = { idle: "60s", keepAlive: "70s", heartbeat: "5m" };
  const own = await startEdgeUnderTest({ clock, settings: { ...settings, times }, files: filesOf(first) });
  return { clock, own };
};

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest({ settings, files: filesOf(first) });
});
afterAll(() => edge[Symbol.asyncDispose]());

const sessions: ClientHttp2Session[] = [];
/** Under the sessions: node's client does not always let go of one whose other end broke off. */
const sockets: TLSSocket[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
});

const session = async (from = edge, servername = HOST): Promise<ClientHttp2Session> => {
  const made = connect(`https://${HOST}`, {
    createConnection: () => {
      const port = from.port(TLS_PORT);
      const ca = authority.certificate;
      const socket = connectTls({ host: "127.0.0.1", port, servername, ca, ALPNProtocols: ["h2"] });
      sockets.push(socket);
      return socket;
    },
  });
  made.on("error", () => {});
  sessions.push(made);
  await once(made, "remoteSettings");
  return made;
};

interface H2Response {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly raw: readonly string[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, unknown>> | undefined;
  readonly interims: readonly (readonly [number, Readonly<Record<string, unknown>>])[];
  readonly rstCode: number;
}

const responseOf = async (stream: ClientHttp2Stream): Promise<H2Response> => {
  const interims: [number, Record<string, unknown>][] = [];
  let head: Record<string, unknown> = {};
  let raw: readonly string[] = [];
  let trailers: Record<string, unknown> | undefined;
  const pieces: Buffer[] = [];
  stream.on("headers", (fields) => interims.push([Number(fields[":status"]), { ...fields }]));
  stream.on("response", (fields, _flags, all?: readonly string[]) => {
    head = { ...fields };
    raw = all ?? [];
  });
  stream.on("trailers", (fields) => {
    trailers = { ...fields };
  });
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  stream.on("error", () => {});
  if (!stream.destroyed) await new Promise((resolve) => stream.once("close", resolve));
  return {
    status: Number(head[":status"]),
    fields: head,
    raw,
    body: Buffer.concat(pieces).toString("latin1"),
    trailers,
    interims,
    rstCode: stream.rstCode,
  };
};

const ask = async (fields: OutgoingHttpHeaders, from?: ClientHttp2Session) => {
  const stream = (from ?? (await session())).request(
    { ":path": "/", ":authority": HOST, ...fields },
    { endStream: true },
  );
  const response = responseOf(stream);
  return { stream, response, exchange: await edge.origin.next() };
};

describe("HTTP/2", () => {
  it("is a request of HTTP/1.1 to the origin side", async () => {
    const { response, exchange } = await ask({
      ":path": "/a?b=%20",
      "x-a": "caf\xe9",
      cookie: ["a=1", "b=2", "c=3"],
      te: "trailers",
      priority: "u=0, i",
    });
    expect(exchange.request).toMatchObject({ method: "GET", target: "/a?b=%20" });
    expect(exchange.open).toMatchObject({ ended: true, urgency: 0, incremental: true });
    expect(exchange.request.fields.slice(0, 2)).toEqual(["Host", HOST]);
    expect(exchange.field("x-a")).toBe("caf\xe9");
    expect(exchange.field("cookie")).toBe("a=1; b=2; c=3");
    expect(exchange.field("via")).toMatch(/^2\.0 coilgun-[0-9a-f]{8}$/);
    expect(exchange.field("x-forwarded-proto")).toBe("https");
    expect(exchange.field("te")).toBe("trailers");
    exchange.answer(
      200,
      ["Content-Type", "image/png", "Set-Cookie", "a=1", "X-B", "\xe9", "Set-Cookie", "b=2"],
      "page",
    );
    const got = await response;
    expect(got).toMatchObject({ status: 200, body: "page", rstCode: 0, trailers: undefined });
    expect(got.fields["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(got.fields["x-b"]).toBe("\xe9");
    expect(Object.keys(got.fields)).not.toContain("connection");
  });

  it("carries bodies and trailers both ways, and interim heads", async () => {
    const stream = (await session()).request(
      { ":method": "PUT", ":path": "/", ":authority": HOST, expect: "100-continue", te: "trailers" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
    const response = responseOf(stream);
    const exchange = await edge.origin.next();
    expect(exchange.open.ended).toBe(false);
    expect(exchange.field("expect")).toBe("100-continue");
    const continued = once(stream, "continue");
    exchange.interim(100);
    await continued;
    stream.end("upload");
    expect(await exchange.ended).toEqual({
      how: "complete",
      body: Buffer.from("upload"),
      trailers: ["x-sum", "1"],
    });
    exchange.interim(103, ["Link", "</a>", "Link", "</b>"]).interim(142);
    exchange.answer(200, []).data("down").data("load");
    exchange.end("complete", ["X-Sum", "2", "Host", "evil", "HTTP2-Settings", "AAMAAABk"]);
    const got = await response;
    expect(got).toMatchObject({ status: 200, body: "download", trailers: { "x-sum": "2" } });
    expect(got.interims.map(([status]) => status)).toEqual([100, 103, 142]);
    expect(got.interims[1]?.[1].link).toBe("</a>, </b>");
  });

  it.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("has no body for %s %i", async (method, status) => {
    const { response, exchange } = await ask({ ":method": method });
    exchange.answer(status, method === "HEAD" ? ["Content-Length", "500"] : [], "");
    expect(await response).toMatchObject({ status, body: "", rstCode: 0 });
  });

  it("passes an answer that comes before its body was read", async () => {
    const stream = (await session()).request({ ":method": "POST", ":path": "/", ":authority": HOST });
    stream.write("some");
    const response = responseOf(stream);
    const exchange = await edge.origin.next();
    await exchange.bodyReaches(4);
    exchange.answer(403, [], "no").refuseBody();
    expect(await response).toMatchObject({ status: 403, body: "no", rstCode: 0 });
  });

  it("compresses", async () => {
    const { response, exchange } = await ask({ "accept-encoding": "gzip" });
    exchange.answer(200, ["Content-Type", "text/html"], "a".repeat(1000));
    expect((await response).fields["content-encoding"]).toBe("gzip");
  });

  it.each([
    ["GET", ["Content-Length", "10"]],
    ["GET", []],
    ["POST", []],
  ])("resets the stream of a %s whose body is cut, with %j", async (method, length) => {
    const { stream, response, exchange } = await ask({ ":method": method });
    exchange.answer(200, ["Content-Type", "image/png", ...length]).data("abc");
    await new Promise((resolve) => stream.once("data", resolve));
    // Then nothing is under way on the stream.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    exchange.fail("truncated");
    expect(await response).toMatchObject({ status: 200, rstCode: constants.NGHTTP2_INTERNAL_ERROR });
  });

  it("has an error page where there is no answer", async () => {
    const { response, exchange } = await ask({});
    exchange.fail("origin-failed");
    expect(await response).toMatchObject({ status: 502, body: "502 Bad Gateway\n", rstCode: 0 });
  });

  it("resets the exchange of a stream that its visitor resets, or breaks off", async () => {
    const { stream, exchange } = await ask({});
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await exchange.gone).toBe("cancelled");
    const upload = (await session()).request({ ":method": "POST", ":path": "/", ":authority": HOST });
    upload.on("error", () => {});
    upload.write("part");
    const broken = await edge.origin.next();
    await broken.bodyReaches(4);
    upload.close(constants.NGHTTP2_CANCEL);
    expect(await broken.gone).toBe("cancelled");
    expect(await Promise.race([broken.ended, Promise.resolve("never")])).toBe("never");
    const left = await session();
    const lost = await ask({}, left);
    left.destroy();
    expect(await lost.exchange.gone).toBe("cancelled");
  });

  it.each([
    ["a long path", { ":path": `/${"a".repeat(4096)}` }, 414],
    ["a method that is refused", { ":method": "TRACE" }, 405],
    ["a strange authority", { ":authority": "a,b@c" }, 400],
    ["a path without a slash", { ":path": "*" }, 400],
    ["a Host that says something else", { host: "other.example.com" }, 400],
    ["an expectation that nobody knows", { ":method": "PUT", expect: "200-maybe" }, 417],
    ["a body that is too large", { ":method": "POST", "content-length": "65537" }, 413],
  ])("refuses %s", async (_, fields, status) => {
    const before = edge.origin.count;
    const stream = (await session()).request({ ":path": "/", ":authority": HOST, ...fields });
    const refused = await responseOf(stream);
    // What nghttp2 finds wrong itself ends the stream without a word.
    if (refused.rstCode !== constants.NGHTTP2_PROTOCOL_ERROR) expect(refused.status).toBe(status);
    expect(edge.origin.count).toBe(before);
  });

  it.each([
    ["a value", "x-seen", "a\x7fb"],
    ["a value of a field that is known", "cookie", "sid=1\x7f"],
  ])("refuses a control character in %s, which nghttp2 drops with its field", async (_, name, value) => {
    const from = await session();
    const before = edge.origin.count;
    const stream = from.request({ ":path": "/", ":authority": HOST, [name]: value });
    const refused = await responseOf(stream);
    expect([refused.status, refused.rstCode]).toEqual([400, 0]);
    expect(refused.body).toContain("400");
    expect(edge.origin.count).toBe(before);
    // The same field again comes from the table of its connection.
    expect((await responseOf(from.request({ ":path": "/", ":authority": HOST, [name]: value }))).status).toBe(
      400,
    );
    const { response, exchange } = await ask({ [name]: "ab" }, from);
    exchange.answer(204, [], "");
    expect((await response).status).toBe(204);
  });

  it.each([
    ["all", { "x-seen": "a\x7fb" }],
    ["some", { "x-sum": "1", "x-seen": "a\x7fb" }],
  ])("refuses a body whose trailers lost %s of their fields so", async (_, trailers) => {
    const stream = (await session()).request(
      { ":method": "PUT", ":path": "/", ":authority": HOST },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end("upload");
    const response = responseOf(stream);
    const exchange = await edge.origin.next();
    expect((await response).status).toBe(400);
    expect(await exchange.gone).toBe("cancelled");
  });

  it("refuses a body that turns out to be too large", async () => {
    const stream = (await session()).request({ ":method": "POST", ":path": "/", ":authority": HOST });
    stream.write(Buffer.alloc(64 * 1024 + 1));
    const response = responseOf(stream);
    const exchange = await edge.origin.next();
    expect((await response).status).toBe(413);
    expect(await exchange.gone).toBe("cancelled");
  });

  const fieldsOf = (count: number, value: string): OutgoingHttpHeaders =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, value]));

  it.each([
    ["that is too large is 431", fieldsOf(40, "a".repeat(1_000)), 431],
    ["of one field that is too large is 431", { cookie: "a".repeat(20_000) }, 431],
    ["of 999 fields and Host goes on", fieldsOf(999, ""), 204],
    ["of more than 1,000 fields is 431", fieldsOf(1_000, ""), 431],
    ["of 1,500 crumbs of one Cookie goes on", { cookie: Array.from({ length: 1_500 }, () => "a=b") }, 204],
    ["with a target that is too long is 414", { ":path": `/${"a".repeat(30_000)}` }, 414],
  ])("a head %s, and the session lives", async (_, fields, status) => {
    const before = edge.origin.count;
    const from = await session();
    if (status === 204) {
      const { response, exchange } = await ask(fields, from);
      exchange.answer(204, [], "");
      expect((await response).status).toBe(204);
      return;
    }
    const refused = await responseOf(from.request({ ":path": "/", ":authority": HOST, ...fields }));
    expect(refused.status).toBe(status);
    expect(edge.origin.count).toBe(before);
    const { response, exchange } = await ask({}, from);
    exchange.answer(204, [], "");
    expect((await response).status).toBe(204);
  });

  it("a head far beyond the limit is not read, and the session lives", async () => {
    const before = edge.origin.count;
    const from = await session();
    const refused = await responseOf(
      from.request({ ":path": "/", ":authority": HOST, ...fieldsOf(2_000, "") }),
    );
    expect([refused.status, refused.rstCode]).toEqual([Number.NaN, constants.NGHTTP2_ENHANCE_YOUR_CALM]);
    expect(edge.origin.count).toBe(before);
    const { response, exchange } = await ask({}, from);
    exchange.answer(204, [], "");
    expect((await response).status).toBe(204);
  });

  it(`announces ${MOST_STREAMS} streams, and ends a session that opens and resets without end`, async () => {
    const from = await session();
    expect(from.remoteSettings).toMatchObject({
      maxConcurrentStreams: MOST_STREAMS,
      enableConnectProtocol: true,
    });
    const before = edge.origin.count;
    edge.origin.script(() => {});
    for (let wave = 0; wave < 80 && !from.closed && !from.destroyed; wave++) {
      const streams = Array.from({ length: 50 }, () =>
        from.request({ ":path": "/", ":authority": HOST }).on("error", () => {}),
      );
      await new Promise((resolve) => setImmediate(resolve));
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    }
    from.destroy();
    // Another visitor is served, and of the 4,000 streams most never became a request.
    edge.origin.script(undefined);
    const { response, exchange } = await ask({});
    exchange.answer(204, [], "");
    expect((await response).status).toBe(204);
    expect(edge.origin.count - before).toBeLessThan(1_500);
  });

  it("sends a page of 2 MB to a visitor that takes it slowly, no faster", async () => {
    const { stream, exchange } = await ask({});
    stream.pause();
    exchange.answer(200, ["Content-Type", "image/png"]);
    let sent = 0;
    const feed = async () => {
      for (; sent < 64; sent++) await exchange.dataInTurn(Buffer.alloc(2 ** 20, 0x61));
    };
    const feeding = feed();
    for (let turn = 0; turn < 400; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBeLessThan(32);
    stream.close(constants.NGHTTP2_CANCEL);
    await exchange.gone;
    await Promise.race([feeding, exchange.gone]);
  });
});

describe("WebSocket over HTTP/2", () => {
  const CONNECT = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/chat",
    ":authority": HOST,
  };

  const open = async (from?: ClientHttp2Session) => {
    const stream = (from ?? (await session())).request({ ...CONNECT, "sec-websocket-version": "13" });
    return { stream, exchange: await edge.origin.next() };
  };

  it("is an upgrade of HTTP/1.1 behind us", async () => {
    const { stream, exchange } = await open();
    expect(exchange.request).toMatchObject({ method: "GET", target: "/chat" });
    expect(exchange.open.ended).toBe(false);
    expect(exchange.field("upgrade")).toBe("websocket");
    expect(Buffer.from(exchange.field("sec-websocket-key") ?? "", "base64").length).toBe(16);
    exchange.answer(101, [
      "Upgrade",
      "websocket",
      "Sec-WebSocket-Accept",
      "x",
      "Sec-WebSocket-Protocol",
      "chat",
    ]);
    const [fields] = await once(stream, "response");
    expect(fields).toMatchObject({ ":status": 200, "sec-websocket-protocol": "chat" });
    expect(Object.keys(fields)).not.toContain("sec-websocket-accept");
    stream.write("ping");
    expect((await exchange.bodyReaches(4)).toString()).toBe("ping");
    exchange.data("pong");
    expect(String((await once(stream, "data"))[0])).toBe("pong");
    stream.end("bye");
    expect(await exchange.ended).toMatchObject({ how: "complete", body: Buffer.from("pingbye") });
    exchange.end();
    stream.resume();
    await once(stream, "close");
  });

  it("gets the origin server's refusal", async () => {
    const { stream, exchange } = await open();
    const response = responseOf(stream);
    exchange.answer(403, [], "no");
    expect(await response).toMatchObject({ status: 403, body: "no" });
  });

  it("is not fooled by a 200", async () => {
    const { stream, exchange } = await open();
    const response = responseOf(stream);
    exchange.answer(200, [], "page");
    expect((await response).status).toBe(502);
  });

  it("is reset when the origin server breaks off", async () => {
    const { stream, exchange } = await open();
    exchange.answer(101, []);
    await once(stream, "response");
    const response = responseOf(stream);
    exchange.fail("truncated");
    expect((await response).rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  it.each(["h2c", "connect-udp", "echo2"])("is not asked for %s, which is 501", async (protocol) => {
    const before = edge.origin.count;
    const stream = (await session()).request({ ...CONNECT, ":protocol": protocol });
    expect((await responseOf(stream)).status).toBe(501);
    expect(edge.origin.count).toBe(before);
  });

  it("has others beside it where the host allows them", async () => {
    const stream = (await session()).request({
      ...CONNECT,
      ":protocol": "Echo",
    });
    const exchange = await edge.origin.next();
    expect(exchange.field("upgrade")).toBe("Echo");
    exchange.answer(101, []);
    expect((await once(stream, "response"))[0]).toMatchObject({ ":status": 200 });
    stream.close();
  });

  it("of another kind of CONNECT is 405", async () => {
    const stream = (await session()).request({ ":method": "CONNECT", ":authority": HOST });
    expect((await responseOf(stream)).status).toBe(405);
  });
});

describe("HTTP/1.1 over TLS", () => {
  it("is served on the same port, and plain HTTP on the other", async () => {
    const visitor = await edge.visitor(TLS_PORT, { servername: HOST });
    visitor.send(GET());
    const exchange = await edge.origin.next();
    expect(exchange.field("x-forwarded-proto")).toBe("https");
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
    visitor.end();
    const { visitor: plain, exchange: other } = await edge.ask(GET());
    expect(other.field("x-forwarded-proto")).toBe("http");
    other.answer(204, [], "");
    expect((await plain.response()).status).toBe(204);
  });

  it.each(["http/1.0", "http/1.1"])("is agreed on with whoever offers %s alone", async (offered) => {
    const port = edge.port(TLS_PORT);
    const ca = authority.certificate;
    const socket = connectTls({ host: "127.0.0.1", port, servername: HOST, ca, ALPNProtocols: [offered] });
    sockets.push(socket);
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe(offered);
    socket.write(`GET / ${offered.toUpperCase()}\r\nHost: ${HOST}\r\n\r\n`);
    (await edge.origin.next()).answer(200, ["Content-Length", "2"], "ok");
    const visitor = new RawVisitor(socket);
    expect((await visitor.response()).body.toString()).toBe("ok");
  });

  it("upgrades, and ends both ways", async () => {
    const visitor = await edge.visitor(TLS_PORT, { servername: HOST });
    visitor.send(GET("/", "Connection: Upgrade", "Upgrade: websocket"));
    const exchange = await edge.origin.next();
    exchange.answer(101, []).data("hello");
    expect((await visitor.head()).status).toBe(101);
    expect((await visitor.bytes(5)).toString()).toBe("hello");
    visitor.send("bye");
    await exchange.bodyReaches(3);
    visitor.end();
    expect(["cancelled", "ended"]).toContain(
      await Promise.race([exchange.gone, exchange.ended.then(() => "ended")]),
    );
    exchange.end(); // its own half, which a visitor that ends only the other one would wait for
  });

  it("plain HTTP to the TLS port is closed", async () => {
    const visitor = await edge.visitor(TLS_PORT - 1);
    visitor.end();
    const confused = await RawVisitor.connect(edge.port(TLS_PORT));
    confused.send(GET());
    await confused.closed;
    confused.end();
  });
});

describe("a host that the certificate does not name", () => {
  it.each(["h2", "http/1.1"])("is 421 on %s, unless the connection was made for it", async (protocol) => {
    const other = GET().replace(HOST, "other.example.com");
    const status = async (servername: string) => {
      const before = edge.origin.count;
      if (protocol === "http/1.1") {
        const visitor = await edge.visitor(TLS_PORT, { servername });
        visitor.send(other);
        if (servername !== HOST) (await edge.origin.next()).answer(204, [], "");
        const { status } = await visitor.response();
        visitor.end();
        return [status, edge.origin.count - before];
      }
      const made = connect("https://x", {
        createConnection: () =>
          connectTls({
            host: "127.0.0.1",
            port: edge.port(TLS_PORT),
            servername,
            rejectUnauthorized: false,
            ALPNProtocols: ["h2"],
          }),
      });
      sessions.push(made);
      const response = responseOf(made.request({ ":path": "/", ":authority": "other.example.com" }));
      if (servername !== HOST) (await edge.origin.next()).answer(204, [], "");
      return [(await response).status, edge.origin.count - before];
    };
    expect(await status(HOST)).toEqual([421, 0]);
    expect(await status("other.example.com")).toEqual([204, 1]);
  });
});

describe("a certificate", () => {
  it("is renewed by a reload, without a restart and for new connections", async () => {
    await using own = await startEdgeUnderTest({ settings, files: filesOf(first) });
    const shown = async () => {
      const socket: TLSSocket = connectTls({
        host: "127.0.0.1",
        port: own.port(TLS_PORT),
        servername: HOST,
        ca: authority.certificate,
      });
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const before = await shown();
    await own.daemon.reload(configOf({ settings, files: filesOf(second) }));
    expect(await shown()).not.toBe(before);
    const left = await own.daemon.reload(configOf({ settings: { ...settings, visitors: "127.0.0.1:0" } }));
    expect(left.join()).toContain("visitors");
  });
});

describe("a visitor of HTTP/2", () => {
  it("that takes nothing loses its stream, and no other", async () => {
    const { clock, own } = await timed();
    const from = await session(own);
    const stalled = from.request({ ":path": "/", ":authority": HOST });
    stalled.on("error", () => {}).pause();
    const exchange = await own.origin.next();
    exchange.answer(200, ["Content-Type", "image/png"]);
    let sent = 0;
    const feed = async () => {
      for (; sent < 1_000 && !exchange.over; sent++) await exchange.dataInTurn(Buffer.alloc(64 * 1024));
    };
    const feeding = feed();
    const other = responseOf(from.request({ ":path": "/other", ":authority": HOST }));
    (await own.origin.next()).answer(200, [], "other");
    expect((await other).body).toBe("other");
    await stillness(() => sent);
    await clock.advance(IDLE_MS);
    expect(await exchange.gone).toBe("cancelled");
    await feeding;
    expect(from.closed).toBe(false);
    await own[Symbol.asyncDispose]();
  });

  it("that stops inside its body gets 408", async () => {
    const { clock, own } = await timed();
    const stream = (await session(own)).request({ ":method": "POST", ":path": "/", ":authority": HOST });
    stream.write("part");
    const response = responseOf(stream);
    const exchange = await own.origin.next();
    await exchange.bodyReaches(4);
    await clock.advance(IDLE_MS);
    expect(await exchange.gone).toBe("cancelled");
    expect((await response).status).toBe(408);
    await own[Symbol.asyncDispose]();
  });
});

it.each(["refused", "answered"])(
  "a request that is %s while its body rests leaves no stream behind",
  async (how) => {
    const { visitors } = settings;
    const own = await startEdgeUnderTest({ settings: { visitors }, files: filesOf(first) });
    const streams: ServerHttp2Stream[] = [];
    const made = (message: unknown) => streams.push((message as { stream: ServerHttp2Stream }).stream);
    subscribe("http2.server.stream.created", made);
    const from = await session(own);
    const stream = from.request({ ":method": "POST", ":path": "/", ":authority": HOST });
    const response = responseOf(stream);
    stream.write(Buffer.alloc(1_000_000));
    const exchange = await own.origin.next();
    await until(() => streams[0]?.isPaused() === true && streams[0].readableLength > 0, "a body that rests");
    if (how === "answered") exchange.answer(200, [], "enough");
    else own.origin.close();
    expect((await response).status).toBe(how === "answered" ? 200 : 502);
    await until(() => streams.every(({ destroyed }) => destroyed), "the end of the stream");
    unsubscribe("http2.server.stream.created", made);
    await own[Symbol.asyncDispose]();
  },
);

describe("a session", () => {
  it("that asks nothing for a while is ended in order", async () => {
    const { clock, own } = await timed();
    const idle = await session(own);
    const ended = Promise.all([once(idle, "goaway"), once(idle, "close")]);
    await clock.advance(KEEP_ALIVE_MS);
    const [[code]] = await ended;
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    await own[Symbol.asyncDispose]();
  });

  it("drains when the edge stops: running streams finish", async () => {
    const own = await startEdgeUnderTest({ settings, files: filesOf(first) });
    const from = await session(own);
    const response = responseOf(from.request({ ":path": "/", ":authority": HOST }));
    const exchange = await own.origin.next();
    const draining = once(from, "goaway");
    const stopped = own.daemon.stop();
    await draining;
    exchange.answer(200, [], "last");
    expect(await response).toMatchObject({ status: 200, body: "last" });
    await stopped;
    await own[Symbol.asyncDispose]();
  });
});
