import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, RawOrigin } from "../../kit/raw-origin.ts";
import { routeTo } from "../../protocol/asking.ts";
import { Answering } from "../answering.ts";

watchLeaks();

const UPGRADE = ["Upgrade", "websocket", "Sec-WebSocket-Key", "x"];
const SWITCHING =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n";

const nothingIsLeft = async (answering: Answering) => {
  await answering.idle();
  expect(answering.memory.usedBytes).toBe(0);
  const { edge, origin } = answering.pair;
  for (let turn = 0; turn < 5_000 && edge.link.load + origin.link.load > 0; turn++) await settle();
  expect([answering.pair.edge.link.load, answering.pair.origin.link.load]).toEqual([0, 0]);
  expect([...answering.pair.edge.ends, ...answering.pair.origin.ends]).toEqual([]);
};

describe("a request's body", () => {
  it("arrives with its trailers, and its answer's trailers come back", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    const asked = answering.ask("POST", "/", {
      fields: ["Trailer", "Checksum", "TE", "trailers"],
      ended: false,
    });
    asked.data("hello").trailers(["Checksum", "abc\xe9", "Content-Length", "9", "x", "1"]).end();
    // The first one is kept, to see whether it stays open.
    const connection = await origin.next();
    const head = await connection.head();
    for (const field of ["Trailer: Checksum", "Transfer-Encoding: chunked", "TE: trailers", "Connection: TE"])
      expect(head).toContain(field);
    expect(await connection.upTo("\r\n\r\n")).toBe("5\r\nhello\r\n0\r\nChecksum: abc\xe9\r\nx: 1\r\n\r\n");
    connection.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nDone: yes\r\n\r\n");
    const { body, trailers, how } = await asked.answer();
    expect([body.toString(), trailers, how]).toEqual(["ok", ["Done", "yes"], "complete"]);
    await nothingIsLeft(answering);
  });

  it("of a known length has no trailers", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    const fields = ["Content-Length", "2", "Trailer", "X"];
    const asked = answering.ask("POST", "/", { fields, ended: false });
    asked.data("hi").trailers(["X", "1"]).end();
    const connection = await origin.next();
    expect((await connection.head()).join()).not.toMatch(/trailer|transfer/i);
    await connection.bytes(2);
    connection.end(OK("ok", "Connection: close"));
    expect((await asked.answer()).head.status).toBe(200);
    expect(connection.unread).toBe("");
  });

  it("larger than every window arrives whole", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    const sent = randomBytes(1024 * 1024);
    const asked = answering.ask("PUT", "/", {
      fields: ["Content-Length", String(sent.length)],
      ended: false,
    });
    asked.data(sent).end();
    const connection = await origin.next();
    await connection.head();
    const got = await connection.bytes(sent.length);
    expect(Buffer.from(got, "latin1").equals(sent)).toBe(true);
    connection.end(OK("ok"));
    expect((await asked.answer()).stopped).toBe(false);
    await nothingIsLeft(answering);
  });

  it("holds back an edge that sends more than the web server reads", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    const asked = answering.ask("PUT", "/", { ended: false });
    const connection = await origin.next();
    await connection.head();
    connection.socket.pause();
    const piece = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 32; i++) asked.data(piece);
    asked.end();
    for (let turn = 0; turn < 2_000; turn++) await settle();
    // Sent on the link: no more than the sockets and one window took.
    const sent = answering.pair.edge.sent.reduce((bytes, { length }) => bytes + length, 0);
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    asked.leave();
    connection.socket.resume();
    expect(await connection.over).toMatch(/end|reset/);
    expect(connection.unread).not.toMatch(/\r\n0\r\n\r\n$/);
    await nothingIsLeft(answering);
  });
});

describe("an early answer", () => {
  it.each([
    ["closes", true],
    ["reads on", false],
  ])("of a web server that %s comes whole, stops the edge, and leaves nothing", async (_, closes) => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    for (let round = 0; round < 10; round++) {
      const asked = answering.ask("POST", "/upload", { ended: false });
      // Far more than the window: it can only end if what nobody reads is taken off the link.
      asked.data(Buffer.alloc(4 * 1024 * 1024));
      const connection = await origin.next();
      await connection.head();
      if (closes) connection.socket.pause();
      connection.write(
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large",
      );
      if (closes) connection.socket.destroySoon();
      const { head, body, how } = await asked.answer();
      expect([head.status, body.toString(), how]).toEqual([413, "too large", "complete"]);
      await asked.heard("stopSending");
      asked.end("closed");
      await connection.over;
      await nothingIsLeft(answering);
    }
  });

  it("without an end of the body, ever, is still an answer", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    const asked = answering.ask("POST", "/", { ended: false });
    const connection = await origin.next();
    await connection.head();
    connection.write(OK("enough"));
    expect((await asked.answer()).body.toString()).toBe("enough");
    await connection.over;
    await answering.idle();
    asked.end("closed");
  });
});

describe("a visitor that leaves", () => {
  it.each(["GET", "POST"])(
    "closes the connection of its %s, before and within the answer",
    async (method) => {
      await using origin = await RawOrigin.listen();
      await using answering = await Answering.through(routeTo(origin.port));
      for (const within of [false, true]) {
        const asked = answering.ask(method, "/", { ended: method === "GET" });
        const connection = await origin.next();
        await connection.head();
        if (method === "POST") asked.data("half");
        if (within) {
          connection.write("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\npart");
          await asked.heard("answer");
        }
        asked.leave();
        await connection.over;
        expect(connection.unread).not.toContain("0\r\n\r\n");
        await nothingIsLeft(answering);
      }
    },
  );
});

describe("interim heads", () => {
  it("cross the link in order, before the answer; one that is too large is left out", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port), { headBytes: 1024 });
    const fields = ["Expect", "100-continue", "Content-Length", "2"];
    const asked = answering.ask("POST", "/", { fields, ended: false });
    const connection = await origin.next();
    expect(await connection.head()).toContain("Expect: 100-continue");
    const large = `HTTP/1.1 103 Early Hints\r\nLink: <${"x".repeat(1024)}>\r\n\r\n`;
    connection.write(`${large}HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n`);
    await asked.until(() => asked.frames.length === 2);
    asked.data("hi").end();
    await connection.bytes(2);
    connection.end(OK("ok"));
    const { interims, head } = await asked.answer();
    expect(interims.map(({ status }) => status)).toEqual([103, 100]);
    expect(interims[0]?.fields).toEqual(["Link", "</a>"]);
    expect(head.status).toBe(200);
  });

  it("an answer whose head the edge would not take is a failure, and its connection closes", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port), { headBytes: 1024 });
    const asked = answering.ask("GET", "/");
    const connection = await origin.next();
    await connection.head();
    connection.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(1024)}\r\n\r\nand on`);
    expect((await asked.answer()).reset).toBe("origin-failed");
    await connection.over;
    await nothingIsLeft(answering);
  });

  it("trailers that the edge would not take are left out", async () => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port), { headBytes: 1024 });
    const asked = answering.ask("GET", "/");
    const connection = await origin.next();
    await connection.head();
    connection.end(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ${"x".repeat(1024)}\r\n\r\n`,
    );
    const { trailers, body, how } = await asked.answer();
    expect([trailers, body.toString(), how]).toEqual([[], "a", "complete"]);
  });
});

describe("an upgrade", () => {
  const upgraded = async (first = "") => {
    const origin = await RawOrigin.listen();
    const answering = await Answering.through(routeTo(origin.port));
    const asked = answering.ask("GET", "/chat", { fields: UPGRADE, ended: false });
    const connection = await origin.next();
    const head = await connection.head();
    connection.write(`${SWITCHING}${first}`);
    await asked.heard("answer");
    const done = async () => {
      await answering[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    };
    return { origin, answering, asked, connection, head, [Symbol.asyncDispose]: done };
  };

  it("is asked for on this hop, and its head says what it became", async () => {
    await using it = await upgraded();
    expect(it.head).toEqual([
      "GET /chat HTTP/1.1",
      "Host: www.example.com",
      "Sec-WebSocket-Key: x",
      "Connection: Upgrade",
      "Upgrade: websocket",
    ]);
    const [answer] = it.asked.frames;
    expect(answer).toMatchObject({
      form: { kind: "passed" },
      ended: false,
      head: [":status", "101", "Sec-WebSocket-Accept", "y", "Upgrade", "websocket"],
    });
  });

  it("carries bytes both ways, also those that came with the head", async () => {
    await using it = await upgraded("early");
    await it.asked.until(() => it.asked.received.length === 5);
    it.asked.data("from the visitor");
    expect(await it.connection.upTo("visitor")).toBe("from the visitor");
    it.connection.write("from the web server\0\xff");
    await it.asked.until(() => it.asked.received.length === 26);
    expect(it.asked.received.toString("latin1")).toBe("earlyfrom the web server\0\xff");
  });

  it("ends each half by itself: the visitor's first", async () => {
    await using it = await upgraded();
    it.asked.data("bye").end();
    expect(await it.connection.over).toBe("end");
    expect(it.connection.unread).toBe("bye");
    it.connection.end("and bye");
    const { body, how, reset } = await it.asked.answer();
    expect([body.toString(), how, reset]).toEqual(["and bye", "complete", undefined]);
    await it.connection.closed;
    await nothingIsLeft(it.answering);
    expect(it.answering.records).toMatchObject([
      { status: 101, answer: "passed", reason: "no-body", pageBytes: 7 },
    ]);
  });

  it("ends each half by itself: the web server's first", async () => {
    await using it = await upgraded();
    it.connection.end("bye");
    expect((await it.asked.answer()).body.toString()).toBe("bye");
    it.asked.data("and bye");
    expect(await it.connection.upTo("bye")).toBe("and bye");
    expect(it.asked.listener.kinds).not.toContain("stopSending");
    it.asked.end();
    await it.connection.closed;
    await nothingIsLeft(it.answering);
  });

  it("that the web server breaks off is broken off for the visitor", async () => {
    await using it = await upgraded();
    it.connection.socket.resetAndDestroy();
    expect((await it.asked.answer()).reset).toBe("truncated");
    await nothingIsLeft(it.answering);
  });

  it("whose web server is gone after its own half ends when the visitor says more", async () => {
    await using it = await upgraded();
    it.connection.socket.resume().destroy();
    await it.asked.heard("end");
    const lost = it.asked.until(() => it.asked.listener.resets.length > 0);
    it.asked.data("anyone").data("there?");
    for (let turn = 0; turn < 20_000 && it.asked.listener.resets.length === 0; turn++) {
      it.asked.data("?");
      await settle();
    }
    await lost;
    expect(it.asked.listener.resets).toEqual(["truncated"]);
    await nothingIsLeft(it.answering);
  });

  it("that the visitor leaves is closed at the web server", async () => {
    await using it = await upgraded();
    it.asked.leave();
    await it.connection.over;
    await nothingIsLeft(it.answering);
  });

  it("holds back each side at the pace of the other", async () => {
    await using it = await upgraded();
    it.asked.listener.takes = false;
    const written = 64 * 1024 * 1024;
    it.connection.socket.write(Buffer.alloc(written));
    for (let turn = 0; turn < 3_000; turn++) await settle();
    expect(it.asked.received.length).toBeLessThanOrEqual(64 * 1024);
    expect(it.connection.socket.writableLength).toBeGreaterThan(0);
    it.connection.socket.pause();
    const piece = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 32; i++) it.asked.data(piece);
    for (let turn = 0; turn < 3_000; turn++) await settle();
    expect(it.answering.pair.edge.sent.reduce((bytes, { length }) => bytes + length, 0)).toBeLessThan(
      16 * 1024 * 1024,
    );
    it.asked.leave();
    it.connection.socket.resume();
    await it.connection.over;
  });

  it.each([200, 400, 426])("that is refused with %d is an ordinary answer", async (status) => {
    await using origin = await RawOrigin.listen();
    await using answering = await Answering.through(routeTo(origin.port));
    const asked = answering.ask("GET", "/chat", { fields: UPGRADE, ended: false });
    const connection = await origin.next();
    await connection.head();
    connection.write(`HTTP/1.1 ${status} No\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno`);
    const { head, body, how } = await asked.answer();
    expect([head.status, body.toString(), how]).toEqual([status, "no", "complete"]);
    expect(head.fields.join()).not.toMatch(/upgrade/i);
    await asked.heard("stopSending");
    asked.end("closed");
    await connection.over;
    await nothingIsLeft(answering);
  });
});

it("a host without a route is told so", async () => {
  await using answering = await Answering.through(routeTo(1, { host: "other.example.com" }));
  expect((await answering.ask("GET", "/").answer()).reset).toBe("no-route");
});
