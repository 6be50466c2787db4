import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  constants as zlib,
  zstdCompressSync,
} from "node:zlib";
import { describe, expect, it } from "vitest";
import { MOST_GROWTH } from "../../../origin-side/answer/decompress.ts";
import { needsLargeWindow } from "../../../origin-side/answer/first-bytes.ts";
import type { Route } from "../../../origin-side/config/route-config.ts";
import { fieldOf } from "../../../protocol/http/head.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { RawOrigin } from "../../kit/raw-origin.ts";
import { routeTo } from "../../protocol/asking.ts";
import { type Answer, Answering } from "../answering.ts";

watchLeaks();

const PAGE = Buffer.from(`<html>${"<p>a page that shrinks".repeat(200)}</html>`);
const HALF = PAGE.length >> 1;
const HALVES = [PAGE.subarray(0, HALF), PAGE.subarray(HALF)] as const;

const HTML = ["Content-Type: text/html"];
const EVERY: HeaderList = ["Accept-Encoding", "zstd, br, gzip"];

interface Given {
  readonly coding: string;
  readonly bytes: Buffer;
  readonly status?: string;
  readonly fields?: readonly string[];
  readonly method?: string;
  readonly asks?: HeaderList;
  readonly askEncoded?: Route["askEncoded"];
  readonly pageBytes?: number;
  /** Bytes of one write; all of them if it is left out. */
  readonly pieces?: number;
  readonly length?: number | undefined;
}

/** What the web server was asked for, and what the edge gets of its answer. */
const passing = async (options: Given): Promise<Answer & { readonly acceptEncoding: string | undefined }> => {
  await using origin = await RawOrigin.listen();
  const route = routeTo(origin.port, { askEncoded: options.askEncoded ?? "yes" });
  await using answering = await Answering.through(route, { pageBytes: options.pageBytes ?? 2 ** 20 });
  const asked = answering.ask(options.method ?? "GET", "/", { fields: options.asks ?? EVERY });
  const connection = await origin.next();
  const head = await connection.head();
  const acceptEncoding = head.find((line) => /^accept-encoding:/i.test(line))?.slice(17);
  const length = "length" in options ? options.length : options.bytes.length;
  const fields = [
    `Content-Encoding: ${options.coding}`,
    ...(length === undefined ? [] : [`Content-Length: ${length}`]),
    ...(options.fields ?? HTML),
  ];
  connection.write(`HTTP/1.1 ${options.status ?? "200 OK"}\r\n${fields.join("\r\n")}\r\n\r\n`);
  const step = options.pieces ?? Math.max(1, options.bytes.length);
  for (let at = 0; at < options.bytes.length; at += step)
    connection.socket.write(options.bytes.subarray(at, at + step));
  connection.end();
  const answer = await asked.answer();
  await answering.idle();
  expect(answering.memory.usedBytes, "what a decoder took is given back").toBe(0);
  return { ...answer, acceptEncoding };
};

const MEMBERS = {
  gzip: HALVES.map((half) => gzipSync(half)),
  "x-gzip": HALVES.map((half) => gzipSync(half)),
  GZIP: [gzipSync(PAGE)],
  deflate: [deflateSync(PAGE)],
  br: [brotliCompressSync(PAGE)],
  zstd: HALVES.map((half) => zstdCompressSync(half)),
};

describe("a coded page", () => {
  it.each(
    Object.entries(MEMBERS).flatMap(([coding, members]) =>
      [undefined, 1, 7].map((pieces) => ({ coding, bytes: Buffer.concat(members), pieces })),
    ),
  )(
    "of $coding, in pieces of $pieces bytes, travels as the page that it is",
    async ({ pieces, ...options }) => {
      const { body, form, how, head } = await passing({
        ...options,
        ...(pieces !== undefined && { pieces }),
      });
      expect([form, how]).toEqual(["whole", "complete"]);
      expect(body.equals(PAGE)).toBe(true);
      expect(head.fields).toEqual(["Content-Type", "text/html", "Vary", "Accept-Encoding"]);
    },
  );

  it("may be deflated without the frame that the name stands for", async () => {
    const { body } = await passing({ coding: "deflate", bytes: deflateRawSync(PAGE) });
    expect(body.equals(PAGE)).toBe(true);
  });

  it("may be padded with zeros behind gzip's end", async () => {
    const { body, how } = await passing({
      coding: "gzip",
      bytes: Buffer.concat([gzipSync(PAGE), Buffer.alloc(100)]),
    });
    expect([body.equals(PAGE), how]).toEqual([true, "complete"]);
  });

  it("without a byte is an empty page", async () => {
    const { body, reset } = await passing({ coding: "gzip", bytes: Buffer.alloc(0), length: undefined });
    expect([body.length, reset]).toEqual([0, undefined]);
  });

  it("says in its head that it is another representation", async () => {
    const fields = [
      ...HTML,
      'ETag: "abc"',
      "Accept-Ranges: bytes",
      "Content-Digest: sha-256=:x:",
      "Repr-Digest: sha-256=:x:",
      "Content-MD5: x",
      "Vary: Cookie",
      "X: kept",
    ];
    const bytes = gzipSync(PAGE);
    const changed = [
      "Content-Type",
      "text/html",
      "ETag",
      'W/"abc"',
      "Vary",
      "Cookie, Accept-Encoding",
      "X",
      "kept",
    ];
    for (const method of ["GET", "HEAD"]) {
      const { head } = await passing({
        coding: "gzip",
        bytes: method === "HEAD" ? Buffer.alloc(0) : bytes,
        length: bytes.length,
        fields,
        method,
      });
      expect(head.fields, method).toEqual(changed);
    }
  });

  it.each([["Vary: Accept-Encoding"], ["Vary: cookie, ACCEPT-encoding"], ["Vary: *"]])(
    "keeps %s",
    async (vary) => {
      const { head } = await passing({
        coding: "gzip",
        bytes: gzipSync(PAGE),
        fields: [...HTML, vary, 'ETag: W/"x"'],
      });
      expect(head.fields.filter((_, i) => /^vary$/i.test(head.fields[i - 1] ?? ""))).toEqual([vary.slice(6)]);
      expect(fieldOf(head.fields, "etag")).toBe('W/"x"');
    },
  );
});

describe("a coded body that stays as it is", () => {
  const bytes = gzipSync(PAGE);
  const GZIP: HeaderList = ["Accept-Encoding", "gzip, br;q=0.5"];

  it.each<[string, Partial<Given>]>([
    [
      "no-transform in the response",
      { fields: [...HTML, "Cache-Control: public, No-Transform"], asks: GZIP },
    ],
    ["no-transform in the request", { asks: [...GZIP, "Cache-Control", "no-transform"] }],
    ["a part", { status: "206 Partial Content", asks: [...GZIP, "Range", "bytes=0-"] }],
    ["If-Match", { asks: [...GZIP, "If-Match", '"x"'] }],
    ["a type that gains nothing", { fields: ["Content-Type: image/png"], asks: GZIP }],
    ["an event stream", { fields: ["Content-Type: text/event-stream"], asks: GZIP }],
    ["larger than a page", { pageBytes: bytes.length - 1, asks: GZIP }],
    ["two codings", { coding: "gzip, br" }],
    ["a coding of its own", { coding: "compress" }],
    ["unasked, in a type that gains nothing", { askEncoded: "no", fields: ["Content-Type: image/png"] }],
    ["an archive", { fields: ["Content-Type: application/x-tar"] }],
    [
      "an archive, unasked",
      { askEncoded: "no", fields: ["Content-Type: application/x-tar"], coding: "x-gzip" },
    ],
    ["a type that nobody knows", { fields: ["Content-Type: application/vnd.unknown"] }],
    ["a page for who accepts nothing", { asks: [] }],
    ["a page for who accepts nothing, unasked", { askEncoded: "no", asks: ["Accept-Encoding", "identity"] }],
    [
      "a page for who accepts only what we cannot make",
      { askEncoded: "visitor", asks: ["Accept-Encoding", "deflate"] },
    ],
    ["a signed digest", { fields: [...HTML, 'Signature-Input: s=("content-digest")'] }],
    ["a wanted digest", { asks: [...GZIP, "Want-Content-Digest", "sha-256=1"] }],
  ])("%s", async (_, options) => {
    const { form, body, head } = await passing({ coding: "gzip", bytes, ...options });
    expect(form).toBe("passed");
    expect(body.equals(bytes)).toBe(true);
    expect(fieldOf(head.fields, "content-encoding")).toBe(options.coding ?? "gzip");
    expect(fieldOf(head.fields, "content-length")).toBe(String(bytes.length));
  });
});

/** Without a checksum a changed zstd frame may well decode, into something else. */
const CHECKED = { params: { [zlib.ZSTD_c_checksumFlag]: 1 } };

describe("a damaged coding", () => {
  const bytes = { gzip: gzipSync(PAGE), br: brotliCompressSync(PAGE), zstd: zstdCompressSync(PAGE, CHECKED) };

  it.each(Object.entries(bytes))(
    "of %s goes on as it came, coded: cut short, or with bytes changed",
    async (coding, coded) => {
      const broken = Buffer.from(coded);
      broken.fill(0x55, 12, 30);
      for (const bad of [coded.subarray(0, -5), coded.subarray(0, 5), broken]) {
        const { reset, how, form, body, head } = await passing({ coding, bytes: bad });
        expect([reset, how, form, fieldOf(head.fields, "content-encoding")]).toEqual([
          undefined,
          "complete",
          "passed",
          coding,
        ]);
        expect(body.equals(bad)).toBe(true);
      }
    },
  );

  it("that begins after a part was sent cuts the answer", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port, { askEncoded: "yes" }));
    const asked = answering.ask("GET", "/", { fields: EVERY });
    const connection = await origin.next();
    await connection.head();
    connection.write(`HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n${HTML[0]}\r\n\r\n`);
    connection.socket.write(zstdCompressSync(PAGE));
    await asked.heard("segment");
    connection.end("not a frame");
    expect(await asked.answer()).toMatchObject({ reset: "truncated", how: undefined });
  });

  it("by a web server that dies is truncated", async () => {
    const { reset } = await passing({
      coding: "gzip",
      bytes: bytes.gzip.subarray(0, 50),
      length: bytes.gzip.length,
    });
    expect(reset).toBe("truncated");
  });

  it("that was made to explode is ended, not held", async () => {
    // Frames of zeros: each grows some ten thousand times.
    const zeros = zstdCompressSync(Buffer.alloc(16 * 2 ** 20));
    expect((16 * 2 ** 20) / zeros.length).toBeGreaterThan(MOST_GROWTH);
    const { reset, body } = await passing({
      coding: "zstd",
      bytes: Buffer.concat(Array(20).fill(zeros)),
      pageBytes: 2 ** 20,
    });
    expect(reset).toBe("truncated");
    expect(body.length).toBeLessThan(2 ** 20);
  });

  it("of Brotli with a large window, which br has not, passes as it is", async () => {
    const large = brotliCompressSync(PAGE, {
      params: { [zlib.BROTLI_PARAM_LARGE_WINDOW]: 1, [zlib.BROTLI_PARAM_LGWIN]: 26 },
    });
    const { form, body } = await passing({ coding: "br", bytes: large });
    expect([form, body.equals(large), needsLargeWindow(large, "br")]).toEqual(["passed", true, true]);
    for (let lgwin = zlib.BROTLI_MIN_WINDOW_BITS; lgwin <= zlib.BROTLI_MAX_WINDOW_BITS; lgwin++) {
      const usual = brotliCompressSync(PAGE, { params: { [zlib.BROTLI_PARAM_LGWIN]: lgwin } });
      expect(needsLargeWindow(usual, "br"), `lgwin ${lgwin}`).toBe(false);
    }
  });

  it("whose coding is undone has no digest of it in its trailers", async () => {
    const bytes = gzipSync(PAGE);
    const chunk = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    const { form, body, trailers } = await passing({
      coding: "gzip",
      length: undefined,
      fields: [...HTML, "Transfer-Encoding: chunked"],
      bytes: Buffer.concat([
        chunk,
        bytes,
        Buffer.from("\r\n0\r\nContent-Digest: sha-256=:AA==:\r\nX-Sum: 1\r\nDigest: SHA-256=AA\r\n\r\n"),
      ]),
    });
    expect([form, body.equals(PAGE), trailers]).toEqual([
      expect.not.stringMatching("passed"),
      true,
      ["X-Sum", "1"],
    ]);
  });

  it("that needs a window beyond what RFC 9659 allows passes as it is", async () => {
    const noise = Buffer.from(Array.from({ length: 2 ** 16 }, (_, i) => (i * 2654435761) >>> 24));
    const large = zstdCompressSync(noise, {
      params: {
        [zlib.ZSTD_c_windowLog]: 24,
        [zlib.ZSTD_c_contentSizeFlag]: 0,
        [zlib.ZSTD_c_enableLongDistanceMatching]: 1,
      },
    });
    // The window descriptor, where the frame has one: 24 is refused, whatever the content.
    const frame = Buffer.concat([
      Buffer.from("28b52ffd00", "hex"),
      Buffer.of((24 - 10) << 3),
      large.subarray(6),
    ]);
    const { form, body, head } = await passing({ coding: "zstd", bytes: frame });
    expect([form, body.equals(frame), fieldOf(head.fields, "content-encoding")]).toEqual([
      "passed",
      true,
      "zstd",
    ]);
  });
});

describe("what the web server is asked for", () => {
  const options = { coding: "gzip", bytes: gzipSync(PAGE) };
  it.each<[Route["askEncoded"], HeaderList, string | undefined]>([
    ["no", [], undefined],
    ["no", ["Accept-Encoding", "gzip"], "identity"],
    ["yes", [], undefined],
    ["yes", ["Accept-Encoding", "gzip, deflate, br, zstd"], "zstd, br, gzip"],
    ["yes", ["Accept-Encoding", "gzip;q=0.1", "accept-encoding", "X-Gzip"], "gzip"],
    ["yes", ["Accept-Encoding", "*;q=0.5, br;q=0"], "zstd, gzip"],
    ["yes", ["Accept-Encoding", "identity"], "identity"],
    ["yes", ["Accept-Encoding", ""], ""],
    ["yes", ["Accept-Encoding", "deflate", "Range", "bytes=0-1"], "deflate"],
    ["yes", ["Accept-Encoding", "deflate", "If-Range", '"x"'], "deflate"],
    ["yes", ["Accept-Encoding", "deflate", "If-Match", "*"], "deflate"],
    ["yes", ["Accept-Encoding", "deflate", "Cache-Control", "no-cache, no-transform"], "deflate"],
    ["no", ["Cache-Control", "no-transform"], undefined],
  ])("encoded: %s, visitor: %j -> %s", async (askEncoded, asks, expected) => {
    expect((await passing({ ...options, askEncoded, asks })).acceptEncoding).toBe(expected);
  });
});

describe("a 304", () => {
  const answered = (tag: string, held: string) =>
    passing({
      coding: "identity",
      bytes: Buffer.alloc(0),
      status: "304 Not Modified",
      length: undefined,
      fields: [`ETag: ${tag}`],
      asks: ["If-None-Match", held],
    });

  it.each([
    ['"abc"', 'W/"abc"', 'W/"abc"'],
    ['"abc"', '"x", W/"abc"', 'W/"abc"'],
    ['"abc"', '"abc"', '"abc"'],
    ['"abc"', 'W/"abc", "abc"', '"abc"'],
    ['"abc"', "*", '"abc"'],
    ['"abc"', 'W/"abcd"', '"abc"'],
    ['W/"abc"', '"abc"', 'W/"abc"'],
  ])("%s for a visitor that holds %s says %s", async (tag, held, said) => {
    const { head, form } = await answered(tag, held);
    expect([head.status, form, fieldOf(head.fields, "etag")]).toEqual([304, "passed", said]);
  });
});
