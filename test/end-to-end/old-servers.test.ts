// Web servers of any age through the whole pair, by GET and by POST, to visitors of HTTP/1.1 and of HTTP/2: the same page in strict form.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { type Http2VisitorSession, openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { HOST, request } from "../kit/raw-requests.ts";
import { fieldIn, RawVisitor } from "../kit/raw-visitor.ts";
import { type RawRequest, RawWeb } from "../kit/raw-web.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";

watchLeaks();

let web: RawWeb;
let secure: SecurePair;
let session: Http2VisitorSession;
beforeAll(async () => {
  web = await RawWeb.listen();
  const routes = [{ host: HOST, origin: `http://127.0.0.1:${web.port}` }];
  secure = await openSecurePair({ serve() {}, origin: { routes } });
  session = await openHttp2(secure);
});
afterAll(async () => {
  await session[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});

interface Got {
  readonly status: number;
  readonly value: string | undefined;
  readonly coding: string | undefined;
  readonly body: Buffer;
  /** It came to its end, as far as the visitor can see. */
  readonly complete: boolean;
}

/** One request over HTTP/1.1, and one over HTTP/2; `x` is the value of the response's field X. */
const ask = async (
  version: "1.1" | "2.0",
  method: string,
  serve: (asked: RawRequest) => void,
): Promise<Got> => {
  if (version === "1.1") {
    const visitor = await RawVisitor.connect(secure.http);
    visitor.send(request(`${method} /`, ["Accept-Encoding: gzip", "Content-Length: 0"]));
    serve(await web.next());
    const response = await visitor.response();
    const { status, body, complete } = response;
    visitor.leave();
    const [value, coding] = [fieldIn(response, "x"), fieldIn(response, "content-encoding")];
    return { status, value, coding, body, complete };
  }
  const answered = session.begin({ ":method": method, "accept-encoding": "gzip" });
  serve(await web.next());
  const { stream, status, fields } = await answered;
  const pieces: Buffer[] = [];
  let ended = false;
  stream
    .on("data", (piece: Buffer) => pieces.push(piece))
    .on("end", () => {
      ended = true;
    });
  await new Promise((resolve) => stream.once("close", resolve));
  const complete = ended && stream.rstCode === 0;
  const [value, coding] = [fields.x as string, fields["content-encoding"] as string];
  return { status, value, coding, body: Buffer.concat(pieces), complete };
};

const EACH = (["1.1", "2.0"] as const).flatMap((version) =>
  ["GET", "POST"].map((method) => [method, version] as const),
);

describe.each(EACH)("%s over HTTP/%s", (method, version) => {
  it.each([
    ["LF alone", "HTTP/1.1 200 OK\nX: a\nContent-Length: 5\n\nhello"],
    [
      "a chunk size with spaces",
      "HTTP/1.1 200 OK\r\nX: a\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0 \r\n\r\n",
    ],
    [
      "the same length twice",
      "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ["a control character", "HTTP/1.1 200 OK\r\nX: a\x01\r\nContent-Length: 5\r\n\r\nhello"],
    ["spaces around values", "HTTP/1.1 200 OK\r\nX: \t a \t\r\nContent-Length: 5 \r\n\r\nhello"],
    ["a space before a colon", "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 5\r\n\r\nhello"],
    ["a line that is no field", "HTTP/1.1 200 OK\r\nX: a\r\nsaved by x\r\nContent-Length: 5\r\n\r\nhello"],
    ["a second status line", "HTTP/1.1 200 OK\r\nX: a\r\nHTTP 1/1 200:\r\nContent-Length: 5\r\n\r\nhello"],
    ["a status with a second number", "HTTP/1.1 403.14 No\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"],
    [
      "chunked in two fields",
      "HTTP/1.1 200 OK\r\nX: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    [
      "the transfer coding identity",
      "HTTP/1.1 200 OK\r\nX: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ["a status of 205 with a body", "HTTP/1.1 205 Reset\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"],
    ["a status of 999", "HTTP/1.1 999 Odd\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"],
  ])("%s", async (_, bytes) => {
    const { status, value, body, complete } = await ask(version, method, (asked) => asked.answer(bytes));
    const expected = [Number(bytes.slice(9, 12)), "a", "hello", true];
    expect([status, value, body.toString(), complete]).toEqual(expected);
  });

  const cut = [
    ["with a length", "Content-Length: 3000", pageOf(1, "one").slice(0, 2000).toString()],
    ["in chunks", "Transfer-Encoding: chunked", "5\r\nhello\r\n10\r\nhal"],
  ] as const;
  const breakOff = (type: string, framing: string, body: string) =>
    ask(version, method, (asked) =>
      asked.end(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${framing}\r\n\r\n${body}`),
    );

  it.each(cut)(
    "an image %s that breaks off arrives as far as it came, visibly cut",
    async (_, framing, body) => {
      const got = await breakOff("image/png", framing, body);
      expect([got.status, got.complete]).toEqual([200, false]);
      expect(got.body.length).toBeGreaterThan(0);
    },
  );

  it.each(cut)("a page %s that breaks off before any of it left is an error", async (_, framing, body) => {
    expect((await breakOff("text/html", framing, body)).status).toBe(502);
  });

  it("a length beside chunks is refused", async () => {
    const bytes =
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    expect((await ask(version, method, (asked) => asked.answer(bytes))).status).toBe(502);
  });

  const page = pageOf(1, "one");
  const coded = gzipSync(page);
  it.each([
    ["without its trailer", coded.subarray(0, -8)],
    ["with a wrong checksum", Buffer.from(coded).fill(0, coded.length - 8, coded.length - 4)],
    ["followed by text", Buffer.concat([coded, Buffer.from("<!-- end -->")])],
  ])("gzip %s arrives as it came", async (_, bytes) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`;
    const got = await ask(version, method, (asked) => asked.answer(head + bytes.toString("latin1")));
    expect([got.status, got.coding]).toEqual([200, "gzip"]);
    expect(got.body.equals(bytes)).toBe(true);
  });
});

it("a method that Node's parser does not know passes over HTTP/2", async () => {
  let line = "";
  const { status } = await ask("2.0", "LIST", (asked) => {
    line = asked.method;
    asked.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  expect([status, line]).toEqual([200, "LIST"]);
});
