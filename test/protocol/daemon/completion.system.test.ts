import { execFileSync } from "node:child_process";
import { Argument, Command } from "commander";
import { expect, it } from "vitest";
import { bashCompletion } from "../../../protocol/daemon/completion.ts";

const program = new Command("coilgun-edge");
program.command("run").option("-c, --config <file>", "");
program.command("reload").option("--json", "");
program.command("completion").addArgument(new Argument("<shell>", "").choices(["bash"]));

/** What bash offers for the last of the words. */
const offered = (...words: readonly string[]): string[] => {
  const list = words.map((word) => `'${word}'`).join(" ");
  const script = `${bashCompletion(program)}\nCOMP_WORDS=(coilgun-edge ${list}); COMP_CWORD=${words.length}; _coilgun_edge; echo "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim().split(" ");
};

it("completes commands, then the options and choices of the one that is written", () => {
  expect(offered("r")).toEqual(["run", "reload"]);
  expect(offered("run", "--")).toEqual(["--config", "--help"]);
  expect(offered("completion", "b")).toEqual(["bash"]);
  expect(offered("nonsense", "")).toEqual([""]);
});
