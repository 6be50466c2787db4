/** Responses as visitors of HTTP/1.x get them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../../kit/leaks.ts";
import { fieldIn } from "../../kit/raw-visitor.ts";
import { type EdgeUnderTest, GET, HOST, request, startEdgeUnderTest } from "../edge-under-test.ts";

watchLeaks();

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await startEdgeUnderTest();
});
afterAll(() => edge[Symbol.asyncDispose]());

const GET_1_0 = (...fields: readonly string[]) =>
  `GET / HTTP/1.0\r\nHost: ${HOST}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;

describe("interim heads", () => {
  it("all go on, with their fields, in order", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange
      .interim(102)
      .interim(103, ["Link", "</a.css>; rel=preload", "Link", "</b.js>", "X-Latin", "caf\xe9"])
      .interim(142, ["X-Odd", ""]);
    expect(await visitor.head()).toEqual({ status: 102, reason: "Processing", fields: [] });
    expect(await visitor.head()).toMatchObject({
      status: 103,
      fields: ["Link", "</a.css>; rel=preload", "Link", "</b.js>", "X-Latin", "caf\xe9"],
    });
    expect(await visitor.head()).toMatchObject({ status: 142, fields: ["X-Odd", ""] });
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
  });

  it("do not go to HTTP/1.0", async () => {
    const { visitor, exchange } = await edge.ask(GET_1_0());
    exchange.interim(103, ["Link", "</a>"]).answer(200, [], "ok");
    expect(await visitor.rest()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

describe("bodies", () => {
  it.each([
    [204, [], "none"],
    [304, ["ETag", '"a"'], "none"],
    [200, ["Content-Length", "0"], "length"],
  ])("%i has none", async (status, fields, framing) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(status, fields, "");
    const response = await visitor.response();
    expect(response).toMatchObject({ status, framing, complete: true, body: Buffer.alloc(0) });
    expect(response.fields.slice(0, fields.length)).toEqual(fields);
    expect(fieldIn(response, "transfer-encoding")).toBeUndefined();
  });

  it("204 says nothing of a length", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(204, ["Content-Length", "0"], "");
    expect(fieldIn(await visitor.response(), "content-length")).toBeUndefined();
  });

  it("HEAD keeps the length of what it does not send", async () => {
    const { visitor, exchange } = await edge.ask(request("HEAD /"));
    exchange.answer(200, ["Content-Type", "image/png", "Content-Length", "5000"], "");
    expect(fieldIn(await visitor.response("HEAD"), "content-length")).toBe("5000");
    visitor.send(GET());
    (await edge.origin.next()).answer(200, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
  });

  it("with a length keep it; without are chunked", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, ["Content-Length", "6", "Content-Type", "image/png"], "length");
    expect(await visitor.response()).toMatchObject({ framing: "length", body: Buffer.from("length") });
    visitor.send(GET());
    (await edge.origin.next()).answer(200, [], "chunks");
    expect(await visitor.response()).toMatchObject({
      framing: "chunked",
      body: Buffer.from("chunks"),
      complete: true,
    });
  });

  it.each([
    ["shorter", "10", "hello"],
    ["longer", "3", ""],
  ])("that are %s than their length are cut at once", async (_, length, shown) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, ["Content-Length", length, "Content-Type", "image/png"], "hello");
    expect((await visitor.rest()).split("\r\n\r\n")[1] ?? "").toBe(shown);
  });

  it("that the origin server ended by closing pass as complete, as through any proxy", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, []).data("all there is").end("closed");
    expect(await visitor.response()).toMatchObject({ body: Buffer.from("all there is"), complete: true });
  });

  it("have trailers where there is room for them, for who takes them", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "TE: gzip;q=0.5, trailers"));
    exchange.answer(200, []).data("x").end("complete", ["X-Sum", "1", "X-Sum", "2", "Content-Length", "9"]);
    expect((await visitor.response()).trailers).toEqual(["X-Sum", "1", "X-Sum", "2"]);
    visitor.send(GET("/", "TE: trailers"));
    (await edge.origin.next()).answer(200, ["Content-Length", "1"]).data("x").end("complete", ["X-Sum", "1"]);
    expect(await visitor.response()).toMatchObject({ framing: "length", body: Buffer.from("x") });
    visitor.send(GET());
    (await edge.origin.next()).answer(204, [], "");
    expect((await visitor.response()).status).toBe(204);
  });

  it.each([[], ["TE: gzip"]])("have no trailers for who said %j of them, and are whole", async (...said) => {
    const { visitor, exchange } = await edge.ask(GET("/", ...said));
    exchange.answer(200, []).data("x").end("complete", ["X-Sum", "1"]);
    expect(await visitor.response()).toMatchObject({ body: Buffer.from("x"), trailers: [], complete: true });
    visitor.send(GET());
    (await edge.origin.next()).answer(200, [], "next");
    expect((await visitor.response()).body.toString()).toBe("next");
  });

  it("of 3 MB arrive whole", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    const body = Buffer.alloc(3_000_000, "0123456789abcdef");
    exchange.answer(200, ["Content-Length", "3000000"]);
    for (let at = 0; at < body.length; at += 100_000)
      await exchange.dataInTurn(body.subarray(at, at + 100_000));
    exchange.end();
    expect((await visitor.response()).body.equals(body)).toBe(true);
  });
});

describe("HTTP/1.0", () => {
  it("gets no chunks: the end of the connection ends the body", async () => {
    const { visitor, exchange } = await edge.ask(GET_1_0());
    exchange.answer(200, []).data("a").data("b").end("complete", ["X-Sum", "1"]);
    const response = await visitor.response();
    expect(response).toMatchObject({ framing: "close", body: Buffer.from("ab") });
    expect(fieldIn(response, "connection")).toBe("close");
  });

  it("keeps the connection if it asks, and the length is known", async () => {
    const { visitor, exchange } = await edge.ask(GET_1_0("Connection: keep-alive"));
    exchange.answer(200, ["Content-Length", "2"], "ok");
    expect(fieldIn(await visitor.response(), "connection")).toBe("keep-alive");
    visitor.send(GET_1_0());
    (await edge.origin.next()).answer(200, ["Content-Length", "2"], "ok");
    expect(fieldIn(await visitor.response(), "connection")).toBe("close");
    expect(await visitor.rest()).toBe("");
  });
});

describe("connections", () => {
  it("serve requests that came together in order, the next when the one before is done", async () => {
    const before = edge.origin.count;
    const { visitor, exchange } = await edge.ask(
      request("POST /1", ["Content-Length: 1"], "x") + GET("/2") + request("DELETE /3"),
    );
    expect(await exchange.ended).toMatchObject({ how: "complete" });
    expect([exchange.request.target, edge.origin.count - before]).toEqual(["/1", 1]);
    for (const [index, target] of ["/1", "/2", "/3"].entries()) {
      const each = index === 0 ? exchange : await edge.origin.next();
      expect(each.request.target).toBe(target);
      each.answer(200, [], target);
      expect((await visitor.response()).body.toString()).toBe(target);
    }
  });

  it("end when the visitor says so, and what it sends after that is not read", async () => {
    const { visitor, exchange } = await edge.ask(GET("/", "Connection: close") + GET("/never"));
    const before = edge.origin.count;
    exchange.answer(200, [], "ok");
    const response = await visitor.response();
    expect([response.body.toString(), fieldIn(response, "connection")]).toEqual(["ok", "close"]);
    expect(await visitor.rest()).toBe("");
    expect(edge.origin.count).toBe(before);
  });

  it("are our own: what the origin side says of them is not passed on", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(
      200,
      [
        "Connection",
        "close, X-Hop",
        "Keep-Alive",
        "timeout=1",
        "X-Hop",
        "1",
        "Transfer-Encoding",
        "gzip",
        "Upgrade",
        "h2",
      ],
      "ok",
    );
    const response = await visitor.response();
    expect(response).toMatchObject({ framing: "chunked", body: Buffer.from("ok") });
    expect(fieldIn(response, "connection")).toBe("keep-alive");
    expect(fieldIn(response, "keep-alive")).toBe("timeout=125");
    expect([fieldIn(response, "x-hop"), fieldIn(response, "upgrade")]).toEqual([undefined, undefined]);
  });
});

describe("fields", () => {
  it("keep order, case, duplicates, empty values and latin1", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    const fields = [
      ...["Set-Cookie", "a=1; Path=/", "set-cookie", "b=2", "X-A", "1", "x-a", "2", "X-Empty", ""],
      ...[
        "X-Latin",
        "caf\xe9\x80",
        "Content-Disposition",
        'attachment; filename="\xe9"',
        "Content-Length",
        "2",
      ],
      ...["Date", "Mon, 02 Mar 2026 10:00:00 GMT", "Server", "Apache"],
    ];
    exchange.answer(200, fields, "ok");
    expect((await visitor.response()).fields.slice(0, fields.length)).toEqual(fields);
  });

  it("get a Date if there is none", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, [], "ok");
    expect(fieldIn(await visitor.response(), "date")).toMatch(/ GMT$/);
  });

  it("keep an odd reason phrase", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(299, [":reason", "Rather g\xf6od"], "ok");
    expect(await visitor.response()).toMatchObject({ status: 299, reason: "Rather g\xf6od" });
  });

  it.each([
    ["the length 0x2", ["Content-Length", "0x2"]],
    ["the length +2", ["Content-Length", "+2"]],
    ["the length 1e1", ["Content-Length", "1e1"]],
    ["a line in a value", ["X-A", "1\r\nSet-Cookie: evil=1"]],
    ["a bare line feed", ["X-A", "1\nX: y"]],
    ["a NUL", ["X-A", "1\0"]],
    ["a colon in a name", ["X-A: 1\r\nX-B", "1"]],
    ["an empty name", ["", "1"]],
    ["a pseudo field", [":status", "200"]],
    ["a line in the reason", [":reason", "OK\r\nX: y"]],
  ])("with %s end the exchange: 502", async (_, fields) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, fields, "ok");
    const text = await visitor.response();
    expect(text.status).toBe(502);
    expect(visitor.seen.toString("latin1")).not.toContain("evil");
  });

  it.each(["0xc8", "2e2", "+200"])("with the status %s end the exchange: 502", async (status) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(status, ["Content-Length", "2"], "ok");
    expect((await visitor.response()).status).toBe(502);
  });

  it("with a line in a trailer cut the body", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, []).data("x");
    await visitor.until("\r\nx\r\n");
    exchange.end("complete", ["X-Sum", "1\r\nevil: 1"]);
    expect(await visitor.rest()).toBe("");
    expect(visitor.seen.toString("latin1")).not.toContain("evil");
  });

  it("with a line in an interim head end the exchange: 502", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.interim(103, ["Link", "a\r\nevil: 1"]);
    expect((await visitor.response()).status).toBe(502);
  });
});

describe("what goes wrong", () => {
  it.each([
    ["origin-failed", 502],
    ["origin-silent", 504],
    ["truncated", 502],
    ["no-route", 502],
    ["head-too-large", 431],
    ["internal", 502],
  ] as const)("%s before a head is %i, and the connection goes on", async (code, status) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.fail(code);
    const response = await visitor.response();
    expect([response.status, fieldIn(response, "cache-control"), response.framing]).toEqual([
      status,
      "no-store",
      "length",
    ]);
    visitor.send(GET());
    (await edge.origin.next()).answer(200, [], "ok");
    expect((await visitor.response()).body.toString()).toBe("ok");
  });

  it("a truncated body ends without its last chunk", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, []).data("abc");
    await visitor.until("abc");
    exchange.fail("truncated");
    expect(await visitor.rest()).not.toContain("0\r\n\r\n");
  });

  it("a truncated body with a length is shorter", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(200, ["Content-Length", "10"]).data("abc");
    await visitor.until("abc");
    exchange.fail("truncated");
    expect(await visitor.rest()).toBe("");
  });

  it("a truncated body that only the end of the connection would end is broken off", async () => {
    const { visitor, exchange } = await edge.ask(GET_1_0());
    exchange.answer(200, []).data("abc");
    await visitor.until("abc");
    const error = new Promise((resolve) => visitor.socket.once("error", resolve));
    exchange.fail("truncated");
    expect(await error).toMatchObject({ code: "ECONNRESET" });
  });

  it.each([
    ["longer", "abcdefghijkl"],
    ["shorter", "abc"],
  ])("a body that is %s than its length is cut", async (_, body) => {
    const { visitor, exchange } = await edge.ask(GET("/", "X-A: 1") + GET("/next"));
    exchange.answer(200, ["Content-Length", "10"], body);
    const text = await visitor.rest();
    expect(text.slice(text.indexOf("\r\n\r\n") + 4).length).toBeLessThan(10);
  });

  it("a host that no key serves is 421, one without a link 503", async () => {
    const visitor = await edge.visitor();
    const response = await visitor.send("GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n").response();
    expect(response.status).toBe(421);
    await using lonely = await startEdgeUnderTest({ linked: false, times: { linkMs: 100 } });
    const unserved = await (await lonely.visitor()).send(GET()).response();
    expect([unserved.status, fieldIn(unserved, "retry-after")]).toEqual([503, "5"]);
  });

  it("a visitor that leaves resets the exchange, before the answer and in it", async () => {
    const early = await edge.ask(GET());
    early.visitor.leave();
    expect(await early.exchange.gone).toBe("cancelled");
    const late = await edge.ask(GET());
    late.exchange.answer(200, []).data("abc");
    await late.visitor.until("abc");
    late.visitor.leave();
    expect(await late.exchange.gone).toBe("cancelled");
  });

  it.each([100, 103, 199])("%i that would be final is 502", async (status) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(status, [], "");
    expect((await visitor.response()).status).toBe(502);
  });

  it.each([101, 200])("%i that would be interim is 502", async (status) => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.interim(status);
    expect((await visitor.response()).status).toBe(502);
  });

  it("101 that nobody asked for is 502", async () => {
    const { visitor, exchange } = await edge.ask(GET());
    exchange.answer(101, ["Upgrade", "x"]);
    expect((await visitor.response()).status).toBe(502);
  });
});
