/**
 * A real application: Socket.IO, server and client as npm has them. It was chosen because its one session uses most of what a proxy can
 * get wrong: long polls with bodies both ways, cookies and queries that must find their session again, the step up from polling to
 * a WebSocket in the middle of it, heartbeats, binary attachments, acknowledgements, and reconnecting with what was missed.
 */
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket as ServerSocket } from "socket.io";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { Random } from "../kit/random.ts";
import { openSecurePair, type SecurePair } from "../kit/secure-pair.ts";
import { until } from "../kit/until.ts";

watchLeaks();

const undo = new AsyncDisposableStack();
let http: HttpServer;
let application: Server;
let secure: SecurePair;
beforeAll(async () => {
  http = createServer({ keepAliveTimeout: 1_000 });
  application = new Server(http, {
    pingInterval: 200,
    // Beats often; that a busy machine is late is not what is asked here.
    pingTimeout: 20_000,
    maxHttpBufferSize: 4_000_000,
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
  });
  application.on("connection", serveClient);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  undo.defer(async () => {
    await application.close();
    http.closeAllConnections();
  });
  const { port } = http.address() as AddressInfo;
  const keys = [{ id: "k", secret: FIXTURE_SECRET, hosts: ["localhost"] }];
  const routes = [{ host: "localhost", origin: `http://127.0.0.1:${port}` }];
  secure = undo.use(await openSecurePair({ serve() {}, edge: { keys }, origin: { routes } }));
});
afterAll(() => undo.disposeAsync());

/** A chat room as its documentation has it, with an echo of whatever it is given. */
const serveClient = (socket: ServerSocket): void => {
  socket.on("echo", (...args: unknown[]) => {
    const answer = args.pop() as (...said: unknown[]) => void;
    answer(...args);
  });
  socket.on("join", async (room: string, done: () => void) => {
    await socket.join(room);
    done();
  });
  socket.on("say", (room: string, text: string) => application.to(room).emit("said", text));
};

const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

const connected = async (
  options: Partial<ManagerOptions & SocketOptions>,
  scheme: "http" | "https" = "http",
): Promise<Socket> => {
  const client = io(`${scheme}://localhost:${secure[scheme]}`, {
    forceNew: true,
    reconnectionDelay: 1,
    ca: secure.authority.certificate,
    ...options,
  } as Partial<ManagerOptions & SocketOptions>);
  clients.push(client);
  await until(() => client.connected, "a session");
  return client;
};

const transportOf = (client: Socket): string => client.io.engine.transport.name;

describe.each([
  ["long polling alone", ["polling"], "http", "polling"],
  ["a WebSocket alone", ["websocket"], "http", "websocket"],
  ["polling that steps up to a WebSocket", ["polling", "websocket"], "http", "websocket"],
  ["polling over TLS that steps up to a WebSocket", ["polling", "websocket"], "https", "websocket"],
] as const)("Socket.IO with %s", (_, transports, scheme, becomes) => {
  it("gets every message back, text and binary, in order", async () => {
    const client = await connected({ transports: [...transports] }, scheme);
    const large = new Random(4).bytes(1_000_000);
    const sent = [
      ...Array.from({ length: 50 }, (_, n) => `message ${n}`),
      "häuser \u{1f30a}",
      "x".repeat(100_000),
    ];
    const got = await Promise.all(sent.map((text) => client.emitWithAck("echo", text)));
    expect(got).toEqual(sent);
    const back = await client.emitWithAck("echo", large);
    expect(Buffer.from(back).equals(large)).toBe(true);
    await until(() => transportOf(client) === becomes, `a session by ${becomes}`);
    expect(await client.emitWithAck("echo", "after that")).toBe("after that");
  });

  it("lets what one says be heard by all in its room, once", async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => connected({ transports: [...transports] }, scheme)));
    const heard: string[][] = all.map(() => []);
    for (const [i, client] of all.entries()) {
      client.on("said", (text: string) => heard[i]?.push(text));
      await client.emitWithAck("join", `room ${becomes}`);
    }
    for (let n = 0; n < 20; n++) all[n % 4]?.emit("say", `room ${becomes}`, `${n}`);
    await until(() => heard.every((each) => each.length >= 20), "twenty messages for each");
    for (const each of heard) expect(new Set(each).size).toBe(20);
    expect(heard.every((each) => each.length === 20)).toBe(true);
  });

  it("beats its heart through the pair", async () => {
    const client = await connected({ transports: [...transports] }, scheme);
    let beats = 0;
    client.io.on("ping", () => beats++);
    await until(() => beats >= 3, "three heartbeats");
    expect(client.connected).toBe(true);
  });
});

it("Socket.IO finds its session again when the connection broke, with what was said meanwhile", async () => {
  const client = await connected({ transports: ["websocket"] });
  const heard: string[] = [];
  client.on("said", (text: string) => heard.push(text));
  await client.emitWithAck("join", "news");
  application.to("news").emit("said", "before");
  await until(() => heard.length === 1);
  const { id } = client;
  client.io.engine.close();
  await until(() => application.sockets.sockets.size === 0, "the break at the server");
  application.to("news").emit("said", "meanwhile");
  await until(() => heard.length === 2, "what was missed");
  expect([heard, client.id, client.recovered]).toEqual([["before", "meanwhile"], id, true]);
});
