/**
 * Codings of both hops: a web server that compresses or not, visitors who accept or not. The body is right by its
 * Content-Encoding, and Vary, ETag, Content-Length and digests tell no lies. SPEC section "Encodings".
 */

import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldOf } from "../../protocol/http/head.ts";
import { pageOf } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { request, response } from "../kit/raw-requests.ts";
import { fieldIn, type RawResponse } from "../kit/raw-visitor.ts";

watchLeaks();

const CODECS = {
  gzip: { encode: gzipSync, decode: gunzipSync },
  br: { encode: brotliCompressSync, decode: brotliDecompressSync },
  zstd: { encode: zstdCompressSync, decode: zstdDecompressSync },
} as const;
type Name = keyof typeof CODECS;
const NAMES = Object.keys(CODECS) as Name[];

const decoded = (answer: RawResponse): Buffer => {
  const coding = fieldIn(answer, "content-encoding");
  return coding === undefined ? answer.body : CODECS[coding as Name].decode(answer.body);
};

/** A brotli decoder counts 16 MiB, the largest window that it may have to keep. */
const ROOMY = { memory: { budget: "128 MiB", perKey: "64 MiB" } };

/** Pairs whose web server is asked for codings (as one on another machine is) or not. */
const pairs: Record<"yes" | "no", RawPair> = {} as never;
beforeAll(async () => {
  pairs.yes = await openRawPair({ route: { askEncoded: "yes" }, origin: ROOMY });
  pairs.no = await openRawPair({ route: { askEncoded: "no" } });
});
afterAll(async () => {
  await pairs.yes[Symbol.asyncDispose]();
  await pairs.no[Symbol.asyncDispose]();
});

interface Visit {
  readonly target: string;
  readonly accepts?: string | undefined;
  readonly method?: string;
  readonly fields?: readonly string[];
}

const visit = async (
  pair: RawPair,
  { target, accepts, method = "GET", fields = [] }: Visit,
  answer: string,
): Promise<{ asked: string | undefined; got: RawResponse }> => {
  const own = accepts === undefined ? [] : [`Accept-Encoding: ${accepts}`];
  const { visitor, request: asked } = await pair.ask(request(`${method} ${target}`, [...own, ...fields]));
  asked.answer(answer);
  return { asked: asked.field("accept-encoding"), got: await visitor.response(method) };
};

const HTML = [
  "Content-Type: text/html",
  'ETag: "v1"',
  "Accept-Ranges: bytes",
  "Content-Digest: sha-256=:a:",
  "Repr-Digest: sha-256=:b:",
];
const page = (news: string) => pageOf(7, news);
const plain = (news: string, ...fields: readonly string[]) => response(200, [...HTML, ...fields], page(news));
const coded = (name: Name, news: string, ...fields: readonly string[]) =>
  response(200, [...HTML, `Content-Encoding: ${name}`, ...fields], CODECS[name].encode(page(news)));

/** Validators, ranges and digests are the web server's where nothing was coded or decoded, and gone where it was. */
const expectOneStory = (got: RawResponse, asItWas: boolean): void => {
  expect(fieldIn(got, "etag")).toBe(asItWas ? '"v1"' : 'W/"v1"');
  for (const name of ["accept-ranges", "content-digest", "repr-digest"])
    expect(fieldIn(got, name) !== undefined, name).toBe(asItWas);
  if (fieldIn(got, "content-length") !== undefined)
    expect(Number(fieldIn(got, "content-length"))).toBe(got.body.length);
};

describe.each(NAMES)("a page that the web server sends in %s", (name) => {
  it.each([
    ["accepts it", name, name],
    ["accepts only another", NAMES.find((each) => each !== name), NAMES.find((each) => each !== name)],
    ["refuses it", `${name};q=0, *`, name === "br" ? "zstd" : "br"],
  ])("reaches a visitor that %s, decodable; again as a delta", async (what, accepts, coding) => {
    const target = `/${name}/${what.replaceAll(" ", "-")}`;
    for (const news of ["one", "two"]) {
      const { got } = await visit(pairs.yes, { target, accepts }, coded(name, `${target} ${news}`));
      expect(fieldIn(got, "content-encoding")).toBe(coding);
      expect(decoded(got).equals(page(`${target} ${news}`))).toBe(true);
      expectOneStory(got, false);
      expect(fieldIn(got, "vary")).toBe("Accept-Encoding");
    }
    const { answer, answerBytes } = await pairs.yes.visitOf(target, 2);
    expect(answer).toBe("delta");
    expect(answerBytes).toBeLessThan(500);
  });

  it("unasked, reaches a visitor that accepts nothing as it would without us", async () => {
    const { asked, got } = await visit(pairs.no, { target: `/unasked/${name}` }, coded(name, "one"));
    expect(asked).toBeUndefined();
    expect(fieldIn(got, "content-encoding")).toBe(name);
    expect(decoded(got).equals(page("one"))).toBe(true);
    expectOneStory(got, true);
  });
});

describe("the web server is asked", () => {
  it.each([
    ["yes", "gzip, br;q=0.5", "br, gzip"],
    ["yes", "gzip;q=0, zstd", "zstd"],
    ["yes", undefined, undefined],
    ["no", undefined, undefined],
    ["no", "identity, gzip;q=0.1", "identity, gzip;q=0.1"],
    ["yes", "identity", "identity"],
    ["yes", "*", "zstd, br, gzip"],
    ["no", "gzip, br", "identity"],
  ] as const)("(askEncoded: %s) of a visitor's %s for %s", async (asks, accepts, expected) => {
    const { asked } = await visit(pairs[asks], { target: "/asked", accepts }, plain("one"));
    expect(asked).toBe(expected);
  });
});

describe("a page that the web server sends as it is", () => {
  it.each([
    ["br, zstd, gzip", "br"],
    ["gzip, deflate, br, zstd", "br"],
    ["zstd, gzip", "zstd"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["zstd;q=1.0, br;q=0.9", "zstd"],
    ["br;q=0, *", "zstd"],
    ["*", "gzip"],
    ["identity, br;q=0.5", undefined],
    ["deflate", undefined],
    ["", undefined],
    [undefined, undefined],
    ["gzip;q=0", undefined],
    ["gzip;q=banana", undefined],
  ])("reaches a visitor that accepts %j in %s; again as a delta", async (accepts, coding) => {
    const target = `/plain/${encodeURIComponent(String(accepts))}`;
    for (const news of ["one", "two"]) {
      const { got } = await visit(pairs.no, { target, accepts }, plain(`${target} ${news}`));
      expect(fieldIn(got, "content-encoding")).toBe(coding);
      expect(decoded(got).equals(page(`${target} ${news}`))).toBe(true);
      expectOneStory(got, coding === undefined);
      expect(fieldIn(got, "vary")).toBe("Accept-Encoding");
    }
    expect(await pairs.no.visitOf(target, 2)).toMatchObject({ answer: "delta" });
  });

  it("says the same to HEAD, without a length that would be another's", async () => {
    for (const pair of Object.values(pairs)) {
      const asked = { target: "/head", accepts: "br", method: "HEAD" };
      const { got } = await visit(
        pair,
        asked,
        `HTTP/1.1 200 OK\r\n${HTML.join("\r\n")}\r\nContent-Length: 9000\r\n\r\n`,
      );
      expectOneStory(got, false);
      expect([fieldIn(got, "content-encoding"), fieldIn(got, "content-length")]).toEqual(["br", undefined]);
    }
  });

  it.each([
    [
      "a small page, one of a kind that is compressed when it is larger",
      ["Content-Type: text/html"],
      "short",
    ],
    ["an image", ["Content-Type: image/png"], page("one").toString()],
    ["a page without a type", [], page("one").toString()],
  ])("is not compressed where it is %s: its length and its digests are its own", async (_, fields, body) => {
    const said = [...fields, "Content-Digest: sha-256=:a:", "Repr-Digest: sha-256=:a:"];
    const { got } = await visit(pairs.no, { target: "/not", accepts: "br" }, response(200, said, body));
    expect([fieldIn(got, "content-encoding"), got.body.toString(), got.framing]).toEqual([
      undefined,
      body,
      "length",
    ]);
    expect([fieldIn(got, "content-digest"), fieldIn(got, "repr-digest")]).toEqual([
      "sha-256=:a:",
      "sha-256=:a:",
    ]);
  });
});

describe("no-transform", () => {
  it.each([
    ["in the response", [], "Cache-Control: public, no-transform"],
    ["in the request", ["Cache-Control: no-transform"], "X-A: 1"],
  ])(
    "%s: neither compressed nor decoded, every validator and digest its own; the link still sends a delta",
    async (what, fields, said) => {
      const target = `/as-is/${what.replaceAll(" ", "-")}`;
      for (const [pair, body, own] of [
        [pairs.no, page(`${target} one`), []],
        [pairs.no, page(`${target} two`), []],
        [pairs.yes, gzipSync(page("one")), ["Content-Encoding: gzip"]],
      ] as const) {
        const { got } = await visit(
          pair,
          { target, accepts: "br, gzip", fields },
          response(200, [...HTML, said, ...own], body),
        );
        expect(got.body.equals(body)).toBe(true);
        expect([
          fieldIn(got, "etag"),
          fieldIn(got, "content-digest"),
          fieldIn(got, "repr-digest"),
          fieldIn(got, "accept-ranges"),
        ]).toEqual(['"v1"', "sha-256=:a:", "sha-256=:b:", "bytes"]);
        expect(fieldIn(got, "content-encoding")).toBe(own.length > 0 ? "gzip" : undefined);
      }
      expect(await pairs.no.visitOf(target, 2)).toMatchObject({ answer: "delta" });
    },
  );
});

it("a coding that is damaged goes on as it came, coded, and is never a page that looks complete", async () => {
  for (const name of NAMES) {
    const bytes = CODECS[name].encode(page("one"));
    const answer = response(200, [...HTML, `Content-Encoding: ${name}`], bytes.subarray(0, bytes.length - 9));
    const { got } = await visit(pairs.yes, { target: `/damaged/${name}`, accepts: name }, answer);
    expect([got.status, fieldOf(got.fields, "content-encoding")]).toEqual([200, name]);
    expect(got.body.equals(bytes.subarray(0, bytes.length - 9))).toBe(true);
  }
});
