/** bench/pair/emulator.ts: over real sockets bytes, ends and failures pass as through the link it stands for. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { startEmulator } from "../../../bench/pair/emulator.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { parseHostPort } from "../../../protocol/config/units.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { seeded } from "../../kit/random.ts";

watchLeaks();
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function dialThrough(serve: (socket: Socket) => void): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true }, serve);
  opened.push(() => server.close());
  const target = await listenOnLoopback(server);
  const emulator = await startEmulator(
    { target, rttMs: 4, bytesPerSecond: null, bufferBytes: 50_000 },
    systemClock,
  );
  opened.push(() => emulator.close());
  const socket = connect({ ...parseHostPort(emulator.address), allowHalfOpen: true });
  opened.push(() => socket.destroy());
  return socket;
}

it("passes every byte and the end, both ways, beyond the depth of its buffers", async () => {
  const random = seeded();
  const [asked, answered] = [random.bytes(300_007), random.bytes(70_001)];
  let heard: Buffer | undefined;
  const socket = await dialThrough(async (far) => {
    heard = await buffer(far);
    far.end(answered);
  });
  socket.end(asked);
  expect((await buffer(socket)).equals(answered)).toBe(true);
  expect(heard?.equals(asked)).toBe(true);
});

it("passes a reset on", async () => {
  const socket = await dialThrough((far) => far.resetAndDestroy());
  const [error] = await once(socket, "error");
  expect(error).toMatchObject({ code: "ECONNRESET" });
});

it("ends a connection whose target cannot be reached", async () => {
  const emulator = await startEmulator(
    { target: "127.0.0.1:1", rttMs: 0, bytesPerSecond: null, bufferBytes: 0 },
    systemClock,
  );
  opened.push(() => emulator.close());
  const socket = connect(parseHostPort(emulator.address));
  const [error] = await once(socket, "error");
  expect(error).toMatchObject({ code: "ECONNRESET" });
});
