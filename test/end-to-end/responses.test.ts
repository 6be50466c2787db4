/** Responses through the whole pair: what the web server wrote on its socket, and what the visitor read on its own. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageOf } from "../kit/changing-site.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, HOST, request } from "../kit/raw-requests.ts";
import { fieldIn } from "../kit/raw-visitor.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

const HTML = "Content-Type: text/html";
const chunked = (text: string, trailers = ""): string =>
  `${text.length.toString(16)}\r\n${text}\r\n0\r\n${trailers}\r\n`;

describe("a status", () => {
  it.each([
    200, 201, 202, 203, 206, 226, 299, 300, 301, 302, 303, 307, 308, 399, 400, 401, 402, 404, 406, 409, 410,
    413, 415, 416, 418, 422, 425, 428, 429, 451, 499, 500, 501, 502, 503, 504, 507, 511, 599, 600, 999,
  ])("%i arrives with its reason and its body; again as a delta where it is a page", async (status) => {
    for (const [index, body] of [pageOf(status, "one"), pageOf(status, "two")].entries()) {
      const { visitor, request: asked } = await pair.ask(GET(`/${status}`));
      const head = `HTTP/1.1 ${status} Reason of ${status}\r\n${HTML}\r\nContent-Length: ${body.length}\r\n\r\n`;
      asked.answer(`${head}${body}`);
      const answer = await visitor.response();
      expect([answer.status, answer.reason]).toEqual([status, `Reason of ${status}`]);
      expect(answer.body.equals(body)).toBe(true);
      const visit = await pair.visitOf(`/${status}`, index + 1);
      if (status === 200 && index === 1) expect(visit.answer).toBe("delta");
    }
  });

  it.each(["", "caf\xc3\xa9", "Two  spaces"])("has its reason phrase, byte for byte: %j", async (reason) => {
    const { visitor, request: asked } = await pair.ask(GET());
    asked.answer(`HTTP/1.1 200 ${reason}\r\nContent-Length: 0\r\n\r\n`);
    expect((await visitor.response()).reason).toBe(reason);
  });
});

describe("interim heads", () => {
  const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\n\r\n";

  it("each arrive before the answer is there, with their fields, and nothing of the connection", async () => {
    const { visitor, request: asked } = await pair.ask(GET());
    asked.say(`HTTP/1.1 102 Processing\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n`);
    expect(await visitor.head()).toMatchObject({ status: 102, fields: [] });
    asked.say(HINTS);
    expect(await visitor.head()).toMatchObject({
      status: 103,
      fields: ["Link", "</a.css>; rel=preload", "Link", "</b.js>"],
    });
    asked.say("HTTP/1.1 150 Whatever\r\n\r\n");
    expect((await visitor.head()).status).toBe(150);
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });

  it("do not go to a visitor of HTTP/1.0", async () => {
    const { visitor, request: asked } = await pair.ask(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
    asked.say(HINTS).ok();
    expect(await visitor.rest()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

describe("a response without a body", () => {
  it.each([
    ["204", "GET", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", undefined],
    [
      "204 that says a length",
      "GET",
      "HTTP/1.1 204 No Content\r\nX-A: 1\r\nContent-Length: 5\r\n\r\n",
      undefined,
    ],
    ["304", "GET", 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nX-A: 1\r\n\r\n', undefined],
    [
      "304 with the length of its page",
      "GET",
      "HTTP/1.1 304 N\r\nX-A: 1\r\nContent-Length: 500\r\n\r\n",
      undefined,
    ],
    [
      "HEAD",
      "HEAD",
      "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\n",
      "5",
    ],
    ["HEAD in chunks", "HEAD", "HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n", undefined],
    ["HEAD of an error", "HEAD", "HTTP/1.1 404 No\r\nX-A: 1\r\nContent-Length: 9\r\n\r\n", "9"],
    ["a length of 0", "GET", "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n", "0"],
    ["205", "POST", "HTTP/1.1 205 Reset Content\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n", "0"],
  ])("%s has none, and both connections serve the next", async (_, method, text, length) => {
    const { visitor, request: asked } = await pair.ask(request(`${method} /`));
    asked.answer(text);
    const answer = await visitor.response(method);
    expect(answer.body.length).toBe(0);
    expect([fieldIn(answer, "x-a"), fieldIn(answer, "content-length")]).toEqual(["1", length]);
    visitor.send(GET("/next"));
    const next = await pair.web.next();
    next.ok("next");
    expect((await visitor.response()).body.toString()).toBe("next");
  });
});

describe("a body", () => {
  const PAGE = pageOf(3, "body").toString();
  it.each([
    ["a length", `Content-Length: ${PAGE.length}\r\n\r\n${PAGE}`, "length"],
    ["chunks", `Transfer-Encoding: chunked\r\n\r\n${chunked(PAGE)}`, "chunked"],
  ])(
    "with %s has it for the visitor, whatever its type, the first time and as a delta",
    async (_, rest, framing) => {
      for (const type of ["text/html", "image/png"]) {
        for (let again = 1; again <= 2; again++) {
          const { visitor, request: asked } = await pair.ask(GET(`/${framing}/${type}`));
          asked.answer(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${rest}`);
          const answer = await visitor.response();
          expect([answer.framing, answer.complete]).toEqual([framing, true]);
          expect(answer.body.toString()).toBe(PAGE);
        }
      }
      expect(await pair.visitOf(`/${framing}/text/html`, 2)).toMatchObject({ answer: "same" });
    },
  );

  it.each(["text/html", "image/png"])("of %s has its trailers, also when it is a delta", async (type) => {
    for (const news of ["one", "two"]) {
      const body = pageOf(4, news).toString();
      const { visitor, request: asked } = await pair.ask(GET(`/trailers/${type}`, "TE: trailers"));
      expect(asked.all("te")).toEqual(["trailers"]);
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n`;
      asked.answer(head + chunked(body, "X-Sum: 1\r\nX-Sum: \xe9\r\nHost: evil\r\n"));
      const answer = await visitor.response();
      expect([answer.body.toString(), answer.trailers]).toEqual([body, ["X-Sum", "1", "X-Sum", "\xe9"]]);
    }
    if (type === "text/html")
      expect(await pair.visitOf(`/trailers/${type}`, 2)).toMatchObject({ answer: "delta" });
  });
});

describe("a web server of HTTP/1.0", () => {
  it.each(["text/html", "image/png"])(
    "ends its %s by closing: all of it arrives, again as a delta",
    async (type) => {
      for (const news of ["one", "two"]) {
        const body = pageOf(5, news).toString();
        const { visitor, request: asked } = await pair.ask(GET(`/closing/${type}`));
        asked
          .say(`HTTP/1.0 200 OK\r\nContent-Type: ${type}\r\n\r\n${body.slice(0, 1000)}`)
          .end(body.slice(1000));
        const answer = await visitor.response();
        expect([answer.framing, answer.complete, answer.body.toString()]).toEqual(["chunked", true, body]);
        visitor.send(GET("/next"));
        (await pair.web.next()).ok("next");
        expect((await visitor.response()).body.toString()).toBe("next");
      }
      if (type === "text/html")
        expect(await pair.visitOf(`/closing/${type}`, 2)).toMatchObject({ answer: "delta" });
    },
  );

  it("gets no chunks: an upload has a length or waits for none", async () => {
    const { visitor, request: asked } = await pair.ask(request("POST /", ["Content-Length: 2"], "ab"));
    expect((await asked.body()).text).toBe("ab");
    asked.end("HTTP/1.0 201 Created\r\n\r\n");
    expect((await visitor.response()).status).toBe(201);
  });
});

describe("a visitor of HTTP/1.0", () => {
  const GET_1_0 = (...fields: readonly string[]) =>
    `GET /ten HTTP/1.0\r\nHost: ${HOST}\r\n${fields.map((each) => `${each}\r\n`).join("")}\r\n`;

  it("gets a chunked body without chunks, ended by closing; again as a delta", async () => {
    for (const news of ["one", "two"]) {
      const body = pageOf(6, news).toString();
      const { visitor, request: asked } = await pair.ask(GET_1_0());
      expect(asked.lines[0]).toBe("GET /ten HTTP/1.1");
      asked.answer(
        `HTTP/1.1 200 OK\r\n${HTML}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body, "X: 1\r\n")}`,
      );
      const answer = await visitor.response();
      expect([answer.framing, answer.body.toString()]).toEqual(["close", body]);
      expect(fieldIn(answer, "connection")).toBe("close");
    }
    expect(await pair.visitOf("/ten", 2)).toMatchObject({ answer: "delta" });
  });

  it("keeps its connection where it asks to and there is a length", async () => {
    const { visitor, request: asked } = await pair.ask(GET_1_0("Connection: keep-alive"));
    asked.ok("one");
    const answer = await visitor.response();
    expect([answer.framing, fieldIn(answer, "connection")]).toEqual(["length", "keep-alive"]);
    visitor.send(GET_1_0());
    (await pair.web.next()).ok("two");
    expect((await visitor.response()).body.toString()).toBe("two");
    expect(await visitor.rest()).toBe("");
  });
});
