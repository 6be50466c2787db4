/**
 * Sockets to one web server: TCP, TLS or a unix socket, connected and, with TLS, verified when they are given out.
 */
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect as connectPlain, isIP, type NetConnectOpts, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";
import { isHostPattern } from "../config/host-pattern.ts";
import type { HostPort } from "../config/units.ts";
import { isOutOfDescriptors } from "../daemon/limit-log.ts";
import { StreamError } from "../errors.ts";
import { type Clock, DeadlineError } from "../runtime/clock.ts";
import { connectReading } from "./connections/read-buffer.ts";
import { dialAddresses } from "./dial-addresses.ts";
import { printUpstreamAddress } from "./upstream-address.ts";
import { UnreachableError } from "./upstream-failure.ts";
import type { UpstreamSettings, UpstreamTls } from "./upstream-settings.ts";

/** A peer that vanished without a word is found by the kernel's probes, which begin after this much silence. */
const KEEP_ALIVE_MS = 60_000;

/** An address that answered where an earlier one of its name did not is tried first for so long. */
const PREFERRED_MS = 60_000;

/** Addresses of a name, in the order of trying; asked for each connection, so that a name that has moved is noticed. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const resolveBySystem: Resolve = async (name) =>
  (await lookup(name, { all: true, order: "verbatim" })).map(({ address }) => address);

/** The place, name and limits that dialling needs. */
export type Dialled = Pick<UpstreamSettings, "host" | "origin" | "tls" | "connectMs" | "protocol">;

export class UpstreamDialler {
  readonly #route: Dialled;
  readonly #clock: Clock;
  readonly #resolve: Resolve;
  /** Of the last TLS connection, so that the next handshake is short. */
  #session: Buffer | undefined;
  #preferred: { readonly address: string; readonly until: number } | undefined;

  constructor(route: Dialled, clock: Clock, resolve = resolveBySystem) {
    this.#route = route;
    this.#clock = clock;
    this.#resolve = resolve;
  }

  /**
   * A connected socket. `halfOpen`: its write side outlives the read side. Rejects with UnreachableError, with
   * StreamError("no-place") where it is this process that can make none, or with the signal's reason, and leaves
   * nothing behind then.
   */
  async dial(wanted: { readonly halfOpen: boolean; readonly signal?: AbortSignal }): Promise<Socket> {
    const { connectMs, origin } = this.#route;
    try {
      return await this.#clock.within(connectMs, wanted.signal, (signal) => this.#connected(wanted, signal));
    } catch (cause) {
      wanted.signal?.throwIfAborted();
      const name = printUpstreamAddress(origin);
      if (isOutOfDescriptors(cause))
        throw new StreamError("no-place", `no file descriptor is free for a connection to ${name}`, {
          cause,
        });
      const why =
        cause instanceof DeadlineError
          ? `${name} could not be reached within ${connectMs} ms`
          : `${name} could not be reached: ${messageOf(cause)}`;
      throw new UnreachableError(why, { cause });
    }
  }

  async #connected({ halfOpen }: { readonly halfOpen: boolean }, signal: AbortSignal): Promise<Socket> {
    const { origin, tls } = this.#route;
    const plain =
      origin.scheme === "unix"
        ? await toSocket(this.#connect({ path: origin.path, allowHalfOpen: halfOpen }), signal)
        : await this.#toName(origin.address, halfOpen, signal);
    if (origin.scheme !== "unix") plain.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    return readingOn(tls === undefined ? plain : await this.#secure(tls, plain, signal));
  }

  async #toName({ host, port }: HostPort, halfOpen: boolean, signal: AbortSignal): Promise<Socket> {
    const addresses = isIP(host) === 0 ? this.#preferredFirst(await this.#resolve(host)) : [host];
    signal.throwIfAborted();
    const connect = (to: string) => this.#connect({ host: to, port, allowHalfOpen: halfOpen });
    const { socket, address } = await dialAddresses({ clock: this.#clock, addresses, connect, signal });
    if (address !== addresses[0]) this.#preferred = { address, until: this.#clock.now() + PREFERRED_MS };
    return socket;
  }

  /** One that may be upgraded, or that carries TLS or HTTP/2, is read by its own stream. */
  #connect(to: NetConnectOpts): Socket {
    const { tls, protocol } = this.#route;
    const isOnlyRead = tls === undefined && protocol !== "http2" && to.allowHalfOpen !== true;
    return isOnlyRead ? connectReading(to) : connectPlain(to);
  }

  #preferredFirst(addresses: readonly string[]): readonly string[] {
    const preferred = this.#preferred;
    if (preferred === undefined || !addresses.includes(preferred.address)) return addresses;
    if (this.#clock.now() >= preferred.until) return addresses;
    return [preferred.address, ...addresses.filter((address) => address !== preferred.address)];
  }

  async #secure(tls: UpstreamTls, plain: Socket, signal: AbortSignal): Promise<TLSSocket> {
    const servername = serverNameOf(this.#route);
    const wanted = this.#route.protocol === "http2" ? "h2" : "http/1.1";
    const socket = connectTls({
      socket: plain,
      ALPNProtocols: [wanted],
      rejectUnauthorized: tls.verify,
      checkServerIdentity: (name, shown) => mayBe(this.#route, name, shown),
      ...(servername !== undefined && { servername }),
      ...(tls.authorities && { ca: tls.authorities.bytes }),
      ...(tls.client && { cert: tls.client.certificate.bytes, key: tls.client.privateKey.bytes }),
      ...(this.#session && { session: this.#session }),
    });
    socket.on("session", (session) => {
      this.#session = session;
    });
    socket.on("error", () => {});
    await ready(socket, "secureConnect", signal);
    if (wanted === "http/1.1" || socket.alpnProtocol === wanted) return socket;
    socket.destroy();
    throw new Error("it does not speak HTTP/2 (protocol of the route)");
  }
}

const toSocket = async (socket: Socket, signal: AbortSignal): Promise<Socket> => {
  // Whoever uses it listens too; between two users nobody does, and that must not be an uncaught error.
  socket.on("error", () => {});
  return await ready(socket, "connect", signal);
};

/** The socket is gone where this rejects. */
const ready = async <Made extends Socket>(
  socket: Made,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<Made> => {
  try {
    await once(socket, event, { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
};

/**
 * The name in the TLS greeting, and in the certificate: the one that is set, else the web server's own name, else, where
 * that is only an address, the name of the host it serves.
 * @internal
 */
export const serverNameOf = ({ tls, origin, host }: Dialled): string | undefined => {
  if (tls?.serverName !== undefined) return tls.serverName;
  if (origin.scheme !== "unix" && isIP(origin.address.host) === 0) return origin.address.host;
  return isHostPattern(host) || isIP(host) !== 0 || host.startsWith("[") ? undefined : host;
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
