import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const FIXTURE = fileURLToPath(new URL("young-generation.fixture.ts", import.meta.url));

it("stays within 32 MiB under a load for which V8 would take more", async () => {
  const grown = async (how: string) =>
    Number((await promisify(execFile)(process.execPath, [FIXTURE, how])).stdout);
  const [bounded, free] = await Promise.all([grown("bounded"), grown("free")]);
  expect(bounded).toBeGreaterThanOrEqual(4);
  expect(bounded).toBeLessThanOrEqual(32);
  if (process.version.startsWith("v24.")) expect(free).toBeGreaterThan(32);
});
