// One connection, request after request: what one of them leaves behind must not reach the next.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { BODY_QUEUE_BYTES, type UpstreamBody } from "../../../protocol/upstream/body.ts";
import { TRUSTED_REST_MS } from "../../../protocol/upstream/connections/pooled-connection.ts";
import type { UpstreamResponse } from "../../../protocol/upstream/upstream-request.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { OK, type RawConnection, RawOrigin } from "../../kit/raw-origin.ts";
import { until } from "../../kit/until.ts";
import { type Asked, ask, FedBody, heard, routeTo, TestClient } from "../asking.ts";

watchLeaks();

/** Less than is read at once. */
const HALF = "x".repeat(50_000);
/** Just below what pauses a body. */
const MOST = "x".repeat(BODY_QUEUE_BYTES - HALF.length);

const CLIENT_SOCKETS = "net.client.socket";

/** This end of the connections that are made while it stands. */
class ClientSockets implements Disposable {
  readonly all: Socket[] = [];
  readonly #made = (message: unknown) => this.all.push((message as { socket: Socket }).socket);

  constructor() {
    subscribe(CLIENT_SOCKETS, this.#made);
  }

  get first(): Socket {
    const [first] = this.all;
    if (first === undefined) throw new Error("no connection was made");
    return first;
  }

  [Symbol.dispose](): void {
    unsubscribe(CLIENT_SOCKETS, this.#made);
  }
}

const bodyOf = (response: UpstreamResponse): UpstreamBody => {
  if (response.kind !== "answered") throw new Error("upgraded");
  return response.body;
};

/** A response of which nothing is taken, and which is paused by its last bytes, or by the last before `more` ones. */
const untaken = async (asked: Asked, connection: RawConnection, more = 0): Promise<UpstreamBody> => {
  await connection.head();
  const length = MOST.length + HALF.length + more;
  connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${MOST}`);
  const body = bodyOf(await asked.response);
  await until(() => body.costBytes > MOST.length, "the first bytes");
  connection.write(HALF);
  await until(() => body.costBytes > MOST.length + HALF.length, "those that pause");
  return body;
};

const answerOrder = async (connection: RawConnection): Promise<void> => {
  expect((await connection.head())[0]).toBe("POST /order HTTP/1.1");
  connection.write(OK());
};

describe("a response that waits for its visitor", () => {
  it("does not keep the next one on its connection waiting", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const slow = ask(client);
    const connection = await origin.next();
    const waits = await untaken(slow, connection);
    const next = heard(ask(client, "GET", "/next"));
    expect((await connection.head())[0]).toBe("GET /next HTTP/1.1");
    connection.write(OK());
    expect((await next).body).toBe("hello");
    expect(origin.count).toBe(1);
    expect((await heard(slow)).body).toHaveLength(MOST.length + HALF.length);
    expect(waits.costBytes).toBe(0);
  });

  it("leaves its connection to nothing that must not be repeated: the web server may have closed it long ago", async () => {
    const clock = new FakeClock();
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port, { connections: 1 }), { clock });
    const slow = ask(client);
    const connection = await origin.next();
    await untaken(slow, connection, HALF.length);
    connection.end(HALF);
    await clock.advance(TRUSTED_REST_MS + 1);
    const body = new FedBody().piece("order").end();
    const order = heard(ask(client, "POST", "/order", { fields: ["Content-Length", "5"], body }));
    await Promise.all([heard(slow), Promise.race([order, origin.next().then(answerOrder)])]);
    expect((await order).body).toBe("hello");
  });

  it("does not make the next one flow when it is taken", async () => {
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const first = ask(client);
    const connection = await origin.next();
    await untaken(first, connection);
    const second = ask(client, "GET", "/next");
    const flood = 64 * 1024 * 1024;
    const body = await untaken(second, connection, flood);
    connection.socket.write(Buffer.alloc(flood));
    await heard(first);
    for (let turn = 0; turn < 1_000; turn++) await settle();
    expect(body.costBytes).toBeLessThan(2 * BODY_QUEUE_BYTES);
  });

  it("has all that had come when its connection is reset", async () => {
    using sockets = new ClientSockets();
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    const body = await untaken(asked, connection, 1_000_000);
    connection.write(HALF);
    await until(() => sockets.first.readableLength === HALF.length, "what is held by the socket");
    connection.socket.resetAndDestroy();
    await until(() => sockets.first.closed, "the reset");
    let bytes = 0;
    const read = async () => {
      for (let next = await body.next(); Buffer.isBuffer(next); next = await body.next())
        bytes += next.length;
    };
    await expect(read()).rejects.toMatchObject({ code: "truncated" });
    expect(bytes).toBe(MOST.length + 2 * HALF.length);
  });

  it("whose end its socket holds is complete for a visitor that leaves", async () => {
    using sockets = new ClientSockets();
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    const body = await untaken(asked, connection, HALF.length);
    connection.write(HALF);
    await until(() => sockets.first.readableLength === HALF.length, "what is held by the socket");
    asked.leave();
    expect(body.isHere).toBe(true);
    expect((await heard(asked)).body).toHaveLength(MOST.length + 2 * HALF.length);
  });
});

it("a connection whose request was answered before it was read is not kept", async () => {
  using sockets = new ClientSockets();
  await using origin = await RawOrigin.listen();
  await using client = new TestClient(routeTo(origin.port));
  const body = new FedBody();
  const asked = ask(client, "POST", "/", { body });
  const connection = await origin.next();
  connection.socket.pause();
  // Less than makes it wait for the socket.
  for (const piece = Buffer.alloc(32 * 1024); sockets.first.writableLength === 0; ) {
    body.piece(piece);
    for (let turn = 0; turn < 10; turn++) await settle();
  }
  body.end();
  await settle();
  connection.write(OK());
  await heard(asked);
  await settle();
  expect(sockets.first.destroyed).toBe(true);
});

it.each(["close, keep-alive", "Keep-Alive ,CLOSE"])(
  "a connection of HTTP/1.0 that is said to close is not kept: %s",
  async (options) => {
    using sockets = new ClientSockets();
    await using origin = await RawOrigin.listen();
    await using client = new TestClient(routeTo(origin.port));
    const asked = ask(client);
    const connection = await origin.next();
    connection.write(`HTTP/1.0 200 OK\r\nConnection: ${options}\r\nContent-Length: 5\r\n\r\nhello`);
    await heard(asked);
    await settle();
    expect(sockets.first.destroyed).toBe(true);
  },
);

it("a body that is given up on a kept connection is not the web server's fault", async () => {
  await using origin = await RawOrigin.listen();
  await using client = new TestClient(routeTo(origin.port));
  const first = ask(client);
  const connection = await origin.next();
  await connection.head();
  connection.write(OK());
  await heard(first);
  await settle();
  const given = ask(client, "POST", "/", { body: new FedBody().piece("some").end("closed") });
  await expect(given.response).rejects.toThrow("the visitor's body was given up");
  expect(origin.count).toBe(1);
});

it.each([
  ["200 OK", "hi", false],
  ["302 Found", "hi", true],
  ["413 Content Too Large", "hi", true],
  ["404 Not Found", undefined, false],
])("behind %s to the body %j its connection closes: %s", async (status, sent, closes) => {
  using sockets = new ClientSockets();
  await using origin = await RawOrigin.listen();
  await using client = new TestClient(routeTo(origin.port));
  const fields = sent === undefined ? [] : ["Content-Length", String(sent.length)];
  const body = sent === undefined ? {} : { body: new FedBody().piece(sent).end() };
  const asked = ask(client, "POST", "/", { fields, ...body });
  const connection = await origin.next();
  await connection.upTo(`\r\n\r\n${sent ?? ""}`);
  connection.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
  await heard(asked);
  await settle();
  expect(sockets.first.destroyed).toBe(closes);
});

it("a connection on which more came than the response is not kept", async () => {
  using sockets = new ClientSockets();
  await using origin = await RawOrigin.listen();
  await using client = new TestClient(routeTo(origin.port));
  const asked = ask(client);
  const connection = await origin.next();
  connection.write(`${OK()}${OK()}`);
  expect((await heard(asked)).body).toBe("hello");
  await settle();
  expect(sockets.first.destroyed).toBe(true);
});
