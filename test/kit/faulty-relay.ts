/**
 * A TCP relay on the way to an edge's tunnel port that does harm when told to: it breaks one connection, or swallows all
 * that comes over it while both ends still believe in it, as a network does that has lost a route.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { until } from "./until.ts";

export interface RelayedConnection {
  /** Bytes that came from the edge since the connection was made. */
  readonly toOrigin: number;
  /** Both ends see a reset. */
  cut(): void;
  /** Nothing gets through any more, in either direction, and nobody is told. */
  swallow(): void;
}

export interface FaultyRelay extends AsyncDisposable {
  readonly port: number;
  /** Every connection that was ever made to the edge, oldest first. */
  readonly connections: readonly RelayedConnection[];
  /** Of all connections, the one over which this many more bytes have come from the edge than when `run` was called. */
  carrying(bytes: number, run: () => void): Promise<RelayedConnection>;
}

export const openRelay = async (edgePort: number): Promise<FaultyRelay> => {
  const open = new Set<Socket>();
  const connections: RelayedConnection[] = [];
  const server = createServer({ noDelay: true }, (origin) => {
    const edge = connect({ port: edgePort, host: "127.0.0.1", noDelay: true });
    let toOrigin = 0;
    let swallows = false;
    edge.on("data", (piece: Buffer) => {
      toOrigin += piece.length;
      if (!swallows) origin.write(piece);
    });
    origin.on("data", (piece: Buffer) => {
      if (!swallows) edge.write(piece);
    });
    for (const [socket, other] of [
      [origin, edge],
      [edge, origin],
    ] as const) {
      open.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        open.delete(socket);
        if (!swallows) other.destroySoon();
      });
    }
    const relayed: RelayedConnection = {
      get toOrigin() {
        return toOrigin;
      },
      cut() {
        origin.resetAndDestroy();
        edge.resetAndDestroy();
      },
      swallow() {
        swallows = true;
      },
    };
    edge.once("connect", () => connections.push(relayed));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async carrying(bytes, run) {
      const before = connections.map(({ toOrigin }) => toOrigin);
      const found = () => connections.find(({ toOrigin }, i) => toOrigin - (before[i] ?? 0) >= bytes);
      run();
      await until(() => found() !== undefined, "a connection that carries the request");
      return found() as RelayedConnection;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};
