import { expect, it } from "vitest";
import { interruptible } from "../../../bench/rig/interrupt.ts";
import { until } from "../../kit/until.ts";

const keepsAlive = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === "MessagePort").length;

it("a command that waits for nothing but the clock keeps its process alive, and only until it is done", async () => {
  const before = keepsAlive();
  let meanwhile = 0;
  await interruptible(async () => {
    meanwhile = keepsAlive();
    return 0;
  });
  expect(meanwhile).toBe(before + 1);
  await until(() => keepsAlive() === before, "the end of what keeps it alive");
});
