// The tunnel port against strangers: what each of them gets, and that others are served meanwhile.
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { makeLinkKey } from "../../../protocol/transport/key.ts";
import { LISTEN_LIMITS, listenForLinks } from "../../../protocol/transport/listen.ts";
import { InsecureError } from "../../../protocol/transport/tls.ts";
import { FIRST_MESSAGE_BYTES, MAX_MESSAGE_BYTES } from "../../../protocol/transport/transport.ts";
import { MAX_UPGRADE_HEADER_BYTES } from "../../../protocol/transport/ws-transport.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { hear } from "../../kit/hear.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { seeded } from "../../kit/random.ts";
import {
  certificateSecurity,
  dialTunnel,
  HOST,
  openTunnel,
  plainSecurity,
  pskSecurity,
  type Tunnel,
} from "../../kit/tunnel.ts";

watchLeaks();

const knock = async (port: number): Promise<Socket> => {
  const socket = createConnection({ host: HOST, port });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
};

/** Everything the other end says until it closes. */
const listenToEnd = async (socket: Socket): Promise<string> => {
  const said: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => said.push(bytes));
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(said).toString("latin1");
};

const upgrade = (changes: Readonly<Record<string, string>> = {}, path = "/coilgun"): string => {
  const headers = {
    Host: "edge",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "coilgun.1",
    ...changes,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
};

const stillServes = async (
  tunnel: Tunnel,
  security: { dial: Parameters<typeof dialTunnel>[1] },
): Promise<void> => {
  const accepted = tunnel.accepted();
  const dialler = await dialTunnel(tunnel.port, security.dial);
  const heard = hear(await accepted);
  dialler.send(Buffer.from("still here"));
  await heard.messagesReach(1);
  dialler.destroy("seen");
  await heard.closed();
};

describe("time and places for the unproved", () => {
  it.each([
    { who: "says nothing", security: pskSecurity(), first: "" },
    { who: "sends half a TLS hello", security: pskSecurity(), first: "\x16\x03\x01\x02\x00\x01" },
    {
      who: "sends half an HTTP request",
      security: plainSecurity(),
      first: "GET /coilgun HTTP/1.1\r\nHost: x\r\n",
    },
    { who: "becomes a WebSocket and proves nothing", security: plainSecurity(), first: upgrade() },
  ])("one who $who is dropped after handshakeMs", async ({ security, first }) => {
    const clock = new FakeClock();
    await using tunnel = await openTunnel(security.listen, { clock });
    const socket = await knock(tunnel.port);
    socket.write(first, "latin1");
    const ended = listenToEnd(socket);
    await turnsUntil(() => clock.timers > 0 && socket.bytesWritten === first.length);
    await clock.advance(LISTEN_LIMITS.handshakeMs - 1);
    expect([socket.closed, tunnel.refusals]).toEqual([false, []]);
    await clock.advance(1);
    await ended;
    expect(tunnel.refusals).toEqual(["no proof within 5000 ms"]);
    expect(clock.timers).toBe(0);
  });

  it("one who has proved itself is not dropped", async () => {
    const clock = new FakeClock();
    const security = pskSecurity();
    await using tunnel = await openTunnel(security.listen, { clock });
    const [dialler, listener] = await Promise.all([
      dialTunnel(tunnel.port, security.dial),
      tunnel.accepted(),
    ]);
    const heard = hear(listener);
    listener.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    await clock.advance(LISTEN_LIMITS.handshakeMs * 10);
    dialler.send(Buffer.from("alive"));
    await heard.messagesReach(1);
    expect([heard.reasons, clock.timers]).toEqual([[], 0]);
    dialler.destroy("seen");
  });

  it("pendingPerAddress of one address are let in and no more, and a place freed is a place again", async () => {
    const security = plainSecurity();
    await using tunnel = await openTunnel(security.listen, { limits: { pendingPerAddress: 3 } });
    const waiting = await Promise.all([1, 2, 3].map(() => knock(tunnel.port)));
    const refused = await knock(tunnel.port);
    expect(await listenToEnd(refused)).toBe("");
    expect(tunnel.refusals).toEqual(["full"]);
    for (const socket of waiting) expect(socket.closed).toBe(false);
    waiting[0]?.destroy();
    await turnsUntilServed(tunnel, security);
    for (const socket of waiting) socket.destroy();
  });

  it("a WebSocket keeps its place until the link raises the message bound", async () => {
    const security = plainSecurity();
    await using tunnel = await openTunnel(security.listen, { limits: { pendingPerAddress: 1 } });
    const [dialler, listener] = await Promise.all([
      dialTunnel(tunnel.port, security.dial),
      tunnel.accepted(),
    ]);
    await expect(dialTunnel(tunnel.port, security.dial)).rejects.toThrow("hung up");
    hear(listener);
    listener.setMaxMessageBytes(FIRST_MESSAGE_BYTES);
    listener.setMaxMessageBytes(MAX_MESSAGE_BYTES); // gives back one place, not two
    const second = await dialTunnel(tunnel.port, security.dial);
    await expect(dialTunnel(tunnel.port, security.dial)).rejects.toThrow("hung up");
    dialler.destroy("seen");
    second.destroy("seen");
  });

  it("pendingInAll are let in from all addresses together", async () => {
    await using tunnel = await openTunnel(plainSecurity().listen, { limits: { pendingInAll: 2 } });
    const waiting = await Promise.all([1, 2].map(() => knock(tunnel.port)));
    await listenToEnd(await knock(tunnel.port));
    expect(tunnel.refusals).toHaveLength(1);
    for (const socket of waiting) socket.destroy();
  });
});

describe("strangers", () => {
  it.each([
    { who: "another path", send: upgrade({}, "/"), status: "404 Not Found", says: "Nothing here." },
    {
      who: "the path with a query",
      send: upgrade({}, "/coilgun?x"),
      status: "404 Not Found",
      says: "Nothing",
    },
    { who: "a browser", send: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", status: "404 Not Found", says: "Nothing" },
    {
      who: "a browser at the right path",
      send: "GET /coilgun HTTP/1.1\r\nHost: x\r\n\r\n",
      status: "426 Upgrade Required",
      says: "This is a Coilgun tunnel port",
    },
    {
      who: "a WebSocket without our subprotocol",
      send: upgrade({ "Sec-WebSocket-Protocol": "chat, coilgun.2" }),
      status: "426 Upgrade Required",
      says: "subprotocol coilgun.1",
    },
    { who: "h2c", send: upgrade({ Upgrade: "h2c" }), status: "426 Upgrade Required", says: "WebSocket" },
    { who: "no HTTP", send: "SSH-2.0-x\r\n\r\n", status: "400 Bad Request", says: "Not HTTP." },
    {
      who: "a WebSocket without a key",
      send: upgrade({ "Sec-WebSocket-Key": "x" }),
      status: "400 Bad",
      says: "",
    },
    {
      who: "headers above the bound",
      send: upgrade({ X: "x".repeat(MAX_UPGRADE_HEADER_BYTES) }),
      status: "400 Bad Request",
      says: "",
    },
  ])("$who gets $status and a closed connection", async ({ send, status, says }) => {
    const security = plainSecurity();
    await using tunnel = await openTunnel(security.listen);
    const socket = await knock(tunnel.port);
    socket.write(send);
    const said = await listenToEnd(socket);
    expect(said.split("\r\n")[0]).toContain(`HTTP/1.1 ${status}`);
    expect(said.split("\r\n\r\n")[1]).toContain(says);
    expect(said).toMatch(/^connection: close/im);
    await stillServes(tunnel, security);
  });

  it("one who stays after the answer is cut off in time, and told of once", async () => {
    const clock = new FakeClock();
    await using tunnel = await openTunnel(plainSecurity().listen, { clock });
    const socket = createConnection({ host: HOST, port: tunnel.port, allowHalfOpen: true });
    socket.write(upgrade({}, "/other"));
    await once(socket.resume(), "end");
    expect([socket.closed, clock.timers]).toEqual([false, 1]);
    await clock.advance(LISTEN_LIMITS.handshakeMs);
    await turnsUntil(() => clock.timers === 0);
    expect(tunnel.refusals).toEqual(["an HTTP request for another path"]);
    socket.destroy();
  });

  it("among several subprotocols ours is found", async () => {
    await using tunnel = await openTunnel(plainSecurity().listen);
    const socket = await knock(tunnel.port);
    socket.write(upgrade({ "Sec-WebSocket-Protocol": "coilgun.2, coilgun.1" }));
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 101 .*Sec-WebSocket-Protocol: coilgun\.1\r\n/s);
    socket.destroy();
  });

  it.each([
    { mode: "psk", security: pskSecurity() },
    { mode: "certificate", security: certificateSecurity() },
    { mode: "plain", security: plainSecurity() },
  ])("random bytes harm nobody ($mode)", async ({ security }) => {
    const random = seeded();
    await using tunnel = await openTunnel(security.listen);
    const looksRight = [
      Buffer.from("\x16\x03\x01\x00\xff\x01", "latin1"),
      Buffer.from("GET /coilgun HTTP/1.1\r\n"),
    ];
    for (let round = 0; round < 30; round++) {
      const socket = await knock(tunnel.port);
      socket.resume();
      if (random.chance(0.5)) socket.write(random.pick(looksRight));
      socket.write(random.bytes(random.int(0, 2000)));
      if (random.chance(0.3)) socket.resetAndDestroy();
      else socket.end();
    }
    await stillServes(tunnel, security);
  });

  it("TLS 1.2 is refused by name, with key and with certificate", async () => {
    for (const { listen } of [pskSecurity(), certificateSecurity()]) {
      await using tunnel = await openTunnel(listen);
      const socket = connectTls({
        host: HOST,
        port: tunnel.port,
        maxVersion: "TLSv1.2",
        rejectUnauthorized: false,
      });
      await expect(once(socket, "secureConnect")).rejects.toThrow("protocol version");
      expect(await tunnel.refusalsReach(1)).toEqual(["TLS older than 1.3"]);
      socket.destroy();
    }
  });
});

describe("a key that is removed", () => {
  it("is refused from then on, by session ticket too, while its live link is the caller's to close", async () => {
    const security = pskSecurity("edge-1");
    await using tunnel = await openTunnel(security.listen);
    const { dial } = security;
    if (dial.mode !== "psk") throw new Error("not a key");
    const [live, accepted] = await Promise.all([dialTunnel(tunnel.port, dial), tunnel.accepted()]);
    expect(accepted.peer).toMatchObject({ address: HOST, keyId: "edge-1" });
    expect(live.peer).toEqual({ address: `${HOST}:${tunnel.port}`, keyId: "edge-1" });
    const psk: ConnectionOptions = { host: HOST, port: tunnel.port, ca: [], minVersion: "TLSv1.3" };
    const pskCallback = () => ({ identity: "edge-1", psk: dial.key.secret.reveal() });
    const before = connectTls({ ...psk, pskCallback });
    before.resume();
    const [session] = await once(before, "session");
    before.destroy();

    security.keys.clear();
    const resuming = connectTls({ ...psk, session, checkServerIdentity: () => undefined });
    await expect(once(resuming, "secureConnect")).rejects.toThrow("handshake failure");
    await expect(dialTunnel(tunnel.port, dial)).rejects.toMatchObject({ code: "key-refused" });
    expect(tunnel.refusals.at(-1)).toBe("unknown key id, or no key");
    const heard = hear(accepted);
    live.send(Buffer.from("alive"));
    await heard.messagesReach(1);
    live.destroy("seen");
    resuming.destroy();
  });

  it("is not refused when another is", async () => {
    const security = pskSecurity("edge-1");
    const other = makeLinkKey("edge-2");
    security.keys.set(other.id, other.secret);
    await using tunnel = await openTunnel(security.listen);
    security.keys.delete("edge-1");
    const accepted = tunnel.accepted();
    const dialler = await dialTunnel(tunnel.port, { mode: "psk", key: other });
    expect((await accepted).peer.keyId).toBe("edge-2");
    dialler.destroy("seen");
  });
});

describe("opening and closing the port", () => {
  it("a plain port off loopback is refused before it is opened", async () => {
    const options = { port: 0, clock: systemClock, accept: () => {} };
    await expect(
      listenForLinks({ ...options, host: "0.0.0.0", security: { mode: "plain" } }),
    ).rejects.toThrow(InsecureError);
    const open = await listenForLinks({
      ...options,
      host: "0.0.0.0",
      security: { mode: "plain", insecure: true },
    });
    expect(open.address.port).toBeGreaterThan(0);
    await open.close();
  });

  it("a port that is taken is an error with its code", async () => {
    await using tunnel = await openTunnel(plainSecurity().listen);
    const security = { mode: "plain" } as const;
    const again = listenForLinks({
      host: HOST,
      port: tunnel.port,
      security,
      clock: systemClock,
      accept: () => {},
    });
    await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("closeAccepting drops who is no link yet, keeps links, and frees the port", async () => {
    const security = pskSecurity();
    const clock = new FakeClock();
    const tunnel = await openTunnel(security.listen, { clock });
    const [dialler, listener] = await Promise.all([
      dialTunnel(tunnel.port, security.dial),
      tunnel.accepted(),
    ]);
    const heard = hear(listener);
    const waiting = await knock(tunnel.port);
    // The listener has taken it, as it measures its time; the system would drop one that is not taken yet.
    await turnsUntil(() => clock.timers === 2);
    tunnel.listener.closeAccepting();
    tunnel.listener.closeAccepting();
    await listenToEnd(waiting);
    await expect(dialTunnel(tunnel.port, security.dial)).rejects.toMatchObject({ code: "unreachable" });
    dialler.send(Buffer.from("alive"));
    await heard.messagesReach(1);
    await Promise.all([tunnel.listener.close(), heard.closed()]);
    expect(heard.reasons).toEqual(["the edge is closing its tunnel port"]);
    await tunnel.listener.close(); // again does nothing
    await hear(dialler).closed();
  });

  it("closes whenever it is asked to while its last link goes", async () => {
    const security = plainSecurity();
    for (let turns = 0; turns < 24; turns++) {
      const tunnel = await openTunnel(security.listen);
      const [dialler, listener] = await Promise.all([
        dialTunnel(tunnel.port, security.dial),
        tunnel.accepted(),
      ]);
      const heard = hear(listener);
      tunnel.listener.closeAccepting();
      dialler.destroy("gone");
      for (let turn = 0; turn < turns; turn++) await settle();
      await tunnel.listener.close();
      await heard.closed();
    }
  });
});

/** Turns of the event loop until something is so; a test that waits in vain runs into its time limit. */
const turnsUntil = async (met: () => boolean): Promise<void> => {
  while (!met()) await settle();
};

/** The listener notices a freed place some turns later. */
const turnsUntilServed = async (
  tunnel: Tunnel,
  security: ReturnType<typeof plainSecurity>,
): Promise<void> => {
  for (;;) {
    const dialled = await dialTunnel(tunnel.port, security.dial).catch(() => undefined);
    if (dialled !== undefined) return dialled.destroy("served");
    await settle();
  }
};
