import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";
import { benchProgram } from "../../kit/run-command.ts";

watchLeaks();

it("coilgun-bench resting says how to get a program that it needs", async () => {
  const child = spawn(process.execPath, [benchProgram("main"), "resting"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PATH: "" },
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  expect([said, code]).toEqual(["coilgun-bench: puma is needed: apt-get install puma ruby-rack\n", 1]);
});
