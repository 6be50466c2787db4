/** bench/rig/counting-relay.ts: every byte is passed on and counted once, per direction; ends and failures pass too. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { bytesBetween, type CountingRelay, startCountingRelay } from "../../../bench/rig/counting-relay.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { parseHostPort } from "../../../protocol/config/units.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { seeded } from "../../kit/random.ts";

watchLeaks();
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** An edge that treats each connection as `serve` says, behind a relay. */
async function relayTo(serve: (socket: Socket) => void): Promise<CountingRelay> {
  const edge: Server = createServer({ allowHalfOpen: true }, serve);
  const relay = await startCountingRelay(await listenOnLoopback(edge));
  opened.push(
    () => edge.close(),
    () => relay.close(),
  );
  return relay;
}

const dial = (relay: CountingRelay): Socket => {
  const socket = connect({ ...parseHostPort(relay.address), allowHalfOpen: true });
  opened.push(() => socket.destroy());
  return socket;
};

describe("the counting relay", () => {
  it("counts exactly what crosses, in each direction, and changes none of it", async () => {
    const random = seeded();
    const [asked, answered] = [random.bytes(70_001), random.bytes(300_007)];
    let heard: Buffer | undefined;
    const relay = await relayTo(async (socket) => {
      heard = await buffer(socket);
      socket.end(answered);
    });
    const socket = dial(relay);
    socket.end(asked);
    expect((await buffer(socket)).equals(answered)).toBe(true);
    expect(heard?.equals(asked)).toBe(true);
    expect(relay.read()).toEqual({ toEdge: asked.length, toOrigin: answered.length });
  });

  it("has counted a byte before the other end can have read it", async () => {
    const relay = await relayTo((socket) => socket.pipe(socket));
    const socket = dial(relay);
    for (const [at, text] of ["a", "bb", "ccc"].entries()) {
      const before = relay.read();
      socket.write(text);
      await once(socket, "data");
      expect(bytesBetween(before, relay.read())).toEqual({ toEdge: at + 1, toOrigin: at + 1 });
    }
  });

  it("adds up several connections and counts them", async () => {
    const relay = await relayTo((socket) => socket.pipe(socket));
    for (let count = 0; count < 3; count += 1) {
      const socket = dial(relay);
      socket.end("1234");
      await buffer(socket);
    }
    expect(relay.read()).toEqual({ toEdge: 12, toOrigin: 12 });
    expect(relay.connections).toBe(3);
  });

  it("passes on that the edge cut the connection: as a reset, not as an orderly end", async () => {
    const relay = await relayTo((socket) => socket.resetAndDestroy());
    const socket = dial(relay);
    await expect(once(socket, "end")).rejects.toThrow("ECONNRESET");
  });

  it("resets the dialling side when there is no edge", async () => {
    const gone = createServer();
    const address = await listenOnLoopback(gone);
    gone.close();
    await once(gone, "close");
    const relay = await startCountingRelay(address);
    opened.push(() => relay.close());
    const socket = dial(relay);
    await expect(once(socket, "end")).rejects.toThrow("ECONNRESET");
    expect(relay.read()).toEqual({ toEdge: 0, toOrigin: 0 });
  });
});
