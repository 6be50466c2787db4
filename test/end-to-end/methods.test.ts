/** Methods through the whole pair, read off the web server's socket: RFC 9110 section 9. */
import { METHODS } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { HOST, request } from "../kit/raw-requests.ts";
import { fieldIn } from "../kit/raw-visitor.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

const REFUSED = ["CONNECT", "TRACE"];
const SERVED = METHODS.filter((method) => !REFUSED.includes(method));

describe.each(SERVED)("%s", (method) => {
  it.each([
    ["a length", "Content-Length: 5", "hello"],
    ["chunks", "Transfer-Encoding: chunked", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
  ])("reaches the web server with a body that has %s, and its answer comes back", async (_, field, body) => {
    const asked = await pair.ask(request(`${method} /a?b`, [field], body));
    expect(asked.request.lines[0]).toBe(`${method} /a?b HTTP/1.1`);
    expect((await asked.request.body()).text).toBe("hello");
    asked.request.answer(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === "HEAD" ? "" : "ok"}`);
    const answer = await asked.visitor.response(method);
    expect([answer.status, answer.body.toString()]).toEqual([200, method === "HEAD" ? "" : "ok"]);
  });

  it("reaches the web server without a body, framed so that none is waited for", async () => {
    const asked = await pair.ask(request(`${method} /bare`));
    expect(asked.request.lines[0]).toBe(`${method} /bare HTTP/1.1`);
    expect(asked.request.field("transfer-encoding")).toBeUndefined();
    expect(asked.request.field("content-length") ?? "0").toBe("0");
    asked.request.answer("HTTP/1.1 204 No Content\r\n\r\n");
    expect((await asked.visitor.response(method)).status).toBe(204);
  });
});

it.each(["BREW", "get", "X-A.b", "GETT"])(
  "%s is no known method: 501, and the connection closes",
  async (method) => {
    const before = pair.web.asked.length;
    const visitor = (await pair.visitor()).send(request(`${method} /`), request("GET /after"));
    const answer = await visitor.response();
    expect([answer.status, fieldIn(answer, "connection")]).toEqual([501, "close"]);
    expect(await visitor.rest()).toBe("");
    expect(pair.web.asked.length).toBe(before);
  },
);

it.each([
  ["TRACE", `TRACE /secret HTTP/1.1\r\nHost: ${HOST}\r\nCookie: sid=secret\r\n\r\n`],
  ["CONNECT", `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`],
])("%s is refused with 405, reflects nothing and reaches nobody", async (_, text) => {
  const before = pair.web.asked.length;
  const answer = await (await pair.visitor()).send(text).response();
  expect(answer.status).toBe(405);
  expect(fieldIn(answer, "allow")).toMatch(/\bGET\b.*\bOPTIONS\b/);
  expect(answer.body.toString()).not.toContain("secret");
  expect(pair.web.asked.length).toBe(before);
});

describe("OPTIONS", () => {
  it.each([
    ["OPTIONS *", "*"],
    [`OPTIONS http://${HOST}`, "*"],
    ["OPTIONS /page", "/page"],
  ])("%s asks the web server for %s", async (line, target) => {
    const asked = await pair.ask(request(line));
    expect(asked.request.lines[0]).toBe(`OPTIONS ${target} HTTP/1.1`);
    asked.request.answer("HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n");
    expect(fieldIn(await asked.visitor.response(), "allow")).toBe("GET");
  });

  it.each([
    ["2", "1"],
    ["1", "0"],
    ["007", "6"],
  ])("with Max-Forwards %s goes on with %s", async (before, after) => {
    const asked = await pair.ask(request("OPTIONS /", [`Max-Forwards: ${before}`]));
    expect(asked.request.all("max-forwards")).toEqual([after]);
    asked.request.answer("HTTP/1.1 204 No Content\r\n\r\n");
    expect((await asked.visitor.response()).status).toBe(204);
  });

  it("with Max-Forwards 0 is answered by the edge, body and all, and the connection goes on", async () => {
    const before = pair.web.asked.length;
    const visitor = await pair.visitor();
    for (const body of ["", "hello"]) {
      visitor.send(request("OPTIONS *", ["Max-Forwards: 0", `Content-Length: ${body.length}`], body));
      const answer = await visitor.response();
      expect([answer.status, fieldIn(answer, "allow"), answer.body.length]).toEqual([
        200,
        expect.stringContaining("OPTIONS"),
        0,
      ]);
    }
    expect(pair.web.asked.length).toBe(before);
  });

  it.each([
    ["GET", "Max-Forwards: 0", ["0"]],
    ["OPTIONS", "Max-Forwards: many", ["many"]],
  ])("%s with %s goes on as it is: it means nothing there", async (method, field, expected) => {
    const asked = await pair.ask(request(`${method} /`, [field]));
    expect(asked.request.all("max-forwards")).toEqual(expected);
    asked.request.answer("HTTP/1.1 204 No Content\r\n\r\n");
    expect((await asked.visitor.response()).status).toBe(204);
  });
});
