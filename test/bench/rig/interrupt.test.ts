import { expect, it } from "vitest";
import { interruptible } from "../../../bench/rig/interrupt.ts";

/** Timers that keep this process alive. */
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

it("a command that waits for nothing but the clock keeps its process alive, and only until it is done", async () => {
  const before = timers();
  let meanwhile = 0;
  await interruptible(async () => {
    meanwhile = timers();
    return 0;
  });
  expect([meanwhile, timers()]).toEqual([before + 1, before]);
});
