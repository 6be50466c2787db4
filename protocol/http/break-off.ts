/** Connections that end in the middle. */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

const BENEATH = new WeakMap<Duplex, Socket>();

/** Tells on which connection a TLS runs that was accepted there. */
export const runsOn = (tls: Duplex, accepted: Socket): void => void BENEATH.set(tls, accepted);

/**
 * Ends a connection so that its peer does not take that for an orderly end: by a reset, which TCP alone has. TLS that
 * ends without close_notify shows it too, but curl, Python and nginx take that for an end; so a TLS of which is known
 * on what it runs is reset there. A unix socket, which has no address, is closed.
 */
export const breakOff = (connection: Duplex): void => {
  const tcp = connection instanceof TLSSocket ? BENEATH.get(connection) : connection;
  if (tcp instanceof Socket && tcp.localAddress !== undefined) tcp.resetAndDestroy();
  else connection.destroy();
};
