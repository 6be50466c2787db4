import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { ParkedUpgrade } from "../../../edge-side/http/parked-upgrade.ts";
import { MOST_EARLY_BYTES, type UpgradeBody } from "../../../edge-side/http/upgrade-body.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";

const NOTHING = Buffer.alloc(0);

const opened = (early: string, running = () => ({ drained() {} })) => {
  const socket = new PassThrough({ highWaterMark: 2 * MOST_EARLY_BYTES }) as unknown as Socket;
  return { socket, between: new ParkedUpgrade(socket, Buffer.from(early), running) };
};

it("keeps what comes, in order, and lets go of the connection when its turn comes", async () => {
  const { socket, between } = opened("one ");
  socket.write("two ");
  socket.write("three");
  await settle();
  expect(between.over().toString()).toBe("one two three");
  expect([socket.listenerCount("data"), socket.listenerCount("drain")]).toEqual([0, 0]);
});

it("copies what comes in one-byte pieces a few times in all, and not all of it with each", async () => {
  const { socket, between } = opened("");
  const read = new Set<ArrayBufferLike>();
  const body = Promise.withResolvers<UpgradeBody>();
  const reader = (held: Buffer): UpgradeBody => {
    read.add(held.buffer);
    return held.length < MOST_EARLY_BYTES ? "unfinished" : { body: held, behind: NOTHING };
  };
  between.body(reader, new FakeClock(), 1_000, body.resolve);
  const sent = Buffer.alloc(MOST_EARLY_BYTES, "0123456");
  for (let at = 0; at < sent.length; at++) socket.emit("data", sent.subarray(at, at + 1));
  expect(await body.promise).toEqual({ body: sent, behind: NOTHING });
  let copied = 0;
  for (const { byteLength } of read) copied += byteLength;
  expect(copied).toBeLessThan(3 * MOST_EARLY_BYTES);
});

it.each([
  [MOST_EARLY_BYTES, false],
  [MOST_EARLY_BYTES + 1, true],
])("of %i bytes is paused: %s", async (bytes, paused) => {
  const { socket } = opened("");
  socket.write(Buffer.alloc(bytes));
  await settle();
  expect(socket.isPaused()).toBe(paused);
});

it("tells the response that is running when more of it is taken", () => {
  let told = 0;
  const { socket } = opened("", () => ({ drained: () => told++ }));
  socket.emit("drain");
  expect(told).toBe(1);
});
