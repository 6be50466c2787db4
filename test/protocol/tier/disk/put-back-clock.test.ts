/** A file that was written while the machine's clock was ahead, and is written on when the clock was put back. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import type { SessionKey } from "../../../../protocol/scope/session-key.ts";
import { KEPT_PER_TEMPLATE } from "../../../../protocol/store/page-index.ts";
import { VersionFile } from "../../../../protocol/tier/disk/version-file.ts";
import { inFolder, PARTITION, storedVersion, textOf } from "./stored.ts";

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const SESSION = "s".repeat(16) as SessionKey;
const NEWS = { scopeKey: "public", key: "/news" } as const;
const MORE = KEPT_PER_TEMPLATE + 2;

const opened = (folder: string): VersionFile =>
  new VersionFile({
    path: join(folder, "versions"),
    bytes: 2 ** 26,
    storeKey: Buffer.alloc(32, 1),
    sessionMs: HOUR,
  });

const versions = (of: string) => Array.from({ length: MORE }, (_, i) => storedVersion(`${of} ${i}`));

it.each(["the same process", "the next one"])("%s finds what it puts now, newest first", (process) =>
  inFolder((folder) => {
    let file = opened(folder);
    file.put(versions("ahead"), NOW + YEAR);
    if (process === "the next one") {
      file.close();
      file = opened(folder);
      file.expire(NOW);
    }
    for (const [i, version] of versions("now").entries()) file.put([version], NOW + i);
    const found = file.listed(PARTITION, [NEWS]).map(textOf);
    expect(found.slice(0, 2)).toEqual([`now ${MORE - 1}`, `now ${MORE - 2}`]);
    file.close();
  }),
);

it("what one process puts before it knows of the future that another one wrote is lost at most", () =>
  inFolder((folder) => {
    const [ahead, file] = [opened(folder), opened(folder)];
    ahead.put(versions("ahead"), NOW + YEAR);
    for (const version of versions("now")) file.put([version], NOW);
    expect(file.listed(PARTITION, [NEWS]).map(textOf)).toContain(`ahead ${MORE - 1}`);
    ahead.close();
    file.close();
  }));

it("what was seen in the future gives way like the rest, when it was seen longest ago", () =>
  inFolder((folder) => {
    const file = opened(folder);
    file.put([storedVersion("ahead")], NOW + YEAR);
    file.expire(NOW);
    file.put([storedVersion("later", { url: "/later" })], NOW + HOUR);
    file.close();
    const reader = new DatabaseSync(join(folder, "versions"));
    const used = reader.prepare("SELECT used FROM versions ORDER BY id").all();
    reader.close();
    expect(used.map((row) => row.used)).toEqual([NOW, NOW + HOUR]);
  }));

it("a key of the future seals nothing more, and goes with what it sealed", () =>
  inFolder((folder) => {
    const file = opened(folder);
    const born = () => {
      const reader = new DatabaseSync(join(folder, "versions"));
      const keys = reader.prepare("SELECT born FROM keys").all();
      reader.close();
      return keys.map((key) => key.born);
    };
    file.put([storedVersion("ahead", { scopeKey: SESSION })], NOW + YEAR);
    expect(born()).toEqual([NOW + YEAR]);
    file.put([storedVersion("now", { scopeKey: SESSION })], NOW);
    file.expire(NOW);
    expect(born()).toEqual([NOW]);
    expect(file.listed(PARTITION, [{ scopeKey: SESSION, key: "/news" }]).map(textOf)).toEqual(["now"]);
    file.close();
  }));
