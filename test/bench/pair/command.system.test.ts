/**
 * `coilgun-bench pair` as a user runs it, with tiny numbers: every process starts, every figure is there, nothing is
 * damaged, nothing is left behind. How large the figures are is not looked at.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgainstReport } from "../../../bench/pair/against.ts";
import { chosen, pairCommand } from "../../../bench/pair/command.ts";
import type { CorpusLatencyReport } from "../../../bench/pair/corpus-latency.ts";
import type { LatencyReport } from "../../../bench/pair/latency.ts";
import type { LoadReport } from "../../../bench/pair/load.ts";
import type { MemoryReport } from "../../../bench/pair/memory.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { benchProgram, programOf, ROOT } from "../../kit/run-command.ts";
import { runInside } from "../../kit/run-inside.ts";

watchLeaks();
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "bench-pair-test-"));
  mkdirSync(join(home, "temporary"));
});
afterEach(() => rmSync(home, { recursive: true }));

async function run(...args: readonly string[]) {
  const child = spawn(process.execPath, [benchProgram("main"), "pair", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // No wrk is found: it would take a second at least for each volley.
    env: { ...process.env, PATH: home, TMPDIR: join(home, "temporary") },
  });
  try {
    const [out, errors, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { out, errors, code: code as number | null };
  } finally {
    child.kill("SIGKILL");
  }
}

/** A checkout of this very program, in which it starts as quickly as here. */
const makeCheckout = (): string => {
  const folder = join(home, "checkout");
  for (const side of ["edge-side", "origin-side"] as const) {
    mkdirSync(join(folder, side), { recursive: true });
    writeFileSync(join(folder, side, "main.ts"), `import ${JSON.stringify(programOf(side))};\n`);
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
};

/** Runs with a report, which must be flawless. */
async function reportOf<Report>(...args: readonly string[]): Promise<{ report: Report; out: string }> {
  const file = join(home, "report.json");
  const { out, errors, code } = await run(...args, "--json", file);
  expect(code, `${out}\n${errors}`).toBe(0);
  expect(out).toContain("Every answer that was checked arrived byte for byte.");
  expect(readdirSync(join(home, "temporary"))).toEqual([]);
  return { report: JSON.parse(readFileSync(file, "utf8")) as Report, out };
}

describe("coilgun-bench pair", () => {
  it("times each way over an emulated link, alone and beside downloads", async () => {
    const { report } = await reportOf<LatencyReport>(
      ...["--link", "emulated", "--rtt", "6ms", "--rate", "10mbit", "--seconds", "0.05"],
      ...["--only", "page-10k,small,small-beside-bulk", "--warm-up", "0"],
    );
    const names = report.rows.map(({ name, encodings }) => `${name} ${encodings}`);
    expect(names).toEqual(["page-10k none", "page-10k gzip, br", "small none", "small-beside-bulk none"]);
    for (const { name, ways } of report.rows) {
      const bulk = name === "small-beside-bulk";
      expect(Object.keys(ways)).toEqual(bulk ? ["pair", "plain"] : ["pair", "plain", "straight"]);
      for (const { visits, wrong, ms, linkBytesPerVisit, downloadBitsPerSecond } of Object.values(ways)) {
        expect(visits).toBeGreaterThanOrEqual(3);
        expect(wrong).toBe(0);
        // No emulation is quicker than the link that it stands for.
        expect(ms?.p50).toBeGreaterThan(6 - 1);
        if (bulk) expect(downloadBitsPerSecond).toBeGreaterThan(0);
        else expect(linkBytesPerVisit).toBeGreaterThan(100);
      }
    }
    const [, compressed] = report.rows;
    const { pair, plain, straight } = compressed?.ways ?? {};
    expect(pair?.linkBytesPerVisit, "a delta").toBeLessThan((plain?.linkBytesPerVisit ?? 0) / 3);
    expect(plain?.linkBytesPerVisit, "gzip, as straight").toBeLessThan(
      2 * (straight?.linkBytesPerVisit ?? 0),
    );
  });

  it("times captured pages over an emulated link, beside an echo", async () => {
    const corpus = join(home, "corpus");
    mkdirSync(corpus);
    const versions = ["one", "two"].map((word) => {
      writeFileSync(join(corpus, word), `<p>${word}</p>`.repeat(1_000));
      return { file: word, bytes: 10_000 };
    });
    const family = { name: "front", kind: "timeseries", content_type: "text/html", versions };
    writeFileSync(join(corpus, "manifest.json"), JSON.stringify([family]));
    const { report } = await reportOf<CorpusLatencyReport>(
      ...["--corpus", corpus, "--rtt", "6ms", "--seconds", "0.05", "--warm-up", "2"],
    );
    expect(report.rows.map(({ encodings }) => encodings)).toEqual(["none", "gzip, deflate, br, zstd"]);
    for (const { meanBytes, echo, ways } of report.rows) {
      expect(meanBytes).toBe(10_000);
      for (const { visits, wrong, first, whole } of [echo, ways.pair, ways.plain]) {
        expect(visits).toBe(ways.pair.visits);
        expect(wrong).toBe(0);
        // No emulation is quicker than the link that it stands for.
        expect(first?.p50).toBeGreaterThan(6 - 1);
        expect(whole?.p50).toBeGreaterThanOrEqual(first?.p50 ?? 0);
      }
    }
  });

  it.runIf(process.platform === "linux")("counts requests, CPU and link bytes under load", async () => {
    const { report } = await reportOf<LoadReport>(
      ...["--load", "--seconds", "0.05", "--concurrency", "2", "--only", "changing-10k"],
    );
    expect(report.rows.map(({ encodings }) => encodings)).toEqual(["none", "gzip, br"]);
    for (const { ways } of report.rows) {
      for (const { requests, checked, errors, wrong, health } of Object.values(ways)) {
        expect(requests).toBeGreaterThan(0);
        expect(checked).toBeGreaterThanOrEqual(4);
        expect({ errors, wrong }).toEqual({ errors: 0, wrong: 0 });
        expect(Object.keys(health).length).toBeGreaterThan(0);
      }
      expect(ways.pair.linkBytesPerRequest).toBeGreaterThan(100);
      expect(ways.pair.linkBytesPerRequest).toBeLessThan(ways.plain.linkBytesPerRequest);
      expect(Object.keys(ways.pair.cpuMsPerRequest)).toEqual(["edge", "originSide", "webServer"]);
    }
    for (const peak of Object.values(report.peakBytes)) expect(peak).toBeGreaterThan(2 ** 20);
  });

  it.runIf(process.platform === "linux")(
    "compares this checkout with another: here, with itself",
    async () => {
      const other = makeCheckout();
      const { report, out } = await reportOf<AgainstReport>(
        ...["--load", "--against", other, "--rounds", "1", "--seconds", "0.05", "--concurrency", "2"],
        ...["--only", "changing-10k"],
      );
      expect(report).toMatchObject({ against: other, rounds: 1, seconds: 0.05, firstFlaws: [] });
      expect(report.driver).toContain("autocannon");
      expect(out).toContain("Driven by autocannon");
      expect(report.rows.map(({ encodings }) => encodings)).toEqual(["none", "gzip, deflate, br, zstd"]);
      for (const { rounds } of report.rows) {
        expect(rounds.length).toBe(1);
        for (const side of rounds.flatMap((round) => [round.this, round.that])) {
          expect(side.requests).toBeGreaterThan(0);
          expect(side).toMatchObject({ errors: 0, wrong: 0 });
        }
      }
      expect(report.median.requestsPerSecond).toBeGreaterThan(0);
      expect(report.geometricMean.requestsPerSecond).toBeGreaterThan(0);
    },
  );

  it("wants a load to compare with another checkout", async () => {
    const { code, stderr } = await runInside(pairCommand(), ["--against", ROOT], home);
    expect(code).not.toBe(0);
    expect(stderr).toContain("--against and --observed compare load: say --load too");
  });

  it("says what pages of a corpus need: a load for cases and other checkouts, wrk", async () => {
    const told = async (...args: readonly string[]) => (await runInside(pairCommand(), args, home)).stderr;
    for (const words of [["--only", "11kb"], ["--against", ROOT], ["--http2"], ["--link", "loopback"]])
      expect(await told("--corpus", home, ...words)).toContain("is about load: say --load too");
    expect(await told("--corpus", home)).toContain("is not a usable corpus");
    expect(await told("--load", "--http2")).toContain("belong to --load --corpus");
    if (process.platform === "linux")
      expect((await run("--load", "--corpus", home)).errors).toContain("needs wrk");
  });

  it.runIf(process.platform === "linux")("watches memory against its bound", async () => {
    const { report } = await reportOf<MemoryReport>("--memory", "--requests", "60", "--concurrency", "4");
    expect(report).toMatchObject({ requests: 60, wrong: 0 });
    for (const { peakBytes, atStartBytes } of Object.values(report.daemons)) {
      expect(peakBytes).toBeGreaterThanOrEqual(atStartBytes);
      expect(peakBytes).toBeLessThan(report.boundBytes);
    }
  });

  it.each([
    [["--seconds", "0"], "must be a number of seconds up to 600."],
    [["--seconds", "601"], "must be a number of seconds up to 600."],
    [["--concurrency", "1001"], "must be a whole number from 1 to 1000."],
    [["--rate", "fast"], "must be a rate such as 10mbit"],
    [["--load", "--rtt", "1ms"], "cannot be used with option '--load'"],
    [["--load", "--memory"], "cannot be used with"],
    [["--against", ".", "--memory"], "cannot be used with option"],
    [["--rounds", "0"], "must be a whole number from 1 to 99."],
  ])("refuses %j and says why", async (args, told) => {
    let errors = "";
    const command = pairCommand().exitOverride();
    command.configureOutput({
      writeErr: (text) => {
        errors += text;
      },
    });
    await expect(command.parseAsync([...args], { from: "user" })).rejects.toThrow();
    expect(errors).toContain(told);
  });
});

it("chooses cases in their usual order, each once", () => {
  expect(chosen(["c", "a", "a"], ["a", "b", "c"])).toEqual(["a", "c"]);
  expect(chosen(undefined, ["a", "b"])).toEqual(["a", "b"]);
  expect(() => chosen([""], ["a"])).toThrow("no case is named ; there are a");
});
