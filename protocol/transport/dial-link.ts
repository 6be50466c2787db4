/**
 * Dials an edge's tunnel port: connect, verify, become a WebSocket. No byte of the link, not even the HTTP request,
 * leaves before TLS has verified the edge in the way that was asked for. SPEC section "Dialling".
 */
import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { printHostPort } from "../config/units.ts";
import type { Clock } from "../runtime/clock.ts";
import { type DialPlace, dialError, NO_KEY_PROVED, toDialError, wrongStatus } from "./dial-error.ts";
import { checkPlain, type DialSecurity, dialTls, provedKey } from "./tls.ts";
import type { Transport } from "./transport.ts";
import { openWebSocket, WrongStatusError } from "./ws-transport.ts";

/** Time for the whole of dialling, from name look-up to the WebSocket. @internal */
export const DIAL_MS = 10_000;

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly security: DialSecurity;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole of dialling; default DIAL_MS. */
  readonly withinMs?: number;
}

/**
 * A transport to the edge, its events held until `listen`. Rejects with DialError, with InsecureError for a plain link
 * off this machine, or with `signal.reason`. Nothing is left behind then.
 */
export const dialLink = async (options: DialOptions): Promise<Transport> => {
  const { host, port, security } = options;
  checkPlain(host, security);
  const place: DialPlace = { host, port, mode: security.mode };
  try {
    return await options.clock.within(options.withinMs ?? DIAL_MS, options.signal, (signal) =>
      dial(place, security, signal),
    );
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw toDialError(place, cause);
  }
};

const dial = async (place: DialPlace, security: DialSecurity, signal: AbortSignal): Promise<Transport> => {
  const socket = await connected(place, security, signal);
  if (security.mode === "psk" && !(socket instanceof TLSSocket && provedKey(socket))) {
    socket.destroy();
    throw dialError(place, NO_KEY_PROVED);
  }
  const keyId = security.mode === "psk" ? security.key.id : undefined;
  const peer = { address: printHostPort(place), keyId };
  try {
    return await openWebSocket(socket, { ...place, peer }, signal);
  } catch (cause) {
    throw cause instanceof WrongStatusError ? dialError(place, wrongStatus(cause.status), cause) : cause;
  }
};

/** A socket that is connected and, with TLS, has finished its handshake. */
const connected = async (place: DialPlace, security: DialSecurity, signal: AbortSignal): Promise<Socket> => {
  const tls = dialTls(place.host, security);
  const to = { host: place.host, port: place.port };
  const socket = tls === undefined ? connectPlain(to) : connectTls({ ...to, ...tls });
  // An error may follow the first one, and one may come between here and the WebSocket: never an uncaught one.
  socket.on("error", () => {});
  try {
    await once(socket, tls === undefined ? "connect" : "secureConnect", { signal });
    return socket;
  } catch (cause) {
    socket.destroy();
    throw signal.aborted ? signal.reason : cause;
  }
};
