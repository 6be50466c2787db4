import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { edgeProgram } from "../../edge-side/edge-program.ts";
import { ownVersion } from "../../protocol/daemon/cli.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { runCommand, startCommand } from "../kit/run-command.ts";
import { runInside } from "../kit/run-inside.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-edge-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const edge = (...words: readonly string[]) => runCommand("edge-side", words, folder);
const inside = (...words: readonly string[]) => runInside(edgeProgram(), words, folder);

/** A line of a stack, which is no way to tell someone about a wrong address. */
const STACK = /\n\s+at /;

const CONFIG = `visitors: 127.0.0.1:0
tunnel: 127.0.0.1:0
keys: [{ id: k, secret: ${FIXTURE_SECRET}, hosts: [www.example.com] }]
admin: ./edge.sock
log: { format: json }
`;

describe("coilgun-edge", () => {
  it("knows its version, which is the package's", async () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
      version: string;
    };
    expect(await edge("--version")).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
    expect(ownVersion()).toBe(manifest.version);
  });

  it("explains itself", async () => {
    const { code, stdout } = await inside("--help");
    expect(code).toBe(0);
    for (const name of ["run", "check", "pair", "forget"])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
    // Options with values say what they are when left out, flags do not.
    const { stdout: ofPair } = await inside("pair", "--help");
    expect(ofPair).toContain('(default: ".")');
    expect(ofPair).not.toContain("default: false");
  });

  it("explains each command in 80 columns", async () => {
    for (const name of edgeProgram().commands.map((each) => each.name())) {
      const { code, stdout } = await inside(name, "--help");
      expect(code, name).toBe(0);
      expect(Math.max(...stdout.split("\n").map((line) => line.length)), name).toBeLessThanOrEqual(80);
    }
  });

  it.each([
    [[]],
    [["run", "--colour"]],
    [["pair", "--host", "http://a.example", "--edge", "e.example"]],
    [["pair", "--host", "a.example", "--edge", "e.example:70000"]],
    [["pair", "--host", "a.example", "--edge", "e.example", "--origin", "ftp://o.example"]],
    [["forget", "--host", "a.example", "--url", "x"]],
  ])("does not understand %j: code 2, and a hint", async (words) => {
    const { code, stdout, stderr } = await inside(...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/--help|Usage/);
    expect(stderr).not.toMatch(STACK);
  });

  it.each([
    [
      ["check", "--config", "a.yaml", "-c", "b.yaml"],
      "'-c, --config <file>' is given twice, as a.yaml and b.yaml",
    ],
    [
      ["forget", "--host", "a.example", "--host", "b.example"],
      "'--host <name>' is given twice, as a.example and b.example",
    ],
    [["check", "--config", ""], "'-c, --config <file>' is empty"],
    [
      ["pair", "--host", "a", "--edge", "b", "--out", "--force"],
      "'--out <folder>' has no value before --force",
    ],
    [
      ["alone", "--origin", "http://127.0.0.1:1", "--host", "a", "--certificate", ""],
      "'--certificate <file>' is empty",
    ],
    [
      ["pair", "--host", "a", "--edge", "b", "--origin", "http://c", "--origin", "http://d"],
      "'--origin <[host=]address>' argument 'http://d' is invalid. It is the second one of all hosts; each has one.",
    ],
  ] as const)("takes no slip for a wish: %j", async (words, complaint) => {
    const { code, stderr } = await inside(...words);
    expect([code, stderr.split("\n")[0]]).toEqual([2, `error: option ${complaint}`]);
  });

  it.each([
    ["visitor", "did you mean visitors?"],
    ["keys.hots", "did you mean keys.hosts?"],
    ["zzz", "without a name, all are listed"],
  ])("says of a setting %s that there is not what may be meant", async (name, hint) => {
    const { code, stderr } = await inside("settings", name);
    expect([code, stderr.trim()]).toEqual([1, `coilgun-edge: there is no setting ${name}; ${hint}`]);
  });

  it("takes several of what may be several", async () => {
    const { code } = await inside(
      ...["pair", "--host", "a.example", "--host", "b.example", "--edge", "c.example", "--out", folder],
      ...["--origin", "a.example=http://127.0.0.1:1", "--origin", "b.example=http://127.0.0.1:2"],
    );
    expect(code).toBe(0);
    expect(readFileSync(join(folder, "edge.yaml"), "utf8")).toContain("b.example");
  });

  it("takes an empty COILGUN_CONFIG for none", async () => {
    vi.stubEnv("COILGUN_CONFIG", "");
    const { code, stderr } = await inside("check");
    vi.unstubAllEnvs();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^edge.yaml:1:1: there is no such file/)]);
  });

  it("prints no secret that was given in the wrong place", async () => {
    const { stderr } = await inside(
      "pair",
      "--host",
      FIXTURE_SECRET,
      `--${FIXTURE_SECRET}`,
      "--edge",
      FIXTURE_SECRET,
    );
    expect(stderr).toContain("[secret]");
    expect(stderr).not.toContain(FIXTURE_SECRET.slice(5));
  });
});

it.each([["check"], ["config", "put"]])(
  "points to the help of the command that was not understood: %s %s",
  async (...words) => {
    const { code, stderr } = await inside(...words, "--nonsense");
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`(coilgun-edge ${words.join(" ")} --help shows what there is)`),
    ]);
  },
);

it.each(["hello", "- 1"])("lists all settings to a file that is no block of them: %s", async (text) => {
  writeFileSync(join(folder, "edge.yaml"), text);
  expect((await inside("check")).stderr).toMatch(
    /must be a block of settings, not .*; here there are: visitors, tunnel,/,
  );
});

describe("coilgun-edge pair", () => {
  it("writes what check finds right, and prints no secret", async () => {
    const paired = await edge(
      "pair",
      "--host",
      "A.example",
      "--host",
      "b.example",
      "--edge",
      "127.0.0.1",
      "--out",
      "new",
    );
    expect([paired.code, paired.stderr]).toEqual([0, ""]);
    const [secret = "none"] = readFileSync(join(folder, "new", "edge.yaml"), "utf8").match(/cgk1_\S+/) ?? [];
    expect(readFileSync(join(folder, "new", "origin.yaml"), "utf8")).toContain(secret);
    expect(paired.stdout).toContain("new/origin.yaml");
    expect(paired.stdout).not.toContain(secret.slice(5));

    const more = await inside(
      "pair",
      "--host",
      "c.example",
      "--edge",
      "127.0.0.1",
      "--add-to",
      "new/edge.yaml",
      "--out",
      "c",
    );
    expect([more.code, more.stderr]).toEqual([0, ""]);
    const again = await inside("pair", "--host", "a.example", "--edge", "127.0.0.1", "--out", "new");
    expect([again.code, again.stdout]).toEqual([1, ""]);
    expect(again.stderr).toMatch(/^coilgun-edge: already there: .*--force\n$/);

    // Ports of the machine the tests run on are not this test's business.
    const file = join(folder, "new", "edge.yaml");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replaceAll(/"?(\[::\]|127\.0\.0\.1):\d+"?$/gm, "127.0.0.1:0"),
    );
    const checked = await edge("check", "--config", "new/edge.yaml");
    expect([checked.code, checked.stderr]).toEqual([0, ""]);
    expect(checked.stdout).toMatch(/^ok {7}new\/edge\.yaml is valid: 2 keys, 3 hosts\n/);
    expect(`${more.stdout}${again.stderr}${checked.stdout}`).not.toContain("cgk1");
  });
});

it.each([[["pair", "--host", "a.example", "--edge", "e.example"]], [["--help"]], [["help", "pair"]]])(
  "coilgun-edge %j whose reader has seen enough ends without a word",
  async (words) => {
    const running = startCommand("edge-side", words, folder);
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  },
);

describe("a config that cannot be used", () => {
  it.each(["run", "check", "forget"])("ends %s with all its problems and code 1", async (command) => {
    writeFileSync(
      join(folder, "edge.yaml"),
      `visitors: here\nkeys:\n  - id: k\n    secret: ${FIXTURE_SECRET}x\n`,
    );
    const { code, stdout, stderr } = await inside(
      command,
      ...(command === "forget" ? ["--host", "a.example"] : []),
    );
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(/^edge\.yaml:1:11: visitors has no port/),
      expect.stringMatching(/^edge\.yaml:3:5: keys\[0\]\.hosts is missing/),
      expect.stringMatching(/^edge\.yaml:4:13: keys\[0\]\.secret is not a link key's secret/),
      "",
    ]);
    expect(stderr).not.toContain(FIXTURE_SECRET.slice(5));
  });

  it("that is missing is told with what to do", async () => {
    const { code, stderr } = await inside("run");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^edge\.yaml:1:1: there is no such file; .*pair.*\n$/);
  });

  it("fails a check with code 1 and says what to do", async () => {
    writeFileSync(join(folder, "edge.yaml"), CONFIG.replace("./edge.sock", "./none/edge.sock"));
    const { code, stdout } = await inside("check");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^problem {2}admin: .*\n {9}make it/m);
  });
});

describe("coilgun-edge run", () => {
  it("says ready once with its addresses, reloads, forgets when asked, and stops with code 0", async () => {
    writeFileSync(join(folder, "edge.yaml"), CONFIG);
    const { child, said, ended } = startCommand("edge-side", ["run"], folder);
    const ready = JSON.parse(await said('"ready"')) as Record<string, unknown>;
    expect(ready).toMatchObject({
      visitors: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
      tunnel: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
    });

    const forgotten = await edge("forget", "--host", "www.example.com");
    expect(forgotten).toEqual({ code: 0, stdout: "0 versions of www.example.com erased\n", stderr: "" });

    const taken = CONFIG.replace("visitors: 127.0.0.1:0", `visitors: ${String(ready.visitors)}`);
    writeFileSync(join(folder, "second.yaml"), taken.replace("./edge.sock", "./second.sock"));
    const second = await edge("run", "--config", "second.yaml");
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(
      /^coilgun-edge: visitors: 127\.0\.0\.1:\d+ is in use; stop the program .*\n$/,
    );

    writeFileSync(join(folder, "edge.yaml"), `${CONFIG}sotre: {}\n`);
    child.kill("SIGHUP");
    expect(await said("config not reloaded")).toContain("sotre is not a setting");
    writeFileSync(join(folder, "edge.yaml"), CONFIG);
    child.kill("SIGHUP");
    await said("config reloaded");

    child.kill("SIGTERM");
    const { code, stdout, stderr } = await ended;
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr.match(/"ready"/g)).toHaveLength(1);
    expect(stderr).not.toContain(FIXTURE_SECRET.slice(5));
    const late = await edge("forget", "--host", "www.example.com");
    expect(late.code).toBe(1);
    expect(late.stderr).toContain("no coilgun-edge is running");
  });
});

it("coilgun-edge forget says when no admin socket is set", async () => {
  writeFileSync(join(folder, "edge.yaml"), CONFIG.replace(/^admin.*\n/m, ""));
  const { code, stderr } = await inside("forget", "--host", "www.example.com");
  expect([code, stderr.trim()]).toEqual([1, expect.stringMatching(/sets no admin socket; set admin/)]);
});
