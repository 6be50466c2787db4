/** A command inside the test's own process, for what it says and how it ends; a process of its own takes half a second to start. */
import type { Command } from "commander";
import { vi } from "vitest";
import { runProgram } from "../../protocol/daemon/cli.ts";
import type { Ended } from "./run-command.ts";

/** Runs it to its end; files are named from `cwd`. */
export const runInside = async (program: Command, words: readonly string[], cwd: string): Promise<Ended> => {
  const heard = { stdout: "", stderr: "" };
  const writes = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      heard[name] += text;
      return true;
    }),
  );
  const [folder, exitCode] = [process.cwd(), process.exitCode];
  process.chdir(cwd);
  process.exitCode = 0;
  try {
    await runProgram(program, words);
    return { code: Number(process.exitCode), ...heard };
  } finally {
    process.exitCode = exitCode;
    process.chdir(folder);
    for (const write of writes) write.mockRestore();
  }
};
