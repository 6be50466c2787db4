import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { edgeProgram } from "../../../edge-side/edge-program.ts";
import { counted, hanging, listed } from "../../../protocol/daemon/text-table.ts";
import { edgeYaml } from "../../kit/real-daemons.ts";
import { runInside } from "../../kit/run-inside.ts";

it("lines that are too long go on below where they began, and others stay", () => {
  expect(hanging("ok       short\nwarning  one two three four\n         five six seven", 9, 20)).toBe(
    ["ok       short", "warning  one two", "         three four", "         five six", "         seven"].join(
      "\n",
    ),
  );
  expect(hanging("ok       a /very/long/word", 9, 12)).toBe("ok       a\n         /very/long/word");
});

it("says how many, and lists, as people do", () => {
  expect([counted(1, "try", "tries"), counted(2_000, "try", "tries"), counted(0, "host")]).toEqual([
    "1 try",
    "2,000 tries",
    "0 hosts",
  ]);
  expect(["", "a", "a b", "a b c"].map((words) => listed(words.split(" ")))).toEqual([
    "",
    "a",
    "a and b",
    "a, b and c",
  ]);
});

it("check keeps within a terminal, and gives other programs a line for each finding", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-check-"));
  const { stdout } = process;
  const { isTTY, columns } = stdout;
  onTestFinished(() => {
    Object.assign(stdout, { isTTY, columns });
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, "edge.yaml"), stringify(edgeYaml()), { mode: 0o600 });
  const check = async (toTerminal: boolean) => {
    Object.assign(stdout, { isTTY: toTerminal, columns: 80 });
    return (await runInside(edgeProgram(), ["check"], folder)).stdout.trimEnd().split("\n");
  };
  const [piped, shown] = [await check(false), await check(true)];
  expect(Math.max(...piped.map((line) => line.length))).toBeGreaterThan(80);
  expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(shown.map((line) => line.trim()).join(" ")).toBe(piped.map((line) => line.trim()).join(" "));
});
