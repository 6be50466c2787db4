/**
 * `coilgun-bench kills`: a process that writes a file of versions is killed at any moment, again and again; after each the file is
 * opened, and all of it is read: nothing may be wrong, and nothing missing that was put a second before.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { type Clock, systemChance, systemClock } from "../../protocol/runtime/clock.ts";
import { VersionFile } from "../../protocol/tier/disk/version-file.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import { madeUpVersion, PARTITION, urlOf } from "./made-up-version.ts";

const MOST_VERSIONS = 10_000_000;
const MOST_KILLS = 10_000;
const FILE_BYTES = 2 * 2 ** 30;
/** A kill comes within this time of the first version. */
const LONGEST_MS = 600;
/** What was put so long before a kill must be there. */
const MAY_BE_LOST_MS = 1_000;
const FILLED_AT_ONCE = 500;
const WRITER = fileURLToPath(new URL(`./kill-writer${extname(import.meta.url)}`, import.meta.url));

interface KillsOptions {
  readonly count: number;
  /** Versions that are in the file before. */
  readonly versions: number;
  readonly clock: Clock;
  readonly chance: () => number;
  readonly signal?: AbortSignal | undefined;
  /** In place of kill-writer beside this file: the same, built. */
  readonly writer?: string;
}

interface KillsReport {
  readonly kills: number;
  /** Versions that were in the file in the end. */
  readonly versions: number;
  /** Versions that were read and not what their fingerprints say, and files that SQLite finds damaged or that were made anew. */
  readonly wrong: number;
  /** Versions that were put more than a second before a kill, and are not there. */
  readonly missing: number;
  /** Milliseconds of the slowest opening after a kill. */
  readonly slowestOpenMs: number;
}

/** Removes its file afterwards. Rejects when the writer cannot be started. @internal */
export const killAgainAndAgain = async (options: KillsOptions): Promise<KillsReport> => {
  const { clock, count, versions, signal } = options;
  const folder = mkdtempSync(join(tmpdir(), "coilgun-kills-"));
  const path = join(folder, "versions");
  const found = { wrong: 0, missing: 0, slowestOpenMs: 0, versions: 0 };
  let next = versions;
  try {
    fill(path, versions, clock);
    for (let kill = 0; kill < count; kill++) {
      signal?.throwIfAborted();
      const put = await writeAndKill(path, next, options);
      const startedAt = clock.now();
      const file = new VersionFile(settingsOf(path));
      found.slowestOpenMs = Math.max(found.slowestOpenMs, clock.now() - startedAt);
      if (file.madeAnew !== undefined) found.wrong++;
      const before = file.count;
      for (const { number, age } of put) {
        const [version] = file.listed(PARTITION, [{ scopeKey: "public", key: urlOf(number) }]);
        if (version === undefined && age > MAY_BE_LOST_MS) found.missing++;
      }
      // What is wrong is erased when it is read.
      found.wrong += before - file.count;
      found.versions = file.count;
      file.close();
      found.wrong += kill === count - 1 ? problemsIn(path) : 0;
      next += put.length;
    }
    return { kills: count, ...found };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const settingsOf = (path: string) => ({
  path,
  bytes: FILE_BYTES,
  storeKey: undefined,
  sessionMs: 3_600_000,
});

const fill = (path: string, versions: number, clock: Clock): void => {
  const file = new VersionFile(settingsOf(path));
  for (let from = 0; from < versions; from += FILLED_AT_ONCE)
    file.put(
      Array.from({ length: Math.min(FILLED_AT_ONCE, versions - from) }, (_, i) => madeUpVersion(from + i, 1)),
      clock.today(),
    );
  file.close();
};

const problemsIn = (path: string): number => {
  const database = new DatabaseSync(path);
  const rows = database.prepare("PRAGMA integrity_check").all();
  database.close();
  return rows.filter(({ integrity_check: said }) => said !== "ok").length;
};

/** The versions that the writer said it had put, and for how many milliseconds when it was killed. */
const writeAndKill = async (
  path: string,
  from: number,
  { clock, chance, signal, writer = WRITER }: KillsOptions,
): Promise<{ readonly number: number; readonly age: number }[]> => {
  const words = ["--disable-warning=ExperimentalWarning", writer, path, String(from), String(FILE_BYTES)];
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, words, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const put: { number: number; at: number }[] = [];
  const opened = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line === "open") opened.resolve();
    else put.push({ number: Number(line), at: clock.now() });
  });
  const ended = once(child, "close").then(() => opened.reject(new Error("the writer ended by itself")));
  let killedAt = 0;
  try {
    await opened.promise;
    await clock.sleep(chance() * (LONGEST_MS + MAY_BE_LOST_MS), signal);
    killedAt = clock.now();
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  return put.map(({ number, at }) => ({ number, age: killedAt - at }));
};

export const killsCommand = (): Command =>
  new Command("kills")
    .description(
      "kill a process that writes a file of versions, again and again, and read all of it each time",
    )
    .option("--count <number>", "kills", wholeNumberFrom(0, MOST_KILLS), 200)
    .option(
      "--versions <number>",
      "versions that are in the file before",
      wholeNumberFrom(0, MOST_VERSIONS),
      100_000,
    )
    .action((flags: { readonly count: number; readonly versions: number }) =>
      interruptible(async (signal) => {
        const report = await killAgainAndAgain({
          ...flags,
          clock: systemClock,
          chance: systemChance,
          signal,
        });
        const { kills, versions, wrong, missing, slowestOpenMs } = report;
        process.stdout.write(
          `${kills} kills, ${versions} versions in the end: ${wrong} wrong, ${missing} missing that were put more than a second before; the slowest opening took ${Math.round(slowestOpenMs)} ms\n`,
        );
        return wrong + missing === 0 ? 0 : 1;
      }),
    );
