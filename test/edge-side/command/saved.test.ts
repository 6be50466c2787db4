/** edge-side/command/saved.ts: sums of an access log, whatever else stands in it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import {
  MOST_HOSTS,
  readSavings,
  Savings,
  savingsJson,
  savingsText,
} from "../../../edge-side/command/saved.ts";
import { Complaint } from "../../../protocol/runtime/user-error.ts";

const folder = mkdtempSync(join(tmpdir(), "coilgun-saved-"));
afterAll(() => rmSync(folder, { recursive: true }));

const record = (fields: object) =>
  JSON.stringify({ host: "a.test", method: "GET", target: "/", status: 200, ...fields });
const LINES = [
  record({ answer: "delta", pageBytes: 100_000, answerBytes: 500 }),
  record({ answer: "same", pageBytes: 100_000, answerBytes: 0, host: "b.test" }),
  record({ answer: "whole", reason: "first-visit", pageBytes: 100_000, answerBytes: 20_000 }),
  record({ answer: "passed", reason: "no-body", pageBytes: 0, answerBytes: 0 }),
  record({ status: 503 }),
  JSON.stringify({ stream: 1, host: "a.test", originMs: 3 }),
  JSON.stringify({ level: "info", event: "ready" }),
  "",
  '{"host":"a.test","target":"/","answer":"del',
  '192.0.2.1 - - [29/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5',
  "null",
  `{"target":"${"x".repeat(300_000)}"}`,
].join("\n");

const FOUND = {
  answers: 4,
  pageBytes: 300_000,
  answerBytes: 20_500,
  byAnswer: {
    delta: { answers: 1, pageBytes: 100_000, answerBytes: 500 },
    same: { answers: 1, pageBytes: 100_000, answerBytes: 0 },
    whole: { answers: 1, pageBytes: 100_000, answerBytes: 20_000 },
    passed: { answers: 1, pageBytes: 0, answerBytes: 0 },
  },
  byReason: {
    "first-visit": { answers: 1, pageBytes: 100_000, answerBytes: 20_000 },
    "no-body": { answers: 1, pageBytes: 0, answerBytes: 0 },
  },
  byHost: {
    "a.test": { answers: 3, pageBytes: 200_000, answerBytes: 20_500 },
    "b.test": { answers: 1, pageBytes: 100_000, answerBytes: 0 },
  },
  unanswered: 1,
  ofOriginSide: 1,
  broken: 5,
};

const file = (name: string, bytes: string | Buffer): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

it.each([
  { from: "a file", read: () => readSavings([file("access.log", LINES)], Readable.from([])) },
  {
    from: "a packed file",
    read: () => readSavings([file("access.log.gz", gzipSync(LINES))], Readable.from([])),
  },
  {
    from: "standard input, in pieces that end anywhere",
    read: () => readSavings(["-"], Readable.from(piecesOf(Buffer.from(LINES)))),
  },
])("sums up $from", async ({ read }) => {
  expect(JSON.parse(savingsJson(await read()))).toEqual(FOUND);
});

const piecesOf = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / 777) }, (_, at) => bytes.subarray(at * 777, (at + 1) * 777));

it("says it in 80 columns, with the reasons in words and what was passed over", async () => {
  const text = savingsText(await readSavings([file("access.log", LINES)], Readable.from([])));
  expect(text).toContain("4 answers: pages of 293 KiB crossed the link as 20.0 KiB, 6.83 % of them.");
  expect(text).toContain("first-visit: nothing was known of the page");
  expect(text).toContain("5 lines passed over: no access records");
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

it("counts pages of web servers that were asked straight as no saving on the link", () => {
  const savings = new Savings();
  for (const answer of ["direct", "fallback", "direct"]) savings.add(record({ answer, pageBytes: 50_000 }));
  expect(savingsText(savings)).toMatch(/^No page crossed a link\.\n/);
  expect(savingsText(savings)).toContain("3 answers without a link");
  savings.add(record({ answer: "delta", pageBytes: 100_000, answerBytes: 500 }));
  expect(savingsText(savings)).toMatch(
    /^1 answer: pages of 97.7 KiB crossed the link as 500 B, 0\.50 % of them\.\n/,
  );
});

it("says of each reason what it means, of those of a fallback too", () => {
  const savings = new Savings();
  for (const reason of ["no-link", "link-silent", "\u001b[2J"])
    savings.add(record({ answer: "fallback", reason, pageBytes: 50_000 }));
  const text = savingsText(savings);
  expect(text).toContain("no-link: no link took requests of the host, and its fallback was asked.");
  expect(text).toContain("link-silent: all links were silent, and the host's fallback was asked.");
  expect(text).not.toContain("\u001b");
});

it("keeps a bounded number of hosts, and lets none of them move the cursor", () => {
  const savings = new Savings();
  for (let n = 0; n < MOST_HOSTS + 50; n++)
    savings.add(record({ host: `\u001b[2J${n}.test`, answer: "delta", pageBytes: 1_000, answerBytes: 1 }));
  expect(savings.byHost.size).toBe(MOST_HOSTS + 1);
  expect(savings.byHost.get("(other hosts)")?.answers).toBe(50);
  expect(savingsText(savings)).not.toContain("\u001b");
});

it.each([
  { what: "is a folder", name: () => folder, said: "is a folder; name the files in it" },
  { what: "is not there", name: () => join(folder, "missing.log"), said: "there is no file" },
  {
    what: "is packed and cut off",
    name: () => file("cut.gz", gzipSync(LINES).subarray(0, 60)),
    said: "cannot be read to its end",
  },
])("says which file $what", async ({ name, said }) => {
  const reading = readSavings([name()], Readable.from([]));
  await expect(reading).rejects.toThrow(Complaint);
  await expect(reading).rejects.toThrow(said);
});

it("says what to look at where a log has no answers", () => {
  const text = savingsText(new Savings());
  expect(text).toContain("is this the access log of an edge");
  expect(text).not.toContain("On the link");
});
