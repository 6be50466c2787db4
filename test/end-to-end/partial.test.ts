/** Parts, conditions and validators pass through the pair as the web server means them. RFC 9110 sections 13 and 14. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, request, response } from "../kit/raw-requests.ts";
import { fieldIn, type RawResponse } from "../kit/raw-visitor.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

const PAGE = pageOf(1, "parts").toString();
const ENCODINGS = "Accept-Encoding: gzip, br";

/** What a visit sends, what of it the web server reads, and what comes back of its answer. */
const visit = async (
  target: string,
  fields: readonly string[],
  answer: string,
  method = "GET",
): Promise<{ asked: (name: string) => readonly string[]; got: RawResponse }> => {
  const { visitor, request: asked } = await pair.ask(request(`${method} ${target}`, fields));
  asked.answer(answer);
  return { asked: (name) => asked.all(name), got: await visitor.response(method) };
};

/** The page is known to both sides, so that a delta could be made of anything like it. */
const remembered = async (target: string): Promise<void> => {
  await visit(target, [], response(200, ["Content-Type: text/html", 'ETag: "v1"'], PAGE));
  expect(await pair.visitOf(target, 1)).toMatchObject({ status: 200, pageBytes: PAGE.length });
};

describe("a part of a page that both sides hold", () => {
  const MULTIPART = [
    "--SEP\r\nContent-Type: text/html\r\nContent-Range: bytes 0-3/9000\r\n\r\n<!do\r\n",
    "--SEP\r\nContent-Type: text/html\r\nContent-Range: bytes 10-13/9000\r\n\r\nhtml\r\n--SEP--\r\n",
  ].join("");

  it.each([
    [
      "a range",
      ["Range: bytes=0-99"],
      ["Content-Range: bytes 0-99/9000", "Content-Type: text/html"],
      PAGE.slice(0, 100),
    ],
    [
      "a suffix",
      ["Range: bytes=-50"],
      ["Content-Range: bytes 8950-8999/9000", "Content-Type: text/html"],
      PAGE.slice(-50),
    ],
    [
      "a large range",
      ["Range: bytes=0-4999"],
      ["Content-Range: bytes 0-4999/9000", "Content-Type: text/html"],
      PAGE.slice(0, 5000),
    ],
    [
      "several ranges",
      ["Range: bytes=0-3,10-13"],
      ["Content-Type: multipart/byteranges; boundary=SEP"],
      MULTIPART,
    ],
    [
      "a range if unchanged",
      ["Range: bytes=0-99", 'If-Range: "v1"'],
      ["Content-Range: bytes 0-99/9000", "Content-Type: text/html"],
      PAGE.slice(0, 100),
    ],
  ])(
    "(%s) arrives as it was made: not coded, its tag strong, its bytes its own",
    async (what, fields, said, body) => {
      const target = `/part/${what.replaceAll(" ", "-")}`;
      await remembered(target);
      const options = [...said, 'ETag: "v1"', "Accept-Ranges: bytes", "Repr-Digest: sha-256=:x:"];
      const { asked, got } = await visit(
        target,
        [...fields, ENCODINGS],
        response("206 Partial Content", options, body),
      );
      expect(fields.map((each) => asked(each.split(":")[0]?.toLowerCase() ?? ""))).toEqual(
        fields.map((each) => [each.slice(each.indexOf(":") + 2)]),
      );
      expect(asked("accept-encoding")).toEqual(["gzip, br"]);
      expect([got.status, got.body.toString("latin1"), got.framing]).toEqual([206, body, "length"]);
      for (const each of options) {
        const at = each.indexOf(":");
        expect(fieldIn(got, each.slice(0, at).toLowerCase())).toBe(each.slice(at + 2));
      }
      expect(fieldIn(got, "content-encoding")).toBeUndefined();
      expect(await pair.visitOf(target, 2)).toMatchObject({ answer: "passed" });
    },
  );

  it("that is asked for and not made arrives as the whole page, and that may be a delta", async () => {
    await remembered("/whole");
    const changed = `${PAGE}<!-- 2 -->`;
    const { got } = await visit(
      "/whole",
      ["Range: bytes=0-9", 'If-Range: "v0"'],
      response(200, ["Content-Type: text/html", 'ETag: "v2"'], changed),
    );
    expect([got.status, got.body.toString()]).toEqual([200, changed]);
    expect(await pair.visitOf("/whole", 2)).toMatchObject({ answer: "delta" });
  });

  it("that cannot be had: 416 with its Content-Range", async () => {
    await remembered("/none");
    const { got } = await visit(
      "/none",
      ["Range: bytes=99999-"],
      response(416, ["Content-Range: bytes */9000"]),
    );
    expect([got.status, fieldIn(got, "content-range")]).toEqual([416, "bytes */9000"]);
  });
});

describe("a condition", () => {
  it.each([
    ["GET", 'If-None-Match: "v1", W/"v2"', 304, 'ETag: "v1"'],
    [
      "GET",
      "If-Modified-Since: Mon, 02 Mar 2026 10:00:00 GMT",
      304,
      "Last-Modified: Mon, 02 Mar 2026 10:00:00 GMT",
    ],
    ["HEAD", 'If-None-Match: "v1"', 304, 'ETag: "v1"'],
    ["PUT", 'If-Match: "v1"', 412, 'ETag: "v2"'],
    ["PUT", "If-None-Match: *", 412, 'ETag: "v2"'],
    ["DELETE", "If-Unmodified-Since: Mon, 02 Mar 2026 10:00:00 GMT", 412, "X-Why: changed"],
    ["GET", 'If-Match: "v1"', 412, 'ETag: "v2"'],
  ])("of %s (%s) is the web server's to judge: %i passes", async (method, field, status, said) => {
    const { asked, got } = await visit(
      "/condition",
      [field],
      response(status, [said]).replace(/Content-Length: 0\r\n/, status === 304 ? "" : "$&"),
      method,
    );
    const [name = "", value] = field.split(/: (.*)/);
    expect(asked(name.toLowerCase())).toEqual([value]);
    expect(got.status).toBe(status);
    const [saidName = "", saidValue] = said.split(/: (.*)/);
    expect(fieldIn(got, saidName.toLowerCase())).toBe(saidValue);
    expect(got.body.length).toBe(0);
  });

  it("with the weak tag that a visitor was given finds its page: the web server gets its own form, the 304 names it weak", async () => {
    const first = await visit(
      "/tag",
      [ENCODINGS],
      response(200, ["Content-Type: text/html", 'ETag: "v1"'], PAGE),
    );
    expect([fieldIn(first.got, "etag"), fieldIn(first.got, "content-encoding")]).toEqual(['W/"v1"', "br"]);
    const again = await visit(
      "/tag",
      ['If-None-Match: W/"v1"'],
      'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n',
    );
    expect(again.asked("if-none-match")).toEqual(['"v1"']);
    expect([again.got.status, fieldIn(again.got, "etag")]).toEqual([304, 'W/"v1"']);
    const put = await visit(
      "/tag",
      ['If-Match: W/"v1"', "Content-Length: 0"],
      response(204, []).replace(/Content-Length: 0\r\n/, ""),
      "PUT",
    );
    expect([put.asked("if-match"), put.got.status]).toEqual([['"v1"'], 204]);
  });

  it("that holds passes the new page, as a delta", async () => {
    await remembered("/changed");
    const changed = `${PAGE}<!-- 3 -->`;
    const { got } = await visit(
      "/changed",
      ['If-None-Match: "v1"'],
      response(200, ["Content-Type: text/html", 'ETag: "v2"'], changed),
    );
    expect([got.status, got.body.toString()]).toEqual([200, changed]);
    expect(await pair.visitOf("/changed", 2)).toMatchObject({ answer: "delta" });
  });
});

it("what caches are told passes as it is: Age, Cache-Control, Expires, Vary, Warning", async () => {
  const said = [
    "Age: 7",
    "Cache-Control: public, max-age=60, s-maxage=5",
    "Expires: 0",
    "Vary: Cookie, Accept-Language",
    'Warning: 110 - "stale"',
  ];
  const { got } = await visit("/cache", [], response(200, [...said, "Content-Type: image/png"], PAGE));
  for (const each of said) {
    const [name = "", value] = each.split(/: (.*)/);
    expect(fieldIn(got, name.toLowerCase())).toBe(value);
  }
});

it("a page is never served from what was held: each visit asks the web server", async () => {
  const before = pair.web.asked.length;
  for (let again = 0; again < 3; again++)
    await visit(
      "/fresh",
      [],
      response(200, ["Content-Type: text/html", "Cache-Control: max-age=3600"], PAGE),
    );
  expect(pair.web.asked.length - before).toBe(3);
  expect((await pair.ask(GET("/fresh"))).request.target).toBe("/fresh");
});
