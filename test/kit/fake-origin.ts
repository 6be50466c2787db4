/** A web server on a free loopback port that does what a test says, and counts what it was asked. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import type { Writable } from "node:stream";

type Serve = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface FakeOrigin extends AsyncDisposable {
  readonly port: number;
  readonly server: Server;
  /** Targets of the requests that came, in order. */
  readonly asked: readonly string[];
  /** Resolves when this many requests have come altogether. */
  askedReach(count: number): Promise<void>;
  /** What it does from now on. */
  serve: Serve;
}

export const openOrigin = async (serve: Serve): Promise<FakeOrigin> => {
  const asked: string[] = [];
  const waits = new Set<() => void>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    asked.push(request.url ?? "");
    for (const look of waits) look();
    origin.serve(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin: FakeOrigin = {
    serve,
    server,
    port: (server.address() as AddressInfo).port,
    asked,
    askedReach: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (asked.length < count) return;
          waits.delete(look);
          resolve();
        };
        waits.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return origin;
};

/** The body of a request, read to its end; what came of it when it is cut. */
export const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

/** Writes this many bytes as fast as they are taken, and no end; stops when nobody takes them any more. */
export const flood = (
  sink: Writable,
  bytes: number,
  written: (bytes: number) => void = () => {},
): Promise<void> =>
  new Promise((resolve) => {
    const piece = Buffer.alloc(64 * 1024, "flood ");
    let sent = 0;
    const more = () => {
      while (sent < bytes && !sink.destroyed) {
        const next = piece.subarray(0, Math.min(piece.length, bytes - sent));
        sent += next.length;
        written(sent);
        if (!sink.write(next)) return;
      }
      resolve();
    };
    sink.on("drain", more).once("close", resolve);
    more();
  });

/** A TCP server that speaks by hand; `speak` gets each connection. */
export const openRawServer = async (
  speak: (socket: Socket) => void,
  port = 0,
): Promise<AsyncDisposable & { readonly port: number }> => {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
    speak(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};

/** A port on which nobody listens. */
export const freePort = async (): Promise<number> => {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};
