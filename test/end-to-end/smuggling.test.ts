/**
 * Messages that two programs could read in two ways, from visitors and from web servers: exactly one response each, the
 * connection closed, and nothing of them in anybody else's exchange. RFC 9112 sections 2.2, 5, 6 and 11.2.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, HOST, request } from "../kit/raw-requests.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

const SMUGGLED = GET("/smuggled");
const post = (fields: readonly string[], body = ""): string => request("POST /", fields, body);
const CHUNKED = "Transfer-Encoding: chunked";
const LAST = "0\r\n\r\n";

const AMBIGUOUS: readonly (readonly [string, string])[] = [
  ["CL.TE", post(["Content-Length: 6", CHUNKED], `${LAST}G`)],
  ["TE.CL", post([CHUNKED, "Content-Length: 4"], `5c\r\nGPOST / HTTP/1.1\r\n${LAST}`)],
  ["CL.TE with equal meaning", post([CHUNKED, "Content-Length: 5"], LAST)],
  ["TE: gzip, chunked", post(["Transfer-Encoding: gzip, chunked"], LAST)],
  ["TE: chunked, gzip", post(["Transfer-Encoding: chunked, gzip"], LAST)],
  ["TE: identity", post(["Transfer-Encoding: identity", "Content-Length: 5"], "hello")],
  ["TE: chunked twice", post([CHUNKED, CHUNKED], LAST)],
  ["TE: chunked and then identity", post([CHUNKED, "Transfer-Encoding: identity"], LAST)],
  ["TE: chunked, chunked", post(["Transfer-Encoding: chunked, chunked"], LAST)],
  ["TE: xchunked", post(["Transfer-Encoding: xchunked"], LAST)],
  ["TE: chunked;q=1", post(["Transfer-Encoding: chunked;q=1"], LAST)],
  ['TE: "chunked"', post(['Transfer-Encoding: "chunked"'], LAST)],
  ["TE behind a vertical tab", post(["Transfer-Encoding: \x0bchunked"], LAST)],
  ["TE empty", post(["Transfer-Encoding:", "Content-Length: 5"], "hello")],
  ["TE with a space before its colon", post(["Transfer-Encoding : chunked"], LAST)],
  ["TE on a folded line", post(["Transfer-Encoding:", " chunked"], LAST)],
  ["TE behind a bare CR", post(["X-A: 1\rTransfer-Encoding: chunked"], LAST)],
  ["TE in HTTP/1.0", `POST / HTTP/1.0\r\nHost: ${HOST}\r\n${CHUNKED}\r\n\r\n${LAST}`],
  ["two lengths", post(["Content-Length: 5", "Content-Length: 0"], "hello")],
  ["two equal lengths", post(["Content-Length: 5", "Content-Length: 5"], "hello")],
  ["a list of lengths", post(["Content-Length: 5, 5"], "hello")],
  ["a length with a plus", post(["Content-Length: +5"], "hello")],
  ["a length with a minus", post(["Content-Length: -5"], "hello")],
  ["a hexadecimal length", post(["Content-Length: 0x5"], "hello")],
  ["a length with a point", post(["Content-Length: 5.0"], "hello")],
  ["a length with a letter", post(["Content-Length: 5e0"], "hello")],
  ["an empty length", post(["Content-Length:"], "hello")],
  ["a length beyond 2^64", post(["Content-Length: 18446744073709551621"], "hello")],
  ["a length with a space before its colon", post(["Content-Length : 5"], "hello")],
  ["a length on a folded line", post(["Content-Length:", "\t5"], "hello")],
  ["a bare LF after the request line", `GET / HTTP/1.1\nHost: ${HOST}\r\n\r\n`],
  ["a bare LF after a field", `GET / HTTP/1.1\r\nHost: ${HOST}\nX-A: 1\r\n\r\n`],
  ["a bare LF at the end of the head", `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\n`],
  ["a bare CR in a field", GET("/", "X-A: 1\rX-B: 2")],
  ["a bare CR in the request line", `GET /\r HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`],
  ["an obsolete fold", GET("/", "X-A: 1", " X-B: 2")],
  ["a fold before the first field", `GET / HTTP/1.1\r\n X-A: 1\r\nHost: ${HOST}\r\n\r\n`],
  ["NUL in a value", GET("/", "X-A: a\0b")],
  ["NUL in a name", GET("/", "X\0A: b")],
  ["NUL in the target", GET("/a\0b")],
  ["two Hosts", `GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: other.example\r\n\r\n`],
  [
    "two Hosts, the second with a space before its colon",
    `GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost : other.example\r\n\r\n`,
  ],
  ["a Host with a line end in disguise", `GET / HTTP/1.1\r\nHost: ${HOST}\x0b\r\n\r\n`],
  ["a Host of two names", `GET / HTTP/1.1\r\nHost: ${HOST}, other.example\r\n\r\n`],
  ["a Host with a path", `GET / HTTP/1.1\r\nHost: ${HOST}/admin\r\n\r\n`],
];

const inChunks = (body: string) => post([CHUNKED], body);
const BAD_CHUNKS: readonly (readonly [string, string])[] = [
  ["a chunk size with a sign", inChunks(`+5\r\nhello\r\n${LAST}`)],
  ["a chunk size with 0x", inChunks(`0x5\r\nhello\r\n${LAST}`)],
  ["a chunk size beyond 2^64", inChunks(`10000000000000005\r\nhello\r\n${LAST}`)],
  ["an empty chunk size", inChunks(`\r\nhello\r\n${LAST}`)],
  ["a chunk ended by a bare LF", inChunks(`5\nhello\r\n${LAST}`)],
  ["a chunk longer than its size", inChunks(`5\r\nhelloX\r\n${LAST}`)],
  ["a chunk extension with a bare LF", inChunks(`5;a\nb\r\nhello\r\n${LAST}`)],
  ["a chunk extension with a bare CR", inChunks(`5;a\rb\r\nhello\r\n${LAST}`)],
  ["a trailer with a bare LF", inChunks("5\r\nhello\r\n0\r\nX-A: 1\nX-B: 2\r\n\r\n")],
  ["a folded trailer", inChunks("5\r\nhello\r\n0\r\nX-A: 1\r\n X-B: 2\r\n\r\n")],
  ["a length among the trailers", inChunks("5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n")],
];

/** Whatever became of a body that was begun, the web server never takes it for one that is complete. */
const takeBack = async (): Promise<void> => {
  while (pair.web.waiting > 0) {
    const asked = await pair.web.next();
    await expect(asked.body()).rejects.toThrow();
  }
};

describe("a visitor's request is refused with 400 and close, and nobody hears of it:", () => {
  it.each(AMBIGUOUS)("%s", async (_, text) => {
    const before = pair.web.asked.length;
    const visitor = await pair.visitor();
    const said = await visitor.send(text, SMUGGLED).rest();
    expect(said.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 400"]);
    expect(said).toMatch(/\r\nconnection: close\r\n/i);
    expect(pair.web.asked.length).toBe(before);
  });

  it.each(BAD_CHUNKS)("%s, and a body that was begun is never completed", async (_, text) => {
    const visitor = await pair.visitor();
    const said = await visitor.send(text, SMUGGLED).rest();
    expect(said.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 400"]);
    await takeBack();
    expect(pair.web.asked).not.toContain("/smuggled");
  });

  it("behind a right one on the same connection, which is answered first", async () => {
    const { visitor, request: asked } = await pair.ask(
      GET("/right") + post(["Transfer-Encoding: identity"], "x") + SMUGGLED,
    );
    asked.ok("right");
    expect((await visitor.rest()).match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
    expect(pair.web.asked).not.toContain("/smuggled");
  });
});

describe("a body that looks like a request", () => {
  it.each([
    ["a length", [`Content-Length: ${SMUGGLED.length}`], SMUGGLED],
    ["chunks", [CHUNKED], `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${LAST}`],
  ])("with %s is a body at the web server, too", async (_, fields, body) => {
    for (const method of ["GET", "POST", "DELETE"]) {
      const { visitor, request: asked } = await pair.ask(request(`${method} /`, fields, body));
      expect((await asked.body()).text).toBe(SMUGGLED);
      asked.ok();
      expect((await visitor.response()).status).toBe(200);
      visitor.send(GET("/own"));
      const next = await pair.web.next();
      expect(next.target).toBe("/own");
      next.ok();
      expect((await visitor.response()).status).toBe(200);
    }
  });
});

describe("a web server's response is 502 or a visible cut, its connection is not used again:", () => {
  /** Connections that have served before. */
  const kept = new Set<unknown>();

  it.each([
    [
      "both length and chunks",
      `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n${LAST}`,
    ],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello"],
    ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"],
    [
      "another transfer coding",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n${LAST}`,
    ],
    ["a chunk size that is none", `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n\r\nhello\r\n${LAST}`],
    ["a chunk longer than its size", `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n\r\n3\r\nhello\r\n${LAST}`],
    ["a space before the colon of its length", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello"],
    ["no status at all", "HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello"],
    ["another version", "HTTP/9.9 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    [
      "a 101 that nobody asked for",
      "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello",
    ],
    ["no HTTP but text", "hello\r\n\r\n"],
    ["no HTTP but bytes", "\x00\x01\x02\x03\xff\xfe\r\n\r\n"],
    ["a TLS alert", "\x15\x03\x01\x00\x02\x02\x28"],
  ])("%s", async (_, text) => {
    for (const line of ["GET /strange", "POST /strange"]) {
      const { visitor, request: asked } = await pair.ask(request(line, ["Content-Length: 0"]));
      asked.say(text);
      asked.connection.end();
      // What is no HTTP may belong to the response before it: where it may be, the request is asked again.
      const answered = visitor.response();
      if (kept.has(asked.connection) && line.startsWith("GET") && !text.startsWith("HTTP")) {
        const again = await pair.web.next();
        expect(again.connection).not.toBe(asked.connection);
        again.say(text);
        again.connection.end();
      }
      const got = await answered;
      expect(got.status === 502 || !got.complete).toBe(true);
      expect(got.body.toString("latin1")).not.toMatch(/hello(?!\n)/);
      const next = await pair.ask(GET("/after"));
      expect(next.request.connection).not.toBe(asked.connection);
      next.request.ok("after");
      kept.add(next.request.connection);
      expect((await next.visitor.response()).body.toString()).toBe("after");
    }
  });
});
