/**
 * Before the system tests: the daemons in a few files, made of the sources in a temporary folder that is laid out as the package is. They
 * start from them in half the CPU time that their hundreds of modules take, and the tests start hundreds of them. What Node compiles is
 * kept beside them for the next start. With COILGUN_SOURCES=1 all runs from its source.
 */
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "rolldown";

const ROOT = join(import.meta.dirname, "..", "..");

/** Where each source stands in what is built. The disk worker is started by what both daemons share, as the file beside it. */
const PLACES = {
  "edge-side/main": "edge-side/main.ts",
  "origin-side/main": "origin-side/main.ts",
  "shared/disk-worker": "protocol/tier/disk/disk-worker.ts",
};

export default async function buildDaemons(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-built-"));
  const remove = () => rmSync(folder, { recursive: true });
  process.env.NODE_COMPILE_CACHE = join(folder, "compiled");
  if (process.env.COILGUN_SOURCES === "1") return remove;
  try {
    copyFileSync(join(ROOT, "package.json"), join(folder, "package.json"));
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const dir = join(folder, "dist");
    await build({
      cwd: ROOT,
      platform: "node",
      logLevel: "warn",
      input: PLACES,
      // Errors keep the names that their classes have in the sources.
      output: { dir, entryFileNames: "[name].js", chunkFileNames: "shared/[name].js", keepNames: true },
    });
    process.env.COILGUN_BUILT = dir;
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}
