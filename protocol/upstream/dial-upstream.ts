/**
 * Sockets to one web server: TCP, TLS or a unix socket, connected and, with TLS, verified when they are given out.
 */
import { once } from "node:events";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect as connectTls,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import { StreamError } from "../errors.ts";
import { type Clock, DeadlineError } from "../runtime/clock.ts";
import { printUpstreamAddress } from "./upstream-address.ts";
import { EVERY_HOST, type UpstreamSettings, type UpstreamTls } from "./upstream-settings.ts";

/** A peer that vanished without a word is found by the kernel's probes, which begin after this much silence. */
const KEEP_ALIVE_MS = 60_000;

/** The place, name and limits that dialling needs. */
export type Dialled = Pick<UpstreamSettings, "host" | "origin" | "tls" | "connectMs">;

export class UpstreamDialler {
  readonly #route: Dialled;
  readonly #clock: Clock;
  /** Of the last TLS connection, so that the next handshake is short. */
  #session: Buffer | undefined;

  constructor(route: Dialled, clock: Clock) {
    this.#route = route;
    this.#clock = clock;
  }

  /**
   * A connected socket. `halfOpen`: its write side outlives the read side. Rejects with StreamError("origin-failed"), or with
   * the signal's reason, and leaves nothing behind then.
   */
  async dial(wanted: { readonly halfOpen: boolean; readonly signal?: AbortSignal }): Promise<Socket> {
    const { connectMs, origin } = this.#route;
    try {
      return await this.#clock.within(connectMs, wanted.signal, (signal) => this.#connected(wanted, signal));
    } catch (cause) {
      wanted.signal?.throwIfAborted();
      const name = printUpstreamAddress(origin);
      const why =
        cause instanceof DeadlineError
          ? `${name} could not be reached within ${connectMs} ms`
          : `${name} could not be reached: ${messageOf(cause)}`;
      throw new StreamError("origin-failed", why, { cause });
    }
  }

  async #connected(wanted: { readonly halfOpen: boolean }, signal: AbortSignal): Promise<Socket> {
    const { origin, tls } = this.#route;
    const socket = tls === undefined ? this.#plain(wanted) : this.#secure(tls, wanted);
    // Whoever uses it listens too; between two users nobody does, and that must not be an uncaught error.
    socket.on("error", () => {});
    try {
      await once(socket, tls === undefined ? "connect" : "secureConnect", { signal });
    } catch (error) {
      socket.destroy();
      throw signal.aborted ? signal.reason : error;
    }
    if (origin.scheme !== "unix") socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return readingOn(socket);
  }

  #plain({ halfOpen }: { readonly halfOpen: boolean }): Socket {
    const { origin } = this.#route;
    const to = origin.scheme === "unix" ? { path: origin.path } : origin.address;
    return connectPlain({ ...to, allowHalfOpen: halfOpen });
  }

  #secure(tls: UpstreamTls, { halfOpen }: { readonly halfOpen: boolean }): TLSSocket {
    const { origin } = this.#route;
    const servername = serverNameOf(this.#route);
    const options: ConnectionOptions = {
      ...(origin.scheme === "unix" ? { path: origin.path } : origin.address),
      ...{ allowHalfOpen: halfOpen }, // a setting of the socket below, which the types do not know
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: tls.verify,
      checkServerIdentity: (name, shown) => mayBe(this.#route, name, shown),
      ...(servername !== undefined && { servername }),
      ...(tls.authorities && { ca: tls.authorities.bytes }),
      ...(tls.client && { cert: tls.client.certificate.bytes, key: tls.client.privateKey.bytes }),
      ...(this.#session && { session: this.#session }),
    };
    const socket = connectTls(options);
    socket.on("session", (session) => {
      this.#session = session;
    });
    return socket;
  }
}

/**
 * The name in the TLS greeting, and in the certificate: the one that is set, else the web server's own name, else, where
 * that is only an address, the name of the host it serves.
 * @internal
 */
export const serverNameOf = ({ tls, origin, host }: Dialled): string | undefined => {
  if (tls?.serverName !== undefined) return tls.serverName;
  if (origin.scheme !== "unix" && isIP(origin.address.host) === 0) return origin.address.host;
  return host === EVERY_HOST || isIP(host) !== 0 || host.startsWith("[") ? undefined : host;
};

/** A certificate for the address itself will do, where no name is set and the host's is only assumed. */
const mayBe = ({ tls, origin }: Dialled, name: string, shown: PeerCertificate): Error | undefined => {
  const refused = checkServerIdentity(name, shown);
  if (origin.scheme === "unix" || tls?.serverName !== undefined || isIP(origin.address.host) === 0)
    return refused;
  return refused && checkServerIdentity(origin.address.host, shown) && refused;
};

/** A peer that closed without reading all: its last words are still to be read. */
const DEAF: ReadonlySet<string> = new Set(["EPIPE", "ECONNRESET"]);

/**
 * A web server that answers before it has read the request, and closes, makes writes fail while its answer lies in our
 * kernel, unread. So a write that fails so says nothing: reading goes on, and finds the answer, or the same error.
 */
const readingOn = (socket: Socket): Socket => {
  const quietly = (done: (error?: Error | null) => void) => (error?: Error | null) => {
    const deaf = error != null && "code" in error && DEAF.has(String(error.code));
    done(deaf && !socket.readableEnded ? null : error);
  };
  const write = socket._write.bind(socket);
  socket._write = (piece, encoding, done) => write(piece, encoding, quietly(done));
  const writeAll = socket._writev?.bind(socket);
  if (writeAll !== undefined) socket._writev = (pieces, done) => writeAll(pieces, quietly(done));
  return socket;
};

const messageOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause);
  // Happy eyeballs wrap what each address said in an error without words of its own.
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(messageOf).join("; ");
  return cause.message;
};
