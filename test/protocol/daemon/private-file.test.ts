import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  isOpenToOthers,
  replacePrivateFile,
  writeNewPrivateFile,
} from "../../../protocol/daemon/private-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-private-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("a new private file", () => {
  it("is for its owner alone, whatever the umask", () => {
    const path = join(folder, "new");
    const before = process.umask(0);
    try {
      writeNewPrivateFile(path, "text");
    } finally {
      process.umask(before);
    }
    expect([modeOf(path), readFileSync(path, "utf8")]).toEqual([0o600, "text"]);
  });

  it("never takes the place of another", () => {
    const path = join(folder, "there");
    writeFileSync(path, "old");
    expect(() => writeNewPrivateFile(path, "new")).toThrow(/EEXIST/);
    expect(readFileSync(path, "utf8")).toBe("old");
  });
});

describe("a replaced file", () => {
  it("keeps its mode, so that whoever could read it still can", () => {
    const path = join(folder, "kept");
    writeFileSync(path, "old");
    chmodSync(path, 0o640);
    replacePrivateFile(path, "new");
    expect([modeOf(path), readFileSync(path, "utf8")]).toEqual([0o640, "new"]);
  });

  it("is replaced behind a symbolic link, which stays", () => {
    const [path, link] = [join(folder, "target"), join(folder, "link")];
    writeFileSync(path, "old");
    symlinkSync(path, link);
    replacePrivateFile(link, "new");
    expect([lstatSync(link).isSymbolicLink(), readFileSync(path, "utf8")]).toEqual([true, "new"]);
  });

  it("is made when it was not there, private, and leaves nothing beside itself", () => {
    replacePrivateFile(join(folder, "made"), "new");
    expect(modeOf(join(folder, "made"))).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["made"]);
  });
});

it.each([
  [0o600, false],
  [0o400, false],
  [0o711, false],
  [0o640, true],
  [0o604, true],
  [0o620, true],
])("mode %o is open to others: %s", (mode, open) => {
  const path = join(folder, "file");
  writeFileSync(path, "");
  chmodSync(path, mode);
  expect(isOpenToOthers(path)).toBe(open);
});
