// What a web server does wrong, and what becomes of it; connections that are kept, lost and limited.
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, RawOrigin } from "../../kit/raw-origin.ts";
import { stillness } from "../../kit/until.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

describe("a body", () => {
  const options = async (response: string, method = "GET") => {
    const origin = await RawOrigin.listen();
    const client = new TestClient(routeTo(origin.port));
    const asked = ask(client, method);
    const connection = await origin.next();
    await connection.head();
    connection.end(response);
    try {
      return await heard(asked);
    } finally {
      await client.close();
      await origin[Symbol.asyncDispose]();
    }
  };

  it("of HTTP/1.0 that ends by closing is closed, not complete", async () => {
    const { body, end } = await options("HTTP/1.0 200 OK\r\n\r\nhello");
    expect([body, end.how]).toEqual(["hello", "closed"]);
  });

  it.each([
    ["with its length", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n"],
  ])("%s is complete", async (_, response) => {
    const { head, body, end } = await options(response);
    expect([body, end.how]).toEqual(["hello", "complete"]);
    expect(head.fields.join()).not.toMatch(/transfer/i);
  });

  it.each([
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"],
    ["HEAD", "HTTP/1.1 200 OK\r\n\r\n"],
    ["HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
    ["GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"],
  ])("of %s %j is none, and complete", async (method, response) => {
    const { head, body, end } = await options(response, method);
    expect([body, end.how]).toEqual(["", "complete"]);
    if (response.includes("Content-Length: 5")) expect(head.fields).toEqual(["Content-Length", "5"]);
  });

  it("longer than its Content-Length is cut there", async () => {
    expect((await options("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more")).body).toBe("hello");
  });

  it.each([
    ["shorter than its Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"],
    ["without its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ["with a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"],
  ])("%s is truncated", async (_, response) => {
    await expect(options(response)).rejects.toMatchObject({ code: "truncated" });
  });

  it("has its trailers, without those that would frame or route", async () => {
    const trailers = "Checksum: abc\r\nX: 1\r\nx: 2\r\nConnection: close\r\nHost: h\r\n";
    const chunked = "HTTP/1.1 200 OK\r\nTrailer: Checksum\r\nTransfer-Encoding: chunked\r\n\r\n";
    const { end } = await options(`${chunked}0\r\n${trailers}\r\n`);
    expect(end.trailers).toEqual(["Checksum", "abc", "X", "1", "x", "2"]);
  });
});

it.each(["Content-Length: 1048576", "X: until the connection closes"])(
  "a body that waits for a slow visitor outlives its connection: %s",
  async (framing) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n${framing}\r\n\r\n${"x".repeat(1_048_576)}`);
    const response = await asked.response;
    if (response.kind !== "answered") throw new Error("upgraded");
    // Everything has been said and closed before anything is taken.
    for (let turn = 0; turn < 1_000; turn++) await settle();
    expect((await heard(asked)).body).toHaveLength(1_048_576);
  },
);

describe("a client that retires", () => {
  it("closes when what runs is done, also a connection that was upgraded", async () => {
    await using origin = await RawOrigin.listen();
    const client = new TestClient(routeTo(origin.port));
    const page = ask(client);
    const first = await origin.next();
    await first.head();
    const chat = ask(client, "GET", "/", { fields: ["Upgrade", "x"] });
    const second = await origin.next();
    await second.head();
    let retired = false;
    const retiring = client.retire().then(() => {
      retired = true;
    });
    second.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    const upgraded = await chat.response;
    first.write(OK());
    expect((await heard(page)).body).toBe("hello");
    await settle();
    expect(retired).toBe(false);
    if (upgraded.kind !== "upgraded") throw new Error("not upgraded");
    upgraded.connection.destroy();
    await retiring;
    expect(await first.over).toBe("end");
  });

  it("closes at once when nothing runs, and what fails does not keep it", async () => {
    await using client = new TestClient(routeTo(1));
    await expect(ask(client).response).rejects.toMatchObject({ code: "origin-failed" });
    await client.retire();
  });
});

describe("a response", () => {
  it.each([
    ["garbage", "220 mail ESMTP\r\n"],
    ["nothing", ""],
    ["half a head", "HTTP/1.1 200 OK\r\nContent-"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["another transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ["a NUL in a field", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"],
    ["a bare CR in a field", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"],
    ["a space before the colon of its length", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"],
  ])("of %s is a failure", async (_, response) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const method of ["GET", "POST"]) {
      const asked = ask(client, method);
      const connection = await origin.next();
      await connection.head();
      connection.end(response);
      await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
    }
  });

  it("that is reset within its body is truncated", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const framing of ["Content-Length: 10", "X: until the connection closes"]) {
      const asked = ask(client);
      const connection = await origin.next();
      await connection.head();
      connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\nhello`);
      const response = await asked.response;
      if (response.kind !== "answered") throw new Error("upgraded");
      expect(await response.body.next()).toEqual(Buffer.from("hello"));
      connection.socket.resetAndDestroy();
      await expect(response.body.next()).rejects.toMatchObject({ code: "truncated" });
    }
  });
});

describe("a connection", () => {
  it("that is refused is a failure", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    server.close();
    await once(server, "close");
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await using client = new TestClient(routeTo(port));
    for (const method of ["GET", "POST"])
      await expect(ask(client, method).response).rejects.toMatchObject({ code: "origin-failed" });
  });

  it.each(["GET", "POST"])("is used again after %s", async (method) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const first = ask(client, method);
    const connection = await origin.next();
    for (let round = 0; round < 3; round++) {
      const asked = round === 0 ? first : ask(client, method);
      await connection.head();
      connection.write(OK());
      expect((await heard(asked)).body).toBe("hello");
      await settle();
    }
    expect(origin.count).toBe(1);
  });

  it.each(["GET", "HEAD", "OPTIONS"])(
    "that was kept and closes under %s is replaced by a new one, once",
    async (method) => {
      await using origin = await RawOrigin.listen();
      await using client = new TestClient(routeTo(origin.port));
      const first = ask(client, "GET");
      const kept = await origin.next();
      await kept.head();
      kept.write(OK());
      await heard(first);
      await settle();
      for (const closes of [false, true]) {
        const asked = ask(client, method, "/again");
        if (!closes) await kept.upTo("/again HTTP/1.1\r\n");
        if (!closes) kept.socket.destroy();
        const fresh = await origin.next();
        expect((await fresh.head())[0]).toBe(`${method} /again HTTP/1.1`);
        if (closes) {
          // A new connection that closes verifies nothing: the request may have been served.
          fresh.socket.destroy();
          await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
        } else {
          fresh.end(OK("", "Connection: close"));
          await heard(asked);
        }
      }
      expect(origin.count).toBe(3);
    },
  );

  it("that was kept and closes under POST, or in an answer, is a failure", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const [method, said, code] of [
      ["POST", "", "origin-failed"],
      ["GET", "HTTP/1.1 200", "origin-failed"],
      ["GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", "truncated"],
    ] as const) {
      const first = ask(client, "GET");
      const kept = await origin.next();
      await kept.head();
      kept.write(OK());
      await heard(first);
      await settle();
      const before = origin.count;
      const asked = heard(ask(client, method));
      await kept.head();
      kept.end(said);
      await expect(asked).rejects.toMatchObject({ code });
      expect(origin.count).toBe(before);
    }
  });

  it("is not used again under a body that was not taken as a whole", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client, "POST", "/", {
      fields: ["Content-Length", "10"],
      body: new FedBody().piece("12345"),
    });
    const connection = await origin.next();
    await connection.head();
    connection.write(OK());
    expect((await heard(asked)).body).toBe("hello");
    await connection.over;
  });
});

describe("a limit", () => {
  it("holds for connections at once, in the order of coming; who leaves the line is gone", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port, { connections: 2 }));
    const asked = ["/0", "/1", "/2", "/3", "/4"].map((target, i) =>
      ask(client, i === 1 ? "POST" : "GET", target),
    );
    const busy = [await origin.next(), await origin.next()];
    for (const connection of busy) await connection.head();
    asked[2]?.leave();
    await expect(asked[2]?.response).rejects.toThrow("left");
    expect(origin.count).toBe(2);
    for (const connection of busy) connection.end(OK("", "Connection: close"));
    for (const _ of busy) {
      const connection = await origin.next();
      const [line] = await connection.head();
      expect(["GET /3 HTTP/1.1", "GET /4 HTTP/1.1"]).toContain(line);
      connection.end(OK("", "Connection: close"));
    }
    for (const index of [0, 1, 3, 4]) await heard(asked[index] as (typeof asked)[0]);
    expect(origin.count).toBe(4);
  });

  it("ends the wait in line, with 503", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port, { connections: 1, queueMs: 1_000 }), { clock });
    const first = ask(client);
    const connection = await origin.next();
    await connection.head();
    await clock.advance(500);
    connection.write("HTTP/1.1 200 OK\r\n\r\nit goes on");
    await first.response;
    const second = ask(client);
    await clock.advance(999);
    await clock.advance(1);
    await expect(second.response).rejects.toMatchObject({ code: "no-place" });
    first.leave();
  });

  it("of silence before the head is 504", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port, { answerMs: 1_000 }), { clock });
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    await clock.advance(999);
    connection.write("HTTP/1.1 102 Processing\r\n\r\n");
    while (asked.interims.length === 0) await settle();
    await clock.advance(999); // the interim head was a sign of life
    const silent = expect(asked.response).rejects.toMatchObject({ code: "origin-silent" });
    await clock.advance(1);
    await silent;
    await connection.over;
    expect(clock.timers).toBe(0);
  });

  it("of silence before the head does not count while the visitor is waited for", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port, { answerMs: 1_000 }), { clock });
    const body = new FedBody().piece("1");
    const asked = ask(client, "POST", "/", { fields: ["Content-Length", "2"], body });
    const connection = await origin.next();
    await connection.head();
    await connection.bytes(1);
    await clock.advance(10_000);
    body.piece("2").end();
    await connection.bytes(1);
    await clock.advance(999);
    const silent = expect(asked.response).rejects.toMatchObject({ code: "origin-silent" });
    await clock.advance(1_000);
    await silent;
  });

  it("of silence counts for a visitor that waits for 100 Continue", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port, { answerMs: 1_000 }), { clock });
    const fields = ["Content-Length", "2", "Expect", "100-continue"];
    const asked = ask(client, "POST", "/", { fields, body: new FedBody() });
    await (await origin.next()).head();
    const silent = expect(asked.response).rejects.toMatchObject({ code: "origin-silent" });
    await clock.advance(1_000);
    await silent;
  });

  it("of silence within a body cuts it; a slow visitor does not count", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port, { idleMs: 1_000 }), { clock });
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.write("HTTP/1.1 200 OK\r\n\r\n");
    const response = await asked.response;
    if (response.kind !== "answered") throw new Error("upgraded");
    const { body } = response;
    connection.write("x".repeat(1024 * 1024));
    await stillness(() => body.length);
    await clock.advance(5_000); // more waits than is held here: paused, and patient
    for (let bytes = 0; bytes < 1024 * 1024; ) {
      const piece = await body.next();
      if (!Buffer.isBuffer(piece)) throw new Error("ended");
      bytes += piece.length;
    }
    const cut = expect(body.next()).rejects.toMatchObject({ code: "origin-silent" });
    await clock.advance(1_000);
    await cut;
    await connection.over;
  });

  it.each([
    ["an event stream", "Content-Type: text/event-stream", 1_000],
    ["a route without one", "Content-Type: text/html", undefined],
  ])("of silence within a body is not kept for %s", async (_, field, idleMs) => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port, { idleMs }), { clock });
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`);
    await asked.response;
    await clock.advance(100_000);
    connection.end("at last");
    expect((await heard(asked)).body).toBe("at last");
  });

  it("of time to connect is 502", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    const tls = { verify: false, serverName: undefined, authorities: undefined, client: undefined };
    const address = { host: "127.0.0.1", port: origin.port };
    // A web server that takes connections and says nothing is not reached over TLS.
    await using client = new TestClient(
      routeTo(origin.port, { origin: { scheme: "https", address }, tls, connectMs: 1_000 }),
      { clock },
    );
    const asked = ask(client);
    const connection = await origin.next();
    const late = expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
    await clock.advance(1_000);
    await late;
    await connection.over;
  });
});

describe("a visitor that leaves", () => {
  it.each(["GET", "POST"])("ends its %s at once", async (method) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const before = ask(client, method);
    const waiting = await origin.next();
    await waiting.head();
    before.leave();
    await expect(before.response).rejects.toThrow("left");
    await waiting.over;

    const within = ask(client, method);
    const sending = await origin.next();
    await sending.head();
    sending.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    const response = await within.response;
    within.leave();
    await sending.over;
    if (response.kind !== "answered") throw new Error("upgraded");
    expect(await response.body.next()).toBeInstanceOf(Buffer);
    await expect(response.body.next()).rejects.toThrow("left");
  });

  it("before it has begun asks nothing", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port, { connections: 1 }));
    for (const method of ["GET", "POST", "GET"]) {
      const asked = ask(client, method);
      asked.leave();
      await expect(asked.response).rejects.toThrow("left");
    }
    const asked = ask(client);
    for (;;) {
      const connection = await origin.next();
      const head = await connection.head().catch(() => undefined);
      if (head === undefined) continue; // one that was dialled for who left
      connection.end(OK());
      break;
    }
    expect((await heard(asked)).body).toBe("hello");
  });

  it("in the middle of its body never leaves a complete-looking one", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const leaves of ["by signal", "by closed"]) {
      const body = new FedBody().piece("half");
      const asked = ask(client, "POST", "/", { body });
      const connection = await origin.next();
      await connection.head();
      await connection.upTo("half\r\n");
      if (leaves === "by signal") asked.leave();
      else body.end("closed");
      await expect(asked.response).rejects.toThrow();
      await connection.over;
      expect(connection.unread).toBe("");
    }
  });

  it.each(["1", "123"])("a body of 2 bytes that is %j never looks complete", async (sent) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client, "POST", "/", {
      fields: ["Content-Length", "2"],
      body: new FedBody().piece(sent).end(),
    });
    const connection = await origin.next();
    await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
    await connection.over;
    expect(connection.unread).not.toMatch(/\r\n\r\n..+$/);
  });
});

describe("an early answer", () => {
  it.each([
    ["and closes", true],
    ["and reads on", false],
  ])("to a body that is still coming arrives, %s", async (_, closes) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const piece = Buffer.alloc(64 * 1024, "x");
    for (let round = 0; round < 25; round++) {
      const body = new FedBody();
      for (let i = 0; i < 64; i++) body.piece(piece);
      const asked = ask(client, "POST", "/", {
        fields: ["Content-Length", String(100 * piece.length)],
        body,
      });
      const connection = await origin.next();
      if (closes) connection.socket.pause();
      else await connection.head();
      connection.write(
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge",
      );
      // Bytes unread in its kernel make this a reset, as with most servers.
      if (closes) connection.socket.destroySoon();
      const { head, body: text } = await heard(asked);
      expect([head.status, text]).toEqual([413, "large"]);
      if (!closes) await connection.over;
    }
  });
});
