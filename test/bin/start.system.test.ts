/** Signals that come while an installed daemon's modules are loaded, as log rotation and reloads send them. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ROOT, startScript } from "../kit/run-command.ts";

/** A package whose program says that it was loaded, and waits for the end of the world. */
const packageWith = (program: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-bin-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, "bin"), join(folder, "bin"), { recursive: true });
  mkdirSync(join(folder, "dist", "edge-side"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "dist", "edge-side", "main.js"), program);
  return join(folder, "bin", "coilgun-edge.cjs");
};
const WAITS = `console.error("loads"); setInterval(() => {}, 1_000);`;

// While something listens to SIGUSR1, Node opens no debugger by it; when it would have, nobody can wait for.
const HEARD = `console.error("loads", process.listenerCount("SIGUSR1")); setInterval(() => {}, 1_000);`;

it.each(["SIGHUP", "SIGUSR1", "SIGUSR2"] as const)(
  "%s neither ends a daemon that starts nor opens a debugger",
  async (signal) => {
    const { child, said, ended } = startScript([packageWith(HEARD), "run"]);
    await said("loads");
    child.kill(signal);
    child.kill("SIGTERM");
    const { stderr } = await ended;
    expect([child.signalCode, stderr]).toEqual(["SIGTERM", "loads 1\n"]);
  },
);

it("SIGHUP ends what is no daemon, as when its terminal is closed", async () => {
  const { child, said, ended } = startScript([packageWith(WAITS), "status", "--watch"]);
  await said("loads");
  child.kill("SIGHUP");
  await ended;
  expect(child.signalCode).toBe("SIGHUP");
});
