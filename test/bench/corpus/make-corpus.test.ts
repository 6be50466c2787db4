/** bench/corpus/make-corpus.ts: the same seed makes the same corpus, which the harness reads, and nobody's files are harmed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FAMILY_KINDS, readCorpus } from "../../../bench/corpus/corpus.ts";
import { makeCorpus } from "../../../bench/corpus/make-corpus.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "make-corpus-test-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const filesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => statSync(join(folder, file)).isFile())
      .sort()
      .map((file) => [file, readFileSync(join(folder, file), "utf8")]),
  );

it("makes the same bytes from the same seed, and others from another", async () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => join(home, name)) as [string, string, string];
  await makeCorpus(a, { seed: 7, versions: 3 });
  await makeCorpus(b, { seed: 7, versions: 3 });
  await makeCorpus(c, { seed: 8, versions: 3 });
  expect(filesOf(a)).toEqual(filesOf(b));
  expect(filesOf(a)["demo-front/000.html"]).not.toBe(filesOf(c)["demo-front/000.html"]);
});

it("makes families of every kind, each version different from the one before", async () => {
  await makeCorpus(join(home, "corpus"), { seed: 1, versions: 5 });
  const corpus = readCorpus(join(home, "corpus"));
  expect(new Set(corpus.families.map((family) => family.kind))).toEqual(new Set(FAMILY_KINDS));
  for (const family of corpus.families) {
    expect(family.versions).toHaveLength(5);
    const bodies = family.versions.map(({ file }) => corpus.read(file).toString());
    expect(new Set(bodies).size, family.name).toBe(5);
  }
});

it("leaves a folder alone that holds something", async () => {
  writeFileSync(join(home, "mine.txt"), "precious");
  await expect(makeCorpus(home, { seed: 1, versions: 1 })).rejects.toThrow("is not empty; name a new folder");
  expect(readdirSync(home)).toEqual(["mine.txt"]);
});
