/** bench/frameworks/install.ts with a small application: installed once, its data a copy for each run, nothing left running. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Application } from "../../../bench/frameworks/apps/application.ts";
import { missingFor, startApplication } from "../../../bench/frameworks/install.ts";
import { visitorOf } from "../../../bench/rig/visitor.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "install-test-"));
});
afterEach(() => rmSync(cache, { recursive: true }));

const app = (server: string): Application => ({
  name: "small",
  files: { "server.js": server },
  install: () => [{ run: ["sh", "-c", "echo once >> installed && echo seed > state/data"] }],
  start: ({ port, state, content }) => [
    { run: ["node", "server.js"], env: { PORT: port, STATE: state, CONTENT: content } },
  ],
  pages: ["/"],
});

/** Serves its edition, its data and its process number, and adds to the data. */
const SERVER = `
const fs = require("node:fs");
require("node:http").createServer((_, response) => {
  fs.appendFileSync(process.env.STATE + "/data", "x");
  const { edition } = JSON.parse(fs.readFileSync(process.env.CONTENT, "utf8"));
  response.end(JSON.stringify({ edition, data: fs.readFileSync(process.env.STATE + "/data", "utf8"), pid: process.pid }));
}).listen(process.env.PORT, "127.0.0.1");
`;

const start = (one: Application) =>
  startApplication(one, {
    cache,
    host: "small.test",
    clock: systemClock,
    signal: new AbortController().signal,
  });

async function ask(address: string): Promise<{ edition: number; data: string; pid: number }> {
  const visitor = visitorOf(address, systemClock);
  const { body } = await visitor.visit({ host: "small.test", path: "/", contentType: "application/json" });
  visitor.close();
  return JSON.parse(body.toString());
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it("installs once, gives each run its own data, shows changes, and ends what it started", async () => {
  for (const run of [1, 2]) {
    const { place, change, stop } = await start(app(SERVER));
    // One request told that it was up; what an earlier run added is not there.
    const first = await ask(place.address);
    expect(first, `run ${run}`).toMatchObject({ edition: 0, data: "seed\nxx" });
    await change(3);
    expect(await ask(place.address)).toMatchObject({ edition: 3 });
    await stop();
    expect(isRunning(first.pid)).toBe(false);
    expect(existsSync(place.state)).toBe(false);
    expect(readFileSync(join(place.folder, "installed"), "utf8")).toBe("once\n");
  }
});

it("says what a program that ended had to say", async () => {
  await expect(start(app('throw new Error("no database")'))).rejects.toThrow(
    /small did not start: node server\.js ended[\s\S]*no database/,
  );
});

it("names the Debian packages that are missing", () => {
  expect(missingFor({ ...app(""), debian: ["no-such-package"] })).toBe(
    "needs: apt-get install --no-install-recommends no-such-package",
  );
  expect(missingFor(app(""))).toBeUndefined();
});
