// Requests with bodies through both daemons, raw sockets at both ends: the web server gets the visitor's bytes as they come,
// whole or visibly broken, and the link carries few of them.
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { openRawServer } from "../kit/fake-origin.ts";
import { type FaultyRelay, openRelay } from "../kit/faulty-relay.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { openPair, type Pair } from "../kit/pair.ts";
import { seeded } from "../kit/random.ts";
import { RawWire } from "../kit/raw-wire.ts";
import { reached, stillness, until } from "../kit/until.ts";
import { visit } from "../kit/visits.ts";

watchLeaks();

const MIB = 1024 * 1024;
const rows = (count: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, i) => ({
      id: 1000 + 7 * i,
      name: `row ${i}`,
      price: (i * 37) % 1000,
      open: i % 3 === 0,
    })),
  );

let pair: Pair;
let relay: FaultyRelay;
let web: Awaited<ReturnType<typeof openRawServer>>;
let connections: RawWire[];
let visitors: RawWire[];

beforeAll(async () => {
  web = await openRawServer((socket) => connections.push(new RawWire(socket)));
  pair = await openPair({
    serve() {},
    origin: { routes: [{ host: "www.example.com", origin: `http://127.0.0.1:${web.port}` }] },
    via: async (tunnel) => {
      relay = await openRelay(tunnel);
      return relay.port;
    },
  });
});
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});
beforeEach(() => {
  connections = [];
  visitors = [];
});
afterEach(() => {
  for (const { socket } of [...visitors, ...connections]) socket.destroy();
});

const post = async (fields: readonly string[], body: string | Buffer = ""): Promise<RawWire> => {
  const visitor = await RawWire.dial(pair.port);
  visitors.push(visitor);
  const head = ["POST /save HTTP/1.1", "Host: www.example.com", ...fields, "", ""].join("\r\n");
  return visitor.say(Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body as string, "latin1")]));
};
const atWeb = (count = 1): Promise<RawWire> => reached(connections, count);
const whole = async (wire: RawWire): Promise<string> => {
  await until(() => wire.text.includes("\r\n\r\n") && wire.body().complete, "a whole request");
  return wire.body().bytes;
};
const thanks = async (wire: RawWire, visitor: RawWire): Promise<void> => {
  wire.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nthanks").socket.end();
  await visitor.hears("thanks");
};
/** Bytes from the edge to the origin side while this runs, TLS and all. */
const onLink = async (run: () => Promise<void>): Promise<number> => {
  const total = () => relay.connections.reduce((sum, { toOrigin }) => sum + toOrigin.bytes, 0);
  await stillness(total);
  const before = total();
  await run();
  return total() - before;
};

describe("sizes on the link", () => {
  const JSON_20K = rows(400);
  it("a JSON of 20 KB takes less than a third, and a fifth", async () => {
    expect(JSON_20K.length).toBeGreaterThan(20_000);
    const bytes = await onLink(async () => {
      const fields = ["Content-Type: application/json", `Content-Length: ${JSON_20K.length}`];
      const visitor = await post(fields, JSON_20K);
      const wire = await atWeb();
      expect(await whole(wire)).toBe(JSON_20K);
      expect(wire.text).toContain(`Content-Length: ${JSON_20K.length}\r\n`);
      await thanks(wire, visitor);
    });
    expect(bytes).toBeLessThan(JSON_20K.length / 5);
  });

  it("what another site had sent takes all of its bytes", async () => {
    const bytes = await onLink(async () => {
      const fields = ["Content-Type: application/json", `Content-Length: ${JSON_20K.length}`];
      const visitor = await post([...fields, "Sec-Fetch-Site: cross-site"], JSON_20K);
      const wire = await atWeb();
      expect(await whole(wire)).toBe(JSON_20K);
      await thanks(wire, visitor);
    });
    expect(bytes).toBeGreaterThan(JSON_20K.length);
  });

  it("a login form takes its bytes and one small message", async () => {
    const form = "user=jane&password=correct+horse";
    const bytes = await onLink(async () => {
      const visitor = await post(
        ["Content-Type: application/x-www-form-urlencoded", `Content-Length: ${form.length}`],
        form,
      );
      const wire = await atWeb();
      expect(await whole(wire)).toBe(form);
      await thanks(wire, visitor);
    });
    expect(bytes).toBeLessThan(form.length + 700);
  });
});

it("an upload that trickles arrives piece by piece, and its answer may begin before its end", async () => {
  const visitor = await post(["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"]);
  const wire = await atWeb();
  let sent = "";
  for (let i = 0; i < 20; i++) {
    const line = `{"event":${i},"name":"something happened"}\n`;
    sent += line;
    visitor.say(`${line.length.toString(16)}\r\n${line}\r\n`);
    await until(() => wire.text.includes("\r\n\r\n") && wire.body().bytes === sent, `piece ${i}`);
    if (i === 5) {
      wire.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      await visitor.hears("200 OK");
    }
    if (i > 5) {
      wire.say(`6\r\nack ${String(i).padStart(2)}\r\n`);
      await visitor.hears(`ack ${String(i).padStart(2)}`);
    }
  }
  expect(wire.body().complete).toBe(false);
  visitor.say("0\r\nChecksum: abc\r\n\r\n");
  expect(await whole(wire)).toBe(sent);
  wire.say("0\r\n\r\n");
  await visitor.hears("\r\n0\r\n\r\n");
});

it("trailers arrive behind a coded body", async () => {
  const body = rows(100);
  const visitor = await post(
    ["Content-Type: application/json", "Transfer-Encoding: chunked", "Trailer: Checksum"],
    `${body.length.toString(16)}\r\n${body}\r\n0\r\nChecksum: abc\r\n\r\n`,
  );
  const wire = await atWeb();
  expect(await whole(wire)).toBe(body);
  expect(wire.body().trailers).toContain("Checksum: abc\r\n");
  await thanks(wire, visitor);
});

describe("a request that expects 100", () => {
  const body = rows(100);
  const fields = ["Content-Type: application/json", `Content-Length: ${body.length}`, "Expect: 100-continue"];

  it("gets it from the web server, and its body arrives", async () => {
    const visitor = await post(fields);
    const wire = await atWeb();
    await wire.hears("\r\n\r\n");
    expect(wire.text).toContain("Expect: 100-continue\r\n");
    expect(visitor.text).toBe("");
    wire.say("HTTP/1.1 100 Continue\r\n\r\n");
    await visitor.hears("100 Continue");
    visitor.say(body);
    expect(await whole(wire)).toBe(body);
    await thanks(wire, visitor);
  });

  it("gets the final answer in its place, and no body is awaited", async () => {
    const visitor = await post(fields);
    const wire = await atWeb();
    await wire.hears("\r\n\r\n");
    wire.say("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    await visitor.hears("\r\n\r\nno");
    await wire.ends();
    expect(wire.body()).toMatchObject({ bytes: "", complete: false });
  });
});

it.each([
  ["a length", ["Content-Length: 500000"]],
  ["chunks", ["Transfer-Encoding: chunked"]],
])(
  "a visitor that leaves inside an upload with %s: the web server sees it broken off",
  async (_, framing) => {
    const visitor = await post(["Content-Type: application/json", ...framing]);
    const line = rows(50);
    visitor.say(framing[0]?.startsWith("T") ? `${line.length.toString(16)}\r\n${line}\r\n` : line);
    const wire = await atWeb();
    await until(() => wire.text.includes("\r\n\r\n") && wire.body().bytes === line, "the first piece");
    visitor.socket.resetAndDestroy();
    await wire.ends();
    expect(wire.body()).toMatchObject({ bytes: line, complete: false });
  },
);

it("a web server that answers early and closes ends the upload, and the visitor has its answer", async () => {
  const visitor = await post(["Content-Type: application/json", "Content-Length: 5000000"], rows(2_000));
  const wire = await atWeb();
  await until(() => wire.text.length > 20_000);
  wire.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").socket.end();
  await visitor.hears("\r\n\r\nno");
});

it("a host with compressRequests: false has its requests cross as they are", async () => {
  const hosts = [{ host: "www.example.com", compressRequests: false }];
  await using plain = await openPair({
    serve: (request, response) => request.resume().once("end", () => response.end("ok")),
    edge: { keys: [{ id: "k", secret: FIXTURE_SECRET, hosts }] },
  });
  const body = Buffer.from(rows(200));
  const headers = { "Content-Type": "application/json", "Content-Length": body.length };
  await visit(plain.port, { method: "POST", headers, body });
  expect(await plain.visited(1)).toMatchObject({ bodyBytes: body.length, requestBytes: body.length });
});

it("bodies of every size and type, many at once, arrive byte for byte", async () => {
  const random = seeded();
  const seen = new Map<string, string>();
  await using echo = await openPair({
    async serve(request, response) {
      const hash = createHash("sha256");
      for await (const piece of request) hash.update(piece as Buffer);
      seen.set(request.url ?? "", hash.digest("hex"));
      response.end("ok");
    },
  });
  const types = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
  ];
  const text = Buffer.from(rows(20_000));
  const asked = Array.from({ length: 60 }, (_, i) => {
    const size = random.pick([1, 255, 256, 1_024, 20_000, 65_535, 65_536, 65_537, 131_072, 300_000, MIB]);
    const body = random.chance(0.2)
      ? Buffer.concat([random.bytes(Math.min(size, 5_000)), text.subarray(0, size)])
      : text.subarray(i, i + size);
    return { path: `/${i}`, type: random.pick(types), body, chunked: random.chance(0.5) };
  });
  await Promise.all(
    asked.map(async ({ path, type, body, chunked }) => {
      const headers = {
        "Content-Type": type,
        ...(chunked ? { "Transfer-Encoding": "chunked" } : { "Content-Length": body.length }),
      };
      expect((await visit(echo.port, { method: "POST", path, headers, body })).body.toString()).toBe("ok");
    }),
  );
  for (const { path, body } of asked)
    expect(seen.get(path), path).toBe(createHash("sha256").update(body).digest("hex"));
});

it("a large upload waits in bounded memory for a web server that does not read, and arrives whole", async () => {
  const piece = Buffer.from(rows(2_000));
  const count = 400;
  const visitor = await post(["Content-Type: application/json", `Content-Length: ${count * piece.length}`]);
  const wire = await atWeb();
  await wire.hears("\r\n\r\n");
  wire.socket.pause();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < count; i++) visitor.socket.write(piece);
  await stillness(() => visitor.socket.writableLength);
  // The visitor's own queue is in this process too.
  const held = process.memoryUsage().arrayBuffers - before - visitor.socket.writableLength;
  expect(visitor.socket.writableLength).toBeGreaterThan(0);
  expect(held).toBeLessThan(16 * MIB);
  const hash = createHash("sha256");
  let bytes = wire.body().bytes.length;
  wire.socket.removeAllListeners("data");
  hash.update(wire.body().bytes, "latin1");
  wire.socket.on("data", (more: Buffer) => {
    hash.update(more);
    bytes += more.length;
  });
  wire.socket.resume();
  await until(() => bytes === count * piece.length, "all of the upload");
  const all = createHash("sha256");
  for (let i = 0; i < count; i++) all.update(piece);
  expect(hash.digest("hex")).toBe(all.digest("hex"));
  await thanks(wire, visitor);
});
