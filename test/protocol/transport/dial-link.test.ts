// Every way a dialled link can fail, over real sockets, and what the operator is told.
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  TLSSocket,
  type TlsOptions,
} from "node:tls";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { DialError, type DialErrorCode, toDialError } from "../../../protocol/transport/dial-error.ts";
import { DIAL_MS, dialLink } from "../../../protocol/transport/dial-link.ts";
import { makeLinkKey } from "../../../protocol/transport/key.ts";
import { type DialSecurity, InsecureError } from "../../../protocol/transport/tls.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import {
  certificateSecurity,
  dialTunnel,
  HOST,
  openTunnel,
  plainSecurity,
  pskSecurity,
} from "../../kit/tunnel.ts";

watchLeaks();

const psk = (): DialSecurity => ({ mode: "psk", key: makeLinkKey("edge-1") });
const plain: DialSecurity = { mode: "plain" };

interface Stranger extends AsyncDisposable {
  readonly port: number;
  readonly sockets: Set<Socket>;
}

/** Some server that is no edge. */
const stranger = async (server: Server): Promise<Stranger> => {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.on("secureConnection", (socket: Socket) => socket.on("error", () => {}).resume());
  server.on("tlsClientError", () => {});
  server.listen(0, HOST);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

const tcp = (run: (socket: Socket) => void) => stranger(createTcpServer(run));
const http = (run: RequestListener) => stranger(createHttpServer(run));
const tls = (options: TlsOptions) => stranger(createTlsServer(options));

const failure = async (dialled: Promise<unknown>): Promise<DialError> => {
  const error = await dialled.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof DialError) return error;
  throw new Error(`expected a DialError, not ${error}`, { cause: error });
};

const expectFailure = async (dialled: Promise<unknown>, code: DialErrorCode, says: string): Promise<void> => {
  const error = await failure(dialled);
  expect({ code: error.code, message: error.message }).toEqual({
    code,
    message: expect.stringContaining(says),
  });
  expect(error.message).toMatch(/^link to 127\.0\.0\.1:\d+ failed: /);
};

describe("dialling what does not answer", () => {
  it("a port where nothing listens is unreachable", async () => {
    const gone = await tcp(() => {});
    await gone[Symbol.asyncDispose]();
    await expectFailure(dialTunnel(gone.port, psk()), "unreachable", "is coilgun-edge running");
  });

  it.each([
    { mode: "psk", security: psk() },
    { mode: "plain", security: plain },
  ])("a server that hangs up at once is unreachable ($mode)", async ({ security }) => {
    await using server = await tcp((socket) => socket.resetAndDestroy());
    await expectFailure(dialTunnel(server.port, security), "unreachable", "hung up before it answered");
  });

  it.each([
    { mode: "psk", security: psk() },
    { mode: "plain", security: plain },
  ])("a server that never says a word is given up after DIAL_MS ($mode)", async ({ security }) => {
    const { promise: arrived, resolve } = Promise.withResolvers<Socket>();
    await using server = await tcp(resolve);
    const clock = new FakeClock();
    const dialled = failure(dialLink({ host: HOST, port: server.port, security, clock }));
    const socket = await arrived;
    socket.resume();
    const closed = once(socket, "close");
    await clock.advance(DIAL_MS - 1);
    expect(await Promise.race([dialled, settle()])).toBeUndefined();
    await clock.advance(1);
    const error = await dialled;
    expect([error.code, error.message]).toEqual(["unreachable", expect.stringContaining("within 10000 ms")]);
    await closed; // nothing left behind
    expect(clock.timers).toBe(0);
  });

  it.each([
    { mode: "psk", security: psk() },
    { mode: "plain", security: plain },
  ])(
    "an aborted dial rejects with the signal's reason and closes its socket ($mode)",
    async ({ security }) => {
      const { promise: arrived, resolve } = Promise.withResolvers<Socket>();
      await using server = await tcp(resolve);
      const abort = new AbortController();
      const dialled = dialTunnel(server.port, security, abort.signal);
      const socket = await arrived;
      const closed = once(socket.resume(), "close");
      const reason = new Error("stopping");
      abort.abort(reason);
      await expect(dialled).rejects.toBe(reason);
      await closed;
      await expect(dialTunnel(server.port, security, abort.signal)).rejects.toBe(reason);
    },
  );
});

describe("dialling with a shared key", () => {
  it("the wrong secret is refused", async () => {
    await using tunnel = await openTunnel(pskSecurity("edge-1").listen);
    await expectFailure(dialTunnel(tunnel.port, psk()), "secret-refused", "with another secret");
    expect(await tunnel.refusalsReach(1)).toEqual(["wrong secret for this key id"]);
  });

  it("an unknown key id is refused", async () => {
    await using tunnel = await openTunnel(pskSecurity("edge-2").listen);
    await expectFailure(dialTunnel(tunnel.port, psk()), "key-refused", "does not know this key id");
    expect(await tunnel.refusalsReach(1)).toEqual(["unknown key id, or no key"]);
  });

  it("a server with a certificate and no key is refused", async () => {
    const { certificate, privateKey } = makeAuthority().issue({ name: HOST });
    await using server = await tls({ cert: certificate, key: privateKey });
    await expectFailure(dialTunnel(server.port, psk()), "no-key-proved", "did not prove the shared key");
  });

  it("a server whose certificate this machine trusts is refused too", async () => {
    const authority = makeAuthority();
    const { certificate, privateKey } = authority.issue({ name: HOST });
    await using edge = await openTunnel({ mode: "certificate", certificate, privateKey });
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, authority.certificate]);
    try {
      const trusted = await dialTunnel(edge.port, { mode: "certificate" }); // so the machine does trust it
      trusted.destroy("seen");
      await expectFailure(dialTunnel(edge.port, psk()), "no-key-proved", "did not prove the shared key");
    } finally {
      setDefaultCACertificates(before);
    }
  });

  it.each([
    { sign: "a session of its own", method: "isSessionReused", says: false },
    { sign: "no certificate", method: "getPeerX509Certificate", says: {} },
  ] as const)(
    "a connection without the sign of a key, $sign, is refused even by a known edge",
    async (row) => {
      const security = pskSecurity();
      await using tunnel = await openTunnel(security.listen);
      const spied = vi.spyOn(TLSSocket.prototype, row.method).mockReturnValue(row.says as never);
      onTestFinished(() => spied.mockRestore());
      await expectFailure(dialTunnel(tunnel.port, security.dial), "no-key-proved", "did not prove");
      spied.mockRestore();
      (await dialTunnel(tunnel.port, security.dial)).destroy("seen");
    },
  );

  it("a server of TLS 1.2 is refused, with the right key", async () => {
    const key = makeLinkKey("edge-1");
    const pskCallback = () => key.secret.reveal();
    const ciphers = "ECDHE-PSK-CHACHA20-POLY1305:PSK+HIGH";
    await using server = await tls({ maxVersion: "TLSv1.2", ciphers, pskCallback });
    await expectFailure(dialTunnel(server.port, { mode: "psk", key }), "tls-too-old", "TLS 1.3");
  });

  it("a plain HTTP server is not Coilgun", async () => {
    await using server = await http((_request, response) => response.end("hello"));
    await expectFailure(dialTunnel(server.port, psk()), "not-coilgun", "does not answer in TLS");
  });

  it("an edge without TLS is not what was asked for", async () => {
    await using tunnel = await openTunnel(plainSecurity().listen);
    await expectFailure(dialTunnel(tunnel.port, psk()), "not-coilgun", "does not answer in TLS");
  });
});

describe("dialling with certificates", () => {
  it.each([
    { problem: "of another authority", leaf: {}, trusted: false, serverName: "edge.test" },
    {
      problem: "that has expired",
      leaf: { fromDays: -2, untilDays: -1 },
      trusted: true,
      serverName: "edge.test",
    },
    {
      problem: "that is not yet valid",
      leaf: { fromDays: 1, untilDays: 2 },
      trusted: true,
      serverName: "edge.test",
    },
    { problem: "for another name", leaf: {}, trusted: true, serverName: "edge.example" },
  ])("a certificate $problem is invalid", async ({ leaf, trusted, serverName }) => {
    const authority = makeAuthority();
    const own = authority.issue({ name: "edge.test", names: ["edge.test", HOST], ...leaf });
    await using tunnel = await openTunnel({ mode: "certificate", ...own });
    const authorities = (trusted ? authority : makeAuthority()).certificate;
    const security = { mode: "certificate", authorities, serverName } as const;
    await expectFailure(
      dialTunnel(tunnel.port, security),
      "certificate-invalid",
      "check authorities, serverName",
    );
  });

  it("a server name of choice is accepted when the certificate has it", async () => {
    const { listen, dial } = certificateSecurity();
    await using tunnel = await openTunnel(listen);
    (await dialTunnel(tunnel.port, { ...dial, mode: "certificate", serverName: "edge.test" })).destroy(
      "seen",
    );
  });

  it("an edge that knows only shared keys is told apart", async () => {
    await using tunnel = await openTunnel(pskSecurity().listen);
    const { dial } = certificateSecurity();
    await expectFailure(dialTunnel(tunnel.port, dial), "key-refused", "expects a shared key");
  });

  it("a missing client certificate is named, a right one accepted, a stranger's refused", async () => {
    const authority = makeAuthority();
    const own = authority.issue({ name: HOST });
    const clients = makeAuthority("clients");
    await using tunnel = await openTunnel({
      mode: "certificate",
      ...own,
      clientAuthorities: clients.certificate,
    });
    const security = { mode: "certificate", authorities: authority.certificate } as const;
    await expectFailure(dialTunnel(tunnel.port, security), "certificate-refused", "client certificate");
    const known = { ...security, client: clients.issue({ name: "origin.test" }) };
    (await dialTunnel(tunnel.port, known)).destroy("seen");
    const unknown = { ...security, client: makeAuthority("others").issue({ name: "origin.test" }) };
    await expectFailure(
      dialTunnel(tunnel.port, unknown),
      "unreachable",
      "a client certificate it does not know",
    );
  });
});

describe("dialling what is not an edge", () => {
  it.each([
    { status: 200, code: "not-coilgun", says: "answers HTTP 200" },
    { status: 301, code: "not-coilgun", says: "answers HTTP 301" },
    { status: 404, code: "not-coilgun", says: "answers HTTP 404" },
    { status: 426, code: "not-coilgun", says: "answers HTTP 426" },
    { status: 502, code: "unreachable", says: "no edge behind it" },
    { status: 503, code: "unreachable", says: "no edge behind it" },
    { status: 504, code: "unreachable", says: "no edge behind it" },
  ] as const)("HTTP $status is $code", async ({ status, code, says }) => {
    await using server = await http((_request, response) =>
      response.writeHead(status, { location: "http://127.0.0.1:1/" }).end(),
    );
    await expectFailure(dialTunnel(server.port, plain), code, says);
  });

  it.each([
    { answer: "garbage", bytes: "\x15\x03\x01\x00\x02\x02\x28", says: "may expect TLS" },
    {
      answer: "headers without end",
      bytes: `HTTP/1.1 101 X\r\na: ${"b".repeat(5000)}`,
      says: "may expect TLS",
    },
    {
      answer: "101 with a wrong proof of WebSocket",
      bytes:
        "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n",
      says: "Sec-WebSocket-Accept",
    },
  ])("$answer is not Coilgun", async ({ bytes, says }) => {
    await using server = await tcp((socket) => void socket.write(bytes, "latin1"));
    await expectFailure(dialTunnel(server.port, plain), "not-coilgun", says);
  });

  it("a WebSocket server without our subprotocol is not Coilgun", async () => {
    const { createHash } = await import("node:crypto");
    const server = createHttpServer();
    server.on("upgrade", (request, socket) => {
      const digest = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(digest).digest("base64");
      socket.write(
        `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    await using other = await stranger(server);
    await expectFailure(dialTunnel(other.port, plain), "not-coilgun", "no subprotocol");
  });

  it("an edge that expects TLS is told apart from plain HTTP", async () => {
    await using tunnel = await openTunnel(pskSecurity().listen);
    await expectFailure(dialTunnel(tunnel.port, plain), "unreachable", "it may expect TLS");
    expect(await tunnel.refusalsReach(1)).toEqual(["plain HTTP on the TLS port"]);
  });

  it("a plain link off this machine is never even tried", async () => {
    const dialled = dialLink({ host: "192.0.2.1", port: 1, security: plain, clock: systemClock });
    await expect(dialled).rejects.toThrow(InsecureError);
  });
});

describe("the translation of errors", () => {
  const place = { host: "edge.example", port: 2408, mode: "psk" } as const;

  it.each([
    { code: "ENOTFOUND", to: "unreachable", says: "no such host name" },
    { code: "EAI_AGAIN", to: "unreachable", says: "DNS does not answer" },
    { code: "ETIMEDOUT", to: "unreachable", says: "firewall" },
    { code: "EHOSTUNREACH", to: "unreachable", says: "no way to that host" },
    { code: "ENETUNREACH", to: "unreachable", says: "no way to that network" },
    { code: "ENETDOWN", to: "unreachable", says: "network of this machine is down" },
    { code: "EADDRNOTAVAIL", to: "unreachable", says: "to dial from" },
    { code: "EPIPE", to: "unreachable", says: "hung up" },
    { code: "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", to: "unreachable", says: "damaged on the way" },
    { code: "ERR_SSL_WRONG_VERSION_NUMBER", to: "not-coilgun", says: "does not answer in TLS" },
    { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", to: "no-key-proved", says: "did not prove" },
    { code: "SOMETHING_NEW", to: "not-coilgun", says: "(SOMETHING_NEW)" },
  ])("$code is $to, and stays as the cause", ({ code, to, says }) => {
    const cause = Object.assign(new Error("from below"), { code });
    const error = toDialError(place, cause);
    expect(error.code).toBe(to);
    expect(error.message).toContain(says);
    expect(error.message).toContain("edge.example:2408");
    expect(error.cause).toBe(cause);
    expect(toDialError(place, error)).toBe(error);
  });

  it.each(["EHOSTDOWN", "ENOBUFS", "EMFILE", "EPERM"])(
    "whatever the system says where there is no connection, %s too, nobody answered there",
    (code) => {
      const failed = Object.assign(new Error(`connect ${code}`), { code, syscall: "connect" });
      const ofAll = Object.assign(new AggregateError([failed, failed]), { code });
      for (const cause of [failed, ofAll]) {
        expect(toDialError(place, cause).code).toBe("unreachable");
        expect(toDialError(place, cause).message).toContain(`no connection (${code})`);
      }
    },
  );
  it("names an address of IPv6 in brackets", () => {
    const error = toDialError({ ...place, host: "2001:db8::7" }, new Error("from below"));
    expect(error.message).toContain("link to [2001:db8::7]:2408 failed");
  });
});
