/** Connections that end in the middle. */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/**
 * Ends a connection so that its peer does not take that for an orderly end: by a reset, which TCP alone has. TLS shows it by itself; a unix
 * socket, which has no address, is closed.
 */
export const breakOff = (connection: Duplex): void => {
  const mayReset =
    connection instanceof Socket &&
    !(connection instanceof TLSSocket) &&
    connection.localAddress !== undefined;
  if (mayReset) connection.resetAndDestroy();
  else connection.destroy();
};
