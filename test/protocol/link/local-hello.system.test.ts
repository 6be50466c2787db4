// What a hello says of the machine that makes it.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { MIXED_SPLICES } from "../../../protocol/frames/mixed-splices.ts";

const FIXTURE = fileURLToPath(new URL("local-hello.fixture.ts", import.meta.url));

const features = async (machine: "whole" | "no vectors" | "none") =>
  JSON.parse((await promisify(execFile)(process.execPath, [FIXTURE, machine])).stdout) as readonly string[];

it("mixed splices are named where the machine can make and read them, and all else without", async () => {
  const [whole, noVectors, none] = await Promise.all([
    features("whole"),
    features("no vectors"),
    features("none"),
  ]);
  expect(whole).toContain(MIXED_SPLICES);
  const others = whole.filter((feature) => feature !== MIXED_SPLICES);
  expect([noVectors, none]).toEqual([others, others]);
});
