import { Agent, type IncomingMessage } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { EdgeTimes } from "../../../edge-side/config/edge-config.ts";
import type { Visitor } from "../../../edge-side/exchange/visitor.ts";
import { ErrorPages } from "../../../edge-side/http/errors/error-pages.ts";
import { serveVisitors, type VisitorServer } from "../../../edge-side/http/http-server.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { edgeConfigOf } from "../../kit/daemons.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { silentLog } from "../../kit/silent-log.ts";
import { begin, finish, talk, visit } from "../../kit/visits.ts";

watchLeaks();

let server: VisitorServer | undefined;
afterEach(async () => {
  await server?.close(AbortSignal.abort());
  server = undefined;
});

const OK = { status: 200, reason: "OK", fields: ["Content-Length", "2"] };

const serving = async (
  serve: (visitor: Visitor) => void = (visitor) => {
    visitor.head(OK);
    void visitor.body(Buffer.from("ok"));
    visitor.end([]);
  },
  settings: Readonly<Record<string, unknown>> = {},
  times: Partial<EdgeTimes> = {},
) => {
  const seen: Visitor[] = [];
  const config = edgeConfigOf(settings);
  server = await serveVisitors(
    { ...config, times: { ...config.times, ...times } },
    {
      clock: systemClock,
      log: silentLog,
      errorPages: new ErrorPages("coilgun-test"),
      hosts: { isServed: () => true, defaultHost: undefined, trusts: () => false },
      visits: {
        serve(visitor) {
          seen.push(visitor);
          serve(visitor);
        },
        refused() {},
      },
    },
  );
  return { port: server.addresses[0]?.port ?? 0, seen, server };
};

const WAITING = { pause() {}, resume() {} };
const HOST = "Host: www.example.com\r\n";
const CLOSE = "Connection: close\r\n";

describe("a request that two servers could read differently", () => {
  it.each([
    ["a second Host", `GET / HTTP/1.1\r\n${HOST}Host: other.example\r\n\r\n`],
    ["two Hosts alike", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
    ["no Host", "GET / HTTP/1.1\r\n\r\n"],
    ["no Host in HTTP/1.0, so no site", "GET / HTTP/1.0\r\n\r\n"],
    ["TE gzip, chunked", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ["TE chunked twice", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
    [
      "TE in two fields",
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["TE in HTTP/1.0", `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    [
      "TE and a length",
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    ],
    ["two lengths", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ["a signed length", `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`],
    ["a folded field", `GET / HTTP/1.1\r\n${HOST}X-A: 1\r\n 2\r\n\r\n`],
    ["a bare CR", `GET / HTTP/1.1\r\n${HOST}X-A: 1\rX-B: 2\r\n\r\n`],
    ["a space before the colon", `GET / HTTP/1.1\r\n${HOST}X-A : 1\r\n\r\n`],
  ])("%s: 400, the connection closed, nothing served of what follows", async (_, text) => {
    const { port, seen } = await serving();
    const { said } = await talk(port, `${text}GET /smuggled HTTP/1.1\r\n${HOST}\r\n`);
    expect(said).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(said.toLowerCase()).toContain("connection: close");
    expect(said.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toHaveLength(0);
  });
});

describe("a request that is unusual, and right", () => {
  it.each([
    [
      "a Host with port and capitals",
      `GET / HTTP/1.1\r\nHost: WWW.Example.com:8080\r\n${CLOSE}\r\n`,
      "www.example.com",
    ],
    [
      "a target that names another host than Host (RFC 9112 section 3.2.2)",
      `GET http://other.example/ HTTP/1.1\r\n${HOST}${CLOSE}\r\n`,
      "other.example",
    ],
    [
      "a target that names the same host",
      `GET http://www.example.com/a HTTP/1.1\r\n${HOST}${CLOSE}\r\n`,
      "www.example.com",
    ],
    [
      "Chunked with a capital",
      `POST / HTTP/1.1\r\n${HOST}${CLOSE}Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n`,
      "www.example.com",
    ],
    [
      "a target with a URL in its query",
      `GET /?to=http://other.example/ HTTP/1.1\r\n${HOST}${CLOSE}\r\n`,
      "www.example.com",
    ],
    [
      "an upgrade that nobody does",
      `GET / HTTP/1.1\r\n${HOST}Connection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      "www.example.com",
    ],
  ])("%s is served", async (_, text, host) => {
    const { port, seen } = await serving();
    const { said } = await talk(port, text);
    expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(seen.map((visitor) => visitor.host)).toEqual([host]);
  });
});

it("a head larger than limits.headBytes is 431", async () => {
  const { port, seen } = await serving(undefined, { limits: { headBytes: "8 KiB" } });
  const { said } = await talk(port, `GET / HTTP/1.1\r\n${HOST}X-Long: ${"x".repeat(9_000)}\r\n\r\n`);
  expect(said).toMatch(/^HTTP\/1\.1 431 /);
  expect(seen).toHaveLength(0);
});

describe("silence", () => {
  const times = { idleMs: 100 };

  it("of a visitor inside its request ends the connection", async () => {
    const { port } = await serving((visitor) => void visitor.uploadBody(WAITING).next(), {}, times);
    const { said } = await talk(port, `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhalf`);
    expect(said).toMatch(/^HTTP\/1\.1 408 .*Connection: close\r\n/s);
  });

  it("of a visitor inside its head ends the connection with 408", async () => {
    const { port } = await serving(() => {}, {}, times);
    expect((await talk(port, `POST / HTTP/1.1\r\n${HOST}`)).said).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it("of a visitor that waits for its answer is not its fault: the answer still comes", async () => {
    const answer = Promise.withResolvers<Visitor>();
    const { port } = await serving((visitor) => answer.resolve(visitor), {}, times);
    const visited = visit(port);
    const visitor = await answer.promise;
    const idle = talk(port, `GET / HTTP/1.1\r\n${HOST}`); // as long as the idle time takes, and a little longer
    await idle;
    visitor.fail("origin-silent");
    expect((await visited).status).toBe(504);
  });
});

describe("a server that closes", () => {
  it("ends connections that are kept alive with their running response", async () => {
    const visitors: Visitor[] = [];
    const { port, server: closing } = await serving((visitor) => visitors.push(visitor));
    const agent = new Agent({ keepAlive: true });
    const begun = begin(port, { agent, path: "/begun" });
    const waiting = begin(port, { agent, path: "/waiting" });
    const byPath = async (path: string): Promise<Visitor> => {
      for (;;) {
        const found = visitors.find((visitor) => visitor.target === path);
        if (found) return found;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const [one, other] = [await byPath("/begun"), await byPath("/waiting")];
    one.head({ status: 200, reason: "OK", fields: [] });
    one.flush();
    const response: IncomingMessage = await begun;
    const closed = closing.close(new AbortController().signal);
    server = undefined;
    one.end([]);
    other.head({ status: 200, reason: "OK", fields: [] });
    other.end([]);
    expect((await waiting).headers.connection).toBe("close");
    await Promise.all([finish(response), finish(await waiting), closed]);
    agent.destroy();
  });

  it("cuts what still runs at its bound", async () => {
    const cut = new AbortController();
    const { port, server: closing } = await serving((visitor) => {
      visitor.head({ ...OK, fields: ["Content-Length", "9"] });
      visitor.flush();
    });
    const response = await begin(port);
    const closed = closing.close(cut.signal);
    server = undefined;
    cut.abort();
    expect((await finish(response)).cut).toBe(true);
    await closed;
  });
});
