import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { drained } from "../../../protocol/runtime/drained.ts";
import { settle } from "../../kit/fake-clock.ts";

it.each(["drain", "close"])("a wait for room ends with %s, and leaves no listener behind", async (event) => {
  const stream = new EventEmitter();
  let over = false;
  const wait = drained(stream).then(() => {
    over = true;
  });
  await settle();
  expect(over).toBe(false);
  stream.emit(event);
  await wait;
  expect([stream.listenerCount("drain"), stream.listenerCount("close")]).toEqual([0, 0]);
});
