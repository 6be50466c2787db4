import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  formulaNamed,
  formulasLike,
  isEntityTag,
  isHashed,
  nameOf,
  placeOfTag,
  type TaggedPage,
  tagBy,
} from "../../../protocol/frames/etag-formulas.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { seeded } from "../../kit/random.ts";

const pageOf = (text: string | Buffer): TaggedPage => {
  const body = Buffer.from(text);
  return { body, fingerprint: fingerprintOf(body) };
};

/** Number, who makes it, a body, its tag as they document or test it. */
const KNOWN: readonly (readonly [number, string, string, string])[] = [
  [0, "etag of npm, nothing", "", '"0-2jmj7l5rSw0yVb/vlWAYkK/YBwk"'],
  [0, "etag of npm, {}", "{}", '"2-vyGp6PvFo4RvsFtPoIWeCReyIC8"'],
  [0, "etag of npm, []", "[]", '"2-l9Fw4VUO7kr8CvBlt4zaMCqXZ0w"'],
  [1, "Django", "hello", '"5d41402abc4b2a76b9719d911017c592"'],
  [2, "Werkzeug", "hello", '"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"'],
  [3, "Rack", "hello", '"2cf24dba5fb0a30e26e83b2ac5b9e29e"'],
  [4, "Spring", "Hello World", '"0b10a8db164e0754105b7a99be72e3fe5"'],
  [5, "Fastify", "hello world", '"Kq5sNclPz7QV2+lfQIuc6R7oRu0="'],
];

describe("a tag", () => {
  it.each(KNOWN)("by formula %i: %s", (number, _, text, tag) => {
    const page = pageOf(text);
    expect(tagBy({ number, weak: false }, page)).toBe(tag);
    expect(tagBy({ number, weak: true }, page)).toBe(`W/${tag}`);
    expect(formulasLike(tag, page.body.length)).toContainEqual({ number, weak: false });
    expect(formulasLike(`W/${tag}`, page.body.length)).toContainEqual({ number, weak: true });
  });

  it("of the same body is another one by another formula", () => {
    const page = pageOf("one body");
    const tags = KNOWN.map(([number]) => tagBy({ number, weak: false }, page));
    expect(new Set(tags).size).toBe(6);
    expect(KNOWN.map(([number]) => tagBy({ number, weak: false }, page))).toEqual(tags);
  });

  it("of random bodies is found again by its look, with one hash at most", () => {
    const random = seeded();
    const hex = (algorithm: string, body: Buffer) => createHash(algorithm).update(body).digest("hex");
    const written: readonly ((body: Buffer) => string)[] = [
      (body) =>
        `${body.length.toString(16)}-${createHash("sha1").update(body).digest().toString("base64").slice(0, 27)}`,
      (body) => hex("md5", body),
      (body) => hex("sha1", body),
      (body) => hex("sha256", body).slice(0, 32),
      (body) => `0${hex("md5", body)}`,
      (body) => createHash("sha1").update(body).digest().toString("base64"),
    ];
    for (let round = 0; round < 200; round++) {
      const page = pageOf(random.bytes(random.int(0, 5_000)));
      for (const [number, write] of written.entries()) {
        const tag = `${round % 2 === 0 ? "" : "W/"}"${write(page.body as Buffer)}"`;
        const like = formulasLike(tag, page.body.length);
        const fitting = like.filter((formula) => tagBy(formula, page) === tag);
        expect(fitting, tag).toEqual([{ number, weak: round % 2 === 1 }]);
        expect(like.filter(isHashed).length).toBeLessThanOrEqual(1);
        if (like.length > 1) expect(isHashed(like[0] ?? fitting[0] ?? { number, weak: false })).toBe(false);
      }
    }
  });

  it.each([
    ["nothing", ""],
    ["a star", "*"],
    ["nginx's", '"5e1b3c00-1a2b"'],
    ["Apache's", '"2d-432a5e4a73a80"'],
    ["one without quotes", "5d41402abc4b2a76b9719d911017c592"],
    ["one without its first quote", '5d41402abc4b2a76b9719d911017c592"'],
    ["one in capitals", '"5D41402ABC4B2A76B9719D911017C592"'],
    ["a weak sign in lower case", 'w/"5d41402abc4b2a76b9719d911017c592"'],
    ["one character less", '"5d41402abc4b2a76b9719d911017c59"'],
    ["one that is no hash", '"zd41402abc4b2a76b9719d911017c592"'],
    ["another size", '"3-vyGp6PvFo4RvsFtPoIWeCReyIC8"'],
    ["a size in capitals or zeros", '"02-vyGp6PvFo4RvsFtPoIWeCReyIC8"'],
    ["an upload in parts", '"5d41402abc4b2a76b9719d911017c592-5"'],
    ["two of them", '"aa", "5d41402abc4b2a76b9719d911017c592"'],
  ])("that looks like none: %s", (_, tag) => {
    expect(formulasLike(tag, 2)).toEqual([]);
  });
});

describe("the name of a formula", () => {
  it("is one control character, another one for each", () => {
    const all = [0, 1, 2, 3, 4, 5].flatMap((number) => [
      { number, weak: false },
      { number, weak: true },
    ]);
    expect(all.map(nameOf).join("")).toBe("\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b");
    expect(all.map(nameOf).map(formulaNamed)).toEqual(all);
  });

  it.each(["", "\x0f", "\x1c", "\x1f", " ", "\x10\x10", '"a"', "\x90", "\u0110"])("is not %j", (value) => {
    expect(formulaNamed(value)).toBeUndefined();
  });
});

describe("the one ETag of a head", () => {
  it.each<[readonly string[], number | undefined]>([
    [[], undefined],
    [["A", "etag"], undefined],
    [["A", "b", "eTaG", "x"], 3],
    [["ETag", "x", "A", "ETag"], 1],
    [["ETag", "x", "etag", "x"], undefined],
    [["E-Tag", "x"], undefined],
  ])("of %j stands at %j", (list, place) => {
    expect(placeOfTag(list)).toBe(place);
  });
});

it.each([
  ['"a"', true],
  ['W/"a!~\x80\xff"', true],
  ['""', true],
  ['"a"b"', false],
  ['"a\r\nX: y"', false],
  ['"\x10"', false],
  ['"a b"', false],
  ["a", false],
  ["", false],
  ['w/"a"', false],
])("whether %j is an entity tag: %s", (value, is) => {
  expect(isEntityTag(value)).toBe(is);
});
