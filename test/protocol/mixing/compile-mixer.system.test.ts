import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const FIXTURE = fileURLToPath(new URL("compile-mixer.fixture.ts", import.meta.url));
/** Of each function that V8 compiles: its module, and by which compiler. */
const COMPILED = /^Compiled function (0x[0-9a-f]+)#\d+ using (\w+)/gm;

it.runIf(process.version.startsWith("v24."))(
  "all of the mixing coder is compiled well before it runs, and another module as V8 does it",
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--trace-wasm-compilation-times",
      FIXTURE,
    ]);
    const modules = new Map<string, string[]>();
    for (const [, module = "", compiler = ""] of stdout.matchAll(COMPILED))
      modules.set(module, [...(modules.get(module) ?? []), compiler]);
    // The first is Node's own, which strips types.
    const [mixer, other] = [...modules.values()].slice(1);
    expect(new Set(mixer)).toEqual(new Set(["TurboFan"]));
    expect(mixer?.length).toBeGreaterThan(10);
    expect(other).toEqual(["Liftoff"]);
  },
);
