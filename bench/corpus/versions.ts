/** What a measurement ran on: Coilgun, Node, the libraries that compress, and the machine. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus } from "node:os";

export interface Ground {
  readonly coilgun: string;
  readonly node: string;
  readonly zstd: string;
  readonly brotli: string;
  readonly zlib: string;
  readonly "xdelta3-wasm": string;
  readonly cpu: string;
  readonly cores: number;
}

export const groundOfMeasurement = (): Ground => ({
  coilgun: versionIn(
    new URL(
      import.meta.url.endsWith(".ts") ? "../../package.json" : "../../../package.json",
      import.meta.url,
    ),
  ),
  node: process.versions.node,
  zstd: process.versions.zstd ?? "unknown",
  brotli: process.versions.brotli ?? "unknown",
  zlib: process.versions.zlib ?? "unknown",
  "xdelta3-wasm": versionIn(createRequire(import.meta.url).resolve("xdelta3-wasm/package.json")),
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
});

function versionIn(packageFile: string | URL): string {
  const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { version?: unknown };
  return typeof version === "string" ? version : "unknown";
}
