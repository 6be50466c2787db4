/** Connections that begin with a header of the PROXY protocol: before HTTP/1.1, and before TLS with HTTP/2 and HTTP/1.1. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { HEADER_MS } from "../../../edge-side/http/parser/proxied-connections.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { RawVisitor } from "../../kit/raw-visitor.ts";
import { stillness } from "../../kit/until.ts";
import { type EdgeUnderTest, GET, HOST, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

const pair = makeAuthority().issue({ name: HOST });
const files = { "site.pem": pair.certificate, "site.key": pair.privateKey };
const PROXIED = { listen: "127.0.0.1:0", proxyProtocol: "required" };
const TLS = { ...PROXIED, certificate: "site.pem", privateKey: "site.key" };
const V1 = Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1 54321 443\r\n");
const V2 = Buffer.from("0d0a0d0a000d0a515549540a2111000cc63364070a000001d43101bb", "hex");
const LOCAL = Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex");

const start = (settings: Readonly<Record<string, unknown>> = {}, clock?: FakeClock) =>
  startEdgeUnderTest({
    files,
    settings: { visitors: [PROXIED, TLS], trustedProxies: ["127.0.0.1"], ...settings },
    ...(clock && { clock }),
  });

const open = async (edge: EdgeUnderTest, listener: number, header: Buffer): Promise<Socket> => {
  const socket = connect(edge.port(listener), "127.0.0.1");
  await once(socket, "connect");
  socket.write(header);
  return socket;
};

/** What the site is told of the visitor who asks so. */
const toldOver = {
  async "HTTP/1.1"(edge: EdgeUnderTest, header: Buffer) {
    const visitor = new RawVisitor(await open(edge, 0, Buffer.concat([header, Buffer.from(GET())])));
    return [visitor, await edge.origin.next(), () => visitor.leave()] as const;
  },
  async "HTTP/1.1 in a later piece"(edge: EdgeUnderTest, header: Buffer) {
    const socket = await open(edge, 0, header.subarray(0, 9));
    await stillness(() => 0);
    socket.write(header.subarray(9));
    await stillness(() => 0);
    const visitor = new RawVisitor(socket);
    visitor.send(GET());
    return [visitor, await edge.origin.next(), () => visitor.leave()] as const;
  },
  async "HTTP/1.1 in TLS"(edge: EdgeUnderTest, header: Buffer) {
    const socket = connectTls({ socket: await open(edge, 1, header), rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const visitor = new RawVisitor(socket);
    visitor.send(GET());
    return [visitor, await edge.origin.next(), () => visitor.leave()] as const;
  },
  async "HTTP/2"(edge: EdgeUnderTest, header: Buffer) {
    const within = await open(edge, 1, header);
    const socket = connectTls({ socket: within, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    const session = connectHttp2(`https://${HOST}`, { createConnection: () => socket });
    session.on("error", () => {});
    session.request({ ":path": "/", ":authority": HOST }).on("error", () => {});
    const leave = () => {
      session.destroy();
      socket.destroy();
      within.destroy();
    };
    return [undefined, await edge.origin.next(), leave] as const;
  },
};

describe("the visitor behind a header", () => {
  const ways = Object.keys(toldOver) as (keyof typeof toldOver)[];
  it.each(
    ways.flatMap((way) => [
      [way, "version 1", V1, "198.51.100.7"] as const,
      [way, "version 2", V2, "198.51.100.7"] as const,
      [way, "LOCAL", LOCAL, "127.0.0.1"] as const,
    ]),
  )("over %s of %s is at %3$s", async (way, _, header, address) => {
    await using edge = await start();
    const [, exchange, leave] = await toldOver[way](edge, header);
    expect(exchange.field("x-forwarded-for")).toBe(address);
    leave();
    expect(edge.troubles).toEqual([]);
  });

  it("asks again on its connection, and is no trusted proxy itself", async () => {
    await using edge = await start();
    const visitor = new RawVisitor(await open(edge, 0, V1));
    for (let time = 0; time < 2; time++) {
      visitor.send(GET().replace("\r\n\r\n", "\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"));
      const exchange = await edge.origin.next();
      expect(exchange.field("x-forwarded-for")).toBe("198.51.100.7");
      exchange.answer(204, [], "");
      expect((await visitor.response("GET")).status).toBe(204);
    }
    visitor.leave();
  });
});

describe("a connection is closed, with a word in the log,", () => {
  const refusal = async (edge: EdgeUnderTest, header: Buffer, end: "end" | "wait") => {
    const socket = await open(edge, 0, header);
    socket.on("error", () => {});
    if (end === "end") socket.end();
    socket.resume();
    await once(socket, "close");
    return edge.troubles;
  };

  it.each([
    ["without a header", Buffer.from(GET()), "wait", "it does not begin with one"],
    ["that ends within it", V2.subarray(0, 20), "end", "the connection ended within it"],
  ] as const)("%s", async (_, header, end, why) => {
    await using edge = await start();
    expect(await refusal(edge, header, end)).toEqual([
      `proxy header refused ${JSON.stringify({ address: "127.0.0.1", why })}`,
    ]);
    expect(edge.origin.count).toBe(0);
  });

  it("of who is no trusted proxy, whatever it says", async () => {
    await using edge = await start({ trustedProxies: ["10.0.0.0/8"] });
    expect(await refusal(edge, Buffer.concat([V1, Buffer.from(GET())]), "wait")).toEqual([
      expect.stringContaining("it comes from none of trustedProxies"),
    ]);
  });

  it("that has not said it in time", async () => {
    const clock = new FakeClock();
    await using edge = await start({ times: { heartbeat: "5m" } }, clock);
    const socket = await open(edge, 0, V1.subarray(0, 5));
    socket.on("error", () => {});
    await stillness(() => 0);
    await clock.advance(HEADER_MS);
    socket.resume();
    await once(socket, "close");
    expect(edge.troubles).toEqual([expect.stringContaining("it did not come within 5000 ms")]);
  });

  it("but not where it only looks whether somebody listens", async () => {
    await using edge = await start();
    expect(await refusal(edge, Buffer.alloc(0), "end")).toEqual([]);
  });
});

describe("an edge that stops", () => {
  it("closes at once what said its header and nothing else", async () => {
    await using edge = await start();
    const socket = await open(edge, 0, V2);
    const closed = once(socket, "close");
    socket.resume();
    await stillness(() => 0);
    await edge.daemon.stop();
    await closed;
  });
});
