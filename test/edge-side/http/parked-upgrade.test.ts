import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { ParkedUpgrade } from "../../../edge-side/http/parked-upgrade.ts";
import { MOST_EARLY_BYTES } from "../../../edge-side/http/upgrade-body.ts";
import { settle } from "../../kit/fake-clock.ts";

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
