/** Request targets and hosts through the whole pair: byte for byte, or refused. RFC 9112 section 3.2. */
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

const TARGETS: readonly (readonly [string, string])[] = [
  ["the root", "/"],
  ["an encoded slash", "/a%2Fb%2fc"],
  ["empty segments", "//a///b//"],
  ["another host after two slashes", "//www.example.org/a"],
  ["dots, plain and encoded", "/a/../b/./c/%2e%2E/..%2f"],
  ["an empty query", "/a?"],
  ["a query of question marks", "/?a?b??"],
  ["reserved characters", "/:@!$&'()*+,;=?:@!$&'()*+,;=/[]"],
  ["odd characters that clients send", '/{}|^`"<>\\~?x=[1]|{}'],
  ["a wrong percent encoding", "/%zz%%4"],
  ["an encoded NUL, line end and UTF-8", "/%00%0d%0a%C3%A9"],
  ["a fragment, which some clients send", "/a#b"],
  ["a colon and a scheme inside", "/http://other.example/a"],
  ["8 KB of path", `/${"p".repeat(8 * 1024)}`],
  ["8 KB of query", `/?${"q=1&".repeat(2 * 1024)}`],
];

describe("a target with", () => {
  it.each(TARGETS)("%s reaches the web server byte for byte, with and without a body", async (_, target) => {
    for (const text of [GET(target), request(`POST ${target}`, ["Content-Length: 1"], "x")]) {
      const asked = await pair.ask(text);
      expect(asked.request.target).toBe(target);
      await asked.request.body();
      asked.request.ok();
      expect((await asked.visitor.response()).status).toBe(200);
    }
  });
});

describe("a target in absolute form", () => {
  it.each([
    [`GET http://${HOST}/path?q`, "/path?q", HOST],
    [`GET HTTP://${HOST}`, "/", HOST],
    [`GET https://${HOST}:8443?q`, "/?q", `${HOST}:8443`],
    [`DELETE http://${HOST}//a`, "//a", HOST],
  ])("%s reaches the web server as %s, and its authority is the Host", async (line, target, host) => {
    const asked = await pair.ask(`${line} HTTP/1.1\r\nHost: elsewhere.example.com\r\n\r\n`);
    expect([asked.request.target, asked.request.all("host")]).toEqual([target, [host]]);
    asked.request.ok();
    expect((await asked.visitor.response()).status).toBe(200);
  });
});

describe("a Host", () => {
  it.each([
    ["with a final dot", `${HOST}.`],
    ["with a final dot and a port", `${HOST}.:8080`],
    ["in capitals", "WWW.Example.COM"],
    ["with a port", `${HOST}:8080`],
    ["with an empty port", `${HOST}:`],
  ])("%s names the same site, and reaches the web server as it was written", async (_, host) => {
    const asked = await pair.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(asked.request.all("host")).toEqual([host]);
    asked.request.ok();
    expect((await asked.visitor.response()).status).toBe(200);
  });

  it("with a final dot shares its pages with the one without: the second visit is a delta", async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `<li>${(i * 7919).toString(36)}</li>`).join("");
    for (const [index, host] of [HOST, `${HOST}.`].entries()) {
      const asked = await pair.ask(`GET /dot HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      asked.request.ok(`<h1>${index}</h1>${rows}`, "Content-Type: text/html");
      expect((await asked.visitor.response()).body.toString()).toBe(`<h1>${index}</h1>${rows}`);
    }
    expect(await pair.visitOf("/dot", 2)).toMatchObject({ answer: "delta", bases: 1 });
  });
});

describe("refused with 400, and nothing reaches the web server:", () => {
  it.each([
    ["bytes above ASCII in a target, which no URI has", GET("/caf\xe9")],
    ["a control character in a target", GET("/a\x01b")],
    ["DEL in a target", GET("/a\x7fb")],
    ["no slash", request("GET a")],
    ["* for GET", request("GET *")],
    ["another scheme", request("GET ftp://www.example.com/")],
    ["a user in an absolute target", request(`GET http://user@${HOST}/`)],
    ["HTTP/1.1 without a Host", "GET / HTTP/1.1\r\n\r\n"],
    ["a Host that is only a dot", "GET / HTTP/1.1\r\nHost: .\r\n\r\n"],
  ])("%s", async (_, text) => {
    const before = pair.web.asked.length;
    const visitor = (await pair.visitor()).send(text, GET("/after"));
    expect((await visitor.response()).status).toBe(400);
    expect(await visitor.rest()).toBe("");
    expect(pair.web.asked.length).toBe(before);
  });
});
