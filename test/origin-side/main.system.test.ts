import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { originProgram } from "../../origin-side/origin-program.ts";
import { ownVersion } from "../../protocol/daemon/cli.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { runCommand, startCommand } from "../kit/run-command.ts";
import { runInside } from "../kit/run-inside.ts";
import { openTunnel } from "../kit/tunnel.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-origin-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const origin = (...words: readonly string[]) => runCommand("origin-side", words, folder);
const inside = (...words: readonly string[]) => runInside(originProgram(), words, folder);

const configFor = (edgePort: number) => `edges:
  - address: 127.0.0.1:${edgePort}
    key: { id: k, secret: ${FIXTURE_SECRET} }
routes:
  - { host: www.example.com, origin: "http://127.0.0.1:1" }
log: { format: json }
`;

describe("coilgun-origin", () => {
  it("knows its version and explains itself", async () => {
    expect(await origin("--version")).toEqual({ code: 0, stdout: `${ownVersion()}\n`, stderr: "" });
    const { code, stdout } = await inside("--help");
    expect(code).toBe(0);
    for (const name of ["run", "check"]) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  it.each([[[]], [["pair"]], [["run", "--edge", "x"]]])(
    "does not understand %j: code 2, and a hint",
    async (words) => {
      const { code, stdout, stderr } = await inside(...words);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/--help|Usage/);
    },
  );

  it.each(["run", "check"])(
    "ends %s of an invalid config with all its problems and code 1",
    async (command) => {
      writeFileSync(join(folder, "origin.yaml"), "edges:\nroutes: [{ host: a.example, origin: ftp://b }]\n");
      const { code, stdout, stderr } = await inside(command);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr.split("\n")).toEqual([
        expect.stringMatching(/^origin\.yaml:1:1: edges is missing/),
        expect.stringMatching(/^origin\.yaml:2:37: routes\[0\]\.origin must begin with http:/),
        "",
      ]);
    },
  );

  it("checks an edge that does not know its key, and a web server that is not there: code 1, no secret", async () => {
    await using tunnel = await openTunnel({ mode: "psk", secretsOf: () => [] });
    writeFileSync(join(folder, "origin.yaml"), configFor(tunnel.port));
    const { code, stdout, stderr } = await origin("check");
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout.match(/^problem/gm)).toHaveLength(2);
    expect(stdout).not.toContain(FIXTURE_SECRET.slice(5));
  });

  it("runs, also without an edge, until it is told to stop: code 0, no secret", async () => {
    const tunnel = await openTunnel({ mode: "psk", secretsOf: () => [] });
    await tunnel[Symbol.asyncDispose]();
    writeFileSync(join(folder, "origin.yaml"), configFor(tunnel.port));
    const { child, said, ended } = startCommand("origin-side", ["run"], folder);
    const ready = JSON.parse(await said('"ready"')) as Record<string, unknown>;
    expect(ready).toMatchObject({ edges: [`127.0.0.1:${tunnel.port}`], hosts: ["www.example.com"] });
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).not.toContain(FIXTURE_SECRET.slice(5));
  });
});
