/** bench/pair/child-channel.ts and program.ts: questions find their answers, failures come back, nothing is waited for in vain. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ask } from "../../../bench/pair/child-channel.ts";
import { startProgram } from "../../../bench/pair/program.ts";
import { systemClock as clock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();
const CHANNEL = new URL("../../../bench/pair/child-channel.ts", import.meta.url).href;
let folder: string;
let child: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "child-channel-test-"));
  const file = join(folder, "child.mjs");
  writeFileSync(
    file,
    `import { answerQuestions } from ${JSON.stringify(CHANNEL)};
     answerQuestions("double", (number) => number * 2);
     answerQuestions("later", async (number) => number);
     answerQuestions("failure", () => { throw new Error("as asked"); });
     answerQuestions("end", () => process.exit(0));
     answerQuestions("silence", () => new Promise(() => undefined));
     process.channel.ref();`,
  );
  child = fork(file, { execArgv: [] });
});
afterEach(async () => {
  const ended = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  rmSync(folder, { recursive: true });
});

it("gives each question its own answer, of its own subject", async () => {
  const answers = await Promise.all([
    ask(child, "double", 4, { clock }),
    ask(child, "later", 5, { clock }),
    ask(child, "double", 6, { clock }),
  ]);
  expect(answers).toEqual([8, 5, 12]);
});

it("brings failures back", async () => {
  await expect(ask(child, "failure", undefined, { clock })).rejects.toThrow("as asked");
});

it("rejects when the child ends, and at once when it has ended before", async () => {
  await expect(ask(child, "end", 0, { clock })).rejects.toThrow("ended while it was asked for its end");
  await expect(ask(child, "double", 1, { clock })).rejects.toThrow("ended");
});

it("rejects when nobody answers in time, or the wait is aborted", async () => {
  await expect(ask(child, "silence", 0, { clock, withinMs: 5 })).rejects.toThrow("no answer within 5 ms");
  const aborted = AbortSignal.abort(new Error("interrupted"));
  await expect(ask(child, "silence", 0, { clock, signal: aborted })).rejects.toThrow("interrupted");
});

it("says which program did not start, and leaves nothing of it", async () => {
  await expect(startProgram("no-such-program", {}, { clock })).rejects.toThrow(
    "the no-such-program of the measurement did not start",
  );
});
