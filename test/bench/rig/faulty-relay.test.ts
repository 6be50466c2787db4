/** The harm that a relay does to real connections. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type FaultyRelay,
  type RelayedConnection,
  startFaultyRelay,
} from "../../../bench/rig/faulty-relay.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { Random } from "../../kit/random.ts";
import { reached, stillness, until } from "../../kit/until.ts";

watchLeaks();

let relay: FaultyRelay;
/** Connections as the edge has them. */
let accepted: Socket[];
beforeEach(async () => {
  accepted = [];
  const server = createServer((socket) => accepted.push(socket.on("error", () => {})));
  relay = await startFaultyRelay(await listenOnLoopback(server), systemClock);
  return async () => {
    await relay.close();
    server.close();
    for (const socket of accepted) socket.destroy();
  };
});
const dialled: Socket[] = [];
afterEach(() => {
  for (const socket of dialled.splice(0)) socket.destroy();
});

interface Joined {
  readonly origin: Socket;
  readonly link: RelayedConnection;
  /** What the edge has got. */
  readonly got: () => Buffer;
}

const join = async (): Promise<Joined> => {
  const count = relay.connections.length;
  const origin = connect(Number(relay.address.split(":")[1]), "127.0.0.1").on("error", () => {});
  dialled.push(origin);
  const link = await reached(relay.connections, count + 1);
  const edge = await reached(accepted, count + 1);
  const pieces: Buffer[] = [];
  edge.on("data", (piece: Buffer) => pieces.push(piece));
  return { origin, link, got: () => Buffer.concat(pieces) };
};

it("loses one direction, and neither end is told", async () => {
  const { origin, link, got } = await join();
  link.toEdge.lose();
  origin.write("lost");
  accepted[0]?.write("back");
  const [back] = (await once(origin, "data")) as [Buffer];
  await until(() => link.toEdge.bytes === 4);
  origin.destroy();
  await stillness(() => got().length);
  expect([String(back), got().length, accepted[0]?.destroyed]).toEqual(["back", 0, false]);
});

it("stops and goes, in order", async () => {
  const { origin, link, got } = await join();
  link.toEdge.stall();
  origin.write("first ");
  await until(() => link.toEdge.bytes === 6);
  origin.write("second");
  await until(() => link.toEdge.bytes === 12);
  expect(got().length).toBe(0);
  link.toEdge.resume();
  await until(() => got().length === 12);
  expect(String(got())).toBe("first second");
});

it("is slow: a rate and a delay are kept", async () => {
  const { origin, link, got } = await join();
  link.toEdge.slow({ delayMs: 30, bytesPerSecond: 100_000 });
  const from = performance.now();
  origin.write(Buffer.alloc(20_000, "slow"));
  await until(() => got().length === 20_000);
  expect(performance.now() - from).toBeGreaterThan(225);
});

it.each([1, 700, 1_999])("cuts after byte %d, and what came before it arrives", async (bytes) => {
  const { origin, link, got } = await join();
  const sent = new Random(bytes).bytes(2_000);
  link.toEdge.cutAfterBytes(bytes);
  origin.write(sent);
  await until(() => origin.destroyed && accepted[0]?.destroyed === true, "the end of both");
  expect(sent.subarray(0, got().length).equals(got())).toBe(true);
  expect(got().length).toBeLessThanOrEqual(bytes);
  expect(link.open).toBe(false);
});

it("flips bits, the same ones of the same seed", async () => {
  const { origin, link, got } = await join();
  link.toEdge.flip(50, new Random(1).next);
  origin.write(Buffer.alloc(2_000));
  await until(() => got().length === 2_000);
  const changed = [...got()].filter((byte) => byte !== 0);
  expect(changed.length).toBeGreaterThan(15);
  expect(changed.length).toBeLessThan(90);
});

it("refuses dials, or lets them wait for nothing", async () => {
  relay.dials = "refuse";
  const refused = connect(Number(relay.address.split(":")[1]), "127.0.0.1").on("error", () => {});
  dialled.push(refused);
  await until(() => refused.destroyed, "the end of the dial");
  relay.dials = "swallow";
  const { origin, link, got } = await join();
  origin.write("hello");
  await until(() => link.toEdge.bytes === 5);
  expect([got().length, origin.destroyed]).toEqual([0, false]);
});
