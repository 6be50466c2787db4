import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket, type TlsOptions } from "node:tls";
import { afterAll, describe, expect, it } from "vitest";
import { NamedFile } from "../../../protocol/config/schema.ts";
import { serverNameOf } from "../../../protocol/upstream/dial-upstream.ts";
import type { UpstreamAddress } from "../../../protocol/upstream/upstream-address.ts";
import type { UpstreamSettings, UpstreamTls } from "../../../protocol/upstream/upstream-settings.ts";
import { type CertificatePair, makeAuthority } from "../../kit/certificates.ts";
import { settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, RawOrigin } from "../../kit/raw-origin.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

const folder = mkdtempSync(join(tmpdir(), "coilgun-dial-"));
afterAll(() => rmSync(folder, { recursive: true }));

const authority = makeAuthority();
const stranger = makeAuthority("Another authority");
const pem = (text: string) => new NamedFile("made.pem", Buffer.from(text));
const TLS: UpstreamTls = {
  verify: true,
  serverName: undefined,
  authorities: pem(authority.certificate),
  client: undefined,
};
const serving = ({ certificate, privateKey }: CertificatePair): TlsOptions => ({
  cert: certificate,
  key: privateKey,
});

/** Asks once by each method; the answers' bodies, or the codes of the failures. */
const askedOver = async (origin: RawOrigin, tls: UpstreamTls, more: Partial<UpstreamSettings> = {}) => {
  const server: UpstreamAddress = { scheme: "https", address: { host: "127.0.0.1", port: origin.port } };
  const outcomes: (string | undefined)[] = [];
  for (const method of ["GET", "POST"]) {
    await using client = new TestClient(routeTo(origin.port, { origin: server, tls, ...more }));
    const asked = ask(client, method);
    const answering = origin.next().then(async (connection) => {
      await connection.head();
      const { socket } = connection;
      if (socket instanceof TLSSocket) names.push(String((socket as { servername?: unknown }).servername));
      connection.end(OK());
    });
    answering.catch(() => {});
    outcomes.push(
      await heard(asked).then(
        ({ body }) => body,
        (error: { code?: string }) => error.code,
      ),
    );
  }
  return outcomes;
};
const names: string[] = [];

describe("a web server over TLS", () => {
  it.each<[string, CertificatePair, Partial<UpstreamTls>, Partial<UpstreamSettings>, string]>([
    [
      "with a known certificate for its address",
      authority.issue({ name: "127.0.0.1" }),
      {},
      { host: "*" },
      "hello",
    ],
    ["with one for the host that it serves", authority.issue({ name: "www.example.com" }), {}, {}, "hello"],
    [
      "with one for the name that is set",
      authority.issue({ name: "inner.example" }),
      { serverName: "inner.example" },
      {},
      "hello",
    ],
    ["with one for another name", authority.issue({ name: "other.example" }), {}, {}, "origin-failed"],
    [
      "with one of an unknown authority",
      stranger.issue({ name: "www.example.com" }),
      {},
      {},
      "origin-failed",
    ],
    [
      "with one that has run out",
      authority.issue({ name: "www.example.com", fromDays: -2, untilDays: -1 }),
      {},
      {},
      "origin-failed",
    ],
    ["unverified, with any", stranger.issue({ name: "other.example" }), { verify: false }, {}, "hello"],
  ])("%s", async (_, pair, tls, more, outcome) => {
    await using origin = await RawOrigin.listen(undefined, serving(pair));
    expect(await askedOver(origin, { ...TLS, ...tls }, more)).toEqual([outcome, outcome]);
  });

  it("that wants a certificate of this side gets the one that is set", async () => {
    const wants = {
      ...serving(authority.issue({ name: "www.example.com" })),
      requestCert: true,
      ca: authority.certificate,
    };
    const own = authority.issue({ name: "coilgun" });
    const client = { certificate: pem(own.certificate), privateKey: pem(own.privateKey) };
    await using origin = await RawOrigin.listen(undefined, wants);
    expect(await askedOver(origin, { ...TLS, client })).toEqual(["hello", "hello"]);
    await using strict = await RawOrigin.listen(undefined, wants);
    expect(await askedOver(strict, TLS)).toEqual(["origin-failed", "origin-failed"]);
  });

  it("hears the name that it is asked by, whatever the visitor's Host", async () => {
    names.length = 0;
    await using origin = await RawOrigin.listen(
      undefined,
      serving(authority.issue({ name: "inner.example" })),
    );
    await askedOver(origin, { ...TLS, serverName: "inner.example" });
    expect(names).toEqual(["inner.example", "inner.example"]);
  });

  it("keeps its connection for visitors of several hosts", async () => {
    await using origin = await RawOrigin.listen(undefined, serving(authority.issue({ name: "127.0.0.1" })));
    const server: UpstreamAddress = { scheme: "https", address: { host: "127.0.0.1", port: origin.port } };
    await using client = new TestClient(routeTo(origin.port, { host: "*", origin: server, tls: TLS }));
    const arriving = origin.next();
    for (const host of ["a.example", "b.example"]) {
      const head = { method: "GET", target: "/", fields: ["Host", host] };
      const signal = new AbortController().signal;
      const answer = heard(client.fetch({ head, body: undefined, signal, interim: () => {} }));
      const connection = await arriving;
      expect((await connection.head()).join()).toContain(host);
      connection.write(OK());
      await answer;
      await settle();
    }
    expect(origin.count).toBe(1);
  });

  it("may be upgraded, and ends each half by itself", async () => {
    await using origin = await RawOrigin.listen(undefined, serving(authority.issue({ name: "127.0.0.1" })));
    const server: UpstreamAddress = { scheme: "https", address: { host: "127.0.0.1", port: origin.port } };
    await using client = new TestClient(routeTo(origin.port, { host: "*", origin: server, tls: TLS }));
    const asked = ask(client, "GET", "/", { fields: ["Upgrade", "x"] });
    const connection = await origin.next();
    await connection.head();
    connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfirst");
    const response = await asked.response;
    if (response.kind !== "upgraded") throw new Error("not upgraded");
    const reading = response.connection.iterator({ destroyOnReturn: false });
    expect(String((await reading.next()).value)).toBe("first");
    response.connection.end("bye");
    expect(await connection.over).toBe("end");
    expect(connection.unread).toBe("bye");
    connection.end("and bye");
    expect(String((await reading.next()).value)).toBe("and bye");
    expect((await reading.next()).done).toBe(true);
    await connection.closed;
  });

  it("that answers before it has read the body, and closes, is heard", async () => {
    await using origin = await RawOrigin.listen(undefined, serving(authority.issue({ name: "127.0.0.1" })));
    const server: UpstreamAddress = { scheme: "https", address: { host: "127.0.0.1", port: origin.port } };
    await using client = new TestClient(routeTo(origin.port, { host: "*", origin: server, tls: TLS }));
    for (let round = 0; round < 10; round++) {
      const body = new FedBody();
      for (let i = 0; i < 32; i++) body.piece(Buffer.alloc(64 * 1024));
      const asked = ask(client, "POST", "/", { body });
      const connection = await origin.next();
      await connection.head();
      connection.socket.pause();
      connection.write(
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge",
      );
      connection.socket.destroySoon();
      expect((await heard(asked)).head.status).toBe(413);
    }
  });

  it("takes bodies, and breaks off like any other", async () => {
    await using origin = await RawOrigin.listen(undefined, serving(authority.issue({ name: "127.0.0.1" })));
    const server: UpstreamAddress = { scheme: "https", address: { host: "127.0.0.1", port: origin.port } };
    await using client = new TestClient(routeTo(origin.port, { host: "*", origin: server, tls: TLS }));
    const sent = "x".repeat(300_000);
    const asked = ask(client, "POST", "/", { body: new FedBody().piece(sent).end() });
    const connection = await origin.next();
    await connection.head();
    await connection.upTo("0\r\n\r\n");
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    await asked.response;
    const body = heard(asked);
    connection.socket.destroy();
    await expect(body).rejects.toMatchObject({ code: "truncated" });
  });
});

describe("a web server at a unix socket", () => {
  it.each(["GET", "POST"])("answers %s as any other", async (method) => {
    const path = join(folder, `app-${method}.sock`);
    await using origin = await RawOrigin.listen({ path });
    await using client = new TestClient(routeTo(0, { origin: { scheme: "unix", path } }));
    const asked = ask(client, method);
    const connection = await origin.next();
    expect(await connection.head()).toContain("Host: www.example.com");
    connection.end(OK());
    expect((await heard(asked)).body).toBe("hello");
  });

  it("that is not there is a failure", async () => {
    const origin = { scheme: "unix", path: join(folder, "none.sock") } as const;
    await using client = new TestClient(routeTo(0, { origin }));
    await expect(ask(client).response).rejects.toMatchObject({ code: "origin-failed" });
  });
});

describe("the name in the TLS greeting", () => {
  const at = (host: string): UpstreamAddress => ({ scheme: "https", address: { host, port: 443 } });
  it.each([
    ["set.example", "www.example.com", "app.internal", "set.example"],
    [undefined, "www.example.com", "app.internal", "app.internal"],
    [undefined, "www.example.com", "10.0.0.5", "www.example.com"],
    [undefined, "*", "10.0.0.5", undefined],
    [undefined, "[::1]", "::1", undefined],
    [undefined, "10.0.0.6", "10.0.0.5", undefined],
  ])("set %s, host %s, origin %s: %s", (serverName, host, origin, name) => {
    expect(serverNameOf({ tls: { ...TLS, serverName }, host, origin: at(origin), connectMs: 1 })).toBe(name);
  });
});
