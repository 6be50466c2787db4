/**
 * Before the system tests: the daemons and the bench in a few files, made of the sources in a temporary folder that is laid out as the
 * package is. They start from them in less than half the CPU time that their hundreds of modules take, and the tests start hundreds of
 * them. What Node compiles is kept beside them for the next start. With COILGUN_SOURCES=1 all runs from its source.
 */
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin } from "rolldown";

const ROOT = join(import.meta.dirname, "..", "..");

/** Where each source stands in what is built. The disk worker is started by what both daemons share, as the file beside it. */
const DAEMONS = {
  "edge-side/main": "edge-side/main.ts",
  "origin-side/main": "origin-side/main.ts",
  "shared/disk-worker": "protocol/tier/disk/disk-worker.ts",
};
/** What the bench starts stands beside it, as deep as in the package. */
const BENCH = { "bench/all/main": "bench/main.ts", "bench/all/demo": "bench/demo.ts" };
const OF_BENCH = {
  "bench/all/vital-signs": "bench/pair/vital-signs.ts",
  "bench/all/web-server": "bench/pair/web-server.ts",
  "bench/all/plain-proxy": "bench/pair/plain-proxy.ts",
  "bench/all/load-gun": "bench/pair/load-gun.ts",
  "bench/all/emulator": "bench/pair/emulator.ts",
  "bench/all/series-server": "bench/pair/series-server.ts",
  "bench/all/echo-server": "bench/pair/echo-server.ts",
  "bench/all/kill-writer": "bench/restart/kill-writer.ts",
  "bench/all/disk-worker": "protocol/tier/disk/disk-worker.ts",
};

export default async function buildPrograms(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-built-"));
  const remove = () => rmSync(folder, { recursive: true });
  // Workers that end keep what they compiled too, some of them after the tests.
  const removeLast = () => void process.once("exit", remove);
  process.env.NODE_COMPILE_CACHE = join(folder, "compiled");
  if (process.env.COILGUN_SOURCES === "1") return removeLast;
  try {
    copyFileSync(join(ROOT, "package.json"), join(folder, "package.json"));
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const dir = join(folder, "dist");
    // Errors keep the names that their classes have in the sources.
    const output = { dir, entryFileNames: "[name].js", keepNames: true, minify: true } as const;
    const options = { cwd: ROOT, platform: "node", logLevel: "warn", external: MEASURING } as const;
    await build({
      ...options,
      input: DAEMONS,
      // Modules of Node load in less time by `require`, which has no place for an `await` of the module.
      plugins: [
        { name: "main", transform: (code) => code.replace(/^await runProgram/m, "void runProgram") },
        inAscii,
      ],
      output: { ...output, format: "cjs", chunkFileNames: "shared/[name].js" },
    });
    for (const side of ["edge-side", "origin-side", "shared"])
      writeFileSync(join(dir, side, "package.json"), '{"type":"commonjs"}');
    const ofBench = { ...output, chunkFileNames: "bench/all/[name]-[hash].js" };
    await build({
      ...options,
      input: BENCH,
      output: ofBench,
      transform: { define: { "import.meta.main": "false" } },
    });
    await build({ ...options, input: OF_BENCH, output: ofBench });
    process.env.COILGUN_BUILT = dir;
  } catch (error) {
    remove();
    throw error;
  }
  return removeLast;
}

/** V8 reads in half the time a source that is short and has a byte a character, and it is read at each start. */
const inAscii: Plugin = {
  name: "ascii",
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle))
      if (chunk.type === "chunk")
        chunk.code = chunk.code.replace(
          /[^\0-\x7f]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
        );
  },
};

/** What measures is loaded as it is: it looks for files of its own. */
const MEASURING = ["autocannon", "http-proxy-3"];
