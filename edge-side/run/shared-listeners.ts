/**
 * Where connections come in when several workers serve them: the ports stay with the daemon, which reads nothing and hands
 * every connection on as it is.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { HostPort } from "../../protocol/config/units.ts";

export interface Doors {
  /** In the order of the addresses asked for. */
  readonly addresses: readonly HostPort[];
  close(): void;
}

/**
 * Opens all addresses; `arrive` gets the number of the one that a connection came to. Rejects with what the system says of an
 * address that cannot be had; nothing is left open then.
 */
export const openDoors = async (
  listens: readonly HostPort[],
  arrive: (door: number, socket: Socket) => void,
): Promise<Doors> => {
  const servers = listens.map((_, door) => {
    const server = createServer({ pauseOnConnect: true, noDelay: true });
    return server.on("connection", (socket: Socket) => {
      // One that breaks on its way to a worker is nobody's error.
      socket.on("error", () => {});
      arrive(door, socket);
    });
  });
  const close = () => {
    for (const server of servers) server.close();
  };
  const opened = await Promise.allSettled(servers.map((server, door) => listening(server, listens[door])));
  const failed = opened.find((each) => each.status === "rejected");
  if (failed !== undefined) {
    close();
    throw failed.reason;
  }
  // Out of file descriptors, say: that connection is lost, the port is not.
  for (const server of servers) server.on("error", () => {});
  return {
    addresses: servers.map((server, door) => ({
      host: listens[door]?.host ?? "",
      port: portOf(server),
    })),
    close,
  };
};

const listening = (server: Server, listen: HostPort | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen?.port, listen?.host, () => {
      server.off("error", reject);
      resolve();
    });
  });

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};
