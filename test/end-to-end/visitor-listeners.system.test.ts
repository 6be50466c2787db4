/**
 * The listeners of a whole pair: which HTTP a visitor gets by ALPN, certificates that are renewed while visitors are served, hosts
 * that a certificate does not cover; and Node's own clients at their doors.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CertificatePair, makeAuthority } from "../kit/certificates.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { bodyOf } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { ANY_PORT, edgeYaml, HOST, openScene } from "../kit/real-daemons.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

const OTHER = "other.example.com";
let secure: SecurePair;
/** The same web server, for whatever host. */
let routed: SecurePair;
beforeAll(async () => {
  const keys = [{ id: "k", secret: FIXTURE_SECRET, hosts: [HOST, OTHER, "localhost"] }];
  secure = await openSecurePair({ serve() {}, edge: { keys } });
  secure.pair.web.serve = async (request, response) => {
    const body = await bodyOf(request);
    const { host, via, "x-forwarded-proto": proto } = request.headers;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ method: request.method, host, via, proto, bytes: body.length }));
  };
  const { port } = secure.pair.web;
  routed = await openSecurePair({
    serve() {},
    edge: { keys },
    origin: { routes: [{ host: "*", origin: `http://127.0.0.1:${port}` }] },
  });
});
afterAll(async () => {
  await routed[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
});

const tls = async (alpn: readonly string[] | undefined, servername = HOST): Promise<TLSSocket> => {
  const socket = connect({
    host: "127.0.0.1",
    port: routed.https,
    servername,
    ca: routed.authority.certificate,
    ...(alpn && { ALPNProtocols: [...alpn] }),
  });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
};

const CLOSE = "Connection: close\r\n\r\n";
/** What HTTP/1.1 gets on a connection, to its end. */
const say = async (socket: TLSSocket, request: string): Promise<string> => {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  socket.write(request);
  await once(socket, "close");
  return Buffer.concat(pieces).toString();
};

const http2 = async (socket: TLSSocket): Promise<ClientHttp2Session> => {
  const session = connectHttp2(`https://${HOST}`, { createConnection: () => socket });
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return session;
};

const statusOf = async (session: ClientHttp2Session, authority: string): Promise<number> => {
  const stream = session.request({ ":path": "/", ":authority": authority });
  const [fields] = await once(stream, "response");
  stream.resume();
  await once(stream, "close");
  return fields[":status"];
};

describe("ALPN", () => {
  it.each([
    [["h2", "http/1.1"], "h2"],
    [["http/1.1", "h2"], "h2"],
    [["http/1.1"], "http/1.1"],
    [undefined, false],
  ])("of a visitor that offers %j agrees on %s", async (offered, agreed) => {
    const socket = await tls(offered);
    expect(socket.alpnProtocol).toBe(agreed);
    socket.destroy();
  });

  it("of a visitor that offers neither ends the connection", async () => {
    const socket = connect({
      host: "127.0.0.1",
      port: routed.https,
      servername: HOST,
      ca: routed.authority.certificate,
      ALPNProtocols: ["spdy/3"],
    });
    const [error] = await once(socket, "error");
    expect(String(error)).toMatch(/no.application.protocol/i);
    socket.destroy();
  });

  it("without a word on it gets HTTP/1.1", async () => {
    const said = await say(await tls(undefined), `GET / HTTP/1.1\r\nHost: ${HOST}\r\n${CLOSE}`);
    expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(said).toContain('"proto":"https"');
  });
});

describe("a host that the certificate does not cover", () => {
  it("gets 421 on a connection of HTTP/2 that was made for another, and the covered one goes on", async () => {
    const session = await http2(await tls(["h2"]));
    expect(await statusOf(session, HOST)).toBe(200);
    expect(await statusOf(session, OTHER)).toBe(421);
    expect(await statusOf(session, HOST)).toBe(200);
    session.destroy();
  });

  it("gets 421 with HTTP/1.1", async () => {
    const said = await say(await tls(["http/1.1"]), `GET / HTTP/1.1\r\nHost: ${OTHER}\r\n${CLOSE}`);
    expect(said).toMatch(/^HTTP\/1\.1 421 /);
  });

  it("is served where the certificate was renewed for it, on new connections, while old ones go on", async () => {
    const before = await http2(await tls(["h2"]));
    const old = before.socket as unknown as TLSSocket;
    expect(await statusOf(before, HOST)).toBe(200);
    await routed.renew(routed.authority.issue({ name: HOST, names: [HOST, OTHER] }));
    const after = await tls(["h2"], OTHER);
    expect(after.getPeerCertificate().subjectaltname).toBe(`DNS:${HOST}, DNS:${OTHER}`);
    expect(old.getPeerCertificate().subjectaltname).not.toContain(OTHER);
    const session = await http2(after);
    expect(await statusOf(session, OTHER)).toBe(200);
    expect(await statusOf(session, HOST)).toBe(200);
    expect(await statusOf(before, HOST)).toBe(200);
    for (const each of [before, session]) each.destroy();
  });
});

describe("Node's fetch", () => {
  it.each([
    ["HTTP/1.1", "http", false, "1.1"],
    ["HTTP/1.1 over TLS", "https", false, "1.1"],
    ["HTTP/2 over TLS", "https", true, "2.0"],
  ] as const)("gets answers and sends bodies with %s", async (_, scheme, allowH2, version) => {
    const dispatcher = new Agent({
      allowH2,
      connect: { ca: secure.authority.certificate, servername: HOST, lookup: toLoopback },
    });
    const url = `${scheme}://${HOST}:${secure[scheme]}/`;
    for (let again = 0; again < 3; again++) {
      const got = await fetch(url, { dispatcher });
      const told = (await got.json()) as { readonly via: string };
      expect(told).toMatchObject({ method: "GET", proto: scheme });
      expect(told.via).toMatch(new RegExp(`^${version.replace(".", "\\.")} coilgun-[0-9a-f]{8}$`));
      const sent = await fetch(url, { method: "POST", body: Buffer.alloc(500_000), dispatcher });
      expect(await sent.json()).toMatchObject({ method: "POST", bytes: 500_000 });
    }
    await dispatcher.destroy();
  });

  it("of this Node, without any setting, gets its answer over plain HTTP", async () => {
    const got = await globalThis.fetch(`http://localhost:${routed.http}/`, {
      headers: { Connection: "close" },
    });
    expect(await got.json()).toMatchObject({ method: "GET", host: `localhost:${routed.http}` });
  });
});

describe("SIGHUP to a running edge", () => {
  it("lets new visitors see the renewed certificate, and a broken one changes nothing", async () => {
    await using scene = openScene();
    const authority = makeAuthority();
    const write = (pair: CertificatePair) => {
      writeFileSync(join(scene.folder, "site.pem"), pair.certificate);
      writeFileSync(join(scene.folder, "site.key"), pair.privateKey);
    };
    const shown = async (): Promise<string | undefined> => {
      const port = edge.port("visitors");
      const socket = connect({ host: "127.0.0.1", port, servername: HOST, ca: authority.certificate });
      await once(socket, "secureConnect");
      const { subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      return subjectaltname;
    };
    write(authority.issue({ name: HOST }));
    const listener = { listen: ANY_PORT, certificate: "site.pem", privateKey: "site.key" };
    const edge = await scene.start("edge-side", edgeYaml({ visitors: listener }));
    expect(await shown()).toBe(`DNS:${HOST}`);
    write(authority.issue({ name: HOST, names: [HOST, OTHER] }));
    edge.signal("SIGHUP");
    await edge.logged("config reloaded");
    expect(await shown()).toBe(`DNS:${HOST}, DNS:${OTHER}`);
    write({ certificate: "nothing", privateKey: "nothing" });
    edge.signal("SIGHUP");
    await edge.logged("config not reloaded: the one in use stays");
    expect(await shown()).toBe(`DNS:${HOST}, DNS:${OTHER}`);
  });
});

const toLoopback = (
  _: string,
  __: object,
  found: (error: null, addresses: { address: string; family: number }[]) => void,
): void => found(null, [{ address: "127.0.0.1", family: 4 }]);
