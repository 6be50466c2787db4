/**
 * The store's bound is one on memory: a process that remembers 50,000 pages of 3 KB grows by no more than the bound
 * and what the runtime itself holds back.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const MIB = 1024 * 1024;
const FIXTURE = fileURLToPath(new URL("resident-size.fixture.ts", import.meta.url));

/**
 * What V8 holds beside live objects, whatever the store's size: the young generation (up to three times its semi-space,
 * set to 16 MiB here as its default grows with the machine), and dead bodies that are not collected yet.
 */
const RUNTIME_BYTES = 128 * MIB;
/**
 * Where bodies are so small that a store turns over objects, V8 keeps the pages it has emptied for a while: the same with
 * 35,000 or 54,000 versions in the store, and 110 MiB less once nothing is thrown out any more.
 */
const TURNOVER_BYTES = 64 * MIB;

interface Report {
  readonly count: number;
  readonly bytes: number;
  readonly boundKept: boolean;
  readonly growth: number;
}

async function fill(
  pages: number,
  pageBytes: number,
  storeBytes: number,
  kind: "public" | "session",
): Promise<Report> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    "--max-semi-space-size=16",
    FIXTURE,
    ...[pages, pageBytes, storeBytes, kind].map(String),
  ]);
  return JSON.parse(stdout);
}

describe("the resident size of a full store", () => {
  it("stays within 64 MiB and the runtime's own for 50,000 pages of 3 KB", async () => {
    const report = await fill(50_000, 3 * 1024, 64 * MIB, "public");
    expect(report.boundKept).toBe(true);
    expect(report.count).toBeGreaterThan(10_000);
    expect(report.growth).toBeLessThan(64 * MIB + RUNTIME_BYTES);
  });

  it("stays within 64 MiB and the runtime's own when objects weigh more than bodies", async () => {
    const report = await fill(50_000, 100, 64 * MIB, "session");
    expect(report.boundKept).toBe(true);
    expect(report.count).toBeGreaterThan(10_000);
    expect(report.growth).toBeLessThan(64 * MIB + RUNTIME_BYTES + TURNOVER_BYTES);
  });
});
