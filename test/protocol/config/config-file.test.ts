// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of config files
/** A config file on the disk: what cannot be one is told as what it is. */
import { chmodSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { loadAdmin, loadConfig } from "../../../protocol/config/config-file.ts";
import type { Surroundings } from "../../../protocol/config/parse-config.ts";
import { block, namedFile } from "../../../protocol/config/schema.ts";

describe("a config file", () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-config-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const put = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  const schema = block({ name: z.string() });
  const named = (near: Surroundings) => block({ file: namedFile(near) });

  it("that is missing says so", () => {
    expect(() => loadConfig(join(folder, "none.yaml"), () => schema)).toThrow(
      /none\.yaml:1:1: there is no such file/,
    );
  });

  it("that is a folder says so", () => {
    expect(() => loadConfig(folder, () => schema)).toThrow(/this is a folder/);
  });

  it("that is a link to itself says so", () => {
    const file = join(folder, "loop.yaml");
    symlinkSync("loop.yaml", file);
    expect(() => loadConfig(file, () => schema)).toThrow(/a link that leads back to itself/);
  });

  it("that is a pipe or a device says so, and is not waited for", () => {
    expect(() => loadConfig("/dev/null", () => schema)).toThrow(/this is a pipe or a device/);
  });

  it("that no config file can be as large as says so, and is not read", () => {
    const file = put("large.yaml", "name: a\n");
    truncateSync(file, 16 * 2 ** 20 + 1);
    expect(() => loadConfig(file, () => schema)).toThrow(/larger than 16 MiB/);
    truncateSync(file, 8);
    expect(loadConfig(file, () => schema)).toEqual({ name: "a" });
  });

  it("that names a folder in place of a file says so", () => {
    const file = put("folder.yaml", "file: .");
    expect(() => loadConfig(file, named)).toThrow(/file names a folder; name the file in it/);
  });

  it.runIf(process.getuid?.() !== 0)("that names a file of somebody else says so", () => {
    chmodSync(put("locked.txt", "x"), 0);
    const file = put("locked.yaml", "file: locked.txt");
    expect(() => loadConfig(file, named)).toThrow(/file names a file that this user may not read; change/);
  });

  it("that is not text says so", () => {
    const file = put("latin1.yaml", Buffer.from("name: caf\xe9", "latin1"));
    expect(() => loadConfig(file, () => schema)).toThrow(/not UTF-8/);
  });

  it("that names a pipe or a device says so, and is not held up by it", () => {
    const file = join(folder, "device.yaml");
    writeFileSync(file, "file: /dev/null");
    expect(() => loadConfig(file, named)).toThrow(/a pipe or a device/);
  });

  it("says where its daemon is asked, whatever else is wrong with it", () => {
    const file = put(
      "mistaken.yaml",
      'zzz: 1\nstore: { size: "${NOT_SET_HERE}" }\nadmin: ${SOCKET:-./a.sock}\nkeys: 5',
    );
    expect(loadAdmin(file)).toEqual([{ path: join(folder, "a.sock") }]);
    const other = put("admin.yaml", "keys: 5\nadmin: { listen: 7480 }");
    expect(() => loadAdmin(other)).toThrow(/^.*admin\.yaml:2:18: admin\.listen must be a path.*$/);
    expect(() => loadAdmin(put("variable.yaml", "admin: ${NOT_SET_HERE}"))).toThrow(/NOT_SET_HERE/);
    expect(loadAdmin(put("without.yaml", "keys: 5"))).toEqual([]);
  });

  it("names files relative to itself, and tells which were read", () => {
    put("beside.txt", "hello");
    const file = put("main.yaml", "file: beside.txt");
    const read: string[] = [];
    const config = loadConfig(file, named, read);
    expect(config.file.bytes.toString()).toBe("hello");
    expect(read).toEqual([join(folder, "beside.txt")]);
  });
});
