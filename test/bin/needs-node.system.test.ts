/**
 * On a Node.js too old every installed command and every npm script says so in one sentence, and nothing else. Tried with a
 * version that is only pretended, and with a real old Node.js where the machine has one.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

interface Package {
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly files: readonly string[];
}
const PACKAGE = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Package;
const COMMANDS = Object.values(PACKAGE.bin);
const SENTENCE = (version: string) => `coilgun needs Node.js 24 or newer; this is ${version}\n`;

const run = (program: string, args: readonly string[], path = process.env.PATH) => {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { PATH: path },
    timeout: 20_000,
  });
  return { status, stdout, stderr };
};

describe("a Node.js that says it is 20.20.2", () => {
  const pretend = `data:text/javascript,${encodeURIComponent(
    `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })`,
  )}`;

  it.each(COMMANDS)("gets one sentence from %s", (command) => {
    expect(run(process.execPath, ["--import", pretend, command, "--help"])).toEqual({
      status: 1,
      stdout: "",
      stderr: SENTENCE("20.20.2"),
    });
  });
});

/** An older Node.js than the package needs, among those on the PATH. */
const oldNode = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "node"))
  .flatMap((path) => {
    try {
      const version = execFileSync(path, ["--version"], { encoding: "utf8" }).trim().slice(1);
      return Number.parseInt(version, 10) < 24 ? [{ path, version }] : [];
    } catch {
      return [];
    }
  })[0];

if (oldNode === undefined) {
  it.skip("an old Node.js (left out: no Node.js older than 24 is on the PATH)", () => {});
} else {
  const { path, version } = oldNode;
  const expected = { status: 1, stdout: "", stderr: SENTENCE(version) };

  describe(`Node.js ${version}`, () => {
    it.each(COMMANDS)("gets one sentence from %s", (command) => {
      expect(run(path, [command, "--help"])).toEqual(expected);
    });

    // A script that only runs another one says what that one says.
    const own = Object.entries(PACKAGE.scripts).filter(([, script]) => !script.startsWith("npm run "));

    it("is refused by more than eight scripts", () => expect(own.length).toBeGreaterThan(8));

    it.each(own)("gets one sentence from npm run %s", (_, script) => {
      // As npm runs it, but without the folder that holds the Node.js of the devDependencies.
      const folders = [dirname(path), "/usr/bin", "/bin"].join(delimiter);
      expect(run("/bin/sh", ["-c", script], folders)).toEqual(expected);
    });
  });
}

describe("a Node.js that is new enough", () => {
  it("passes", () => {
    const { status, stdout, stderr } = run(process.execPath, ["bin/needs-node.cjs"]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("is what `engines` asks for, and the launchers are published", () => {
    expect(PACKAGE.engines.node).toBe(">=24");
    expect(PACKAGE.files).toContain("bin");
  });
});
