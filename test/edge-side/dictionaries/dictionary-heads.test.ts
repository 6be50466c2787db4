/** What heads say of dictionaries. */
import { describe, expect, it } from "vitest";
import {
  asDictionary,
  isVersionedFile,
  mayUseDictionary,
  onDictionary,
  versionPattern,
} from "../../../edge-side/dictionaries/dictionary-heads.ts";

const headOf = (...fields: readonly string[]) => ({ status: 200, reason: "OK", fields });

describe("a file's next versions", () => {
  it.each([
    ["/assets/app.3f9a1c07.js", "/assets/app.*.js"],
    ["/assets/app-1.2.3.min.js", "/assets/app-*.min.js"],
    ["/main.BvX3kQ9a.css", "/main.*.css"],
    ["/wp-includes/js/jquery.min.js?ver=3.7.1", "/wp-includes/js/jquery.min.js?ver=*"],
    ["/data/table-v2.10.json", "/data/table-*.json"],
  ])("%s: %s", (target, pattern) => {
    expect(versionPattern(target)).toBe(pattern);
  });

  it.each([
    "/assets/app.js",
    "/assets/my-own-widget.js",
    "/a:b/app.3f9a1c07.js",
    "/a(b)/app.3f9a1c07.js",
    '/a"b/app.3f9a1c07.js',
    "/app.3f9a1c07.html",
    "/search.js?q=words",
    "/app.js?ver=1&user=2",
  ])("%s has none", (target) => {
    expect(versionPattern(target)).toBeUndefined();
  });

  it.each([
    ["max-age=31536000, immutable", true],
    ["public, max-age=3600", true],
    ["max-age=60", false],
    ["no-cache, max-age=31536000", false],
    ["", false],
  ])("under Cache-Control: %s", (said, worth) => {
    const head = headOf("Content-Type", "text/javascript", "Cache-Control", said);
    expect(isVersionedFile("/app.3f9a1c07.js", head)).toBe(worth);
  });

  it("the web server's own word stays", () => {
    const head = headOf("Use-As-Dictionary", 'match="/x"');
    expect(asDictionary("/app.3f9a1c07.js", head)).toBe(head);
  });
});

describe("an answer on a dictionary", () => {
  it("says only on what it depends where caches in front heed that", () => {
    const said = headOf("Vary", "Accept-Encoding", "Cache-Control", "public, max-age=9");
    expect(onDictionary(said, "caches").fields).toEqual([
      "Vary",
      "Accept-Encoding, Available-Dictionary",
      "Cache-Control",
      "public, max-age=9",
    ]);
  });

  it.each([
    [[], ["Vary", "Available-Dictionary", "Cache-Control", "private"]],
    [
      ["Vary", "Accept-Encoding", "Cache-Control", "max-age=9"],
      ["Vary", "Accept-Encoding, Available-Dictionary", "Cache-Control", "max-age=9, private"],
    ],
    [
      ["Vary", "*", "Cache-Control", "no-store, private"],
      ["Vary", "*", "Cache-Control", "no-store, private"],
    ],
  ])("is one visitor's, and says on what it depends: %j", (fields, said) => {
    expect(onDictionary(headOf(...fields), "visitor").fields).toEqual(said);
  });

  it.each(["CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires", "Cloudflare-CDN-Cache-Control"])(
    "there is none where %s may have it kept for others",
    (name) => {
      expect(mayUseDictionary(headOf(name, "60"))).toBe(false);
      expect(mayUseDictionary(headOf("Cache-Control", "max-age=60"))).toBe(true);
    },
  );
});
