/** A TCP relay on the way to a port, which counts the bytes that come back: what a visitor is sent, counted at the socket. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CountingRelay extends AsyncDisposable {
  readonly port: number;
  /** Bytes towards the visitor so far. */
  readonly bytes: number;
}

export const openCountingRelay = async (to: number): Promise<CountingRelay> => {
  const open = new Set<Socket>();
  let bytes = 0;
  const server = createServer({ noDelay: true }, (visitor) => {
    const edge = connect({ port: to, host: "127.0.0.1", noDelay: true });
    for (const [socket, other] of [
      [visitor, edge],
      [edge, visitor],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy()).on("close", () => open.delete(socket));
    }
    visitor.pipe(edge);
    edge.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    edge.pipe(visitor);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get bytes() {
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};
