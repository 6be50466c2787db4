/**
 * A TCP relay between an origin daemon and an edge's tunnel port that counts every byte in both directions: all that
 * crosses the link's socket, TLS and framing included, without asking either daemon. What TCP and IP add (headers,
 * acknowledgements) is not counted. Bytes are counted when they are read, before they are passed on: what a daemon
 * has received has been counted.
 */
import { connect, createServer, type Socket } from "node:net";
import { parseHostPort } from "../../protocol/config/units.ts";
import { listenOnLoopback } from "./loopback.ts";

/** Bytes since the relay started, over all connections. */
export interface LinkBytes {
  readonly toEdge: number;
  readonly toOrigin: number;
}

export interface CountingRelay {
  /** host:port to dial instead of the edge's tunnel port. */
  readonly address: string;
  /** A reading of the counters now. */
  read(): LinkBytes;
  /** Connections accepted since the start; more than one means that the link was redialled. */
  readonly connections: number;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/** Sees every byte as it is counted. Connections count from 0. */
export type RelayWatcher = (connection: number, direction: "toEdge" | "toOrigin", chunk: Buffer) => void;

export async function startCountingRelay(
  edgeTunnel: string,
  watch: RelayWatcher = () => undefined,
): Promise<CountingRelay> {
  const target = parseHostPort(edgeTunnel);
  const open = new Set<Socket>();
  let toEdge = 0;
  let toOrigin = 0;
  let connections = 0;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (origin) => {
    const connection = connections;
    connections += 1;
    const edge = connect({ ...target, allowHalfOpen: true, noDelay: true });
    pass(origin, edge, (chunk) => {
      toEdge += chunk.length;
      watch(connection, "toEdge", chunk);
    });
    pass(edge, origin, (chunk) => {
      toOrigin += chunk.length;
      watch(connection, "toOrigin", chunk);
    });
    for (const socket of [origin, edge]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
  });
  const address = await listenOnLoopback(server);
  return {
    address,
    read: () => ({ toEdge, toOrigin }),
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** The bytes between two readings of the same relay. */
export const bytesBetween = (before: LinkBytes, after: LinkBytes): LinkBytes => ({
  toEdge: after.toEdge - before.toEdge,
  toOrigin: after.toOrigin - before.toOrigin,
});

/** One direction, with back-pressure; an end or a failure of one side is passed on to the other. */
function pass(from: Socket, to: Socket, count: (chunk: Buffer) => void): void {
  from.on("data", (chunk: Buffer) => {
    count(chunk);
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
  // A reset, not an orderly end: that would look like the peer's own decision.
  from.on("error", () => to.resetAndDestroy());
}
