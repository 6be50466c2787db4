/**
 * A TCP relay on the way to an edge's tunnel port that lets through what comes from the origin side only by the bytes a test
 * grants: a slow line without time. The other direction is free.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface MeteredRelay extends AsyncDisposable {
  readonly port: number;
  /** Bytes from the origin side that have gone on to the edge. */
  readonly passed: number;
  /** From now on this many more may pass; Infinity: all. */
  grant(bytes: number): void;
}

export const openMeteredRelay = async (edgePort: number): Promise<MeteredRelay> => {
  const open = new Set<Socket>();
  let granted = Number.POSITIVE_INFINITY;
  let passed = 0;
  let look = () => {};
  const server = createServer({ noDelay: true }, (origin) => {
    const edge = connect({ port: edgePort, host: "127.0.0.1", noDelay: true });
    edge.pipe(origin);
    // Read by hand and never ahead: what is not granted waits in the sender's own queue, or the system's.
    const move = () => {
      while (granted > 0) {
        const ready = Math.min(origin.readableLength, granted);
        const piece = ready > 0 ? (origin.read(ready) as Buffer | null) : null;
        if (piece === null) {
          origin.read(0);
          return;
        }
        granted -= piece.length;
        passed += piece.length;
        edge.write(piece);
      }
    };
    origin.on("readable", move);
    look = move;
    for (const [socket, other] of [
      [origin, edge],
      [edge, origin],
    ] as const) {
      open.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get passed() {
      return passed;
    },
    grant(bytes) {
      granted = bytes;
      look();
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};
