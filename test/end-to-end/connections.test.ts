/** Connections of both hops: kept, used again, requests sent ahead, and what ends them. RFC 9112 section 9. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchLeaks } from "../kit/leaks.ts";
import { openRawPair, type RawPair } from "../kit/raw-pair.ts";
import { GET, request } from "../kit/raw-requests.ts";
import { fieldIn } from "../kit/raw-visitor.ts";

watchLeaks();

let pair: RawPair;
beforeAll(async () => {
  pair = await openRawPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

const UPGRADE = ["Connection: Upgrade", "Upgrade: echo"];
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

describe("a visitor's connection", () => {
  it("serves request after request, and so does the one to the web server", async () => {
    const visitor = await pair.visitor();
    const before = pair.web.connections;
    for (let count = 0; count < 20; count++) {
      visitor.send(GET(`/${count}`));
      (await pair.web.next()).ok(`${count}`);
      const answer = await visitor.response();
      expect([answer.body.toString(), fieldIn(answer, "connection")]).toEqual([`${count}`, "keep-alive"]);
    }
    expect(pair.web.connections - before).toBeLessThanOrEqual(1);
  });

  it("with requests sent ahead (pipelining) answers each in order, and asks for the next when one is done", async () => {
    const count = 50;
    const before = pair.web.asked.length;
    const visitor = (await pair.visitor()).send(
      Array.from({ length: count }, (_, i) =>
        i % 2 === 0 ? GET(`/${i}`) : request(`POST /${i}`, ["Content-Length: 3"], `${i}`.padStart(3)),
      ).join(""),
    );
    for (let i = 0; i < count; i++) {
      const asked = await pair.web.next();
      expect([asked.target, pair.web.asked.length - before]).toEqual([`/${i}`, i + 1]);
      const { text } = await asked.body();
      asked.ok(`${i} ${text}`);
    }
    for (let i = 0; i < count; i++)
      expect((await visitor.response()).body.toString()).toBe(
        i % 2 === 0 ? `${i} ` : `${i} ${`${i}`.padStart(3)}`,
      );
  });

  it("that says close is closed after its answer, and what it sent behind is not served", async () => {
    const { visitor, request: asked } = await pair.ask(GET("/", "Connection: close") + GET("/behind"));
    const before = pair.web.asked.length;
    asked.ok("last");
    expect((await visitor.response()).body.toString()).toBe("last");
    expect(await visitor.rest()).toBe("");
    expect(pair.web.asked.length).toBe(before);
  });

  it("survives empty lines before a request, which RFC 9112 section 2.2 asks for", async () => {
    const { visitor, request: asked } = await pair.ask(`\r\n\r\n${GET("/after-lines")}`);
    asked.ok();
    expect((await visitor.response()).status).toBe(200);
  });
});

describe("a web server's connection", () => {
  it("that it says it closes is not used again, though it stays open", async () => {
    for (let again = 0; again < 3; again++) {
      const before = pair.web.connections;
      const { visitor, request: asked } = await pair.ask(request("POST /", ["Content-Length: 0"]));
      asked.answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
      const answer = await visitor.response();
      expect([answer.status, fieldIn(answer, "connection")]).toEqual([200, "keep-alive"]);
      const next = await pair.ask(GET());
      if (again > 0) expect(pair.web.connections).toBeGreaterThan(before);
      expect(next.request.connection).not.toBe(asked.connection);
      next.request.ok();
      expect((await next.visitor.response()).status).toBe(200);
    }
  });

  it("that closed while it rested is found so, and GET is asked on another: the visitor notices nothing", async () => {
    for (let again = 0; again < 5; again++) {
      const { visitor, request: asked } = await pair.ask(GET("/rest"));
      asked.ok();
      await visitor.response();
      asked.connection.socket.destroy();
      visitor.send(GET("/rest"));
      (await pair.web.next()).ok("again");
      expect((await visitor.response()).body.toString()).toBe("again");
    }
  });

  it("never carries what comes behind a response into another visitor's answer", async () => {
    const { visitor, request: asked } = await pair.ask(GET("/poison"));
    asked.answer(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    );
    expect((await visitor.response()).body.toString()).toBe("ok");
    for (let again = 0; again < 5; again++) {
      const next = await pair.ask(GET("/victim"));
      next.request.ok("mine");
      expect((await next.visitor.response()).body.toString()).toBe("mine");
    }
  });
});

describe("an upgrade behind a request that still runs", () => {
  it("waits for its answer, then switches; what the visitor said meanwhile is not lost", async () => {
    const { visitor, request: first } = await pair.ask(
      GET("/first") + request("GET /echo", UPGRADE, "early "),
    );
    visitor.send("w".repeat(200_000));
    const large = "x".repeat(3_000_000);
    first.ok(large, "Content-Type: image/png");
    expect((await visitor.response()).body.toString()).toBe(large);
    const second = await pair.web.next();
    expect([second.target, second.field("upgrade")]).toEqual(["/echo", "echo"]);
    second.say(SWITCHED);
    expect((await visitor.head()).status).toBe(101);
    expect(await second.connection.bytes(200_006)).toBe(`early ${"w".repeat(200_000)}`);
    second.say("back");
    expect((await visitor.bytes(4)).toString()).toBe("back");
    visitor.socket.end();
    await second.connection.over;
    second.end();
    await visitor.closed;
  });

  it("is not asked for when the visitor leaves before its turn, and the running one is cancelled", async () => {
    const { visitor, request: first } = await pair.ask(GET("/first") + request("GET /echo", UPGRADE));
    const before = pair.web.asked.length;
    visitor.leave();
    await first.connection.over;
    expect(pair.web.asked.length).toBe(before);
  });

  it("is refused in its turn when it cannot be read", async () => {
    const { visitor, request: first } = await pair.ask(GET("/first") + request("GET bad", UPGRADE));
    first.ok("first");
    expect((await visitor.response()).body.toString()).toBe("first");
    expect((await visitor.response()).status).toBe(400);
    expect(await visitor.rest()).toBe("");
  });
});
