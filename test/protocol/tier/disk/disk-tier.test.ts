/** The file in its thread: what is put is found by the next run, a failure is said once, and what is forgotten does not come back. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { isAnyStanding } from "../../../../protocol/daemon/end-process.ts";
import { makeLog } from "../../../../protocol/daemon/log.ts";
import { systemClock } from "../../../../protocol/runtime/clock.ts";
import { END_MS, FROZEN_MS, LONG_MS } from "../../../../protocol/tier/disk/disk-thread.ts";
import { DiskTier, EXPIRE_MS } from "../../../../protocol/tier/disk/disk-tier.ts";
import { openStore } from "../../../../protocol/tier/open/open-store.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { until } from "../../../kit/until.ts";
import { inFolder, PARTITION, storedVersion, textOf } from "./stored.ts";

const recordingLog = () => {
  const lines: unknown[] = [];
  const log = makeLog({ level: "info", format: "json" }, { write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
};

const LISTS = [{ scopeKey: "public", key: "/news" }] as const;
const HOUR = 3_600_000;

const event = (name: string) => expect.objectContaining({ event: name });

const settingsIn = (folder: string) => {
  const { log, lines } = recordingLog();
  return {
    lines,
    options: {
      path: join(folder, "versions"),
      bytes: 64 * 2 ** 20,
      storeKey: undefined,
      sessionMs: HOUR,
      clock: systemClock,
      log,
    },
  };
};

const open = async (options: Parameters<typeof DiskTier.open>[0]): Promise<DiskTier> => {
  const tier = await DiskTier.open(options);
  if (tier === undefined) throw new Error("the file cannot be had");
  return tier;
};

it("what was put is there after it was closed and opened", () =>
  inFolder(async (folder) => {
    const { options, lines } = settingsIn(folder);
    const first = await open(options);
    first.put(storedVersion("page"));
    await first.close();
    const next = await open(options);
    expect(next.storeId).toBe(first.storeId);
    expect((await next.listed(PARTITION, LISTS)).map(textOf)).toEqual(["page"]);
    await next.close();
    expect(lines).toEqual([]);
  }));

it("what is asked for while it closes, or later, comes to nothing and is no failure of the file", () =>
  inFolder(async (folder) => {
    const { options, lines } = settingsIn(folder);
    const tier = await open(options);
    tier.put(storedVersion("page"));
    const closed = tier.close();
    const late = expect(tier.listed(PARTITION, LISTS)).rejects.toThrow("closed");
    await closed;
    await late;
    await expect(tier.listed(PARTITION, LISTS)).rejects.toThrow("closed");
    expect(lines).toEqual([]);
    const next = await open(options);
    expect((await next.listed(PARTITION, LISTS)).map(textOf)).toEqual(["page"]);
    await next.close();
  }));

it("what is forgotten while its write is under way does not come back", () =>
  inFolder(async (folder) => {
    const { options } = settingsIn(folder);
    const tier = await open(options);
    tier.put(storedVersion("gathered"));
    await tier.forget({ of: { host: "www.example.com" }, url: undefined });
    tier.put(storedVersion("later"));
    await tier.close();
    const next = await open(options);
    expect((await next.listed(PARTITION, LISTS)).map(textOf)).toEqual(["later"]);
    await next.close();
  }));

it("a file that cannot be had leaves the store in memory, and says so", () =>
  inFolder(async (folder) => {
    const { log, lines } = recordingLog();
    writeFileSync(join(folder, "file"), "");
    const opened = await openStore(
      {
        sizeBytes: 2 ** 20,
        sessionMs: HOUR,
        noStoreMs: HOUR,
        file: join(folder, "file", "versions"),
        fileSizeBytes: 2 ** 23,
        sessions: "memory",
        shared: undefined,
        keyFile: undefined,
      },
      { clock: systemClock, log, side: "edge", isNamed: () => true },
    );
    expect(opened.storeId).toBeUndefined();
    expect(lines).toMatchObject([{ event: "file of versions cannot be used" }]);
    await opened.close();
  }));

it.each([
  ["removed", (path: string) => rmSync(path)],
  ["replaced", (path: string) => renameSync(path, `${path}-before`)],
])(
  "a file that was %s while it was in use is given up within a minute, which is said, and what has its name stays",
  (how, harm) =>
    inFolder(async (folder) => {
      const { options, lines } = settingsIn(folder);
      const clock = new FakeClock();
      const tier = await open({ ...options, clock });
      expect(await tier.listed(PARTITION, LISTS)).toEqual([]);
      harm(options.path);
      if (how === "replaced") writeFileSync(options.path, "another's");
      await clock.advance(EXPIRE_MS);
      await until(() => lines.length > 0, "a line");
      expect(lines).toMatchObject([
        {
          event: "file of versions failed",
          why: "it was removed, or another file put in its place, while it was in use",
          hint: expect.stringContaining("restart"),
        },
      ]);
      expect(tier.answers).toBe(false);
      await expect(tier.listed(PARTITION, LISTS)).rejects.toThrow("the file failed");
      if (how === "replaced") expect(readFileSync(options.path, "utf8")).toBe("another's");
      await tier.close();
      expect(clock.timers).toBe(0);
    }),
);

it("a file whose tables are not as they were made is damaged: it is given up, and made anew at the next start", () =>
  inFolder(async (folder) => {
    const { options, lines } = settingsIn(folder);
    const tier = await open(options);
    // The tier's own thread may be writing still.
    const other = new DatabaseSync(options.path, { timeout: 60_000 });
    other.exec("DROP TABLE lists");
    other.close();
    await expect(tier.listed(PARTITION, LISTS)).rejects.toThrow("no such table");
    await tier.close();
    expect(lines).toEqual([event("file of versions failed")]);
    const next = await open(options);
    expect(next.storeId).not.toBe(tier.storeId);
    expect(await next.listed(PARTITION, LISTS)).toEqual([]);
    await next.close();
  }));

const FREEZING = new URL("./freezing-thread.fixture.ts", import.meta.url);
const EVERYTHING = { of: { host: "www.example.com" }, url: undefined };
const REPLACED = event("thread of the file of versions replaced");

const openFreezing = async (folder: string) => {
  const { options, lines } = settingsIn(folder);
  const clock = new FakeClock();
  const tier = await open({ ...options, clock, thread: FREEZING });
  const put = async (text: string) => {
    tier.put(storedVersion(text));
    await clock.advance(1_000);
    expect((await tier.listed(PARTITION, LISTS)).map(textOf)).toEqual([text]);
  };
  await put("before");
  /** Resolves when the thread stands still in a question, and tells what becomes of that one. */
  const freeze = async () => {
    const asked = expect(tier.listed(PARTITION, LISTS)).rejects.toThrow("said nothing for 5 s");
    await until(() => existsSync(`${options.path}-frozen`), "a thread that stands still");
    return () => asked;
  };
  const order = () => writeFileSync(`${options.path}-freeze`, "");
  return { tier, clock, lines, path: options.path, put, freeze, order };
};

it("a thread that stands still is replaced after 5 s: what it was to forget is forgotten, and what is put is read again", () =>
  inFolder(async (folder) => {
    const { tier, clock, lines, order, freeze, put } = await openFreezing(folder);
    order();
    const asked = await freeze();
    const forgotten = tier.forget(EVERYTHING);
    await clock.advance(FROZEN_MS - 1);
    expect(lines).toEqual([]);
    await clock.advance(1);
    await asked();
    await forgotten;
    expect(await tier.listed(PARTITION, LISTS)).toEqual([]);
    await put("after");
    expect(lines).toEqual([REPLACED]);
    await tier.close();
    expect(clock.timers).toBe(0);
  }));

it("a daemon that stops waits 5 s for a thread that stands still, and what it was to forget is gone with the file", () =>
  inFolder(async (folder) => {
    const { tier, clock, lines, path, order, freeze } = await openFreezing(folder);
    order();
    const asked = await freeze();
    const forgotten = tier.forget(EVERYTHING);
    const closed = tier.close();
    await clock.advance(FROZEN_MS);
    await asked();
    await closed;
    expect(existsSync(path)).toBe(false);
    await forgotten;
    expect(lines).toEqual([event("file of versions failed")]);
    expect(clock.timers).toBe(0);
  }));

it("three threads that stood still one after the other are enough: the file fails, and goes when something is forgotten", () =>
  inFolder(async (folder) => {
    const { tier, clock, lines, path, order, freeze } = await openFreezing(folder);
    for (let times = 0; times < 3; times++) {
      order();
      const asked = await freeze();
      await clock.advance(FROZEN_MS);
      await asked();
      renameSync(`${path}-frozen`, `${path}-${times}`);
    }
    await expect(tier.listed(PARTITION, LISTS)).rejects.toThrow("the file failed");
    await tier.forget(EVERYTHING);
    expect(existsSync(path)).toBe(false);
    expect(lines).toEqual([REPLACED, REPLACED, event("file of versions failed")]);
    await tier.close();
  }));

it("a thread in native code, which cannot be ended, holds up a stop for 6 s", () =>
  inFolder(async (folder) => {
    const { tier, clock, lines, path, freeze } = await openFreezing(folder);
    const lock = new DatabaseSync(`${path}-freeze`);
    lock.exec("CREATE TABLE any(thing)");
    lock.exec("BEGIN IMMEDIATE");
    const asked = await freeze();
    const closed = tier.close();
    await clock.advance(FROZEN_MS + END_MS);
    await asked();
    await closed;
    expect(lines).toEqual([
      event("file of versions failed"),
      event("thread of the file of versions cannot be ended"),
    ]);
    // From now on the end of this process would be a SIGKILL.
    expect(isAnyStanding()).toBe(true);
    lock.close();
    await until(() => !isAnyStanding(), "the end of the thread");
  }));

it("what cannot be forgotten although the file failed is said", () =>
  inFolder(async (folder) => {
    const { tier, clock, lines, path, order, freeze } = await openFreezing(folder);
    order();
    const asked = await freeze();
    const closed = tier.close();
    await clock.advance(FROZEN_MS);
    await asked();
    await closed;
    rmSync(path);
    mkdirSync(path);
    await expect(tier.forget(EVERYTHING)).rejects.toThrow("EISDIR");
    expect(lines).toEqual([event("file of versions failed"), event("file of versions cannot be erased")]);
  }));

it("a file that is not opened within 30 s leaves the store in memory", () =>
  inFolder(async (folder) => {
    const { options, lines } = settingsIn(folder);
    const clock = new FakeClock();
    const never = new URL(
      "data:text/javascript,Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
    );
    const opened = DiskTier.open({ ...options, clock, thread: never });
    await clock.advance(LONG_MS);
    expect(await opened).toBe(undefined);
    expect(lines).toEqual([event("file of versions cannot be used")]);
    expect(clock.timers).toBe(0);
  }));
