import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MOST_WAITING_BYTES, openAccessLog } from "../../../protocol/daemon/access-log.ts";
import { settle } from "../../kit/fake-clock.ts";
import { heldBytes } from "../../kit/held-memory.ts";
import { until } from "../../kit/until.ts";

let folder = "";
let failures: Error[];
let dropped: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-access-"));
  failures = [];
  dropped = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const trouble = {
  failed: (error: Error) => failures.push(error),
  dropped: (lines: number) => dropped.push(lines),
};
const at = (name: string) => openAccessLog({ to: "file", path: join(folder, name) }, trouble);
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

describe("an access log in a file", () => {
  it("has one line of JSON per exchange, after what was there before", async () => {
    writeFileSync(join(folder, "log"), "before\n");
    const log = at("log");
    log.write({ host: "a", target: "/\n", stream: 1 });
    log.write({ totalMs: 1.23456789, bytes: 12, failed: undefined });
    await log.close();
    expect(read("log")).toBe(
      'before\n{"host":"a","target":"/\\n","stream":1}\n{"totalMs":1.235,"bytes":12}\n',
    );
    expect(failures).toEqual([]);
  });

  it("that cannot be written is told once, and neither writing nor closing fails", async () => {
    const log = at("no-folder/log");
    for (let line = 0; line < 3; line++) log.write({ line });
    await log.close();
    expect(failures.map((error) => (error as NodeJS.ErrnoException).code)).toEqual(["ENOENT"]);
  });

  it("goes on in a new file when it is opened again, and loses no line", async () => {
    const log = at("log");
    log.write({ line: 1 });
    renameSync(join(folder, "log"), join(folder, "log.1"));
    log.write({ line: 2 });
    log.reopen();
    log.write({ line: 3 });
    await log.close();
    await until(() => read("log.1").split("\n").length === 3, "what was written before");
    expect([read("log.1"), read("log")]).toEqual(['{"line":1}\n{"line":2}\n', '{"line":3}\n']);
  });

  it("that is closed is closed twice as well, and takes no line any more", async () => {
    const log = at("log");
    log.write({ line: 1 });
    await Promise.all([log.close(), log.close()]);
    log.write({ line: 2 });
    await log.close();
    expect([read("log"), failures]).toEqual(['{"line":1}\n', []]);
  });

  it("that could not be opened is tried again", async () => {
    const log = at("folder/log");
    log.write({ line: 1 });
    mkdirSync(join(folder, "folder"));
    log.reopen();
    log.write({ line: 2 });
    await log.close();
    expect([failures.length, read("folder/log")]).toEqual([1, '{"line":2}\n']);
  });

  it("on a full disk is told once, and is closed all the same", async () => {
    const log = openAccessLog({ to: "file", path: "/dev/full" }, trouble);
    log.write({ line: 1 });
    await until(() => failures.length > 0, "word of the failure");
    log.write({ line: 2 });
    await log.close();
    expect(failures.map((error) => (error as NodeJS.ErrnoException).code)).toEqual(["ENOSPC"]);
  });

  it("drops lines that find no room, and says how many", async () => {
    const log = at("log");
    const line = { text: "x".repeat(1_000) };
    const most = Math.ceil(MOST_WAITING_BYTES / JSON.stringify(line).length);
    // All in one turn, in which nothing can reach the disk.
    for (let written = 0; written < most + 50; written++) log.write(line);
    await until(() => dropped.length > 0, "word of the dropped lines");
    log.write(line);
    await log.close();
    const lines = read("log").split("\n").length - 1;
    expect(lines).toBeGreaterThanOrEqual(most);
    expect([dropped.length, lines + (dropped[0] ?? 0)]).toEqual([1, most + 50 + 1]);
  });
});

it("no access log takes every line, keeps none, and writes nowhere", async () => {
  const written = vi.spyOn(process.stdout, "write");
  const before = heldBytes();
  const log = openAccessLog({ to: "off" }, trouble);
  for (let lines = 0; lines < 4; lines++) log.write({ text: new Uint8Array(MOST_WAITING_BYTES) });
  await log.close();
  const calls = written.mock.calls.length;
  written.mockRestore();
  await settle();
  expect([calls, failures, dropped, readdirSync(folder)]).toEqual([0, [], [], []]);
  expect(heldBytes() - before).toBeLessThan(MOST_WAITING_BYTES);
});
