/**
 * Listeners whose connections each begin with a header of the PROXY protocol: it is read before TLS or HTTP, from trusted proxies only,
 * and from then on the connection is the visitor's whom it names. docs/operations.md section "Behind a TCP proxy".
 */
import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Log } from "../../../protocol/daemon/log.ts";
import type { Clock } from "../../../protocol/runtime/clock.ts";
import { endsOf, plainAddress } from "../../../protocol/runtime/ip-address.ts";
import { readProxyHeader } from "./proxy-header.ts";

/** What a header said of its connection. */
interface Said {
  readonly address: string | undefined;
  /** Of the header. */
  readonly bytes: number;
}

const SAID = new WeakMap<Socket, Said>();

/** The visitor's address: what a header says, or the other end's own. */
export const addressOf = (socket: Socket): string =>
  SAID.get(socket)?.address ?? plainAddress(socket.remoteAddress ?? "");

/** Whether nothing came on a connection, but a header. */
export const isSilent = (socket: Socket): boolean => socket.bytesRead === (SAID.get(socket)?.bytes ?? 0);

export interface ProxiedOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  readonly trusts: (address: string) => boolean;
  readonly isTls: boolean;
}

/** A header has so long: proxies send it at once, and three seconds are one packet lost. @internal */
export const HEADER_MS = 5_000;

/** Puts itself before whoever takes the server's connections now. */
export const readProxyHeaders = (server: Server, options: ProxiedOptions): void => {
  const takers = server.listeners("connection");
  server.removeAllListeners("connection");
  /** A TLS socket is another object than the socket within, and has its addresses. */
  const byEnds = new Map<string, Said>();
  server.on("connection", (socket: Socket) => {
    const ends = endsOf(socket);
    takeHeader(socket, options, (said) => {
      SAID.set(socket, said);
      byEnds.set(ends, said);
      socket.once("close", () => byEnds.delete(ends));
      for (const take of takers) take.call(server, socket);
    });
  });
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const said = byEnds.get(endsOf(socket));
    if (said !== undefined) SAID.set(socket, { ...said, bytes: 0 });
  });
};

const takeHeader = (
  socket: Socket,
  { clock, log, trusts, isTls }: ProxiedOptions,
  taken: (said: Said) => void,
): void => {
  socket.on("error", () => {}); // "close" follows
  // Reset before it was accepted, as checks of HAProxy are: the system has no address for it any more.
  if (socket.remoteAddress === undefined) return void socket.destroy();
  const address = plainAddress(socket.remoteAddress);
  let bytes = Buffer.alloc(0);
  const refuse = (why: string) => {
    stop();
    log.warn("proxy header refused", { address, why });
    socket.destroy();
  };
  const stop = () => {
    late.cancel();
    socket.off("data", take).off("end", ended).off("close", stop);
  };
  // Proxies that only look whether somebody listens say nothing.
  const ended = () => (bytes.length === 0 ? socket.destroy() : refuse("the connection ended within it"));
  const take = (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    const read = readProxyHeader(bytes);
    if (read.kind === "more") return;
    if (read.kind === "bad") return refuse(read.why);
    stop();
    socket.pause();
    if (bytes.length > read.bytes) socket.unshift(bytes.subarray(read.bytes));
    taken(read);
    // TLS has taken what is here, and reads by itself.
    if (!isTls) socket.resume();
  };
  const late = clock.after(HEADER_MS, () => refuse(`it did not come within ${HEADER_MS} ms`));
  if (!trusts(address)) return refuse("it comes from none of trustedProxies");
  socket.on("data", take).on("end", ended).on("close", stop);
};
