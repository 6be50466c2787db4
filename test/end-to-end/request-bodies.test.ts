/** Bodies of requests through the whole pair, read off the web server's socket: framing, Expect, trailers, and what breaks. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, request } from "../kit/raw-requests.ts";
import { fieldIn, type RawVisitor } from "../kit/raw-visitor.ts";
import { stillness } from "../kit/until.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());
afterEach(() => {
  pair.web.serve = undefined;
});

/** The connection serves another exchange. */
const expectKept = async (visitor: RawVisitor): Promise<void> => {
  visitor.send(GET("/next"));
  (await pair.web.next()).ok("next");
  expect((await visitor.response()).body.toString()).toBe("next");
};

describe("a body", () => {
  it("with a length keeps it, and passes each part as it comes", async () => {
    const { visitor, request: asked } = await pair.ask(request("POST /", ["Content-Length: 6"], "abc"));
    expect(asked.all("content-length")).toEqual(["6"]);
    expect(asked.all("transfer-encoding")).toEqual([]);
    expect(await asked.connection.bytes(3)).toBe("abc");
    visitor.send("def");
    expect(await asked.connection.bytes(3)).toBe("def");
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    await expectKept(visitor);
  });

  it("in chunks stays in chunks, each as it comes, without the extensions of one hop", async () => {
    const { visitor, request: asked } = await pair.ask(
      request("POST /", ["Transfer-Encoding: chunked"], '3;a=b;c="d"\r\nabc\r\n'),
    );
    expect(asked.all("content-length")).toEqual([]);
    expect(await asked.connection.upTo("abc\r\n")).toBe("3\r\nabc\r\n");
    visitor.send("00A\r\n0123456789\r\n0\r\n\r\n");
    expect((await asked.body()).text).toBe("0123456789");
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    await expectKept(visitor);
  });

  it.each([
    ["Content-Length: 0", ""],
    ["Transfer-Encoding: chunked", "0\r\n\r\n"],
  ])("that is empty (%s) is told so", async (field, body) => {
    const { visitor, request: asked } = await pair.ask(request("PUT /", [field], body));
    expect([asked.all("content-length"), asked.all("transfer-encoding")]).toEqual([["0"], []]);
    expect((await asked.body()).text).toBe("");
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    await expectKept(visitor);
  });

  it("of every byte arrives as it is", async () => {
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, i) => i & 0xff)).toString("latin1");
    const { visitor, request: asked } = await pair.ask(request("POST /", ["Content-Length: 1024"], bytes));
    expect((await asked.body()).text).toBe(bytes);
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });

  it("has its trailers, but those that would change the message", async () => {
    const { visitor, request: asked } = await pair.ask(
      request(
        "POST /",
        ["Transfer-Encoding: chunked", "Trailer: X-Sum, X-Two"],
        "1\r\nx\r\n0\r\nX-Sum: a\r\nX-Two: \xe9\r\nX-Forwarded-For: 1.2.3.4\r\nHost: evil.example\r\n\r\n",
      ),
    );
    expect(asked.all("trailer")).toEqual(["X-Sum, X-Two"]);
    expect(await asked.body()).toEqual({ text: "x", trailers: ["X-Sum: a", "X-Two: \xe9"] });
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });

  it("that is empty has its trailers all the same", async () => {
    const chunked = ["Transfer-Encoding: chunked"];
    const { visitor, request: asked } = await pair.ask(request("POST /", chunked, "0\r\nX-Sum: a\r\n\r\n"));
    expect(await asked.body()).toEqual({ text: "", trailers: ["X-Sum: a"] });
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });
});

describe("Expect: 100-continue", () => {
  const UPLOAD = request("PUT /", ["Expect: 100-continue", "Content-Length: 3"]);

  it("waits for the web server's word, and only then the body goes", async () => {
    const { visitor, request: asked } = await pair.ask(UPLOAD);
    expect(asked.all("expect")).toEqual(["100-continue"]);
    expect(visitor.seen.length).toBe(0);
    asked.say("HTTP/1.1 100 Continue\r\n\r\n");
    expect((await visitor.head()).status).toBe(100);
    visitor.send("abc");
    expect((await asked.body()).text).toBe("abc");
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
    await expectKept(visitor);
  });

  it("refused without 100 sends no body anywhere, and ends the connection", async () => {
    const { visitor, request: asked } = await pair.ask(UPLOAD);
    asked.answer("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    const interims: number[] = [];
    const answer = await visitor.response("PUT", interims);
    expect([interims, answer.status, answer.body.toString()]).toEqual([[], 417, "no"]);
    expect(fieldIn(answer, "connection")).toBe("close");
    expect(await asked.connection.over).toBeDefined();
    expect(asked.connection.unread).toBe("");
  });

  it("of HTTP/1.0 does not go on, and the body does not wait", async () => {
    const text = UPLOAD.replace("HTTP/1.1", "HTTP/1.0");
    const { visitor, request: asked } = await pair.ask(`${text}abc`);
    expect([asked.all("expect"), (await asked.body()).text]).toEqual([[], "abc"]);
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });
});

describe("a web server that says unasked", () => {
  it.each([
    ["100, to POST", "POST", "HTTP/1.1 100 Continue\r\n\r\n", []],
    ["103, to POST", "POST", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", [103]],
    ["100 and 103, to POST", "POST", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\n", [103]],
    ["103, to GET", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", [103]],
    ["100, to GET", "GET", "HTTP/1.1 100 Continue\r\n\r\n", []],
    ["100, again to GET", "GET", "HTTP/1.1 100 Continue\r\n\r\n", []],
  ])("%s: its answer arrives all the same", async (_, method, interim, seen) => {
    const asked = pair.web.asked.length;
    pair.web.serve = async (each) => {
      await each.body();
      each.say(interim).ok();
    };
    const visitor = (await pair.visitor()).send(
      request(
        `${method} /unasked`,
        method === "GET" ? [] : ["Content-Length: 1"],
        method === "GET" ? "" : "x",
      ),
    );
    const interims: number[] = [];
    expect((await visitor.response(method, interims)).status).toBe(200);
    expect(interims).toEqual(seen);
    // Once learnt, it is not asked twice any more.
    expect(pair.web.asked.length - asked).toBeLessThanOrEqual(_ === "100, to GET" ? 2 : 1);
  });
});

describe("a web server that answers before it has read the body", () => {
  const LARGE = 4 * 1024 * 1024;

  it("and takes the rest: the visitor has its answer, and the connection goes on", async () => {
    const { visitor, request: asked } = await pair.ask(request("POST /", ["Content-Length: 6"], "abc"));
    await asked.connection.bytes(3);
    asked.answer("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    expect((await visitor.response()).status).toBe(403);
    visitor.send("def");
    await expectKept(visitor);
  });

  it.each([
    ["closes", "Connection: close\r\n", (r: { end(): void; reset(): void }) => r.end()],
    ["resets the connection", "", (r: { end(): void; reset(): void }) => r.reset()],
  ])(
    "and %s: the visitor gets the 413 every time, though it never stops sending",
    async (_, field, leave) => {
      for (let again = 0; again < 10; again++) {
        const { visitor, request: asked } = await pair.ask(request("POST /", [`Content-Length: ${LARGE}`]));
        visitor.send(Buffer.alloc(LARGE));
        await asked.connection.bytes(1 + again * 20_000);
        asked.say(`HTTP/1.1 413 Content Too Large\r\n${field}Content-Length: 7\r\n\r\ntoo big`);
        asked.connection.socket.write("", () => leave(asked));
        const answer = await visitor.response();
        expect([answer.status, answer.body.toString(), answer.complete]).toEqual([413, "too big", true]);
        visitor.end();
      }
    },
  );
});

describe("a visitor that aborts inside its upload", () => {
  it.each([
    ["with a length", "Content-Length: 10", "abc"],
    ["in chunks", "Transfer-Encoding: chunked", "3\r\nabc\r\n"],
    ["in chunks, between two", "Transfer-Encoding: chunked", "3\r\nabc\r\n"],
  ])("%s: the web server sees it cut, never complete", async (_, field, body) => {
    const { visitor, request: asked } = await pair.ask(request("POST /", [field], body));
    await asked.connection.upTo("abc");
    visitor.leave();
    await asked.connection.over;
    // No more than the end of the chunk that came: neither the rest of the length nor a last chunk.
    expect(asked.connection.unread.trim()).toBe("");
  });

  it("in order (FIN), in the middle of a body: the web server sees it cut", async () => {
    const { visitor, request: asked } = await pair.ask(request("POST /", ["Content-Length: 10"], "abc"));
    await asked.connection.bytes(3);
    visitor.socket.end();
    await asked.connection.over;
    expect(asked.connection.unread).toBe("");
    visitor.end();
  });

  it("while the web server does not read it: that is noticed before anybody reads on", async () => {
    const { visitor, request: asked } = await pair.ask(request("POST /full", ["Content-Length: 99999999"]));
    asked.connection.socket.pause();
    const piece = Buffer.alloc(256 * 1024);
    for (let sent = 0; sent < 64; sent++) visitor.socket.write(piece);
    await stillness(() => visitor.socket.writableLength);
    expect(visitor.socket.writableLength).toBeGreaterThan(0);
    visitor.leave();
    expect(await pair.visitOf("/full")).toMatchObject({ failed: "cancelled" });
    asked.connection.socket.resume();
    await asked.connection.over;
  });
});
