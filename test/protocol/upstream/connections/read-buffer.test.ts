// One buffer that all connections read into: what one of them told must not change when another one reads.
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import {
  connectReading,
  MOST_GATHERED_BYTES,
  OwnPieces,
  pauseReading,
} from "../../../../protocol/upstream/connections/read-buffer.ts";
import { watchLeaks } from "../../../kit/leaks.ts";
import { RawOrigin } from "../../../kit/raw-origin.ts";
import { until } from "../../../kit/until.ts";
import { ask, heard, routeTo, TestClient } from "../../asking.ts";

watchLeaks();

/** Both ends of a connection; the far end closes when this is disposed of. */
const connected = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const came = once(server, "connection") as Promise<[Socket]>;
  const near = connectReading({ host: "127.0.0.1", port: address.port });
  const [far] = await came;
  server.close();
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      const closed = once(near, "close");
      far.destroy();
      near.destroy();
      await closed;
    },
  };
};

describe("a connection that reads into the shared buffer", () => {
  it("keeps what comes before anybody listens, and what comes behind it, in order", async () => {
    await using ends = await connected();
    const { near, far } = ends;
    far.write("early ");
    await until(() => near.readableLength === "early ".length, "the early bytes");
    let text = "";
    near.on("data", (bytes: Buffer) => {
      text += bytes.toString();
    });
    far.write("and late");
    await until(() => text === "early and late", "all of it");
  });

  it("stops while it is paused, and goes on behind what it had told", async () => {
    await using ends = await connected();
    const { near, far } = ends;
    let text = "";
    near.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      if (text === "first") pauseReading(near);
    });
    far.write("first");
    await until(() => near.isPaused(), "the pause");
    far.end("second");
    await until(() => near.readableLength === "second".length, "what waits");
    expect(text).toBe("first");
    near.resume();
    await once(near, "end");
    expect(text).toBe("firstsecond");
  });
});

describe("bodies of two connections that come by turns", () => {
  it.each([
    [
      "in chunks",
      "Transfer-Encoding: chunked",
      (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`,
      "0\r\n\r\n",
    ],
    ["of a known length", "Content-Length: 40000", (text: string) => text, ""],
  ])("stay apart, %s", async (_, field, form, end) => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = [ask(client), ask(client)];
    const connections = [await origin.next(), await origin.next()];
    const letters = ["a", "b"];
    for (const connection of connections) {
      await connection.head();
      connection.write(`HTTP/1.1 200 OK\r\n${field}\r\n`);
    }
    await new Promise(setImmediate);
    for (const connection of connections) connection.write("\r\n");
    for (let turn = 0; turn < 4; turn++) {
      for (const [at, connection] of connections.entries())
        connection.write(form((letters[at] ?? "").repeat(10_000)));
      await new Promise(setImmediate);
    }
    for (const connection of connections) connection.write(end);
    const bodies = await Promise.all(asked.map(async (each) => (await heard(each)).body));
    expect(bodies.map((body) => [body.length, ...new Set(body)])).toEqual([
      [40_000, "a"],
      [40_000, "b"],
    ]);
  });
});

describe("pieces of a body", () => {
  const piece = Buffer.alloc(10, "x");

  it("of a known length fill one buffer", () => {
    const pieces = new OwnPieces(20);
    const [first, second] = [pieces.own(piece), pieces.own(piece)];
    expect([first.buffer.byteLength, second.buffer === first.buffer, second.byteOffset]).toEqual([
      20,
      true,
      10,
    ]);
  });

  it.each([
    ["of an unknown length", undefined],
    ["of one that is too long", MOST_GATHERED_BYTES + 1],
  ])("%s are buffers of their own", (_, length) => {
    const own = new OwnPieces(length).own(piece);
    piece.fill("y");
    expect(own.toString()).toBe("x".repeat(10));
    piece.fill("x");
  });
});
