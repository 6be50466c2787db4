/**
 * bench/rig/link-tap.ts on a real link: TLS with a key log, WebSocket, frames. Every byte of the socket must be in one heap.
 */

import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket, connect as tlsConnect } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { startCountingRelay } from "../../../bench/rig/counting-relay.ts";
import { HEAPS, LinkTap, spentBetween } from "../../../bench/rig/link-tap.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { WebSocketTap } from "../../../bench/rig/websocket-tap.ts";
import { parseHostPort } from "../../../protocol/config/units.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import { FrameHeaderEncoder } from "../../../protocol/frames/frame-headers.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { SAMPLES } from "../../protocol/frames/frame-samples.ts";

watchLeaks();
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const PSK = Buffer.alloc(32, 7);
const sampleOf = (kind: string) => SAMPLES.find((frame) => frame.kind === kind) ?? SAMPLES[0];

/** A TLS connection through a relay that is tapped; one of the suites that a link offers. */
async function tappedConnection(ciphers: string) {
  const folder = mkdtempSync(join(tmpdir(), "link-tap-test-"));
  const keyLog = join(folder, "keys");
  const accepted = Promise.withResolvers<TLSSocket>();
  const bounds = { minVersion: "TLSv1.3", ciphers } as const;
  const server = createServer({ ...bounds, pskCallback: () => PSK }, accepted.resolve);
  const tap = new LinkTap(keyLog);
  const relay = await startCountingRelay(await listenOnLoopback(server), (...seen) => tap.push(...seen));
  const dialler = tlsConnect({
    ...parseHostPort(relay.address),
    ...bounds,
    pskCallback: () => ({ psk: PSK, identity: "key" }),
    checkServerIdentity: () => undefined,
  });
  const notYet = { ready: true };
  const lines: Buffer[] = [];
  dialler.on("keylog", (line: Buffer) => lines.push(line));
  await once(dialler, "secureConnect");
  notYet.ready = tap.ready;
  for (const line of lines) appendFileSync(keyLog, line);
  const listener = await accepted.promise;
  listener.resume();
  dialler.resume();
  opened.push(
    () => rmSync(folder, { recursive: true }),
    () => server.close(),
    () => relay.close(),
    () => listener.destroy(),
    () => dialler.destroy(),
  );
  return { tap, relay, dialler, listener, notYet };
}

/** Resolves when the other end has what was written, so the relay has counted it. */
const crossed = async (from: TLSSocket, to: TLSSocket, bytes: Buffer): Promise<void> => {
  let left = bytes.length;
  const done = new Promise<void>((resolve) => {
    const count = (chunk: Buffer) => {
      left -= chunk.length;
      if (left > 0) return;
      to.off("data", count);
      resolve();
    };
    to.on("data", count);
  });
  from.write(bytes);
  await done;
};

const message = (payload: Buffer, mask?: Buffer): Buffer => {
  const length =
    payload.length < 126
      ? Buffer.of(payload.length)
      : Buffer.of(126, payload.length >> 8, payload.length & 255);
  if (mask === undefined) return Buffer.concat([Buffer.of(0x82), length, payload]);
  length[0] = (length[0] ?? 0) | 0x80;
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.of(0x82), length, mask, masked]);
};

describe("the link tap", () => {
  it.each(["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"])(
    "puts every byte of a %s connection into the heap it belongs to",
    async (ciphers) => {
      const { tap, relay, dialler, listener, notYet } = await tappedConnection(ciphers);
      expect(notYet.ready, "before the keys were logged").toBe(false);
      const hello = encodeFrame(sampleOf("hello") as never);
      await crossed(
        dialler,
        listener,
        Buffer.concat([Buffer.from("GET / HTTP/1.1\r\n\r\n"), message(hello, Buffer.of(1, 2, 3, 4))]),
      );
      await crossed(
        listener,
        dialler,
        Buffer.concat([Buffer.from("HTTP/1.1 101 Yes\r\n\r\n"), message(hello)]),
      );
      expect(tap.ready).toBe(true);
      const before = tap.read();
      const counted = relay.read();

      const encoders = { edge: new FrameHeaderEncoder(65_536), origin: new FrameHeaderEncoder(65_536) };
      const open = encodeFrame(sampleOf("open") as never, encoders.edge);
      const verified = encodeFrame(sampleOf("verified") as never);
      const answer = encodeFrame(sampleOf("answer") as never, encoders.origin);
      const data = encodeFrame({ kind: "data", streamId: 9 as never, bytes: Buffer.alloc(300) });
      await crossed(listener, dialler, message(Buffer.concat([open, verified])));
      await crossed(dialler, listener, message(Buffer.concat([answer, data]), Buffer.alloc(4)));

      const spent = spentBetween(before, tap.read());
      expect(HEAPS.reduce((sum, heap) => sum + spent[heap], 0)).toBe(
        relay.read().toEdge + relay.read().toOrigin - counted.toEdge - counted.toOrigin,
      );
      expect(spent).toMatchObject({
        digests: verified.length,
        requestHeads: open.length - 4, // its body is "body"
        websocket: (open.length + verified.length < 126 ? 2 : 4) + 8,
        tls: 2 * 22, // a record each: 5 of header, 1 of type, 16 of tag
        answers: 1 + 5 + 300, // flags, extensions, the body's bytes; see the sample
      });
    },
  );

  it("says so when it lacks the secrets of a connection", () => {
    const tap = new LinkTap(join(tmpdir(), "there-is-no-such-file"));
    expect(tap.ready).toBe(true);
    tap.push(0, "toEdge", Buffer.alloc(100));
    expect(tap.ready).toBe(false);
    expect(() => tap.read()).toThrow("not in the key log");
  });
});

describe("the WebSocket tap", () => {
  it("reads messages however they are cut, and counts heads, headers and control frames", () => {
    const stream = Buffer.concat([
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      message(Buffer.from("small"), Buffer.of(9, 8, 7, 6)),
      Buffer.of(0x89, 0x02, 0x68, 0x69), // a ping
      message(Buffer.alloc(70_00, 1)),
    ]);
    for (const size of [1, 3, 7, stream.length]) {
      const read: Buffer[] = [];
      const tap = new WebSocketTap((payload) => read.push(payload));
      for (let at = 0; at < stream.length; at += size) tap.push(stream.subarray(at, at + size));
      expect(read.map((payload) => payload.length)).toEqual([5, 7000]);
      expect(read[0]?.toString()).toBe("small");
      expect(tap.overheadBytes).toBe(stream.length - 7005);
    }
  });
});
