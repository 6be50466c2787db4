/** gRPC through the whole pair: HTTP/2 at both ends, in plain text to the web server. */
import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Http2VisitorSession, openHttp2 } from "../kit/http2-visitor.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { Reading } from "../kit/reading.ts";
import { HOST } from "../kit/real-daemons.ts";
import { openSecurePair } from "../kit/secure-pair.ts";
import { until } from "../kit/until.ts";
import { talk } from "../kit/visits.ts";

watchLeaks();

const undo = new AsyncDisposableStack();
const web = createServer({ maxSendHeaderBlockLength: 128 * 1024 });
const sessions = new Set<ServerHttp2Session>();
const GRPC = { ":status": 200, "content-type": "application/grpc" };
let visitor: Http2VisitorSession;
let plainPort: number;
let call: (stream: ServerHttp2Stream) => void;
beforeAll(async () => {
  web.on("session", (session) => sessions.add(session.on("error", () => {})));
  web.on("stream", (stream) => {
    stream.on("error", () => {});
    call(stream);
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  undo.defer(() => {
    for (const session of sessions) session.destroy();
    web.close();
  });
  const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const routes = [{ host: HOST, origin, protocol: "http2" }];
  const limits = { headBytes: "96 KiB" };
  const secure = undo.use(await openSecurePair({ serve() {}, edge: { limits }, origin: { routes, limits } }));
  plainPort = secure.http;
  visitor = undo.use(await openHttp2(secure));
});
afterAll(() => undo.disposeAsync());
beforeEach(() => {
  call = () => {};
});

const begin = () => {
  const fields = { ":method": "POST", ":path": "/a.B/C", ":authority": HOST, te: "trailers" };
  const stream = visitor.session.request({ ...fields, "content-type": "application/grpc" });
  const trailers: unknown[] = [];
  stream.on("error", () => {});
  stream.on("trailers", (all) => trailers.push(all["grpc-status"]));
  return { stream, trailers, head: once(stream, "response") as Promise<[Record<string, unknown>, number]> };
};

/** A message of gRPC: not compressed, its length, its bytes. */
const message = (text: string) => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
};

const endWith = (stream: ServerHttp2Stream, status: string) =>
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status })).end();

it("messages go both ways as they come, and the status behind them", async () => {
  call = (stream) => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on("data", (bytes: Buffer) => stream.write(bytes));
    stream.on("end", () => endWith(stream, "0"));
  };
  const { stream, trailers, head } = begin();
  const answers = new Reading(stream);
  for (let turn = 1; turn <= 3; turn++) {
    stream.write(message(`turn ${turn}`));
    await answers.upTo(`turn ${turn}`);
  }
  stream.end();
  expect((await answers.end()).equals(Buffer.concat([1, 2, 3].map((turn) => message(`turn ${turn}`))))).toBe(
    true,
  );
  expect([(await head)[0][":status"], trailers]).toEqual([200, ["0"]]);
});

it("a status without a message is one frame, as it left", async () => {
  call = (stream) => stream.respond({ ...GRPC, "grpc-status": "5" }, { endStream: true });
  const { stream, head } = begin();
  stream.end(message("x"));
  const [fields, flags] = await head;
  // END_HEADERS and END_STREAM: no data frame follows, in which clients would look for a status behind it.
  expect([fields["grpc-status"], flags]).toEqual(["5", 5]);
});

it("trailers go on without what HTTP/2 has no place for, and with what comes twice", async () => {
  call = (stream) => {
    stream.on("trailers", (_, __, raw: readonly string[]) => {
      stream.respond(GRPC);
      stream.end(raw.join(" "));
    });
    stream.resume();
  };
  const trailers = "X-Sum: 1\r\nHTTP2-Settings: AAMAAABk\r\nX-Sum: 2\r\n";
  const head = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  const { said } = await talk(plainPort, `${head}1\r\nx\r\n0\r\n${trailers}\r\n`);
  expect(said).toContain("x-sum 1 x-sum 2");
});

it("a head as large as the limits goes on", async () => {
  const large = "a".repeat(80_000);
  call = (stream) => stream.respond({ ...GRPC, "x-large": large }, { endStream: true });
  const { stream, head } = begin();
  stream.end();
  expect((await head)[0]["x-large"]).toBe(large);
});

it("a reset goes on in both directions", async () => {
  let reset: number | undefined;
  call = (stream) => {
    stream.respond(GRPC);
    stream.write(message("some"));
    stream.on("close", () => {
      reset = stream.rstCode;
    });
  };
  const left = begin();
  await left.head;
  left.stream.close(8);
  await until(() => reset !== undefined, "the reset");
  expect(reset).toBe(8);
  let atServer: ServerHttp2Stream | undefined;
  call = (stream) => {
    atServer = stream;
    stream.respond(GRPC);
    stream.write(message("some"));
  };
  const { stream, trailers } = begin();
  await new Reading(stream).upTo("some");
  atServer?.destroy(new Error("crashed"));
  await new Promise((resolve) => stream.once("close", resolve));
  expect([stream.rstCode, trailers]).toEqual([2, []]);
});
