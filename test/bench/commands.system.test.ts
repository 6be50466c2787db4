/**
 * `coilgun-bench replay` and `demo` as a user runs them: child processes that start real daemons. Small inputs, the
 * whole path: nothing is damaged, deltas are small, and nothing is left behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeCorpus } from "../../bench/corpus/make-corpus.ts";
import type { ReplayReport } from "../../bench/replay/replay-report.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { benchProgram } from "../kit/run-command.ts";

watchLeaks();
let home: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "bench-commands-test-"));
  mkdirSync(join(home, "temporary"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(home, { recursive: true });
});

/** Starts a command of the harness; its temporary files go to a folder of this test. */
function start(name: "main" | "demo", ...args: readonly string[]) {
  const child = spawn(process.execPath, [benchProgram(name), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: join(home, "temporary") },
  });
  children.push(child);
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([out, errors, [code]]) => ({ out, errors, code: code as number | null }),
  );
  return { child, ended };
}

const run = (name: "main" | "demo", ...args: readonly string[]) => start(name, ...args).ended;

const temporaryFiles = () => readdirSync(join(home, "temporary"));

it("replays a made corpus without a wrong byte, in deltas a fifth the size of gzip", async () => {
  const corpus = join(home, "corpus");
  expect(await run("main", "make-corpus", corpus, "--versions", "6")).toMatchObject({ code: 0 });
  const { out, errors, code } = await run("main", "replay", corpus, "--json", join(home, "report.json"));
  expect(code, `${out}\n${errors}`).toBe(0);
  expect(out).toContain("Every page arrived byte for byte.");
  expect(temporaryFiles()).toEqual([]);

  const { families, totals, links } = JSON.parse(
    readFileSync(join(home, "report.json"), "utf8"),
  ) as ReplayReport;
  expect(totals).toMatchObject({ exchanges: 5 * 5 + 2 + 2, mismatches: 0, errors: 0 });
  expect(totals.answers.delta).toBe(totals.exchanges);
  expect(links).toBe(1);
  for (const { name, kind, answerBytes, gzip6Bytes } of families) {
    expect(answerBytes, name).toBeLessThan(gzip6Bytes / (kind === "timeseries" ? 5 : 1.5));
  }
  expect(totals.linkBytesToEdge).toBeGreaterThan(totals.answerBytes);
  expect(totals.overheadBytesPerExchange).toBeLessThan(1500);
});

it("replays with the codec that was asked for", async () => {
  const corpus = join(home, "corpus");
  await makeCorpus(corpus, { seed: 1, versions: 3 });
  const { out, errors, code } = await run(
    "main",
    "replay",
    corpus,
    "--families",
    "demo-departures",
    "--codec",
    "vcdiff",
  );
  expect(code, `${out}\n${errors}`).toBe(0);
  expect(out).toMatch(/^demo-departures +2 .* 0\/2\/0\/0 /m);
});

it("refuses a folder that is no corpus, with the reason and exit code 1", async () => {
  const { out, errors, code } = await run("main", "replay", home);
  expect({ out, code }).toEqual({ out: "", code: 1 });
  expect(errors).toContain("manifest.json: no such file");
});

it("shows the demo: a row per page kind, every byte right, and ends by itself", async () => {
  const { out, errors, code } = await run("demo", "--seconds", "2");
  expect(code, `${out}\n${errors}`).toBe(0);
  for (const kind of ["front page", "article", "listing", "account", "API"]) {
    expect(out).toMatch(new RegExp(`^${kind} +8 `, "m"));
  }
  expect(out).toContain("Every page arrived byte for byte");
  expect(out, "a reader of a pipe knows what it waits for").toContain("Sending visits for 2 s");
  expect(out, "no terminal, no escape codes").not.toContain("\u001b");
  expect(temporaryFiles()).toEqual([]);
});

it("tells with each command's help how it is used", async () => {
  const { out, code } = await run("main", "try", "--help");
  expect(code).toBe(0);
  expect(out).toMatch(/^Example:\n {2}coilgun-bench try https:/m);
});

it("cleans up when it is interrupted", async () => {
  const { child, ended } = start("demo", "--seconds", "1", "--stay");
  let shown = "";
  child.stdout?.on("data", (piece) => {
    shown += piece;
    if (shown.includes("Ctrl-C ends")) child.kill("SIGINT");
  });
  const { code, out, errors } = await ended;
  expect(code, `${out}\n${errors}`).toBe(0);
  expect(temporaryFiles()).toEqual([]);
});
