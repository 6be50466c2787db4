/**
 * Requests that two programs could read in two ways, and what is no request at all: exactly one response, the connection
 * closed, nothing forwarded. RFC 9112 sections 2.2, 3.2, 5.1, 6.1 and 6.3.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";
import { type EdgeUnderTest, GET, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest();
});
afterAll(() => edge[Symbol.asyncDispose]());

const SMUGGLED = GET("/smuggled");
const post = (fields: readonly string[], body: string, line = "POST /") => request(line, fields, body);

const AMBIGUOUS: readonly (readonly [string, string])[] = [
  ["CL.TE", post(["Content-Length: 6", "Transfer-Encoding: chunked"], "0\r\n\r\nG")],
  ["TE.CL", post(["Transfer-Encoding: chunked", "Content-Length: 4"], "5c\r\nGPOST\r\n0\r\n\r\n")],
  ["two lengths", post(["Content-Length: 5", "Content-Length: 6"], "hello")],
  ["two equal lengths", post(["Content-Length: 5", "Content-Length: 5"], "hello")],
  ["a list of lengths", post(["Content-Length: 5, 5"], "hello")],
  ["a signed length", post(["Content-Length: +5"], "hello")],
  ["a negative length", post(["Content-Length: -5"], "hello")],
  ["a hexadecimal length", post(["Content-Length: 0x5"], "hello")],
  ["a length with a space", post(["Content-Length: 5 0"], "hello")],
  ["an empty length", post(["Content-Length:"], "hello")],
  ["a length beyond all", post(["Content-Length: 18446744073709551617"], "hello")],
  ["TE: identity", post(["Transfer-Encoding: identity"], "hello")],
  ["TE: gzip, chunked", post(["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n")],
  ["TE: chunked, gzip", post(["Transfer-Encoding: chunked, gzip"], "0\r\n\r\n")],
  ["TE: chunked, chunked", post(["Transfer-Encoding: chunked, chunked"], "0\r\n\r\n")],
  ["TE twice", post(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "0\r\n\r\n")],
  ["TE: chunked with a parameter", post(["Transfer-Encoding: chunked;a=b"], "0\r\n\r\n")],
  ["TE: xchunked", post(["Transfer-Encoding: xchunked"], "0\r\n\r\n")],
  ["TE: a vertical tab before chunked", post(["Transfer-Encoding: \x0bchunked"], "0\r\n\r\n")],
  ["TE: empty", post(["Transfer-Encoding:"], "0\r\n\r\n")],
  ["TE in HTTP/1.0", `POST / HTTP/1.0\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["a space before the colon", post(["Transfer-Encoding : chunked"], "0\r\n\r\n")],
  ["a tab before the colon", post(["Content-Length\t: 5"], "hello")],
  ["a folded line", post(["X-A: 1", " Transfer-Encoding: chunked"], "0\r\n\r\n")],
  ["a tab at the start of a line", post(["X-A: 1", "\tb"], "")],
  ["a bare CR in a value", post(["X-A: 1\rTransfer-Encoding: chunked"], "")],
  ["a bare LF for CRLF", `GET / HTTP/1.1\nHost: ${HOST}\n\n`],
  ["a bare LF in a head", `GET / HTTP/1.1\r\nHost: ${HOST}\nX-A: 1\r\n\r\n`],
  ["a NUL in a value", post(["X-A: a\0b"], "")],
  ["a NUL in a name", post(["X\0A: b"], "")],
  ["a line without a colon", post(["nonsense"], "")],
  ["a field without a name", post([": x"], "")],
  ["two Hosts", `GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: other.example.com\r\n\r\n`],
  ["two equal Hosts", `GET / HTTP/1.1\r\nHost: ${HOST}\r\nhost: ${HOST}\r\n\r\n`],
  ["no Host", "GET / HTTP/1.1\r\nX-A: 1\r\n\r\n"],
  ["no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a Host with a path", `GET / HTTP/1.1\r\nHost: ${HOST}/a\r\n\r\n`],
  ["a Host with a user", `GET / HTTP/1.1\r\nHost: a@${HOST}\r\n\r\n`],
  ["a Host with a space", `GET / HTTP/1.1\r\nHost: ${HOST} a\r\n\r\n`],
  ["a Host that is a list", `GET / HTTP/1.1\r\nHost: ${HOST}, b\r\n\r\n`],
  ["a Host with two ports", `GET / HTTP/1.1\r\nHost: ${HOST}:80:81\r\n\r\n`],
  ["a user in an absolute target", request(`GET http://a@${HOST}/`)],
  ["an absolute target without a host", request("GET http:///a")],
  ["a target of another scheme", request("GET ftp://www.example.com/a")],
  ["a target without a slash", request("GET a")],
  ["* for GET", request("GET *")],
  ["a target with bytes above ASCII", GET("/caf\xe9")],
  ["a space in the target", request("GET /a b")],
  ["no target", request("GET ")],
  ["no version", `GET /\r\nHost: ${HOST}\r\n\r\n`],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["garbage", "\x01\x02\x03\r\n\r\n"],
];

describe("refused with 400", () => {
  it.each(AMBIGUOUS)("%s", async (_, text) => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    const said = await visitor.send(text, SMUGGLED).rest();
    expect(said.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 400"]);
    expect(said).toMatch(/\r\nconnection: close\r\n/i);
    expect(edge.origin.count).toBe(before);
  });

  it("what comes after one that was right: the right one is answered first", async () => {
    const { visitor, exchange } = await edge.ask(
      GET("/right") + post(["Transfer-Encoding: identity"], "x") + SMUGGLED,
    );
    const before = edge.origin.count;
    exchange.answer(200, ["Content-Length", "5"], "right");
    const said = await visitor.rest();
    expect(said.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
    expect(edge.origin.count).toBe(before);
  });

  it("garbage after one that was right: the right one is answered first", async () => {
    const { visitor, exchange } = await edge.ask(`${GET("/right")}\x00garbage\r\n\r\n`);
    exchange.answer(200, ["Content-Length", "5"], "right");
    expect((await visitor.rest()).match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
  });
});

describe("versions", () => {
  it.each(["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/3.0", "ICE/1.0"])("%s is refused", async (version) => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    const said = await visitor.send(`GET / ${version}\r\nHost: ${HOST}\r\n\r\n`).rest();
    expect(said).toMatch(/^HTTP\/1\.1 (?:505|400) /);
    expect(edge.origin.count).toBe(before);
  });
});

it("a flood of requests sent ahead ends the connection", async () => {
  const { visitor, exchange } = await edge.ask(GET("/first"));
  for (let sent = 0; sent < 100; sent++) visitor.send(GET().repeat(10));
  expect(await exchange.gone).toBe("cancelled");
  await visitor.closed;
});
