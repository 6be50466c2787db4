/** bench/rig/child-daemon.ts: hears what a daemon says, ends it in order or by force, and explains why one failed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChildDaemon, startDaemon } from "../../../bench/rig/child-daemon.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();
let folder: string;
const running: ChildDaemon[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "child-daemon-test-"));
});
afterEach(async () => {
  for (const daemon of running.splice(0)) await daemon.stop();
  rmSync(folder, { recursive: true });
});

/** A daemon that is the given program; its access lines are collected. */
function start(program: string, clock = systemClock) {
  const entry = join(folder, "daemon.mjs");
  writeFileSync(entry, program);
  const accessLines: unknown[] = [];
  const heard = Promise.withResolvers<void>();
  const daemon = startDaemon({
    side: "edge-side",
    configFile: "the-config.yaml",
    clock,
    entry,
    onAccessLine: (line) => {
      accessLines.push(line);
      heard.resolve();
    },
  });
  running.push(daemon);
  return { daemon, accessLines, heard: heard.promise };
}

const SAY_READY = `console.error(JSON.stringify({ event: "ready", args: process.argv.slice(2) }));`;
const STAY = "setInterval(() => {}, 1e6);";

it("is run as a user would run it, and its ready line is heard", async () => {
  const { daemon } = start(SAY_READY + STAY);
  expect(await daemon.logged("ready")).toMatchObject({ args: ["run", "--config", "the-config.yaml"] });
});

it("hears a line again that was logged before anybody asked", async () => {
  const { daemon } = start(`console.error('{"event":"link up"}'); ${SAY_READY} ${STAY}`);
  await daemon.logged("ready");
  await daemon.logged("link up");
});

it("passes on access lines as JSON", async () => {
  const { accessLines, heard } = start(`console.log(JSON.stringify({ stream: 1 })); ${STAY}`);
  await heard;
  expect(accessLines).toEqual([{ stream: 1 }]);
});

it("ends by SIGTERM with the daemon's own exit code", async () => {
  const { daemon } = start(`process.on("SIGTERM", () => process.exit(7)); ${SAY_READY} ${STAY}`);
  await daemon.logged("ready");
  expect(await daemon.stop()).toBe(7);
});

it("kills a daemon that does not end in time, and not before", async () => {
  const clock = new FakeClock();
  const { daemon } = start(
    `process.on("SIGTERM", () => console.error('{"event":"deaf"}')); ${SAY_READY} ${STAY}`,
    clock,
  );
  await daemon.logged("ready");
  let code: number | null | undefined;
  const stopped = daemon.stop().then((ended) => {
    code = ended;
  });
  await daemon.logged("deaf");
  await clock.advance(9_999);
  await settle();
  expect(code).toBeUndefined();
  await clock.advance(1);
  await stopped;
  expect(code).toBeNull();
});

it("explains with the last log lines why a daemon did not become ready", async () => {
  const { daemon } = start(`console.error("edge.yaml:3:1: keys is missing"); process.exitCode = 2;`);
  await expect(daemon.logged("ready")).rejects.toThrow(
    /edge-side daemon ended \(exit code 2\).*\n {2}edge\.yaml:3:1: keys is missing/,
  );
});

it("tells of a daemon that dies by itself, not of one that was stopped", async () => {
  const { daemon } = start(`${SAY_READY} process.on("SIGTERM", () => process.exit(0)); ${STAY}`);
  await daemon.logged("ready");
  let died = false;
  void daemon.died.then(() => {
    died = true;
  });
  await daemon.stop();
  await settle();
  expect(died).toBe(false);
  const { daemon: other } = start("process.exitCode = 3;");
  expect((await other.died).message).toContain("exit code 3");
});

it("stops waiting for an event when the signal fires", async () => {
  const stop = new AbortController();
  const { daemon } = start(SAY_READY + STAY);
  await daemon.logged("ready");
  const waiting = daemon.logged("never", stop.signal);
  stop.abort(new Error("interrupted"));
  await expect(waiting).rejects.toThrow("interrupted");
});
