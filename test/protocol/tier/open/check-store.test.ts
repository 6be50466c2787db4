/** What `check` says of the files that `store` names is what the daemon will say of them. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { surroundingsOf } from "../../../../protocol/config/config-file.ts";
import { storeBlock } from "../../../../protocol/config/store-settings.ts";
import { printFinding } from "../../../../protocol/daemon/findings.ts";
import { systemClock } from "../../../../protocol/runtime/clock.ts";
import { VersionFile } from "../../../../protocol/tier/disk/version-file.ts";
import { checkStore } from "../../../../protocol/tier/open/check-store.ts";
import { storeKeyIn } from "../../../../protocol/tier/store-key.ts";
import { inFolder } from "../disk/stored.ts";

const KEPT = { file: "./versions", fileSize: "8 MiB", sessions: "file", keyFile: "./store.key" };

const found = async (folder: string, store: object = KEPT): Promise<readonly string[]> => {
  const settings = z
    .object({ store: storeBlock(surroundingsOf(join(folder, "edge.yaml"))) })
    .parse({ store });
  const findings = await checkStore(settings.store, { side: "edge", clock: systemClock });
  return findings.map((each) => printFinding(each).replaceAll(folder, "."));
};

const LINES: readonly (readonly [string, (folder: string) => void, readonly RegExp[]])[] = [
  [
    "nothing is there yet",
    () => {},
    [/^ok .*store\.file: \. can be written/, /^ok .*store\.keyFile: \. can be written/],
  ],
  [
    "a daemon has made them",
    (folder) => {
      const path = join(folder, "versions");
      const storeKey = storeKeyIn(join(folder, "store.key"));
      new VersionFile({ path, bytes: 2 ** 26, storeKey, sessionMs: 1 }).close();
    },
    [/^ok .*\.\/versions can be written/, /^ok .*\.\/store\.key holds a key/],
  ],
  [
    "the first is another file, and the second one that others may read",
    (folder) => {
      writeFileSync(join(folder, "versions"), "precious");
      writeFileSync(join(folder, "store.key"), "0".repeat(64));
      chmodSync(join(folder, "store.key"), 0o644);
    },
    [/^problem .*\.\/versions is no file of versions\n.*another path/, /^problem .*chmod 600/],
  ],
  [
    "the first is a folder, and the second no key",
    (folder) => {
      mkdirSync(join(folder, "versions"));
      writeFileSync(join(folder, "store.key"), "x", { mode: 0o600 });
    },
    [
      /^problem .*\.\/versions is a folder\n.*name a file in it/,
      /^problem .*does not hold 64 hexadecimal digits/,
    ],
  ],
];

it.each(LINES)("where %s", async (_, make, expected) => {
  await inFolder(async (folder) => {
    make(folder);
    const before = readdirSync(folder);
    const lines = await found(folder);
    expect(lines).toHaveLength(expected.length);
    for (const [index, each] of expected.entries()) expect(lines[index]).toMatch(each);
    expect(readdirSync(folder), "nothing is made").toEqual(before);
  });
});

it("names a folder that is not there", async () => {
  await inFolder(async (folder) => {
    const lines = await found(folder, { file: "./gone/versions" });
    expect(lines).toEqual([
      expect.stringMatching(/^problem .*store\.file: there is no folder \.\/gone\n.*make it/),
    ]);
  });
});

it("says nothing of versions in memory alone", async () => {
  await inFolder(async (folder) => expect(await found(folder, {})).toEqual([]));
});

it("of a file that may grow beyond its disk, how much there is", async () => {
  await inFolder(async (folder) => {
    const [, room, ...more] = await found(folder, { file: "./versions", fileSize: "4000 TiB" });
    expect(room).toMatch(
      /^warning {2}store\.fileSize may take 4,194,304,000 MiB, and the disk of \. has room for [\d,]+ MiB\n/,
    );
    expect(more).toEqual([]);
  });
});
