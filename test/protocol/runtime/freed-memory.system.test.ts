import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const FIXTURE = fileURLToPath(new URL("freed-memory.fixture.ts", import.meta.url));

/** Something else that was as large may have been freed as the process started: without what is tested here glibc must not heed that. */
const TUNED = { free: { GLIBC_TUNABLES: "glibc.malloc.mmap_threshold=131072" }, kept: {} };

const faults = async (how: "kept" | "free") => {
  const env = { ...process.env, ...TUNED[how] };
  return Number((await promisify(execFile)(process.execPath, [FIXTURE, how], { env })).stdout);
};

it("of pages is used for the next ones, and not given back and faulted in anew", async () => {
  const [kept, free] = await Promise.all([faults("kept"), faults("free")]);
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (header.glibcVersionRuntime !== undefined) expect(kept).toBeLessThan(free / 10);
});
