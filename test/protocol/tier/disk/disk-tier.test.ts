/** The file in its thread: what is put is found by the next run, a failure is said once, and what is forgotten does not come back. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeLog } from "../../../../protocol/daemon/log.ts";
import { systemClock } from "../../../../protocol/runtime/clock.ts";
import { DiskTier } from "../../../../protocol/tier/disk/disk-tier.ts";
import { openStore } from "../../../../protocol/tier/open/open-store.ts";
import { inFolder, PARTITION, storedVersion, textOf } from "./stored.ts";

const recordingLog = () => {
  const lines: unknown[] = [];
  const log = makeLog({ level: "info", format: "json" }, { write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
};

const LISTS = [{ scopeKey: "public", key: "/news" }] as const;
const HOUR = 3_600_000;

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
