/** What heads say once a body's coding changes: RFC 9110 sections 8.8.3, 12.5.5 and 13.1. */
import { describe, expect, it } from "vitest";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import {
  codedHead,
  codingOf,
  decodedHead,
  forbidsRecoding,
  isCoded,
  isUntouchable,
  mustKeepCoding,
  notModifiedHead,
} from "../../../protocol/http/representation.ts";

const headOf = (fields: HeaderList, status = 200) => ({ status, reason: "", fields });

const valuesIn = (fields: HeaderList, name: string): readonly string[] =>
  fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name);

describe("an entity tag", () => {
  it.each([
    ['"a"', 'W/"a"'],
    ['""', 'W/""'],
    ['"W/"', 'W/"W/"'],
    ['W/"a"', 'W/"a"'],
    ["unquoted", "unquoted"],
    ['"half', '"half'],
    ['"a" x', '"a" x'],
  ])("%s is given out as %s, whether coded or decoded", (tag, shown) => {
    const head = headOf(["etag", tag, "X-ETag", '"a"']);
    for (const { fields } of [codedHead(head, "br", 9), decodedHead(head)]) {
      expect(valuesIn(fields, "etag")).toEqual([shown]);
      expect(valuesIn(fields, "x-etag")).toEqual(['"a"']);
    }
    expect(valuesIn(codedHead(head, undefined, 9).fields, "etag")).toEqual([tag]);
  });
});

describe("a 304", () => {
  it.each([
    ["the weak form", ['W/"a"'], 'W/"a"'],
    ["the weak form among others", ['"b", W/"a" ,"c"'], 'W/"a"'],
    ["the weak form in a second field", ['"b"', 'W/"a"'], 'W/"a"'],
    ["the strong form", ['"a"'], '"a"'],
    ["both", ['W/"a", "a"'], '"a"'],
    ["neither", ['W/"b"'], '"a"'],
    ["a tag in which the weak form stands", ['"x, W/"', 'a""'], '"a"'],
    ["anything", ["*"], '"a"'],
    ["nothing", [], '"a"'],
  ])("to who holds %s says %3$s", (_, held, said) => {
    const request = held.flatMap((value) => ["If-None-Match", value]);
    const head = headOf(["ETag", '"a"', "Accept-Ranges", "bytes"], 304);
    const answer = notModifiedHead(head, request);
    if (said === '"a"') expect(answer).toBe(head);
    else expect(answer.fields).toEqual(["ETag", said, "Vary", "Accept-Encoding"]);
  });

  it("with a weak tag of the web server's own stays as it is", () => {
    const head = headOf(["ETag", 'W/"a"'], 304);
    expect(notModifiedHead(head, ["If-None-Match", 'W/"a"'])).toBe(head);
  });
});

describe("Vary", () => {
  it.each<[readonly string[], readonly string[]]>([
    [[], ["Accept-Encoding"]],
    [["Cookie"], ["Cookie, Accept-Encoding"]],
    [
      ["Cookie", "Accept"],
      ["Cookie, Accept-Encoding", "Accept"],
    ],
    [["accept-ENCODING"], ["accept-ENCODING"]],
    [["Cookie , Accept-Encoding"], ["Cookie , Accept-Encoding"]],
    [
      ["Cookie", "Accept-Encoding"],
      ["Cookie", "Accept-Encoding"],
    ],
    [["*"], ["*"]],
    [["X-Accept-Encoding"], ["X-Accept-Encoding, Accept-Encoding"]],
    [[""], ["Accept-Encoding"]],
  ])("%j becomes %j, and then stays", (vary, shown) => {
    const head = headOf(vary.flatMap((value) => ["Vary", value]));
    for (const once of [codedHead(head, "gzip", undefined), decodedHead(head)]) {
      expect(valuesIn(once.fields, "vary")).toEqual(shown);
      expect(valuesIn(codedHead(once, undefined, undefined).fields, "vary")).toEqual(shown);
    }
  });
});

describe("what is about one coding's bytes", () => {
  const ABOUT = ["Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5"];
  const head = headOf([...ABOUT.flatMap((name) => [name, "x"]), "Content-Length", "9", "X", "kept"]);

  it("is left out of a coded head, which gets its own length and coding", () => {
    expect(codedHead(head, "br", 5).fields).toEqual([
      "X",
      "kept",
      "Content-Encoding",
      "br",
      "Content-Length",
      "5",
      "Vary",
      "Accept-Encoding",
    ]);
  });

  it("stays in the head of a page that this visitor gets as it is", () => {
    expect(codedHead(head, undefined, undefined).fields).toEqual([...head.fields, "Vary", "Accept-Encoding"]);
  });

  it("is left out of a decoded head, with the length", () => {
    const coded = headOf([...head.fields, "Content-Encoding", "gzip"]);
    expect(decodedHead(coded).fields).toEqual(["X", "kept", "Vary", "Accept-Encoding"]);
  });
});

describe("no-transform", () => {
  it.each([
    [["no-transform"], true],
    [["public, No-Transform"], true],
    [["public no-transform"], true],
    [["no-transform;"], true],
    [["public", "max-age=3,no-transform"], true],
    [["no-transformation"], false],
    [["x-no-transform"], false],
    [["public"], false],
    [[], false],
  ] as const)("%j: %s", (values, forbids) => {
    const fields = values.flatMap((value) => ["Cache-Control", value]);
    expect(forbidsRecoding(fields)).toBe(forbids);
    expect(isUntouchable(fields)).toBe(forbids);
  });

  it.each(["Range", "If-Range", "If-Match"])(
    "is as good as said by %s, to who asks the web server",
    (name) => {
      expect([isUntouchable([name, "x"]), forbidsRecoding([name, "x"])]).toEqual([true, false]);
    },
  );

  it.each(["Want-Content-Digest", "Want-Repr-Digest", "Want-Digest"])("is as good as said by %s", (name) => {
    expect([isUntouchable([name, "sha-256=1"]), forbidsRecoding([name, "sha-256=1"])]).toEqual([true, true]);
  });

  it.each([
    [["Signature-Input", 'sig1=("@status" "content-digest");created=1'], true],
    [["Signature-Input", 'sig1=("@status" "ETag")'], true],
    [["Signature", 'keyId="a",headers="date digest",signature="x"'], true],
    [["Signature-Input", 'sig1=("@status" "x-content-digest" "content-type")'], false],
    [["Content-Digest", "sha-256=:a:"], false],
  ] as const)("or by a signature: %j, %s", (fields, keeps) => {
    expect(mustKeepCoding(fields)).toBe(keeps);
  });
});

describe("Content-Encoding", () => {
  it.each([
    [[], undefined, false],
    [[""], undefined, false],
    [["identity"], undefined, false],
    [["Identity "], undefined, false],
    [[" GZIP"], "gzip", true],
    [["x-gzip"], "gzip", true],
    [["compress"], undefined, true],
    [["gzip, br"], undefined, true],
    [["identity", "gzip"], undefined, true],
  ] as const)("%j is %s; coded: %s", (values, coding, coded) => {
    const fields = values.flatMap((value) => ["Content-Encoding", value]);
    expect([codingOf(fields), isCoded(fields)]).toEqual([coding, coded]);
  });
});
