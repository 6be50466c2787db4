import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

it("coilgun-bench resting says how to get a program that it needs", async () => {
  const main = join(import.meta.dirname, "../../../bench/main.ts");
  const child = spawn(process.execPath, [main, "resting"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PATH: "" },
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  expect([said, code]).toEqual(["coilgun-bench: puma is needed: apt-get install puma ruby-rack\n", 1]);
});
