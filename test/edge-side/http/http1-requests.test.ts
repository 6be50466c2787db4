/** Requests of HTTP/1.x as they reach the origin side: RFC 9110 and 9112 for an intermediary. */
import { METHODS } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn } from "../../kit/raw-visitor.ts";
import { stillness } from "../../kit/until.ts";
import { type EdgeUnderTest, GET, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest();
});
afterAll(() => edge[Symbol.asyncDispose]());

const REFUSED = ["CONNECT", "TRACE"];
const TUNNEL = "CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n";

describe("methods", () => {
  it.each(METHODS.filter((method) => !REFUSED.includes(method)))(
    "%s goes on, with its body",
    async (method) => {
      const { visitor, exchange } = await edge.ask(request(`${method} /a`, ["Content-Length: 3"], "a=1"));
      expect(exchange.request).toMatchObject({ method, target: "/a" });
      expect(await exchange.ended).toEqual({ how: "complete", body: Buffer.from("a=1"), trailers: [] });
      exchange.answer(200, ["Content-Length", "2"], method === "HEAD" ? "" : "ok");
      expect((await visitor.response(method)).status).toBe(200);
    },
  );

  it.each(["BREW", "get", "X-Y.z"])("%s is not known: 501 and close", async (method) => {
    const before = edge.origin.count;
    const visitor = await edge.visitor();
    visitor.send(request(`${method} /`));
    const response = await visitor.response();
    expect([response.status, fieldIn(response, "connection")]).toEqual([501, "close"]);
    expect(await visitor.rest()).toBe("");
    expect(edge.origin.count).toBe(before);
  });

  it("an unknown method after a known one: the first is answered", async () => {
    const { visitor, exchange } = await edge.ask(GET("/first") + request("BREW /second"));
    exchange.answer(200, [], "first");
    expect((await visitor.response()).body.toString()).toBe("first");
    expect((await visitor.response()).status).toBe(501);
    expect(await visitor.rest()).toBe("");
  });

  it.each(["TRACE / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", TUNNEL])(
    "%j is refused with 405",
    async (text) => {
      const before = edge.origin.count;
      const visitor = await edge.visitor();
      const response = await visitor.send(text).response();
      expect(response.status).toBe(405);
      expect(fieldIn(response, "allow")).toContain("GET");
      expect(edge.origin.count).toBe(before);
    },
  );

  it("CONNECT behind a request that is under way may be left by its visitor", async () => {
    const { visitor, exchange } = await edge.ask(GET("/first") + TUNNEL);
    visitor.socket.resetAndDestroy();
    // Where nobody listens for what becomes of the connection, its error ends the program.
    expect(await exchange.gone).toBe("cancelled");
  });

  it("CONNECT is refused behind a response that its visitor takes slowly", async () => {
    const { visitor, exchange } = await edge.ask(GET("/first") + TUNNEL);
    visitor.socket.pause().removeAllListeners("data");
    let [bytes, last] = [0, ""];
    visitor.socket.on("data", (piece: Buffer) => {
      bytes += piece.length;
      last = (last + piece.toString("latin1")).slice(-500);
    });
    const body = Buffer.alloc(9_000_000, "a");
    exchange.answer(200, ["Content-Length", String(body.length)], body);
    await stillness(() => edge.origin.count);
    visitor.socket.resume();
    await visitor.closed;
    expect(bytes).toBeGreaterThan(body.length);
    expect(last).toMatch(/HTTP\/1\.1 405 /);
  });
});

describe("targets", () => {
  it.each([
    "/",
    '/a//b/../c/./%2e%2E/%zz?x=%20&&y=[1]|{}^`"<>#f',
    "//www.example.com/a",
    "/?",
    "/a;b=c,d@e:80",
  ])("%s byte for byte", async (target) => {
    const { visitor, exchange } = await edge.ask(GET(target));
    expect(exchange.request.target).toBe(target);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("of 8 KB", async () => {
    const target = `/${"x".repeat(8 * 1024)}`;
    const { visitor, exchange } = await edge.ask(GET(target));
    expect(exchange.request.target).toBe(target);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("OPTIONS * asks the server itself", async () => {
    const { visitor, exchange } = await edge.ask(request("OPTIONS *"));
    expect(exchange.request).toMatchObject({ method: "OPTIONS", target: "*" });
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it.each([
    ["GET http://other.example.com:81/path?q", "/path?q", "other.example.com:81"],
    ["GET HTTP://other.example.com", "/", "other.example.com"],
    ["GET https://other.example.com?q", "/?q", "other.example.com"],
    ["OPTIONS http://other.example.com", "*", "other.example.com"],
  ])("%s goes on in origin-form, and its host counts", async (line, target, host) => {
    const { visitor, exchange } = await edge.ask(request(line));
    expect(exchange.request.target).toBe(target);
    expect(exchange.field("host")).toBe(host);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("an absolute target needs no Host in HTTP/1.0", async () => {
    const { visitor, exchange } = await edge.ask(`GET http://${HOST}/ HTTP/1.0\r\n\r\n`);
    expect(exchange.field("host")).toBe(HOST);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });
});

describe("bodies", () => {
  it("chunked, with trailers, chunk by chunk", async () => {
    const { visitor, exchange } = await edge.ask(
      request("POST /", ["Transfer-Encoding: chunked", "Trailer: X-Sum"]),
    );
    visitor.send("3\r\nabc\r\n");
    expect((await exchange.bodyReaches(3)).toString()).toBe("abc");
    visitor.send("4;ext=1\r\ndefg\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n");
    expect(await exchange.ended).toEqual({
      how: "complete",
      body: Buffer.from("abcdefg"),
      trailers: ["X-Sum", "7"],
    });
    expect(exchange.field("transfer-encoding")).toBeUndefined();
    exchange.answer(200, [], "");
    expect((await visitor.response()).status).toBe(200);
  });

  it.each([
    ["POST", "Content-Length: 0"],
    ["PUT", "Transfer-Encoding: chunked"],
  ])("an empty body of %s (%s) is one", async (method, field) => {
    const { visitor, exchange } = await edge.ask(
      request(`${method} /`, [field], field.endsWith("chunked") ? "0\r\n\r\n" : ""),
    );
    expect(await exchange.ended).toMatchObject({ how: "complete", body: Buffer.alloc(0) });
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("no faster than the origin side takes it", async () => {
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 50000000"]));
    exchange.takes = false;
    const piece = Buffer.alloc(2 ** 20, 0x61);
    for (let sent = 0; sent < 32 && visitor.socket.write(piece); sent++);
    await exchange.bodyReaches(128 * 1024);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    // The window of the hello; the rest waits in sockets.
    expect(exchange.bodyBytes).toBeLessThanOrEqual(256 * 1024);
    // A connection that is not read does not tell of its end before it is read again.
    visitor.leave();
    exchange.takes = true;
    exchange.take(exchange.bodyBytes);
    expect(await exchange.gone).toBe("cancelled");
  });

  it("a visitor that breaks off inside its body resets the exchange", async () => {
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 10"], "12345"));
    await exchange.bodyReaches(5);
    visitor.leave();
    expect(await exchange.gone).toBe("cancelled");
    expect(await Promise.race([exchange.ended, Promise.resolve("never")])).toBe("never");
  });

  it("a chunk that is none: 400, and the exchange is reset", async () => {
    const { visitor, exchange } = await edge.ask(
      request("POST /", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n"),
    );
    await exchange.bodyReaches(3);
    visitor.send("zz\r\n");
    expect(await exchange.gone).toBe("cancelled");
    expect((await visitor.response()).status).toBe(400);
    expect(await visitor.rest()).toBe("");
  });

  it("an answer may come before the body was read, and the connection goes on", async () => {
    const { visitor, exchange } = await edge.ask(request("POST /", ["Content-Length: 10"], "12345"));
    await exchange.bodyReaches(5);
    exchange.answer(403, ["Content-Length", "2"], "no").refuseBody();
    expect((await visitor.response()).body.toString()).toBe("no");
    expect(await exchange.ended).toMatchObject({ how: "closed" });
    visitor.send("67890", GET("/next"));
    const next = await edge.origin.next();
    next.answer(200, ["Content-Length", "4"], "next");
    expect((await visitor.response()).body.toString()).toBe("next");
  });
});

describe("Expect", () => {
  const UPLOAD = request("PUT /", ["Expect: 100-continue", "Content-Length: 3"]);

  it("goes on, and 100 comes only when the origin server says so", async () => {
    const { visitor, exchange } = await edge.ask(UPLOAD);
    expect(exchange.field("expect")).toBe("100-continue");
    exchange.interim(100);
    expect((await visitor.head()).status).toBe(100);
    visitor.send("abc");
    expect(await exchange.ended).toMatchObject({ how: "complete", body: Buffer.from("abc") });
    exchange.answer(200, ["Content-Length", "2"], "ok");
    const response = await visitor.response();
    expect([response.status, fieldIn(response, "connection")]).toEqual([200, "keep-alive"]);
  });

  it("a refusal in place of 100 ends the connection: whether a body follows, nobody knows", async () => {
    const { visitor, exchange } = await edge.ask(UPLOAD);
    exchange.answer(413, ["Content-Length", "0"], "").refuseBody();
    const interims: number[] = [];
    const response = await visitor.response("PUT", interims);
    expect([interims, response.status, fieldIn(response, "connection")]).toEqual([[], 413, "close"]);
    expect(await visitor.rest()).toBe("");
  });

  it("a visitor that does not wait is served, too", async () => {
    const { visitor, exchange } = await edge.ask(`${UPLOAD}abc`);
    expect(await exchange.ended).toMatchObject({ body: Buffer.from("abc") });
    exchange.answer(200, [], "");
    expect((await visitor.response()).status).toBe(200);
  });

  it.each(["200-maybe", "100-continue, 200-maybe", "100-continue 100-continue"])(
    "of something else (%s) is 417",
    async (expectation) => {
      const before = edge.origin.count;
      const visitor = await edge.visitor();
      visitor.send(request("PUT /", [`Expect: ${expectation}`, "Content-Length: 3"], "abc"));
      expect((await visitor.response()).status).toBe(417);
      expect(edge.origin.count).toBe(before);
    },
  );

  it.each([
    ["twice in one list", ["Expect: 100-continue, 100-continue"], 100],
    ["in two fields", ["Expect: 100-continue", "Expect: ,100-Continue"], 100],
    ["an empty one", ["Expect:"], 200],
    ["a list of nothing", ["Expect: ,"], 200],
  ])("%s is what it says, and no reason for 417", async (_, fields, first) => {
    const { visitor, exchange } = await edge.ask(request("PUT /", [...fields, "Content-Length: 3"], "abc"));
    if (first === 100) exchange.interim(100);
    exchange.answer(200, [], "ok");
    expect((await visitor.head()).status).toBe(first);
  });

  it("of HTTP/1.0 is not meant", async () => {
    const { visitor, exchange } = await edge.ask(
      `PUT / HTTP/1.0\r\nHost: ${HOST}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
    );
    expect(exchange.field("expect")).toBeUndefined();
    exchange.interim(100).answer(200, [], "ok");
    expect(await visitor.rest()).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("fields", () => {
  it("keep order, case, duplicates, empty values and latin1", async () => {
    const { visitor, exchange } = await edge.ask(
      GET(
        "/",
        "X-B: 2",
        "x-a: 1",
        "X-B: 1",
        "X-Empty:",
        "X-Latin: caf\xe9 \x80\xff",
        "Cookie: a=1;b=2",
        "Cookie: c",
      ),
    );
    const own = exchange.request.fields.slice(0, 16);
    expect(own).toEqual([
      ...["Host", HOST, "X-B", "2", "x-a", "1", "X-B", "1", "X-Empty", "", "X-Latin", "caf\xe9 \x80\xff"],
      ...["Cookie", "a=1;b=2", "Cookie", "c"],
    ]);
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("all go on, as many as a head may have", async () => {
    const { visitor, exchange } = await edge.ask(
      GET("/", ...Array.from({ length: 999 }, (_, i) => `X-${i}: ${i}`)),
    );
    expect(exchange.field("x-998")).toBe("998");
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("of one hop do not go on, nor what Connection lists, nor Coilgun's own", async () => {
    const { visitor, exchange } = await edge.ask(
      GET(
        "/",
        "Connection: keep-alive, X-Hop, Host",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eA==",
        "X-Hop: 1",
        "TE: trailers, deflate",
        "Coilgun-Secret: 1",
        "X-Coilgun-Route: 1",
        "X-End: 1",
      ),
    );
    const names = exchange.request.fields.filter((_, i) => i % 2 === 0);
    expect(names).toEqual([
      ...["Host", "X-End", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Via", "TE"],
    ]);
    expect(exchange.field("te")).toBe("trailers");
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it("carry the urgency of RFC 9218", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "Priority: u=1, i"));
    expect(exchange.open).toMatchObject({ urgency: 1, incremental: true });
    exchange.answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });
});
