import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const FIXTURE = fileURLToPath(new URL("young-generation.fixture.ts", import.meta.url));

/** Collected by one thread, as how often it is depends on how others get on. */
const made = async (how: "bounded" | "free", what: "objects" | "pages") =>
  JSON.parse(
    (await promisify(execFile)(process.execPath, ["--single-threaded-gc", FIXTURE, how, what])).stdout,
  ) as {
    readonly mib: number;
    readonly full: number;
  };

it("stays within 32 MiB under a load for which V8 would take more", async () => {
  const [bounded, free] = await Promise.all([made("bounded", "objects"), made("free", "objects")]);
  expect(bounded.mib).toBeGreaterThanOrEqual(4);
  expect(bounded.mib).toBeLessThanOrEqual(32);
  if (process.version.startsWith("v24.")) expect(free.mib).toBeGreaterThan(32);
});

it("is scavenged for pages in Buffers, for which V8 would collect the whole heap", async () => {
  const [bounded, free] = await Promise.all([made("bounded", "pages"), made("free", "pages")]);
  if (process.version.startsWith("v24.")) expect(bounded.full).toBeLessThan(free.full / 2);
});
