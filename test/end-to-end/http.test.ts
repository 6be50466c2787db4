/** What a visitor and a web server see of the pair: a correct reverse proxy, and no more. Real sockets, TLS with a key. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bodyOf, freePort, openRawServer } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { until } from "../kit/until.ts";
import { begin, finish, pairs, talk, type Visited, visit } from "../kit/visits.ts";

watchLeaks();

const HOST = "www.example.com";
const PAGE = Buffer.from(`<!doctype html><ul>${"<li>a row of the page</li>".repeat(200)}</ul>`);

let pair: Pair;
beforeAll(async () => {
  pair = await openPair({ serve() {}, edge: { trustedProxies: [] } });
});
afterAll(() => pair[Symbol.asyncDispose]());

let seen: { method: string; url: string; fields: readonly string[]; body: string }[];
const see = async (request: IncomingMessage): Promise<void> => {
  const { method = "", url = "", rawHeaders } = request;
  seen.push({ method, url, fields: rawHeaders, body: (await bodyOf(request)).toString("latin1") });
};
beforeEach(() => {
  seen = [];
  pair.web.serve = async (request, response) => {
    await see(request);
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(PAGE);
  };
});

const fieldsOf = (fields: readonly string[], name: string): string[] =>
  pairs(fields).flatMap(([each, value]) => (each.toLowerCase() === name ? [value] : []));

const expectNothingInside = (visited: Visited): void => {
  const said = `${JSON.stringify(visited.fields)} ${visited.body}`;
  expect(said).not.toMatch(/coilgun|127\.0\.0\.1|Error:|\bat \/|\.ts\b|ECONN|undici|socket/i);
  expect(visited.body.length).toBeLessThan(100);
};

describe("a request", () => {
  it.each(["GET", "DELETE", "PROPFIND", "OPTIONS", "PATCH"])(
    "%s arrives with its target, byte for byte",
    async (method) => {
      const path = "/a%20b//c;x?d=%C3%A9&e=+&&f";
      expect((await visit(pair.port, { method, path })).status).toBe(200);
      expect(seen).toMatchObject([{ method, url: path, body: "" }]);
    },
  );

  it("arrives with order, duplicates, case, empty values and latin1 of its fields", async () => {
    await talk(
      pair.port,
      `GET / HTTP/1.1\r\nx-b: 1\r\nHost: ${HOST}\r\nX-B: 2\r\nX-Empty:\r\nCookie: a=\u00e9; b=2\r\nx-B: \u00ff\r\nConnection: close\r\n\r\n`,
    );
    const fields = pairs(seen[0]?.fields ?? []).filter(([name]) => /^(x-b|x-empty|cookie)$/i.test(name));
    expect(fields).toEqual([
      ["x-b", "1"],
      ["X-B", "2"],
      ["X-Empty", ""],
      ["Cookie", "a=\u00e9; b=2"],
      ["x-B", "\u00ff"],
    ]);
  });

  it("arrives without the fields of the visitor's connection, and with what tells of the visitor", async () => {
    await talk(
      pair.port,
      `GET / HTTP/1.1\r\nHost: ${HOST}:8080\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: gzip\r\nKeep-Alive: 5\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n`,
    );
    const fields = seen[0]?.fields ?? [];
    for (const name of ["x-hop", "te", "keep-alive"]) expect(fieldsOf(fields, name)).toEqual([]);
    expect(fieldsOf(fields, "host")).toEqual([`${HOST}:8080`]);
    expect(fieldsOf(fields, "x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(fieldsOf(fields, "x-forwarded-proto")).toEqual(["http"]);
    expect(fieldsOf(fields, "x-forwarded-host")).toEqual([`${HOST}:8080`]);
    expect(fieldsOf(fields, "via")).toEqual([expect.stringMatching(/^1\.1 coilgun-[0-9a-f]{8}$/)]);
  });

  it.each([
    ["a length", { "Content-Length": "5" }],
    ["chunks", { "Transfer-Encoding": "chunked" }],
  ])("with a body that has %s arrives whole", async (_, headers) => {
    await visit(pair.port, { method: "POST", headers, body: Buffer.from("hello") });
    expect(seen).toMatchObject([{ method: "POST", body: "hello" }]);
  });

  it("that expects 100 gets it from the web server, and its body arrives", async () => {
    const { said } = await talk(
      pair.port,
      `POST / HTTP/1.1\r\nHost: ${HOST}\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`,
    );
    expect(said).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(seen).toMatchObject([{ body: "hello" }]);
    expect(fieldsOf(seen[0]?.fields ?? [], "expect")).toEqual(["100-continue"]);
  });

  it("in HTTP/1.0 is served as that", async () => {
    const { said } = await talk(pair.port, `GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
    expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(said.toLowerCase()).not.toContain("transfer-encoding");
    expect(said.endsWith(PAGE.toString())).toBe(true);
  });
});

describe("a response", () => {
  it.each([200, 201, 404, 418, 500, 503])("with status %i arrives with its body", async (status) => {
    pair.web.serve = (_, response) => response.writeHead(status, { "Content-Type": "text/html" }).end(PAGE);
    const visited = await visit(pair.port);
    expect([visited.status, visited.body.equals(PAGE)]).toEqual([status, true]);
  });

  it("arrives with order, duplicates, case, empty values and latin1 of its fields, and its reason", async () => {
    const fields = [
      ...["x-b", "1", "Set-Cookie", "a=1; Path=/", "X-B", "\u00e9", "Set-Cookie", "b=2", "X-Empty", ""],
      ...[
        "Set-Cookie",
        "a=3",
        "Date",
        "then",
        "Content-Type",
        "text/html",
        "Content-Length",
        `${PAGE.length}`,
      ],
    ];
    pair.web.serve = (_, response) => {
      response.writeHead(250, "Quite fine", fields);
      response.end(PAGE);
    };
    for (let again = 0; again < 3; again++) {
      const visited = await visit(pair.port, { path: "/fields" });
      const options = [...fields, "Vary", "Accept-Encoding"]; // for it could have been compressed
      expect([visited.status, visited.reason, visited.fields]).toEqual([250, "Quite fine", options]);
      expect(visited.body.equals(PAGE)).toBe(true);
    }
  });

  it("to HEAD has the head of the page and no body", async () => {
    pair.web.serve = (_, response) => response.writeHead(200, { "Content-Length": 12345 }).end();
    const visited = await visit(pair.port, { method: "HEAD" });
    expect([visited.headers["content-length"], visited.body.length]).toEqual(["12345", 0]);
  });

  it.each([204, 304])("with status %i has no body, and the connection can be used again", async (status) => {
    pair.web.serve = (_, response) => response.writeHead(status, { ETag: '"x"' }).end();
    const { said } = await talk(
      pair.port,
      `GET /1 HTTP/1.1\r\nHost: ${HOST}\r\n\r\nGET /2 HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
    );
    expect(said.match(new RegExp(`HTTP/1\\.1 ${status} `, "g"))).toHaveLength(2);
    expect(said.match(/ETag: "x"/g)).toHaveLength(2);
  });

  it("of a part arrives as the web server made it", async () => {
    pair.web.serve = async (request, response) => {
      await see(request);
      response.writeHead(206, { "Content-Range": "bytes 0-3/100", "Content-Type": "text/html" }).end("part");
    };
    const visited = await visit(pair.port, { headers: { Range: "bytes=0-3", "Accept-Encoding": "gzip" } });
    expect([visited.status, visited.headers["content-range"], visited.body.toString()]).toEqual([
      206,
      "bytes 0-3/100",
      "part",
    ]);
    expect(fieldsOf(seen[0]?.fields ?? [], "accept-encoding")).toEqual(["gzip"]);
  });

  it("loses the fields of the web server's connection", async () => {
    pair.web.serve = (_, response) => {
      response.writeHead(200, [
        "Connection",
        "X-Hop, keep-alive",
        "X-Hop",
        "1",
        "X-Stays",
        "1",
        "Content-Length",
        "2",
      ]);
      response.end("ok");
    };
    const visited = await visit(pair.port);
    expect(visited.headers).toMatchObject({ "x-stays": "1" });
    expect(visited.headers["x-hop"]).toBeUndefined();
  });

  it("has its early hints and its trailers", async () => {
    pair.web.serve = (_, response) => {
      response.writeEarlyHints({ link: ["</a.css>; rel=preload", "</b.js>; rel=preload"] });
      response.writeHead(200, { "Content-Type": "text/html", Trailer: "X-Sum" });
      response.write(PAGE);
      response.addTrailers({ "X-Sum": "abc" });
      response.end();
    };
    const interim: [number, readonly string[]][] = [];
    const visited = await visit(pair.port, {
      headers: { TE: "trailers" },
      interim: (...head) => interim.push(head),
    });
    expect(interim).toEqual([[103, ["Link", "</a.css>; rel=preload, </b.js>; rel=preload"]]]);
    expect([visited.body.equals(PAGE), visited.trailers]).toEqual([true, { "x-sum": "abc" }]);
  });

  it("without a length that ends with its connection arrives whole", async () => {
    await using raw = await openRawServer((socket) => {
      socket.once("data", () => socket.end(`HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n${PAGE}`));
    });
    await using other = await openPair({
      serve() {},
      origin: { routes: [{ host: HOST, origin: `http://127.0.0.1:${raw.port}` }] },
    });
    const visited = await visit(other.port);
    expect([visited.cut, visited.body.equals(PAGE)]).toEqual([false, true]);
  });
});

describe("what fails", () => {
  it("a host that no key serves: 421, and nothing of what is inside", async () => {
    await using strict = await openPair({ serve() {}, edge: { defaultHost: "off" } });
    const visited = await visit(strict.port, { host: "unknown.example.com" });
    expect(visited.status).toBe(421);
    expectNothingInside(visited);
  });

  it("a web server that closes without a word: 502", async () => {
    pair.web.serve = (request) => request.socket.destroy();
    const visited = await visit(pair.port);
    expect(visited.status).toBe(502);
    expectNothingInside(visited);
  });

  it.each([
    ["chunks", {}],
    ["a length", { "Content-Length": PAGE.length }],
  ])(
    "a web server that dies inside a body with %s: a cut, also where the page was held before",
    async (_, length) => {
      for (let again = 0; again < 2; again++) {
        pair.web.serve = (_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
        expect((await visit(pair.port, { path: "/dies" })).body.equals(PAGE)).toBe(true);
        pair.web.serve = (_, response) => {
          response.writeHead(200, { "Content-Type": "text/html", ...length });
          response.write(PAGE.subarray(0, 2_000), () => response.destroy());
        };
        const visited = await visit(pair.port, { path: "/dies" });
        expect(visited.cut || visited.status === 502).toBe(true);
        expect(visited.body.length).toBeLessThan(PAGE.length);
      }
    },
  );

  it("a visitor that leaves: the web server's request is cancelled", async () => {
    const left = Promise.withResolvers<void>();
    pair.web.serve = (request, response) => {
      request.socket.once("close", () => left.resolve());
      response.writeHead(200, { "Content-Type": "text/html" }).write(PAGE);
    };
    const gone = new AbortController();
    const response = await begin(pair.port, { signal: gone.signal });
    gone.abort();
    await finish(response);
    await left.promise;
  });

  it("a visitor that leaves inside its upload: the web server never takes it for complete", async () => {
    const arrived = Promise.withResolvers<void>();
    let outcome: string | undefined;
    pair.web.serve = (request) => {
      request.on("data", () => arrived.resolve());
      request.on("end", () => {
        outcome = "complete";
      });
      request.on("close", () => {
        outcome ??= "cut";
      });
    };
    const gone = new AbortController();
    const never = Promise.withResolvers<never>();
    const visited = begin(pair.port, {
      method: "POST",
      signal: gone.signal,
      body: (async function* () {
        yield Buffer.alloc(1_000);
        await never.promise;
      })(),
    }).catch(() => {});
    await arrived.promise;
    gone.abort();
    await visited;
    await until(() => outcome !== undefined);
    expect(outcome).toBe("cut");
  });

  it("a web server that refuses connections: 502", async () => {
    const origin = { routes: [{ host: HOST, origin: `http://127.0.0.1:${await freePort()}` }] };
    await using other = await openPair({ serve() {}, origin });
    const visited = await visit(other.port);
    expect(visited.status).toBe(502);
    expectNothingInside(visited);
    expect(other.originLog.lines.find(({ event }) => event === "exchange failed")?.fields).toMatchObject({
      code: "origin-failed",
    });
  });

  it("a host without a route on the origin side: 502, and its log says what to do", async () => {
    await using other = await openPair({
      serve() {},
      origin: { routes: [{ host: "elsewhere.example.com", origin: "http://127.0.0.1:1" }] },
    });
    const visited = await visit(other.port);
    expect(visited.status).toBe(502);
    expectNothingInside(visited);
    const logged = other.originLog.lines.find(({ event }) => event === "exchange failed");
    expect(String(logged?.fields.why)).toContain("add it under routes in origin.yaml");
  });

  it("a web server that is silent: 504, by the origin side's time or the edge's", async () => {
    const route = { host: HOST, origin: `http://127.0.0.1:${pair.web.port}`, answer: "100ms" };
    pair.web.serve = () => {};
    await using byOrigin = await openPair({ serve() {}, origin: { routes: [route] } });
    const visited = await visit(byOrigin.port);
    expect(visited.status).toBe(504);
    expectNothingInside(visited);
    await using byEdge = await openPair({
      serve() {},
      edge: { times: { originAnswer: "100ms", drain: "1s" } },
    });
    expect((await visit(byEdge.port)).status).toBe(504);
  });

  it("no link: 503, and when to come again", async () => {
    await using other = await openPair({ serve() {}, edge: { times: { drain: "1s", link: "100ms" } } });
    await other.origin.stop();
    await other.edgeLog.heard("link down");
    const visited = await visit(other.port);
    expect([visited.status, visited.headers["retry-after"]]).toEqual([503, "5"]);
    expectNothingInside(visited);
  });
});

it("a thousand visits of many kinds at once get exactly their own", async () => {
  pair.web.serve = async (request, response) => {
    const body = await bodyOf(request);
    const text = `${request.method} ${request.url} ${request.headers["x-who"]} ${createHash("md5").update(body).digest("hex")}`;
    response.writeHead(200, { "Content-Type": request.url?.endsWith("png") ? "image/png" : "text/html" });
    response.end(`${PAGE}${text}`);
  };
  let next = 0;
  const wrong: string[] = [];
  const worker = async (): Promise<void> => {
    for (let i = next++; i < 1_000; i = next++) {
      const body = i % 3 === 0 ? Buffer.alloc(i * 10, `${i}`) : undefined;
      const path = `/${i % 7}/${i % 2 === 0 ? "x.png" : "page"}`;
      const visited = await visit(pair.port, {
        path,
        method: body ? "POST" : "GET",
        headers: { "X-Who": `${i}`, Cookie: `sid=${i % 5}-0123456789abcdef` },
        ...(body && { body }),
      });
      const sum = createHash("md5")
        .update(body ?? "")
        .digest("hex");
      if (visited.body.toString() !== `${PAGE}${body ? "POST" : "GET"} ${path} ${i} ${sum}`)
        wrong.push(`${i}: ${visited.status}${visited.cut ? ", cut" : ""}, ${visited.body.length} bytes`);
    }
  };
  const failed = pair.originLog.count("exchange failed");
  await Promise.all(Array.from({ length: 20 }, worker));
  const why = pair.originLog.lines.filter(({ event }) => event === "exchange failed").slice(failed);
  expect(wrong, JSON.stringify(why)).toEqual([]);
});
