import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const FIXTURE = fileURLToPath(new URL("young-generation.fixture.ts", import.meta.url));

/** Collected by one thread, as how often it is depends on how others get on. */
const made = async (
  how: "bounded" | "free",
  what: "objects" | "pages" | "visits" | "aging",
  ...flags: string[]
) =>
  JSON.parse(
    (await promisify(execFile)(process.execPath, ["--single-threaded-gc", ...flags, FIXTURE, how, what]))
      .stdout,
  ) as {
    readonly mib: number;
    readonly full: number;
  };

it("stays within 32 MiB under a load for which V8 would take more", async () => {
  // While V8 marks the whole heap, for which one thread takes long, it scavenges nothing by itself.
  const scavenges = "--no-separate-gc-phases";
  const [bounded, free] = await Promise.all([
    made("bounded", "objects", scavenges),
    made("free", "objects", scavenges),
  ]);
  expect(bounded.mib).toBeGreaterThanOrEqual(4);
  expect(bounded.mib).toBeLessThanOrEqual(32);
  if (process.version.startsWith("v24.")) expect(free.mib).toBeGreaterThan(32);
});

it("is scavenged for pages in Buffers, for which V8 would collect the whole heap", async () => {
  const [bounded, free] = await Promise.all([made("bounded", "pages"), made("free", "pages")]);
  if (process.version.startsWith("v24.")) expect(bounded.full).toBeLessThan(free.full / 2);
});

it("is scavenged for pages of visits though what was made in their place before lived on, which V8 would make old at once", async () => {
  const alike = ["--scavenger-max-new-space-capacity-mb=8", "--heap-growing-percent=200"];
  const [bounded, free] = await Promise.all([made("bounded", "visits"), made("free", "visits", ...alike)]);
  if (process.version.startsWith("v24.")) expect(bounded.full).toBeLessThan(free.full / 2);
});

it("leaves no more than some garbage in the old generation, where V8 would let it grow further", async () => {
  // What is done with has been through several scavenges then.
  const young = "--max-semi-space-size=4";
  const [bounded, free] = await Promise.all([made("bounded", "aging", young), made("free", "aging", young)]);
  if (process.version.startsWith("v24.")) expect(bounded.full).toBeGreaterThan(free.full);
});
