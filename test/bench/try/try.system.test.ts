/** `coilgun-bench try` as a person runs it, on a site that changes with each request and knows who asks. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { TRY_REPORT } from "../../../bench/try/try-report.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { benchProgram, startScript } from "../../kit/run-command.ts";

watchLeaks();
const SECRETS = ["jarsecret", "setsecret", "querysecret", "hush"];
let home: string;
const server = createServer();
let address: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "coilgun-try-"));
  address = await listenOnLoopback(server);
});
afterEach(() => {
  rmSync(home, { recursive: true });
  server.closeAllConnections();
  server.close();
});

const bench = (...words: readonly string[]) => startScript([benchProgram("main"), ...words], home);

it("measures a site, changes and all, and shows no secret of whoever asked", async () => {
  const rows = Array.from({ length: 400 }, (_, n) => `<li>row ${n} of the page ${n * n}</li>`).join("\n");
  let asked = 0;
  server.removeAllListeners("request").on("request", (request, response) => {
    asked += 1;
    response
      .writeHead(200, { "Content-Type": "text/html", "Set-Cookie": "kept=setsecret" })
      .end(`<p>${request.headers.cookie} ${asked}</p>${rows}`);
  });
  const jar = join(home, "jar.txt");
  writeFileSync(jar, "127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tjarsecret\n", { mode: 0o644 });
  const [json, html] = [join(home, "try.json"), join(home, "try.html")];
  // A report of before that others could read.
  writeFileSync(html, "", { mode: 0o644 });
  chmodSync(html, 0o644);
  const url = `http://me:hush@${address}/?token=querysecret`;
  const words = [
    "--visits",
    "3",
    "--every",
    "0s",
    "--rtt",
    "10ms",
    "--cookie-jar",
    jar,
    "--json",
    json,
    "--html",
    html,
  ];
  const { code, stdout, stderr } = await bench("try", url, ...words).ended;
  expect(code, stderr).toBe(0);
  const report = TRY_REPORT.parse(JSON.parse(readFileSync(json, "utf8")));
  expect(asked).toBe(3);
  expect(report).toMatchObject({ visits: 3, faults: 0, pages: [{ changed: 2 }] });
  expect(report.again?.link).toBeLessThan((report.again?.gzip ?? 0) / 4);
  expect(report.times.pair?.firstByteMs).toBeGreaterThanOrEqual(10);
  expect([json, html].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
  expect(stdout).toContain("byte for byte");
  expect(stderr).toContain("may be read by others");
  for (const text of [stdout, stderr, readFileSync(json, "utf8"), readFileSync(html, "utf8")])
    for (const secret of SECRETS) expect(text).not.toContain(secret);
});

it.each([
  { words: ["try", "ftp://a.test/"], says: "must begin with http:// or https://" },
  { words: ["replay"], says: "missing required argument 'folder'" },
  { words: ["nonsense"], says: "unknown command 'nonsense'" },
])("does not understand $words, and says so with exit code 2", async ({ words, says }) => {
  const { code, stderr } = await bench(...words).ended;
  expect(stderr).toContain(says);
  expect(code).toBe(2);
});

it("fails with exit code 1, and before it measures, where there is no site or no place for the report", async () => {
  const nobody = await bench("try", "http://127.0.0.1:1/").ended;
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("nobody listens there")]);
  const nowhere = await bench("try", "http://127.0.0.1:1/", "--html", join(home, "missing", "x.html")).ended;
  expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining("its folder is not there")]);
});

it("records to the last visit, though nothing else is open while it waits", async () => {
  server.removeAllListeners("request").on("request", (_, response) => response.end("a page"));
  const out = join(home, "capture");
  const words = ["--visits", "2", "--every", "100ms", "--out", out];
  const { code, stdout, stderr } = await bench("record", `http://${address}/`, ...words).ended;
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("Recorded 2 answers");
});
