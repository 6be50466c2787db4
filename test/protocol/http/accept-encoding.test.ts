/** RFC 9110 section 12.5.3, value by value. */
import { describe, expect, it } from "vitest";
import {
  acceptedCodings,
  codingsToAsk,
  dictionaryCodings,
  MOST_MEMBERS,
  refusesIdentity,
} from "../../../protocol/http/accept-encoding.ts";

const asking = (...values: string[]): string[] => values.flatMap((value) => ["Accept-Encoding", value]);

describe("for a visitor, in its order", () => {
  it.each<[string, readonly string[]]>([
    ["gzip, deflate, br, zstd", ["br", "zstd", "gzip"]],
    ["gzip, br;q=0.9", ["gzip", "br"]],
    ["zstd;q=0.2, br;q=0.1, gzip;q=0.3", ["gzip", "zstd", "br"]],
    ["gzip;q=0.500, br;q=0.5", ["br", "gzip"]],
    ["X-GZIP ; Q=1.000", ["gzip"]],
    ["*", ["gzip", "zstd", "br"]],
    ["br;q=0, *", ["zstd", "gzip"]],
    ["*;q=0.1, br", ["br", "zstd", "gzip"]],
    ["*;q=0", []],
    ["gzip;q=0", []],
    ["gzip;q=0.3, identity;q=0.5", []],
    ["gzip;q=0.5, identity;q=0.5", ["gzip"]],
    ["br, identity;q=0.5, gzip;q=0.4", ["br"]],
    ["deflate, compress", []],
    ["", []],
    [", ,gzip,,", ["gzip"]],
    ["gzip;q=2", []],
    ["gzip;q=-1, br", ["br"]],
    ["gzip;q=0.1234, br", ["br"]],
    ["gzip;level=9, br", ["br"]],
    ['g zip, "br", zstd', ["zstd"]],
  ])("%j takes %j", (value, codings) => {
    expect(acceptedCodings(asking(value))).toEqual(codings);
    expect(acceptedCodings(asking(value)), "remembered").toEqual(codings);
  });

  it("without the field takes none, and does not refuse the body as it is", () => {
    expect(acceptedCodings([])).toEqual([]);
    expect(refusesIdentity([])).toBe(false);
  });

  it("may stand in several fields", () => {
    expect(acceptedCodings(asking("gzip;q=0.5", "br"))).toEqual(["br", "gzip"]);
  });
});

describe("the body as it is", () => {
  it.each([
    ["gzip", false],
    ["identity;q=0", true],
    ["*;q=0", true],
    ["gzip, *;q=0", true],
    ["*;q=0, identity;q=0.1", false],
    ["identity;q=nonsense", false],
    ["", false],
  ])("by %j is refused: %s", (value, refused) => {
    expect(refusesIdentity(asking(value))).toBe(refused);
  });
});

describe("of a web server is asked, in our order", () => {
  it.each<[string[], readonly string[]]>([
    [[], []],
    [asking("identity, gzip;q=0.5"), []],
    [asking("gzip, br"), ["br", "gzip"]],
    [asking("x-gzip;q=0.001"), ["gzip"]],
    [asking("*, zstd;q=0"), ["br", "gzip"]],
    [asking("identity"), []],
    [asking(""), []],
  ])("%j: %j", (fields, codings) => {
    expect(codingsToAsk(fields)).toEqual(codings);
  });
});

it("a value is read alike however many others come between, and however long it is", () => {
  const long = `${"x".repeat(300)}, br`;
  const first = [acceptedCodings(asking("br;q=0.7, gzip")), acceptedCodings(asking(long))];
  for (let i = 0; i < 200; i++) expect(acceptedCodings(asking(`gzip, x-${i}`))).toEqual(["gzip"]);
  expect([acceptedCodings(asking("br;q=0.7, gzip")), acceptedCodings(asking(long))]).toEqual(first);
  expect(first).toEqual([["gzip", "br"], ["br"]]);
});

it("of a list without end the first members are read, and no more", () => {
  const others = Array.from({ length: MOST_MEMBERS - 1 }, (_, i) => `x-${i}`).join(",");
  expect(acceptedCodings(asking(`${others},br,gzip`))).toEqual(["br"]);
  expect(dictionaryCodings(asking(`${others},dcz,dcb`))).toEqual(["dcz"]);
});
