// Each fence by itself: what TLS alone would let through, and the check that stops it.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  connect,
  createServer,
  getCACertificates,
  setDefaultCACertificates,
  type TLSSocket,
  type TlsOptions,
} from "node:tls";
import { describe, expect, it } from "vitest";
import {
  checkPlain,
  dialTls,
  InsecureError,
  type ListenTls,
  listenTls,
  provedKey,
} from "../../../protocol/transport/tls.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { HOST, pskSecurity } from "../../kit/tunnel.ts";

watchLeaks();

const tlsOf = (security: Parameters<typeof listenTls>[0]): ListenTls => {
  const tls = listenTls(security);
  if (tls === undefined) throw new Error("no TLS");
  return tls;
};

const serve = async (options: TlsOptions, connection: (socket: TLSSocket) => void = () => {}) => {
  const server = createServer(options, (socket) => {
    socket.on("error", () => {});
    socket.resume();
    connection(socket);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, HOST);
  await once(server, "listening");
  const sockets = new Set<TLSSocket>();
  return {
    /** Resolves when the client's handshake is done; rejects with its error. */
    dial: async (more: object): Promise<TLSSocket> => {
      const socket = connect({ host: HOST, port: (server.address() as AddressInfo).port, ...more });
      sockets.add(socket);
      socket.resume();
      await once(socket, "secureConnect");
      socket.on("error", () => {});
      return socket;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
};

describe("shared key mode", () => {
  it("is TLS 1.3 with a key exchange of its own, proved to both ends", async () => {
    const security = pskSecurity("edge-1");
    const tls = tlsOf(security.listen);
    const { promise: verified, resolve } = Promise.withResolvers<unknown>();
    await using server = await serve(tls.options, (socket) => resolve(tls.verifiedBy(socket)));
    const socket = await server.dial({ ...dialTls(HOST, security.dial) });
    expect(socket.getProtocol()).toBe("TLSv1.3");
    expect(socket.getEphemeralKeyInfo()).not.toEqual({}); // forward secrecy: the key alone opens no recording
    expect(provedKey(socket)).toBe(true);
    expect(await verified).toMatchObject({ keyId: "edge-1" });
  });

  it("is not proved by a server that shows a certificate instead, even where the client accepts that", async () => {
    const authority = makeAuthority();
    const { certificate, privateKey } = authority.issue({ name: HOST });
    await using server = await serve({ cert: certificate, key: privateKey });
    const socket = await server.dial({
      ...dialTls(HOST, pskSecurity().dial),
      ca: authority.certificate,
      checkServerIdentity: () => undefined,
      ciphers: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
    });
    expect(socket.authorized).toBe(true); // the trap: TLS is content
    expect(provedKey(socket)).toBe(false);
  });

  it("trusts no certificate, not even one that this machine trusts", async () => {
    const authority = makeAuthority();
    const { certificate, privateKey } = authority.issue({ name: HOST });
    await using server = await serve({ cert: certificate, key: privateKey });
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, authority.certificate]);
    try {
      (await server.dial({})).destroy(); // so the machine does trust it
      await expect(server.dial({ ...dialTls(HOST, pskSecurity().dial) })).rejects.toThrow("unable to verify");
    } finally {
      setDefaultCACertificates(before);
    }
  });

  it("admits no connection that resumed a session instead of naming a key", async () => {
    const security = pskSecurity();
    const tls = tlsOf(security.listen);
    const verified: unknown[] = [];
    const { promise: twice, resolve } = Promise.withResolvers<void>();
    // Without the first fence, SSL_OP_NO_TICKET, to stand before the second.
    await using server = await serve({ ...tls.options, secureOptions: 0 }, (socket) => {
      if (verified.push(tls.verifiedBy(socket)) === 2) resolve();
    });
    const first = await server.dial({ ...dialTls(HOST, security.dial) });
    const [session] = await once(first, "session");
    security.keys.clear();
    const resumed = await server.dial({
      ...dialTls(HOST, security.dial),
      session,
      checkServerIdentity: () => undefined,
    });
    expect(resumed.isSessionReused()).toBe(true); // the trap: TLS is content, and the key is gone
    await twice;
    expect(verified).toMatchObject([{ keyId: "edge-1" }, undefined]);
  });

  it("gives out no session that outlives its key", async () => {
    const security = pskSecurity();
    await using server = await serve(tlsOf(security.listen).options);
    const first = await server.dial({ ...dialTls(HOST, security.dial) });
    const [session] = await once(first, "session");
    const resuming = { session, ca: [], checkServerIdentity: () => undefined, minVersion: "TLSv1.3" };
    await expect(server.dial(resuming), "while the key is known").rejects.toThrow("handshake failure");
    security.keys.clear();
    await expect(server.dial(resuming), "after it was removed").rejects.toThrow("handshake failure");
  });

  it.each(["", "x".repeat(65), "sp ace", "edge-2"])("asks for no secret that cannot be: %j", async (id) => {
    const asked: string[] = [];
    const tls = tlsOf({
      mode: "psk",
      secretsOf: (name) => {
        asked.push(name);
        return [];
      },
    });
    await using server = await serve(tls.options);
    const pskCallback = () => ({ identity: id, psk: Buffer.alloc(32) });
    await expect(server.dial({ ...dialTls(HOST, pskSecurity().dial), pskCallback })).rejects.toThrow();
    expect(asked).toEqual(id === "edge-2" ? ["edge-2"] : []);
  });
});

describe("a link without TLS", () => {
  it.each(["127.0.0.1", "127.8.9.10", "::1", "localhost"])("may listen on and dial %s", (host) => {
    expect(() => checkPlain(host, { mode: "plain" })).not.toThrow();
  });

  it.each(["0.0.0.0", "::", "192.0.2.1", "edge.example", "127.evil.example", "::ffff:192.0.2.1", ""])(
    "may not use %j unless it is called insecure",
    (host) => {
      expect(() => checkPlain(host, { mode: "plain" })).toThrow(InsecureError);
      expect(() => checkPlain(host, { mode: "plain", insecure: false })).toThrow("insecure: true");
      expect(() => checkPlain(host, { mode: "plain", insecure: true })).not.toThrow();
    },
  );

  it("is the only mode bound to loopback", () => {
    expect(() => checkPlain("192.0.2.1", pskSecurity().dial)).not.toThrow();
    expect(listenTls({ mode: "plain" })).toBeUndefined();
    expect(dialTls("localhost", { mode: "plain" })).toBeUndefined();
  });
});
