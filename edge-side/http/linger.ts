/**
 * After a response that came before the end of its request, the rest of the request is read and dropped, within bounds of time
 * and bytes. A connection that is closed with bytes unread is reset by the system, and a reset takes away a response that its
 * visitor has not read yet; so a connection that ends is closed by its half first. RFC 9112 section 9.6.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Log } from "../../protocol/daemon/log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { addressOf } from "./parser/proxied-connections.ts";

/**
 * When the edge stops, connections without a request stay readable so long, within `times.drain`: a request that is under way as the
 * edge stops is answered, and says that none may follow (nginx calls it `keepalive_min_timeout`).
 */
export const GRACE_MS = 500;

/** So long the rest of a request is read and dropped; then its connection is cut. */
export const LINGER_MS = 30_000;
/** And so much of it. @internal */
export const LINGER_BYTES = 64 * 1024 * 1024;

export interface LingerOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** Reads and drops the rest of a request. `over`: all of it is here. */
export const dropRest = (
  request: IncomingMessage,
  options: LingerOptions,
  over: () => void = () => {},
): void => {
  if (request.readableEnded) return over();
  const bounds = lingerBounds(request.socket, options);
  request.on("data", bounds.count);
  request.once("end", () => {
    bounds.stop();
    over();
  });
  request.resume();
};

/** Closes this half of a connection whose other half is no HTTP, and drops what still comes. */
export const closeAndDrop = (socket: Socket, last: string, options: LingerOptions): void => {
  const { count } = lingerBounds(socket, options);
  socket.on("error", () => {}); // "close" follows
  socket.end(last);
  socket.on("data", count);
  socket.resume();
};

/** Cuts the connection after LINGER_MS or LINGER_BYTES, unless it closes or `stop` is called before. */
const lingerBounds = (socket: Socket, { clock, log }: LingerOptions) => {
  let bytes = 0;
  const cut = (limit: string) => {
    stop();
    log.warn("visitor cut while its request was dropped", {
      limit,
      bytes,
      address: addressOf(socket),
    });
    socket.destroy();
  };
  const late = clock.after(LINGER_MS, () => cut("LINGER_MS"));
  const stop = () => {
    late.cancel();
    socket.off("close", stop);
  };
  socket.once("close", stop);
  return {
    stop,
    count: (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > LINGER_BYTES && !socket.destroyed) cut("LINGER_BYTES");
    },
  };
};
