import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { DisconnectProbe, PROBE_MS } from "../../../../edge-side/http/connections/disconnect-probe.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { watchLeaks } from "../../../kit/leaks.ts";
import { until } from "../../../kit/until.ts";

watchLeaks();

/** A visitor's connection that nobody reads, with bytes waiting, and the visitor. */
const unread = async (): Promise<{ socket: Socket; visitor: Socket }> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const arrived = once(server, "connection");
  const visitor = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await arrived) as [Socket];
  for (const each of [visitor, socket]) each.on("error", () => {});
  socket.pause();
  visitor.write(Buffer.alloc(8_000_000));
  onTestFinished(async () => {
    for (const each of [visitor, socket]) each.destroy();
    server.close();
    await once(server, "close");
  });
  return { socket, visitor };
};

it("a connection that is not read closes when its visitor has broken it off, not before; nothing is sent on it", async () => {
  const { socket, visitor } = await unread();
  const clock = new FakeClock();
  const probe = new DisconnectProbe(clock, socket);
  probe.start();
  for (let times = 0; times < 3; times++) await clock.advance(PROBE_MS);
  expect([socket.destroyed, socket.bytesWritten]).toEqual([false, 0]);
  visitor.resetAndDestroy();
  await until(() => {
    void clock.advance(PROBE_MS);
    return socket.destroyed;
  }, "the end of the connection");
  probe.stop();
});

it("a connection is left alone once its probe is stopped", async () => {
  const { socket, visitor } = await unread();
  const clock = new FakeClock();
  const probe = new DisconnectProbe(clock, socket);
  probe.start();
  probe.stop();
  visitor.resetAndDestroy();
  await clock.advance(PROBE_MS * 3);
  expect(socket.destroyed).toBe(false);
});
