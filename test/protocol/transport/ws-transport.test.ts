// What is particular to WebSocket: the bytes on the wire, hostile frames, and readers that stall.
import { once } from "node:events";
import { createConnection, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, vi } from "vitest";
import { FIRST_MESSAGE_BYTES, MAX_MESSAGE_BYTES } from "../../../protocol/transport/transport.ts";
import { UNPROVED_MESSAGES } from "../../../protocol/transport/ws-transport.ts";
import { settle } from "../../kit/fake-clock.ts";
import { type Heard, hear } from "../../kit/hear.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import {
  certificateSecurity,
  dialTunnel,
  HOST,
  type MatchingSecurity,
  openTunnel,
  plainSecurity,
  pskSecurity,
} from "../../kit/tunnel.ts";
import { tapWire, tlsRecords } from "../../kit/wire-tap.ts";

watchLeaks();

const APPLICATION_DATA = 23;

/** A pair with a tap on its wire; both ends heard and verified. */
const tapped = async (security: MatchingSecurity) => {
  const tunnel = await openTunnel(security.listen);
  const tap = await tapWire(tunnel.port);
  const [dialler, listener] = await Promise.all([dialTunnel(tap.port, security.dial), tunnel.accepted()]);
  const [here, there] = [hear(dialler), hear(listener)];
  for (const end of [dialler, listener]) end.setMaxMessageBytes(MAX_MESSAGE_BYTES);
  // One message each way first: what TLS sends by itself after its handshake has crossed by then.
  dialler.send(Buffer.from("first"));
  await there.messagesReach(1);
  listener.send(Buffer.from("first"));
  await here.messagesReach(1);
  return {
    tap,
    dialler,
    listener,
    here,
    there,
    [Symbol.asyncDispose]: async () => {
      dialler.destroy("end of test");
      await tap[Symbol.asyncDispose]();
      await tunnel[Symbol.asyncDispose]();
    },
  };
};

type Tapped = Awaited<ReturnType<typeof tapped>>;

/** The bytes that cross the wire for one message. */
const crossing = async (pair: Tapped, direction: "up" | "down", message: Buffer): Promise<Buffer> => {
  const before = pair.tap.seen(direction).length;
  const [sender, heard] = direction === "up" ? [pair.dialler, pair.there] : [pair.listener, pair.here];
  const count = heard.messages.length;
  sender.send(Buffer.from(message));
  await heard.messagesReach(count + 1);
  return pair.tap.seen(direction).subarray(before);
};

/** Header of a WebSocket message from the listener; the dialler's has 4 bytes of mask more. RFC 6455 section 5.2. */
const frameBytes = (payload: number): number => payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10);
/** Header, content type and tag of one TLS 1.3 record. RFC 8446 section 5.2. */
const RECORD_BYTES = 5 + 1 + 16;
const MASK_BYTES = 4;
const RECORD_CONTENT = 16_384;

describe.each([
  { mode: "psk", security: pskSecurity() },
  { mode: "certificate", security: certificateSecurity() },
])("one message over TLS ($mode)", ({ security }) => {
  it.each([0, 1, 40, 125, 126, 200, 10_000, RECORD_CONTENT - 8])(
    "of %i bytes is one TLS record each way",
    async (size) => {
      await using pair = await tapped(security);
      const up = tlsRecords(await crossing(pair, "up", Buffer.alloc(size)));
      expect(up).toEqual([{ type: APPLICATION_DATA, bytes: frameBytes(size) + MASK_BYTES + RECORD_BYTES }]);
      const down = tlsRecords(await crossing(pair, "down", Buffer.alloc(size)));
      expect(down).toEqual([{ type: APPLICATION_DATA, bytes: frameBytes(size) + RECORD_BYTES }]);
    },
  );

  it("sent in one turn with others shares records with them", async () => {
    await using pair = await tapped(security);
    const before = pair.tap.seen("up").length;
    for (let nth = 0; nth < 20; nth++) pair.dialler.send(Buffer.alloc(40));
    await pair.there.messagesReach(21);
    expect(tlsRecords(pair.tap.seen("up").subarray(before)).length).toBeLessThanOrEqual(2);
  });
});

describe("the dialler's mask", () => {
  const text = Buffer.from("readable on the wire".repeat(20));

  it("is random over a plain connection, so the payload is not on the wire as it is", async () => {
    await using pair = await tapped(plainSecurity());
    const [one, two] = [await crossing(pair, "up", text), await crossing(pair, "up", text)];
    expect(one.readUInt8(1) & 0x80).toBe(0x80);
    expect(one.includes("readable")).toBe(false);
    expect(one.subarray(4, 8)).not.toEqual(two.subarray(4, 8));
    expect((await crossing(pair, "down", text)).includes("readable")).toBe(true);
  });

  it("is zero over TLS, so that nothing is computed", async () => {
    const fill = vi.spyOn(Buffer.prototype, "fill");
    await using pair = await tapped(pskSecurity());
    fill.mockClear();
    const message = Buffer.from(text);
    pair.dialler.send(message);
    expect(fill.mock.calls).toEqual([[0]]);
    expect(message).toEqual(text); // ws would have masked a copy, or this very buffer
    await pair.there.messagesReach(2);
    fill.mockRestore();
  });
});

it("the dialler does not even offer compression", async () => {
  await using pair = await tapped(plainSecurity());
  const asked = pair.tap.seen("up").toString("latin1");
  expect(asked).toMatch(/^GET \/coilgun HTTP\/1\.1\r\n/);
  expect(asked).toContain("Sec-WebSocket-Protocol: coilgun.1\r\n");
  expect(asked.toLowerCase()).not.toContain("sec-websocket-extensions");
});

it("both ends switch off Nagle's delay", async () => {
  const noDelay = vi.spyOn(Socket.prototype, "setNoDelay");
  await using pair = await tapped(pskSecurity());
  const ports = new Set(noDelay.mock.contexts.map((socket) => (socket as Socket).localPort));
  expect(pair.dialler.peer.address).toContain(HOST);
  expect(ports.size).toBeGreaterThanOrEqual(2);
  noDelay.mockRestore();
});

const UPGRADE =
  "GET /coilgun HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: coilgun.1\r\n\r\n";

/** A stranger with a WebSocket of his own making, over a plain connection; the listener's end is heard. */
const byHand = async () => {
  const tunnel = await openTunnel(plainSecurity().listen);
  const socket = createConnection({ host: HOST, port: tunnel.port });
  socket.on("error", () => {});
  socket.write(UPGRADE);
  const accepted = await tunnel.accepted();
  return {
    socket,
    accepted,
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      await tunnel[Symbol.asyncDispose]();
    },
  };
};

/** Everything the other end says until it closes. */
const listenToEnd = async (socket: Socket): Promise<string> => {
  const said: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => said.push(bytes));
  await once(socket, "close");
  return Buffer.concat(said).toString("latin1");
};

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const MASK = "00000000";
/** Pieces of one message that ws is told to hold. */
const MOST_PIECES = 1024;

describe("hostile frames", () => {
  it.each([
    { what: "a text message", frame: hex(`81 82 ${MASK} 6869`), says: "text messages" },
    { what: "a compressed message", frame: hex(`c2 82 ${MASK} 6869`), says: "RSV1 must be clear" },
    { what: "an unmasked message", frame: hex("82 02 6869"), says: "MASK must be set" },
    { what: "a reserved opcode", frame: hex(`83 82 ${MASK} 6869`), says: "invalid opcode" },
    { what: "a continuation of nothing", frame: hex(`80 82 ${MASK} 6869`), says: "invalid opcode" },
    { what: "a ping cut in pieces", frame: hex(`09 82 ${MASK} 6869`), says: "FIN must be set" },
    { what: "a claim of 4 GiB", frame: hex(`82 ff 0000000100000000 ${MASK}`), says: "Max payload size" },
    { what: "a claim of 2^63", frame: hex(`82 ff 8000000000000000 ${MASK}`), says: "payload length" },
    {
      what: "one byte above the highest bound",
      frame: hex(`82 ff 0000000000020001 ${MASK}`),
      says: "Max payload",
    },
  ])("$what ends the transport before a message is delivered", async ({ frame, says }) => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    pair.accepted.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    pair.socket.write(frame);
    pair.socket.resume().on("end", () => pair.socket.end());
    pair.socket.on("data", () => pair.socket.end()); // answers the closing frame as a client may: by leaving
    expect(await heard.closed()).toContain(says);
    expect(heard.messages).toEqual([]);
  });

  it("fragments of one message arrive as one; its bound is on the sum", async () => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    pair.accepted.setMaxMessageBytes(4);
    pair.socket.write(hex(`02 82 ${MASK} 6162  00 81 ${MASK} 63  80 81 ${MASK} 64`));
    expect((await heard.messagesReach(1)).map(String)).toEqual(["abcd"]);
    pair.socket.on("data", () => pair.socket.end());
    pair.socket.write(hex(`02 82 ${MASK} 6162  00 82 ${MASK} 6364  80 81 ${MASK} 65`));
    expect(await heard.closed()).toContain("5 bytes is larger than the 4 bytes");
  });

  it("a message in more pieces than the network would make of it ends the transport", async () => {
    const { listen } = certificateSecurity();
    await using tunnel = await openTunnel(listen);
    // One TLS record arrives as one piece.
    const socket = connectTls({ host: HOST, port: tunnel.port, rejectUnauthorized: false });
    socket.on("error", () => {});
    const sendRecord = (bytes: Uint8Array) => new Promise<void>((sent) => socket.write(bytes, () => sent()));
    await once(socket, "secureConnect");
    await sendRecord(Buffer.from(UPGRADE));
    const accepted = await tunnel.accepted();
    const heard = hear(accepted);
    accepted.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    const header = hex(`82 fe 0800 ${MASK}`); // 2048 bytes follow
    const rest = 2048 - (MOST_PIECES - 1);
    for (const last of [rest, 1]) {
      await sendRecord(header);
      for (let piece = 0; piece < MOST_PIECES - 1; piece++) await sendRecord(Buffer.alloc(1));
      await sendRecord(Buffer.alloc(last));
    }
    expect((await heard.messagesReach(1))[0]).toHaveLength(2048);
    socket.on("data", () => socket.end());
    await sendRecord(Buffer.alloc(rest));
    expect(await heard.closed()).toContain("Too many buffered chunks");
    expect(heard.messages).toHaveLength(1);
    socket.destroy();
  });

  it.each([
    { who: "mismatch", verified: false, says: /more than 4096 bytes before it proved itself/ },
    { who: "verified", verified: true, says: /Too many message fragments/ },
  ])("endless empty fragments end the transport of an $who peer", async ({ verified, says }) => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    if (verified) pair.accepted.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    pair.socket.on("data", () => pair.socket.end());
    pair.socket.write(
      Buffer.concat([hex(`02 80 ${MASK}`), ...Array<Buffer>(1000).fill(hex(`00 80 ${MASK}`))]),
    );
    expect(await heard.closed()).toMatch(says);
  });
});

describe("a peer that has not proved itself", () => {
  const bound = FIRST_MESSAGE_BYTES * UNPROVED_MESSAGES;
  /** A message that claims the highest size there is, and its payload. */
  const claim = hex(`82 ff 0000000000020000 ${MASK}`);

  it("may send so many bytes in all, framing included, and not one more", async () => {
    await using pair = await byHand();
    const heard = hear(pair.accepted, () => pair.accepted.send(Buffer.from("+")));
    const said = listenToEnd(pair.socket);
    const header = hex(`82 fe 03f8 ${MASK}`); // 1016 bytes follow
    const message = Buffer.concat([header, Buffer.alloc(1016)]);
    pair.socket.write(Buffer.concat(Array<Buffer>(bound / message.length).fill(message)));
    await heard.messagesReach(bound / message.length);
    for (let turn = 0; turn < 200; turn++) await settle();
    expect(heard.reasons).toEqual([]);
    pair.socket.write(Buffer.alloc(1));
    expect(await heard.closed()).toBe(`the peer sent more than ${bound} bytes before it proved itself`);
    const answers = "\x82\x01+".repeat(bound / message.length);
    expect((await said).endsWith(answers), "answered until then, and no closing frame after").toBe(true);
  });

  it("makes this side hold no more than that, whatever its frame claims", async () => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    pair.socket.write(Buffer.concat([claim, Buffer.alloc(bound)]));
    expect(await heard.closed()).toContain("before it proved itself");
    expect(heard.messages).toEqual([]);
  });

  it("is not held by that once the link has raised the bound", async () => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    pair.accepted.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    pair.socket.write(Buffer.concat([claim, Buffer.alloc(MAX_MESSAGE_BYTES)]));
    expect((await heard.messagesReach(1))[0]).toHaveLength(MAX_MESSAGE_BYTES);
  });
});

describe("the end", () => {
  it("has no control characters from the peer's reason", async () => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    pair.socket.write(hex(`88 87 ${MASK} 03e8 61 0a 1b 7f 62`));
    pair.socket.on("data", () => pair.socket.end());
    expect(await heard.closed()).toBe("a   b");
  });

  it.each([
    {
      how: "a close without a word",
      frame: hex(`88 82 ${MASK} 03e9`),
      says: "the peer closed the link (1001)",
    },
    { how: "an empty close", frame: hex(`88 80 ${MASK}`), says: "the peer closed the link (1005)" },
  ])("is described for $how", async ({ frame, says }) => {
    await using pair = await byHand();
    const heard = hear(pair.accepted);
    pair.socket.write(frame);
    pair.socket.on("data", () => pair.socket.end());
    expect(await heard.closed()).toBe(says);
  });

  it("is described for a connection that was reset, and for one that just ended", async () => {
    for (const [end, says] of [
      [(socket: Socket) => socket.resetAndDestroy(), /^the connection was lost \(ECONNRESET\)$/],
      [(socket: Socket) => socket.end(), /^the connection was lost$/],
    ] as const) {
      await using pair = await byHand();
      const heard = hear(pair.accepted);
      await once(pair.socket, "data");
      end(pair.socket);
      expect(await heard.closed()).toMatch(says);
    }
  });
});

describe.each([
  { mode: "psk", security: pskSecurity() },
  { mode: "plain", security: plainSecurity() },
])("a peer that does not read ($mode)", ({ security }) => {
  const message = Buffer.alloc(64 * 1024, 7);

  /** Sends until the operating system takes no more. Returns how many messages that took. */
  const fill = async (pair: Tapped, heard: Heard): Promise<number> => {
    let sent = 0;
    const queuedEnough = 1024 * 1024;
    while (pair.dialler.queuedBytes < queuedEnough && sent < 10_000) {
      pair.dialler.send(message);
      sent++;
      if (sent % 16 === 0) await settle();
    }
    expect(pair.dialler.queuedBytes).toBeGreaterThanOrEqual(queuedEnough);
    expect(heard.reasons).toEqual([]);
    return sent;
  };

  it("makes queuedBytes grow, and gets everything when it reads again, with one drain at the end", async () => {
    await using pair = await tapped(security);
    pair.tap.stopReading("up");
    const sent = await fill(pair, pair.here);
    const drains = pair.here.drains;
    const drained = pair.here.drained();
    pair.tap.readOn("up");
    await drained;
    expect([pair.dialler.queuedBytes, pair.here.drains]).toEqual([0, drains + 1]);
    const messages = await pair.there.messagesReach(sent + 1);
    expect(messages.slice(1).every((each) => each.equals(message))).toBe(true);
  });

  it("does not hold up destroy", async () => {
    await using pair = await tapped(security);
    pair.tap.stopReading("up");
    await fill(pair, pair.here);
    pair.dialler.destroy("enough");
    expect(await pair.here.closed()).toBe("enough");
    expect(pair.dialler.queuedBytes).toBe(0);
  });
});
