/**
 * `Incremental: ?1` (RFC 10036), on request or response: each piece of a body is with the other end before the next one is made, through a
 * pair, both ways at a time. Web server and visitor wait for each other, so one piece held back anywhere stops them for good.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as https } from "node:https";
import type { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, describe, it } from "vitest";
import { openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { until } from "../kit/until.ts";

watchLeaks();

const PIECES = ["one ", "two and more ", "three "];

let secure: SecurePair;
let heard: string;
let ofServer: Readonly<Record<string, string>>;

/** Each piece comes back as soon as it is here. */
const echo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  response.writeHead(200, { "Content-Type": "text/html", ...ofServer });
  for await (const piece of request) {
    heard += String(piece);
    response.write(piece);
  }
  response.end();
};

beforeAll(async () => {
  secure = await openSecurePair({ serve: echo });
});
afterAll(() => secure[Symbol.asyncDispose]());

/** Both directions of one exchange. */
interface Opened extends AsyncDisposable {
  readonly asking: Writable;
  readonly answer: () => Promise<Readable>;
}

type Fields = Readonly<Record<string, string>>;

const overHttp1 = async (headers: Fields): Promise<Opened> => {
  const { https: port, authority } = secure;
  const all = { Host: "www.example.com", ...headers };
  const asking = https({
    port,
    host: "127.0.0.1",
    servername: "www.example.com",
    ca: authority.certificate,
    method: "POST",
    headers: all,
    agent: false,
  });
  const response = once(asking, "response");
  return {
    asking,
    answer: async () => (await response)[0] as IncomingMessage,
    [Symbol.asyncDispose]: async () => void asking.destroy(),
  };
};

const overHttp2 = async (headers: Fields): Promise<Opened> => {
  const visitor = await openHttp2(secure);
  const stream = visitor.session.request({
    ":path": "/",
    ":authority": "www.example.com",
    ":method": "POST",
    ...headers,
  });
  const response = once(stream, "response");
  return {
    asking: stream,
    answer: async () => {
      await response;
      return stream;
    },
    [Symbol.asyncDispose]: () => visitor[Symbol.asyncDispose](),
  };
};

describe.each([
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
] as const)("%s", (_, open) => {
  it.each<[string, Fields, Fields]>([
    ["the request says so", { Incremental: "?1" }, {}],
    ["request and response say so", { Incremental: "?1" }, { Incremental: "?1" }],
    ["with parameters that nobody knows", { Incremental: "?1;soon" }, {}],
    ["a coding is taken", { Incremental: "?1", "Accept-Encoding": "br" }, { Incremental: "?1" }],
  ])("%s: no piece waits for another", async (_why, asks, answers) => {
    heard = "";
    ofServer = answers;
    await using opened = await open({ "Content-Type": "application/json", ...asks });
    let expected = "";
    let got = 0;
    for (const piece of PIECES) {
      opened.asking.write(piece);
      expected += piece;
      await until(() => heard === expected, `the web server has ${piece}`);
      if (got === 0)
        (await opened.answer()).on("data", (came: Buffer) => {
          got += came.length;
        });
      const before = got;
      const least = asks["Accept-Encoding"] === undefined ? expected.length : before + 1;
      await until(() => got >= least, `the visitor has ${piece}`);
    }
    const ended = once(await opened.answer(), "end");
    opened.asking.end();
    await ended;
  });
});
