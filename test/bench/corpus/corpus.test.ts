/** bench/corpus/corpus.ts: a good corpus is read as it is; each mistake in one is named, with its place. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CorpusError, MOST_PROBLEMS_SHOWN, onlyFamilies, readCorpus } from "../../../bench/corpus/corpus.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "corpus-test-"));
  mkdirSync(join(folder, "front"));
  writeFileSync(join(folder, "front/000.html"), "first");
  writeFileSync(join(folder, "front/001.html"), "second");
});
afterEach(() => rmSync(folder, { recursive: true }));

const front = (changes: object = {}) => ({
  name: "front",
  kind: "timeseries",
  content_type: "text/html",
  versions: [
    { file: "front/000.html", bytes: 5 },
    { file: "front/001.html", bytes: 6 },
  ],
  ...changes,
});

const write = (manifest: unknown) =>
  writeFileSync(
    join(folder, "manifest.json"),
    typeof manifest === "string" ? manifest : JSON.stringify(manifest),
  );

const problemsOf = (manifest: unknown): readonly string[] => {
  write(manifest);
  try {
    readCorpus(folder);
  } catch (error) {
    if (error instanceof CorpusError) return error.problems;
    throw error;
  }
  return [];
};

describe("a good corpus", () => {
  it("is read in the order of its manifest, with fields that are only for people left out", () => {
    write([front({ site: "example.org", source: { repo: "x" } })]);
    expect(readCorpus(folder).families).toEqual([
      {
        name: "front",
        kind: "timeseries",
        site: "example.org",
        contentType: "text/html",
        versions: [
          { file: "front/000.html", bytes: 5 },
          { file: "front/001.html", bytes: 6 },
        ],
      },
    ]);
  });

  it("gives the bytes of a version", () => {
    write([front()]);
    expect(readCorpus(folder).read("front/001.html").toString()).toBe("second");
  });

  it("refuses to read what its manifest does not name", () => {
    write([front()]);
    expect(() => readCorpus(folder).read("manifest.json")).toThrow("not named by manifest.json");
  });

  it("keeps only the families that are asked for, and says which are missing", () => {
    write([front(), front({ name: "other" })]);
    const corpus = readCorpus(folder);
    expect(onlyFamilies(corpus, ["other"]).families.map((family) => family.name)).toEqual(["other"]);
    expect(() => onlyFamilies(corpus, ["nope"])).toThrow(
      "no family nope in this corpus; it has: front, other",
    );
  });
});

describe("a bad corpus", () => {
  const version = (file: string, bytes = 5) => front({ versions: [{ file, bytes }] });
  const CASES: readonly { readonly what: string; readonly manifest: unknown; readonly says: RegExp }[] = [
    { what: "not JSON", manifest: "[", says: /^manifest\.json: not JSON/ },
    {
      what: "an object instead of an array",
      manifest: {},
      says: /^manifest\.json: must be an array of families/,
    },
    { what: "no family", manifest: [], says: /names no family/ },
    { what: "an unknown kind", manifest: [front({ kind: "series" })], says: /^manifest\.json\[0\]\.kind: / },
    {
      what: "a name that is no DNS label",
      manifest: [front({ name: "Front_Page" })],
      says: /\[0\]\.name: .*DNS label/,
    },
    {
      what: "a name one too long",
      manifest: [front({ name: "a".repeat(64) })],
      says: /at most 63 characters/,
    },
    {
      what: "a content type without a slash",
      manifest: [front({ content_type: "html" })],
      says: /content_type: .*text\/html/,
    },
    {
      what: "no versions",
      manifest: [front({ versions: [] })],
      says: /versions: needs at least one version/,
    },
    {
      what: "bytes that are no number",
      manifest: [front({ versions: [{ file: "a", bytes: "5" }] })],
      says: /versions\[0\]\.bytes/,
    },
    {
      what: "a path out of the folder",
      manifest: [version("front/../../etc/passwd")],
      says: /inside the corpus folder/,
    },
    { what: "an absolute path", manifest: [version("/etc/passwd")], says: /inside the corpus folder/ },
    {
      what: "a path with backslashes",
      manifest: [version("front\\000.html")],
      says: /inside the corpus folder/,
    },
    {
      what: "a missing file",
      manifest: [version("front/009.html")],
      says: /^front\/009\.html: no such file, but family front/,
    },
    { what: "a folder as a file", manifest: [version("front")], says: /^front: not a file/ },
    { what: "a wrong size", manifest: [version("front/001.html")], says: /has 6 bytes, the manifest says 5/ },
    { what: "two families of one name", manifest: [front(), front()], says: /family front is there twice/ },
  ];
  it.each(CASES)("names $what", ({ manifest, says }) => {
    const problems = problemsOf(manifest);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(says);
  });

  it("accepts a name of exactly 63 characters", () => {
    expect(problemsOf([front({ name: "a".repeat(63) })])).toEqual([]);
  });

  it("says so when there is no manifest", () => {
    expect(() => readCorpus(folder)).toThrow("manifest.json: no such file");
  });

  it("reports all problems at once, shows the first 20 and counts the rest", () => {
    const versions = Array.from({ length: MOST_PROBLEMS_SHOWN + 3 }, (_, at) => ({
      file: `gone/${at}`,
      bytes: 1,
    }));
    write([front({ versions })]);
    expect(() => readCorpus(folder)).toThrow(/gone\/19: no such file[^\n]*\n {2}and 3 more$/);
    expect(problemsOf([front({ versions })])).toHaveLength(MOST_PROBLEMS_SHOWN + 3);
  });
});
