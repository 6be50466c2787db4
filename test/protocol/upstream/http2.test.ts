/** Web servers that are spoken to in HTTP/2: heads, trailers and resets both ways, and what a web server refuses. RFC 9113 sections 6.8 and 8. */
import { once } from "node:events";
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RepeatableBody } from "../../../protocol/upstream/send-body.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { RawOrigin } from "../../kit/raw-origin.ts";
import { until } from "../../kit/until.ts";
import { ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

interface Seen {
  readonly fields: Readonly<Record<string, unknown>>;
  body: string;
  trailers: Readonly<Record<string, unknown>> | undefined;
  resetCode: number | undefined;
}

/** An HTTP/2 web server that keeps what it saw, and answers as `serve` says. */
class Http2Web implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  serve: (stream: ServerHttp2Stream, seen: Seen) => void = (stream) => {
    stream.respond({ ":status": 200 });
    stream.end("hello");
  };
  readonly server: Http2Server;

  static async listen(server: Http2Server = createServer()): Promise<Http2Web> {
    const web = new Http2Web(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return web;
  }

  private constructor(server: Http2Server) {
    this.server = server;
    server.on("session", (session) => {
      this.sessions.push(session);
      session.on("error", () => {});
    });
    server.on("stream", (stream, fields) => {
      const seen: Seen = { fields, body: "", trailers: undefined, resetCode: undefined };
      this.seen.push(seen);
      stream.on("error", () => {});
      stream.on("data", (bytes: Buffer) => {
        seen.body += bytes.toString("latin1");
      });
      stream.on("trailers", (trailers) => {
        seen.trailers = { ...trailers };
      });
      stream.on("close", () => {
        seen.resetCode = stream.rstCode;
      });
      this.serve(stream, seen);
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}

let web: Http2Web;
beforeEach(async () => {
  web = await Http2Web.listen();
});
const clientOf = () => new TestClient(routeTo(web.port, { protocol: "http2" }));
afterEach(() => web[Symbol.asyncDispose]());

describe("over HTTP/2 in plain text", () => {
  it("a request has the fields of HTTP/2, and its response comes without those of the version", async () => {
    web.serve = (stream) => {
      stream.respond([":status", "200", "set-cookie", "a=1", "x-one", " v ", "set-cookie", "b=\xe9"]);
      stream.end("page");
    };
    await using client = clientOf();
    const fields = ["X-Twice", "1", "X-Twice", "\xe9", "TE", "trailers", "Upgrade", "x"];
    const { head, body } = await heard(ask(client, "GET", "/a?b", { fields }));
    expect(JSON.parse(JSON.stringify(web.seen[0]?.fields))).toEqual({
      ":method": "GET",
      ":scheme": "http",
      ":authority": "www.example.com",
      ":path": "/a?b",
      "x-twice": "1, \xe9",
      te: "trailers",
    });
    expect([head.status, head.reason, body]).toEqual([200, "OK", "page"]);
    expect(head.fields.slice(0, 6)).toEqual(["set-cookie", "a=1", "x-one", "v", "set-cookie", "b=\xe9"]);
  });

  it("a request that asks to upgrade goes with its body, though more follows on its stream", async () => {
    web.serve = (stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    };
    await using client = clientOf();
    const fields = ["Upgrade", "x", "Content-Length", "4"];
    const { head, body } = await heard(
      ask(client, "POST", "/", { fields, body: new FedBody().piece("body") }),
    );
    expect([head.status, body]).toEqual([200, "body"]);
  });

  it("trailers go both ways, and a head that is all of an answer comes as that", async () => {
    web.serve = (stream) => {
      stream.once("end", () => {
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-sum": "7" }));
        stream.end("message");
      });
    };
    await using client = clientOf();
    const body = new FedBody().piece("ab").piece("cd").end("complete", ["X-Check", "1", "X-Check", "2"]);
    const answer = await heard(ask(client, "POST", "/", { body }));
    expect(answer.body).toBe("message");
    expect(answer.end).toEqual({ how: "complete", trailers: ["grpc-status", "0", "x-sum", "7"] });
    expect(web.seen[0]).toMatchObject({ body: "abcd", trailers: { "x-check": "1, 2" } });
    web.serve = (stream) => stream.respond({ ":status": 200, "grpc-status": "5" }, { endStream: true });
    const only = await ask(client, "POST", "/", { body: new FedBody().end() }).response;
    expect(only.kind === "answered" && only.body.take()).toEqual({ how: "complete", trailers: [] });
  });

  it.each([
    [":path", "/"],
    ["a b", "1"],
    ["x", "1\n2"],
  ])("the trailer %j: %j fails its request, and no other", async (...trailers) => {
    await using client = clientOf();
    const body = new FedBody().piece("ab").end("complete", trailers);
    await expect(ask(client, "POST", "/", { body }).response).rejects.toThrow();
    expect((await heard(ask(client, "GET", "/"))).body).toBe("hello");
  });

  it("a head may be as large as the limits of both sides can be", async () => {
    await using client = clientOf();
    const fields = ["X-Large", "a".repeat(90_000)];
    expect((await heard(ask(client, "GET", "/", { fields }))).body).toBe("hello");
    expect(web.seen[0]?.fields["x-large"]).toBe(fields[1]);
  });

  it("one connection carries one request after another", async () => {
    await using client = clientOf();
    for (const method of ["GET", "POST", "GET"]) {
      await heard(ask(client, method, "/"));
      // Its stream closes when all of it was read.
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    }
    expect(web.sessions.length).toBe(1);
  });

  it.each(["GET", "POST"])("a body of a %s that is reset has not come to its end", async (method) => {
    web.serve = (stream) => {
      stream.respond({ ":status": 200 });
      stream.write("some");
      // Without a word of why, as a program that crashes has it.
      setImmediate(() => stream.destroy());
    };
    await using client = clientOf();
    await expect(heard(ask(client, method, "/"))).rejects.toMatchObject({ code: "truncated" });
  });

  it("a visitor who leaves resets the stream, and one whose body breaks off does not end it", async () => {
    web.serve = (stream) => stream.respond({ ":status": 200 });
    await using client = clientOf();
    const left = ask(client, "GET", "/");
    await left.response;
    left.leave();
    await until(() => web.seen[0]?.resetCode !== undefined, "the reset");
    expect(web.seen[0]?.resetCode).toBe(8);
    web.serve = () => {};
    const broken = ask(client, "POST", "/", { body: new FedBody().piece("half").end("closed") });
    await expect(broken.response).rejects.toMatchObject({ code: "origin-failed" });
    await until(() => web.seen[1]?.resetCode !== undefined, "the second reset");
    expect(web.seen[1]).toMatchObject({ body: "half", resetCode: 8 });
  });

  it("what the web server refuses unprocessed is asked again once, with its body", async () => {
    let refusals = 1;
    web.serve = (stream, seen) => {
      if (refusals-- > 0) return stream.close(7);
      stream.once("end", () => {
        stream.respond({ ":status": 200 });
        stream.end(`got ${seen.body}`);
      });
    };
    await using client = clientOf();
    const body = new FedBody().piece("x=1").piece("&y=2").end();
    expect((await heard(ask(client, "POST", "/", { body }))).body).toBe("got x=1&y=2");
    expect([web.seen.length, body.takenBytes]).toEqual([2, 0]);
    refusals = 2;
    const again = ask(client, "POST", "/", { body: new FedBody().piece("x").end() });
    await expect(again.response).rejects.toMatchObject({
      code: "origin-failed",
      message: /refused the stream/,
    });
  });

  it("after a goodbye another connection is made, and nothing is lost", async () => {
    await using client = clientOf();
    for (let turn = 0; turn < 5; turn++) {
      const answer = await heard(ask(client, "POST", "/", { body: new FedBody().piece("x").end() }));
      expect(answer.body).toBe("hello");
      web.sessions.at(-1)?.close();
    }
    expect(web.sessions.length).toBeGreaterThan(1);
  });

  it("interim heads come before the head", async () => {
    web.serve = (stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
      stream.respond({ ":status": 204 });
      stream.end();
    };
    await using client = clientOf();
    const asked = ask(client, "GET", "/");
    expect((await heard(asked)).head.status).toBe(204);
    expect(asked.interims).toEqual([{ status: 103, reason: "Early Hints", fields: ["link", "</a.css>"] }]);
  });

  it("a web server of HTTP/1.1 is no web server of HTTP/2", async () => {
    const http1 = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    }).listen(0, "127.0.0.1");
    await once(http1, "listening");
    await using client = new TestClient(
      routeTo((http1.address() as AddressInfo).port, { protocol: "http2", connectMs: 2_000 }),
    );
    await expect(ask(client, "GET", "/").response).rejects.toMatchObject({ code: "origin-failed" });
    http1.close();
  });
});

describe("over HTTP/2 in TLS", () => {
  const { certificate, privateKey } = makeAuthority().issue({ name: "www.example.com" });
  const tls = { verify: false, serverName: undefined, authorities: undefined, client: undefined };

  const clientTo = (port: number) => {
    const origin = { scheme: "https", address: { host: "127.0.0.1", port } } as const;
    return new TestClient(routeTo(0, { origin, protocol: "http2", tls }));
  };

  it("is agreed on", async () => {
    await using secure = await Http2Web.listen(createSecureServer({ cert: certificate, key: privateKey }));
    await using client = clientTo(secure.port);
    expect((await heard(ask(client, "GET", "/"))).body).toBe("hello");
    expect(secure.seen[0]?.fields[":scheme"]).toBe("https");
  });

  it("is asked for, and a web server that does not agree is not asked", async () => {
    await using http1 = await RawOrigin.listen(undefined, { cert: certificate, key: privateKey });
    await using client = clientTo(http1.port);
    await expect(ask(client, "GET", "/").response).rejects.toMatchObject({
      code: "origin-failed",
      message: expect.stringContaining("does not speak HTTP/2"),
    });
  });
});

it("a body of which much was read cannot be sent again, and gives all of its window back", async () => {
  const fed = new FedBody().piece(Buffer.alloc(10_000)).piece(Buffer.alloc(10_000)).end();
  const body = new RepeatableBody(fed);
  await body.next();
  body.taken(10_000);
  expect([fed.takenBytes, body.rewind()]).toEqual([0, true]);
  await body.next();
  body.taken(10_000);
  await body.next();
  body.taken(10_000);
  expect([fed.takenBytes, body.rewind()]).toEqual([20_000, false]);
});
