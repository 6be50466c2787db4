import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  GATHER_MS,
  MOST_WAITING_BYTES,
  openAccessLog,
  RETRY_MS,
} from "../../../protocol/daemon/access-log.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { heldBytes } from "../../kit/held-memory.ts";
import { until } from "../../kit/until.ts";

let folder = "";
let clock: FakeClock;
let said: (readonly [string, unknown?])[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-access-"));
  clock = new FakeClock();
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Of an error its code, of lost lines their number. */
const say = (event: string, fields: Readonly<Record<string, unknown>> = {}) => {
  const { error, lost } = fields;
  said.push([event, lost ?? (error as NodeJS.ErrnoException).code]);
};
const dependencies = () => ({ clock, log: { info: say, warn: say, error: say } });
const OFF = { target: { to: "off" }, format: "json", userAgent: false } as const;
const into = (path: string) => ({ ...OFF, target: { to: "file", path } }) as const;
const at = (name: string) => openAccessLog(into(join(folder, name)), dependencies());
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

describe("an access log in a file", () => {
  it("has its lines after what was there before", async () => {
    writeFileSync(join(folder, "log"), "before\n");
    const log = at("log");
    log.write("one\n");
    log.write("two\n");
    await log.close();
    expect(read("log")).toBe("before\none\ntwo\n");
    expect(said).toEqual([]);
  });

  it("that cannot be written is told once, closes all the same, and says how many lines are lost", async () => {
    const log = at("no-folder/log");
    for (let line = 0; line < 3; line++) log.write(`${line}\n`);
    await log.close();
    expect(said).toEqual([
      ["access log failed", "ENOENT"],
      ["access log too slow", 3],
    ]);
  });

  it("goes on in a new file when it is opened again, and loses no line", async () => {
    const log = at("log");
    log.write(`{"line":1}\n`);
    renameSync(join(folder, "log"), join(folder, "log.1"));
    log.write(`{"line":2}\n`);
    log.reopen();
    log.write(`{"line":3}\n`);
    await log.close();
    await until(() => read("log.1").split("\n").length === 3, "what was written before");
    expect([read("log.1"), read("log")]).toEqual(['{"line":1}\n{"line":2}\n', '{"line":3}\n']);
  });

  it("that is closed is closed twice as well, and takes no line any more", async () => {
    const log = at("log");
    log.write(`{"line":1}\n`);
    await Promise.all([log.close(), log.close()]);
    log.write(`{"line":2}\n`);
    await log.close();
    expect([read("log"), said]).toEqual(['{"line":1}\n', []]);
  });

  it("goes on at another path, on request", async () => {
    const log = at("log");
    log.write(`{"line":1}\n`);
    log.reopen(into(join(folder, "other")));
    log.write(`{"line":2}\n`);
    log.reopen(OFF);
    log.write(`{"line":3}\n`);
    await log.close();
    expect([read("log"), read("other"), said]).toEqual(['{"line":1}\n', '{"line":2}\n', []]);
  });

  it("that could not be opened is tried again each second, and keeps what came meanwhile", async () => {
    const log = at("folder/log");
    log.write(`{"line":1}\n`);
    await clock.advance(RETRY_MS);
    mkdirSync(join(folder, "folder"));
    await clock.advance(RETRY_MS);
    await until(() => said.length === 2, "word that it goes on");
    log.write(`{"line":2}\n`);
    await log.close();
    expect(read("folder/log")).toBe('{"line":1}\n{"line":2}\n');
    expect(said).toEqual([
      ["access log failed", "ENOENT"],
      ["access log goes on", 0],
    ]);
    expect(clock.timers).toBe(0);
  });

  it("that could not be opened is tried again at once on request", async () => {
    const log = at("folder/log");
    mkdirSync(join(folder, "folder"));
    log.reopen();
    log.write(`{"line":1}\n`);
    await until(() => said.length === 2, "word that it goes on");
    await log.close();
    expect(read("folder/log")).toBe('{"line":1}\n');
  });

  it("comes back after a full disk, and says how many lines found no room meanwhile", async () => {
    const path = join(folder, "log");
    symlinkSync("/dev/full", path);
    const log = openAccessLog(into(path), dependencies());
    const line = `${"x".repeat(1_000)}\n`;
    const room = Math.ceil(MOST_WAITING_BYTES / line.length);
    log.write(line);
    await clock.advance(GATHER_MS);
    await until(() => said.length > 0, "word of the failure");
    expect(clock.timers).toBe(1); // it is not tried again before that
    for (let more = 0; more < room + 50; more++) log.write(line);
    rmSync(path);
    await clock.advance(RETRY_MS);
    await until(() => said.length > 1, "word that it goes on");
    await log.close();
    const lines = read("log").split("\n").length - 1;
    expect(said).toEqual([
      ["access log failed", "ENOSPC"],
      ["access log goes on", room + 51 - lines],
    ]);
    expect(lines).toBeGreaterThanOrEqual(room);
  });

  it("drops lines that find no room, and says how many", async () => {
    const log = at("log");
    const line = `${"x".repeat(1_000)}\n`;
    const most = Math.ceil(MOST_WAITING_BYTES / line.length);
    // All in one turn, in which nothing can reach the disk.
    for (let written = 0; written < most + 50; written++) log.write(line);
    await clock.advance(GATHER_MS);
    await until(() => said.length > 0, "word of the lost lines");
    log.write(line);
    await log.close();
    const lines = read("log").split("\n").length - 1;
    expect(lines).toBeGreaterThanOrEqual(most);
    expect(said).toEqual([["access log too slow", most + 50 + 1 - lines]]);
  });
});

it("no access log takes every line, keeps none, and writes nowhere", async () => {
  const written = vi.spyOn(process.stdout, "write");
  const before = heldBytes();
  const log = openAccessLog(OFF, dependencies());
  for (let lines = 0; lines < 4; lines++) log.write("x".repeat(MOST_WAITING_BYTES));
  await log.close();
  const calls = written.mock.calls.length;
  written.mockRestore();
  await settle();
  expect([calls, said, readdirSync(folder)]).toEqual([0, [], []]);
  expect(heldBytes() - before).toBeLessThan(MOST_WAITING_BYTES);
});
