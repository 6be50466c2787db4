/** Pages in the codings that visitors accept, and what heads say of it. RFC 9110 sections 8.8.3, 12.5.3 and 13.1. */
import { promisify } from "node:util";
import {
  brotliDecompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  gunzip,
  zstdDecompress,
} from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CompressorPool, ENCODER_BYTES, MOST_ENCODERS } from "../../../edge-side/compress/compressor-pool.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { MemoryBudget } from "../../../protocol/runtime/memory-budget.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn, type RawResponse } from "../../kit/raw-visitor.ts";
import { until } from "../../kit/until.ts";
import { type EdgeUnderTest, GET, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest({
    settings: { visitors: ["127.0.0.1:0", { listen: "127.0.0.1:0", compress: "off" }] },
  });
});
afterAll(() => edge[Symbol.asyncDispose]());

const PAGE = Buffer.from(
  `<!doctype html><title>Page</title>${"<p>the same again and again</p>".repeat(200)}`,
);
const HTML = ["Content-Type", "text/html; charset=utf-8"];
const DECODE: Readonly<Record<string, (bytes: Buffer) => Promise<Buffer>>> = {
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
  gzip: promisify(gunzip),
  identity: async (bytes) => bytes,
};

const decoded = async (response: RawResponse): Promise<Buffer> =>
  (await DECODE[fieldIn(response, "content-encoding") ?? "identity"]?.(response.body)) ?? Buffer.alloc(0);

const visit = async (
  fields: readonly string[],
  answer: readonly string[],
  body: string | Buffer = PAGE,
  { method = "GET", status = 200, target = "/" } = {},
): Promise<RawResponse> => {
  const { visitor, exchange } = await edge.ask(request(`${method} ${target}`, fields));
  exchange.answer(status, answer, body);
  return visitor.response(method);
};

describe("the coding", () => {
  it.each([
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, deflate, zstd", "zstd"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["GZIP;Q=0.5", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["br;q=0, *", "zstd"],
    ["*", "gzip"],
    ["*;q=0.5, gzip;q=0", "br"],
    ["identity;q=0.5, gzip;q=0.3", undefined],
    ["identity;q=0, gzip;q=0.001", "gzip"],
    ["gzip;q=0", undefined],
    ["deflate, compress", undefined],
    ["identity", undefined],
    ["", undefined],
    ["gzip;q=nonsense", undefined],
    ["gzip;q=2", undefined],
  ])("for %j is %s", async (accepted, coding) => {
    const response = await visit([`Accept-Encoding: ${accepted}`], HTML);
    expect(fieldIn(response, "content-encoding")).toBe(coding);
    expect((await decoded(response)).equals(PAGE)).toBe(true);
    expect(fieldIn(response, "vary")).toBe("Accept-Encoding");
  });

  it("without Accept-Encoding is none", async () => {
    expect(fieldIn(await visit([], HTML), "content-encoding")).toBeUndefined();
  });

  it("makes a page that is here in one piece smaller, with its new length", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "Accept-Encoding: br"));
    const result = fingerprintOf(PAGE).slice(0, 16);
    const coded = await zstdCodec.encode([], PAGE);
    exchange.answer(200, [...HTML, "Content-Length", String(PAGE.length)], coded, {
      kind: "whole",
      codec: 1,
      result,
    });
    const response = await visitor.response();
    expect(response).toMatchObject({ framing: "length", complete: true });
    expect(response.body.length).toBeLessThan(PAGE.length / 10);
    expect((await decoded(response)).equals(PAGE)).toBe(true);
  });

  it("of zstd has a window that browsers take (RFC 9659)", async () => {
    const big = Buffer.alloc(12 * 2 ** 20, PAGE);
    const { visitor, exchange } = await edge.ask(GET("/", "Accept-Encoding: zstd"));
    exchange.answer(200, HTML);
    for (let at = 0; at < big.length; at += 2 ** 19)
      await exchange.dataInTurn(big.subarray(at, at + 2 ** 19));
    exchange.end();
    const { body } = await visitor.response();
    const plain = await promisify<Buffer, object, Buffer>(zstdDecompress)(body, {
      params: { [constants.ZSTD_d_windowLogMax]: 23 },
    });
    expect(plain.equals(big)).toBe(true);
  });

  it("leaves room for trailers", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "Accept-Encoding: gzip", "TE: trailers"));
    exchange.answer(200, HTML).data(PAGE).end("complete", ["X-Sum", "1"]);
    const response = await visitor.response();
    expect(response).toMatchObject({ framing: "chunked", trailers: ["X-Sum", "1"] });
    expect((await decoded(response)).equals(PAGE)).toBe(true);
  });

  it.each([
    ["gzip", false, ["X-Sum", "1"]],
    ["gzip", true, ["X-Sum", "1"]],
    ["identity", false, ["Content-Digest", "sha-256=:AA==:", "X-Sum", "1", "repr-digest", "sha-256=:AA==:"]],
  ])(
    "tells no digest of other bytes in trailers: %s, that it streams is %s",
    async (coding, streams, kept) => {
      const { visitor, exchange } = await edge.ask(GET("/", `Accept-Encoding: ${coding}`, "TE: trailers"));
      const sent = ["Content-Digest", "sha-256=:AA==:", "X-Sum", "1", "repr-digest", "sha-256=:AA==:"];
      exchange.answer(200, HTML).data(PAGE);
      if (streams) await until(() => visitor.seen.length > 0, "its head");
      exchange.end("complete", sent);
      const response = await visitor.response();
      expect(response.trailers).toEqual(kept);
      expect((await decoded(response)).equals(PAGE)).toBe(true);
    },
  );
});

describe("untouched are", () => {
  const accepts = ["Accept-Encoding: gzip, br, zstd"];
  it.each([
    ["what is encoded already", [...HTML, "Content-Encoding", "gzip"]],
    ["images", ["Content-Type", "image/png"]],
    ["archives", ["Content-Type", "application/zip"]],
    ["fonts that are compressed", ["Content-Type", "font/woff2"]],
    ["bytes of no known type", []],
    ["event streams", ["Content-Type", "text/event-stream"]],
    ["what must not be transformed", [...HTML, "Cache-Control", "public, no-transform"]],
  ])("%s", async (_, answer) => {
    const response = await visit(accepts, [...answer, "ETag", '"a"', "Accept-Ranges", "bytes"]);
    expect(response.body.equals(PAGE)).toBe(true);
    expect(fieldIn(response, "content-encoding")).toBe(answer.includes("gzip") ? "gzip" : undefined);
    expect(fieldIn(response, "etag")).toBe('"a"');
    expect(fieldIn(response, "accept-ranges")).toBe("bytes");
    expect(fieldIn(response, "vary")).toBeUndefined();
  });

  it("parts", async () => {
    const response = await visit(
      [...accepts, "Range: bytes=0-9"],
      [...HTML, "Content-Range", "bytes 0-9/99"],
      PAGE,
      {
        status: 206,
      },
    );
    expect(response.body.equals(PAGE)).toBe(true);
    expect(fieldIn(response, "vary")).toBeUndefined();
  });

  it("pages for a visitor that asks for no transformation", async () => {
    const response = await visit([...accepts, "Cache-Control: no-transform"], [...HTML, "ETag", '"a"']);
    expect([fieldIn(response, "content-encoding"), fieldIn(response, "etag")]).toEqual([undefined, '"a"']);
  });

  it("all pages of a listener that does not compress", async () => {
    const visitor = await edge.visitor(1);
    visitor.send(GET("/", ...accepts));
    (await edge.origin.next()).answer(200, [...HTML, "ETag", '"a"'], PAGE);
    const response = await visitor.response();
    expect(response.body.equals(PAGE)).toBe(true);
    expect([fieldIn(response, "etag"), fieldIn(response, "vary")]).toEqual(['"a"', undefined]);
  });

  it("small pages, in their bytes", async () => {
    for (const [bytes, coding] of [
      [199, undefined],
      [200, "gzip"],
    ] as const) {
      const response = await visit(
        ["Accept-Encoding: gzip"],
        [...HTML, "Content-Length", String(bytes)],
        "a".repeat(bytes),
      );
      expect([bytes, fieldIn(response, "content-encoding")]).toEqual([bytes, coding]);
      expect(fieldIn(response, "vary")).toBe("Accept-Encoding");
    }
    const refused = await visit(
      ["Accept-Encoding: gzip, identity;q=0"],
      [...HTML, "Content-Length", "5"],
      "small",
    );
    expect((await decoded(refused)).toString()).toBe("small");
    expect(fieldIn(refused, "content-encoding")).toBe("gzip");
  });
});

describe("heads", () => {
  const FULL = [
    ...[
      ...HTML,
      "ETag",
      '"abc"',
      "Accept-Ranges",
      "bytes",
      "Content-Digest",
      "sha-256=:x:",
      "Repr-Digest",
      "sha-256=:x:",
    ],
    ...["Vary", "Cookie", "Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT"],
  ];
  const about = (response: RawResponse) =>
    ["etag", "accept-ranges", "content-digest", "repr-digest", "vary", "last-modified"].map((name) =>
      fieldIn(response, name),
    );
  const AS_IT_WAS = [
    '"abc"',
    "bytes",
    "sha-256=:x:",
    "sha-256=:x:",
    "Cookie, Accept-Encoding",
    "Mon, 02 Mar 2026 10:00:00 GMT",
  ];
  const SAID = [
    'W/"abc"',
    undefined,
    undefined,
    undefined,
    "Cookie, Accept-Encoding",
    "Mon, 02 Mar 2026 10:00:00 GMT",
  ];

  it.each([
    ["an encoded page", ["Accept-Encoding: br"], "GET", 200, "br"],
    ["the same page as it is", [], "GET", 200, undefined],
    ["HEAD of it", ["Accept-Encoding: br"], "HEAD", 200, "br"],
    ["HEAD of it as it is", [], "HEAD", 200, undefined],
    ["a page that is no success", ["Accept-Encoding: br"], "GET", 404, "br"],
  ])(
    "of %s say what is true of its coding, and all the same Vary",
    async (_, fields, method, status, coding) => {
      const body = method === "HEAD" ? "" : PAGE;
      const answer = [...FULL, "Content-Length", String(PAGE.length)];
      const response = await visit(fields, answer, body, { method, status });
      expect(about(response)).toEqual(coding === undefined ? AS_IT_WAS : SAID);
      expect(fieldIn(response, "content-encoding")).toBe(coding);
      if (method === "HEAD")
        expect(fieldIn(response, "content-length")).toBe(
          coding === undefined ? String(PAGE.length) : undefined,
        );
    },
  );

  it.each([
    ["*", "*"],
    ["accept-encoding", "accept-encoding"],
    ["Cookie, Accept-Encoding", "Cookie, Accept-Encoding"],
    ["", "Accept-Encoding"],
  ])("merge Vary: %s", async (before, after) => {
    expect(fieldIn(await visit(["Accept-Encoding: br"], [...HTML, "Vary", before]), "vary")).toBe(after);
  });

  it("keep an ETag that is weak already", async () => {
    expect(fieldIn(await visit(["Accept-Encoding: br"], [...HTML, "ETag", 'W/"a"']), "etag")).toBe('W/"a"');
  });

  it("of 304 have the Vary that the 200 had, and no length", async () => {
    for (const [type, vary] of [
      ["text/html", "Accept-Encoding"],
      ["image/png", undefined],
    ] as const) {
      const target = `/varying/${type}`;
      const before = await visit([], ["Content-Type", type, "ETag", '"abc"'], PAGE, { target });
      expect(fieldIn(before, "vary")).toBe(vary);
      for (const method of ["GET", "HEAD"]) {
        const fields = ["ETag", '"abc"', "Content-Length", "0"];
        const again = await visit(['If-None-Match: "abc"'], fields, "", { status: 304, method, target });
        expect([again.status, fieldIn(again, "etag"), fieldIn(again, "vary")]).toEqual([304, '"abc"', vary]);
        expect(fieldIn(again, "content-length")).toBeUndefined();
      }
    }
  });

  it("of 304 speak of the tag that the visitor asked with", async () => {
    const weak = await visit(['If-None-Match: W/"abc"'], ["ETag", '"abc"', "Accept-Ranges", "bytes"], "", {
      status: 304,
    });
    expect([fieldIn(weak, "etag"), fieldIn(weak, "vary")]).toEqual(['W/"abc"', "Accept-Encoding"]);
    const target = "/never-given";
    const strong = await visit(['If-None-Match: "abc"'], ["ETag", '"abc"'], "", { status: 304, target });
    expect([fieldIn(strong, "etag"), fieldIn(strong, "vary")]).toEqual(['"abc"', undefined]);
  });
});

describe("tags that come back go on as they came: the origin side knows which were strong", () => {
  it.each([
    ["GET", 'If-None-Match: W/"a", "b"', 'W/"a", "b"'],
    ["PUT", 'If-None-Match: W/"a"', 'W/"a"'],
    ["PUT", 'If-Match: W/"a"', 'W/"a"'],
    ["DELETE", 'If-Match: "x", W/"a,W/", W/"b"', '"x", W/"a,W/", W/"b"'],
    ["PATCH", "If-Match: *", "*"],
    ["GET", 'If-Match: W/"a"', 'W/"a"'],
    ["GET", 'If-Range: W/"a"', 'W/"a"'],
  ])("%s %s goes on as %s", async (method, field, value) => {
    const { visitor, exchange } = await edge.ask(request(`${method} /`, [field]));
    expect(exchange.field(field.slice(0, field.indexOf(":")).toLowerCase())).toBe(value);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });
});

describe("a page that its origin makes slowly", () => {
  it.each([
    ["br", createBrotliDecompress],
    ["zstd", createZstdDecompress],
    ["gzip", createGunzip],
  ])("is flushed in %s whenever the origin pauses", async (coding, decoder) => {
    const { visitor, exchange } = await edge.ask(GET("/", `Accept-Encoding: ${coding}`));
    exchange.answer(200, HTML);
    const head = await visitor.head();
    expect(fieldIn(head, "content-encoding")).toBe(coding);
    const plain = decoder();
    let read = "";
    let wake = () => {};
    plain.on("data", (bytes: Buffer) => {
      read += bytes.toString();
      wake();
    });
    const reading = (async () => {
      for (let size = -1; size !== 0; ) {
        size = Number.parseInt(await visitor.until("\r\n"), 16);
        plain.write(await visitor.bytes(size));
        await visitor.until("\r\n");
      }
    })();
    for (const piece of ["<p>first</p>", "<p>second</p>", "<p>third</p>"]) {
      exchange.data(piece);
      while (!read.endsWith(piece))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    exchange.end();
    await reading;
    plain.destroy();
    expect(read).toBe("<p>first</p><p>second</p><p>third</p>");
  });

  it("sends its head before there is a body", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "Accept-Encoding: br"));
    exchange.answer(200, HTML);
    expect((await visitor.head()).status).toBe(200);
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
  });

  it("and sends events is passed event by event", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "Accept-Encoding: br"));
    exchange.answer(200, ["Content-Type", "text/event-stream", "Cache-Control", "no-cache"]);
    expect((await visitor.head()).status).toBe(200);
    for (const number of [1, 2, 3]) {
      exchange.data(`data: ${number}\n\n`);
      expect(await visitor.until("\n\n\r\n")).toBe(`9\r\ndata: ${number}\n\n\r\n`);
    }
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
  });
});

describe("compressors", () => {
  const budget = (bytes: number) => new MemoryBudget({ totalBytes: bytes, shareBytes: bytes });

  it("are limited in number", () => {
    const encoders = new CompressorPool(budget(2 ** 40), () => 0);
    const taken = Array.from({ length: MOST_ENCODERS }, () => encoders.take(["gzip"], "k"));
    expect(taken.every((each) => each !== undefined)).toBe(true);
    expect(encoders.take(["gzip"], "k")).toBeUndefined();
    taken[0]?.release();
    taken[0]?.release();
    expect(encoders.take(["gzip"], "k")).toBeDefined();
    expect(encoders.take(["gzip"], "k")).toBeUndefined();
  });

  it("are limited in memory: a smaller one first, then none", () => {
    const memory = budget(ENCODER_BYTES.br + ENCODER_BYTES.gzip);
    const encoders = new CompressorPool(memory, () => 0);
    const taken = [1, 2, 3].map(() => encoders.take(["br", "zstd", "gzip"], "k"));
    expect(taken.map((each) => each?.coding)).toEqual(["br", "gzip", undefined]);
    for (const each of taken) each?.release();
    expect([memory.usedBytes, encoders.busy]).toEqual([0, 0]);
  });

  it("give up what waits when they are given back", async () => {
    const encoder = new CompressorPool(budget(2 ** 30), () => 0).take(["br"], "k");
    const waiting = encoder?.write(Buffer.alloc(2 ** 20));
    encoder?.release();
    await expect(waiting).rejects.toThrow("given back");
    await expect(encoder?.flush()).rejects.toThrow("given back");
  });

  it("that are all busy leave a page as it is, with its own tag", async () => {
    await using small = await startEdgeUnderTest({
      settings: { memory: { budget: "8 MiB", perKey: "8 MiB" } },
    });
    const open = [];
    for (let count = 0; count < 20; count++) {
      const { visitor, exchange } = await small.ask(GET("/", "Accept-Encoding: br, gzip"));
      exchange.answer(200, [...HTML, "ETag", '"a"']);
      const head = await visitor.head();
      open.push(fieldIn(head, "content-encoding"));
      const tag = open.at(-1) === undefined ? '"a"' : 'W/"a"';
      expect([fieldIn(head, "etag"), fieldIn(head, "vary")]).toEqual([tag, "Accept-Encoding"]);
    }
    expect(open[0]).toBe("br");
    expect(open).toContain("gzip");
    expect(open.at(-1)).toBeUndefined();
  });
});

it.each([
  ["gzip, deflate, br, zstd", "br", "zstd"],
  ["br, zstd;q=0.9", "br", "br"],
  ["gzip, br", "br", "br"],
])(
  "for %j is %s, and %s from a busy edge: what is made quickly, if the visitor likes it as much",
  async (accepted, idle, busy) => {
    let load = 0;
    await using other = await startEdgeUnderTest({ load: () => load });
    const codingOf = async () => {
      const { visitor, exchange } = await other.ask(request("GET /", [`Accept-Encoding: ${accepted}`]));
      exchange.answer(200, HTML, PAGE);
      const response = await visitor.response("GET");
      expect((await decoded(response)).equals(PAGE)).toBe(true);
      return fieldIn(response, "content-encoding");
    };
    const before = await codingOf();
    load = 1;
    expect([before, await codingOf()]).toEqual([idle, busy]);
  },
);
