/**
 * A web server whose WebSockets, of the package `ws`, say everything back, and that answers what stays HTTP as a test says.
 * Disposing it closes every connection.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";

/** What `ws` would limit by itself, and the tests exceed or not on purpose. */
const MOST_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface EchoOrigin extends AsyncDisposable {
  readonly port: number;
  readonly sockets: WebSocketServer;
  /** Requests to upgrade, in order. */
  readonly asked: readonly IncomingMessage[];
  /** Instead of a WebSocket. */
  upgrade: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined;
}

export interface EchoOptions {
  readonly serve?: (request: IncomingMessage, response: ServerResponse) => unknown;
  readonly sockets?: ServerOptions;
}

export const openEchoOrigin = async ({ serve, sockets: options }: EchoOptions = {}): Promise<EchoOrigin> => {
  const open = new Set<Socket>();
  const asked: IncomingMessage[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    if (serve === undefined) response.writeHead(426, { Upgrade: "websocket" }).end("only WebSocket here");
    else serve(request, response);
  });
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: MOST_MESSAGE_BYTES,
    ...options,
  });
  sockets.on("connection", (socket) => {
    socket.on("message", (message, binary) => socket.send(message, { binary }));
    socket.on("error", () => {});
  });
  server.on("upgrade", (request, socket, head) => {
    asked.push(request);
    if (origin.upgrade !== undefined) return origin.upgrade(request, socket, head);
    sockets.handleUpgrade(request, socket, head, (made) => sockets.emit("connection", made, request));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin: EchoOrigin = {
    port: (server.address() as AddressInfo).port,
    sockets,
    asked,
    upgrade: undefined,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      sockets.close();
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
  return origin;
};
