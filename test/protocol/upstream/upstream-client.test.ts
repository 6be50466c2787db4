import { METHODS } from "node:http";
import { describe, expect, it } from "vitest";
import { INTERIM_PAUSE_MS, MOST_INTERIMS } from "../../../protocol/upstream/interim-limit.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, RawOrigin } from "../../kit/raw-origin.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

/** TRACE says what it heard, CONNECT makes tunnels: the edge lets neither through. */
const EACH_METHOD = METHODS.filter((method) => method !== "CONNECT" && method !== "TRACE");

/** Fields without those of this hop. */
const fieldsOf = (head: readonly string[]) =>
  head.slice(1).filter((line) => !/^(connection|transfer-encoding|host|content-length):/i.test(line));

describe("every method", () => {
  it("is there to be tried", () => expect(EACH_METHOD.length).toBeGreaterThan(30));

  it.each(EACH_METHOD)("%s goes out with and without a body", async (method) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const bare = ask(client, method, "/a?b");
    const first = await origin.next();
    const head = await first.head();
    expect(head[0]).toBe(`${method} /a?b HTTP/1.1`);
    expect(head.filter((line) => /^(transfer-encoding|content-length: [^0])/i.test(line))).toEqual([]);
    expect(first.unread).toBe("");
    first.end(OK(method === "HEAD" ? "" : "hello", "Connection: close"));
    expect((await heard(bare)).head.status).toBe(200);

    const sized = new FedBody().piece("hi").end();
    const withLength = ask(client, method, "/", { fields: ["Content-Length", "2"], body: sized });
    const second = await origin.next();
    expect(await second.head()).toContain("Content-Length: 2");
    expect(await second.bytes(2)).toBe("hi");
    second.end(OK(method === "HEAD" ? "" : "hello", "Connection: close"));
    expect((await heard(withLength)).head.status).toBe(200);
    expect(sized.takenBytes).toBe(2);

    const ended = new FedBody().piece("hi").end("complete", ["X", "y"]);
    const chunked = ask(client, method, "/", { body: ended });
    const third = await origin.next();
    expect(await third.head()).toContain("Transfer-Encoding: chunked");
    expect(await third.upTo("y\r\n\r\n")).toBe("2\r\nhi\r\n0\r\nX: y\r\n\r\n");
    third.end(OK(method === "HEAD" ? "" : "hello", "Connection: close"));
    expect((await heard(chunked)).head.status).toBe(200);
  });
});

describe("a target", () => {
  const LONG = `/${"x".repeat(8 * 1024)}?${"y=%20&".repeat(100)}`;
  it.each([
    "/",
    "//",
    "//a//b/",
    "/a%2Fb%2fc%00",
    "/?",
    "/a?b?c=/d#",
    "/a;b=c,d:e@f!$&'()*+[]|^`{}\"<>\\~",
    "/../a/./b",
    "/caf\xe9\xff",
    "http://www.example.com/absolute?x",
    LONG,
  ])("%s arrives byte for byte", async (target) => {
    await using origin = await RawOrigin.listen();
    for (const method of ["GET", "POST"]) {
      await using client = new TestClient(routeTo(origin.port));
      const asked = ask(client, method, target);
      const connection = await origin.next();
      expect((await connection.head())[0]).toBe(`${method} ${target} HTTP/1.1`);
      connection.end(OK());
      await heard(asked);
    }
  });

  it("* of OPTIONS arrives", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client, "OPTIONS", "*");
    const connection = await origin.next();
    expect((await connection.head())[0]).toBe("OPTIONS * HTTP/1.1");
    connection.end("HTTP/1.1 204 No Content\r\n\r\n");
    expect((await heard(asked)).head.status).toBe(204);
  });

  it.each(["/a b", "/a\r\nX: y", "/\u0100"])("%j never leaves", async (target) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    await expect(ask(client, "GET", target).response).rejects.toMatchObject({ code: "origin-failed" });
    expect(origin.count).toBe(0);
  });
});

it("a request without a target never leaves", async () => {
  await using client = new TestClient(routeTo(1));
  await expect(ask(client, "GET", "").response).rejects.toMatchObject({ code: "internal" });
});

describe("request fields", () => {
  const SENT = [
    "X-A",
    "1",
    "x-a",
    "2",
    "X-Empty",
    "",
    "Cookie",
    "a=\xe9; b=\t2",
    "Accept",
    "*/*",
    "X-A",
    "3",
  ];

  it("keep order, duplicates, case and bytes", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client, "GET", "/", { fields: SENT });
    const connection = await origin.next();
    const head = await connection.head();
    expect(fieldsOf(head)).toEqual([
      "X-A: 1",
      "x-a: 2",
      "X-Empty: ",
      "Cookie: a=\xe9; b=\t2",
      "Accept: */*",
      "X-A: 3",
    ]);
    expect(head.filter((line) => /^host:/i.test(line))).toHaveLength(1);
    connection.end(OK());
    await heard(asked);
  });

  it.each([
    ["X", "a\r\nX-Injected: 1"],
    ["X", "a\nX-Injected: 1"],
    ["X", "a\0b"],
    ["X\r\nX-Injected", "1"],
    ["X y", "1"],
    ["", "1"],
  ])("%j: %j never leaves", async (name, value) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const method of ["GET", "POST"]) {
      const asked = ask(client, method, "/", { fields: [name, value] });
      await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
    }
    expect(origin.count).toBe(0);
  });

  it("of another hop, and a second framing, are not passed on", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const fields = [
      "Connection",
      "x-b",
      "X-B",
      "1",
      "Transfer-Encoding",
      "gzip",
      "Keep-Alive",
      "5",
      "TE",
      "gzip",
    ];
    const body = new FedBody().end("complete", ["X", "y"]);
    const asked = ask(client, "POST", "/", { fields, body });
    const connection = await origin.next();
    expect((await connection.head()).slice(1)).toEqual([
      "Host: www.example.com",
      "Transfer-Encoding: chunked",
      "Connection: keep-alive",
    ]);
    connection.end(OK());
    await heard(asked);
  });

  it.each([["5, 5"], ["-1"], ["1e1"], [""], ["99999999999999999999"]])(
    "a Content-Length of %j never leaves",
    async (length) => {
      await using origin = await RawOrigin.listen();
      await using client = new TestClient(routeTo(origin.port));
      const asked = ask(client, "POST", "/", { fields: ["Content-Length", length], body: new FedBody() });
      await expect(asked.response).rejects.toMatchObject({ code: "internal" });
      expect(origin.count).toBe(0);
    },
  );
});

describe("response fields", () => {
  it("keep order, duplicates, case and bytes", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.end(
      OK(
        "hello",
        "Set-Cookie: a=1",
        "X-Empty:",
        "set-cookie: b=\xe9",
        "Set-Cookie: c=3",
        "Connection: close, x-hop",
        "X-Hop: 1",
      ),
    );
    const { head, body, end } = await heard(asked);
    const fields = ["Set-Cookie", "a=1", "X-Empty", "", "set-cookie", "b=\xe9", "Set-Cookie", "c=3"];
    expect(head).toEqual({ status: 200, reason: "OK", fields: ["Content-Length", "5", ...fields] });
    expect([body, end]).toEqual(["hello", { how: "complete", trailers: [] }]);
  });

  it.each([["Nicht da \xfc"], ["D\xc3\xa9j\xc3\xa0"], [""]])("come with their reason %j", async (reason) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.end(`HTTP/1.1 404 ${reason}\r\nContent-Length: 0\r\n\r\n`);
    expect((await heard(asked)).head).toMatchObject({ status: 404, reason });
  });

  it("may be as large as headBytes, and no larger", async () => {
    await using origin = await RawOrigin.listen();
    const headBytes = 16 * 1024;
    await using client = new TestClient(routeTo(origin.port), { headBytes });
    for (const [bytes, comes] of [
      [headBytes - 200, true],
      [headBytes + 1, false],
    ] as const) {
      const asked = ask(client);
      const connection = await origin.next();
      await connection.head();
      connection.end(OK("", `X: ${"x".repeat(bytes)}`, "Connection: close"));
      if (comes) expect((await heard(asked)).head.status).toBe(200);
      else await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
    }
  });

  it("may be 1500 in number", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection.end(OK("", ...Array.from({ length: 1500 }, (_, i) => `X-${i}: ${i}`)));
    expect((await heard(asked)).head.fields).toHaveLength(2 + 3000);
  });
});

describe("interim heads", () => {
  it("come in order, and 100 only to who asked for it", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const expects of [true, false]) {
      const body = new FedBody();
      const fields = ["Content-Length", "2", ...(expects ? ["Expect", "100-continue"] : [])];
      const asked = ask(client, "POST", "/", { fields, body });
      const connection = await origin.next();
      await connection.head();
      connection.write(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n",
      );
      body.piece("hi").end();
      expect(await connection.bytes(2)).toBe("hi");
      connection.end(OK("done", "Connection: close"));
      expect((await heard(asked)).body).toBe("done");
      expect(asked.interims.map(({ status }) => status)).toEqual(
        expects ? [102, 100, 103, 199] : [102, 103, 199],
      );
      expect(asked.interims.at(-2)).toEqual({
        status: 103,
        reason: "Early Hints",
        fields: ["Link", "</a>", "Link", "</b>"],
      });
    }
  });

  it("come to a GET too", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    connection
      .write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
      .end(OK());
    expect((await heard(asked)).body).toBe("hello");
    expect(asked.interims.map(({ status }) => status)).toEqual([103, 102]);
  });

  it("a web server that sends 100 unasked is borne, and asked once", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    for (const method of ["GET", "POST"]) {
      const asked = ask(client, method);
      const connection = await origin.next();
      await connection.head();
      connection.write("HTTP/1.1 100 Continue\r\n\r\n").end(OK("hello", "Connection: close"));
      expect((await heard(asked)).body).toBe("hello");
      expect(asked.interims).toEqual([]);
    }
    expect(origin.count).toBe(2);
  });

  it("without end go on now and then, and the response that follows arrives", async () => {
    await using origin = await RawOrigin.listen();
    const clock = new FakeClock();
    await using client = new TestClient(routeTo(origin.port), { clock });
    const asked = ask(client);
    const connection = await origin.next();
    await connection.head();
    const upTo = async (interims: number) => {
      while (asked.interims.length < interims) await settle();
    };
    connection.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(3 * MOST_INTERIMS));
    await upTo(MOST_INTERIMS);
    connection.write("HTTP/1.1 102 Processing\r\n\r\n");
    await clock.advance(INTERIM_PAUSE_MS);
    connection.write("HTTP/1.1 104 Late\r\n\r\n");
    await upTo(MOST_INTERIMS + 1);
    connection.end(OK());
    expect((await heard(asked)).body).toBe("hello");
    expect(asked.interims.map(({ status }) => status)).toEqual([...Array(MOST_INTERIMS).fill(102), 104]);
  });

  it("a 101 that nobody asked for is a failure", async () => {
    await using origin = await RawOrigin.listen();
    for (const fields of ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"]) {
      await using client = new TestClient(routeTo(origin.port));
      const asked = ask(client);
      const connection = await origin.next();
      await connection.head();
      connection.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
      await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
      await connection.over;
    }
  });

  it("a 101 before the request's body is there is a failure, and one behind it is none", async () => {
    await using origin = await RawOrigin.listen();
    for (const sent of ["bod", "body"]) {
      await using client = new TestClient(routeTo(origin.port));
      const body = new FedBody().piece(sent);
      const asked = ask(client, "POST", "/", { fields: ["Upgrade", "x", "Content-Length", "4"], body });
      const connection = await origin.next();
      await connection.upTo(`\r\n\r\n${sent}`);
      connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
      if (sent === "body") {
        const response = await asked.response;
        if (response.kind !== "upgraded") throw new Error("answered");
        // What the visitor sends now is for whoever has the connection.
        expect(await Promise.race([body.piece("next").next(), Promise.resolve("nothing")])).toEqual(
          Buffer.from("next"),
        );
        response.connection.destroy();
      } else await expect(asked.response).rejects.toMatchObject({ code: "origin-failed" });
      await connection.over;
    }
  });
});
