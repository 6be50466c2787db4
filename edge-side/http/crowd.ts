/**
 * Every connection of a visitor, over all listeners. When there are as many as there may be, the one that has been without a request
 * for longest makes room for a new one; while all are busy the new one is closed. When the edge stops, one without a request stays
 * readable for a while: HTTP/1.1 has no word for a connection that ends, and a request may be under way to it.
 */
import type { Socket } from "node:net";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import { descriptorOf } from "../../protocol/runtime/descriptors.ts";
import type { Http2Session } from "./http2-session.ts";
import { GRACE_MS } from "./linger.ts";
import { isSilent } from "./parser/proxied-connections.ts";

export interface CrowdOptions {
  readonly clock: Clock;
  readonly most: number;
  /** Of the process, descriptors; those above are kept for links, web servers and files. */
  readonly mostDescriptors?: number;
  /** A connection was closed, or not taken, because there are `most`, or no more descriptors. */
  full(limit: "limits.visitors" | "descriptors", closed: "idle" | "new"): void;
}

interface Connection {
  /** As it was accepted. */
  readonly accepted: Socket;
  /** What requests are read of; over TLS another socket. */
  socket: Socket;
  session: Http2Session | undefined;
  /** Of `socket`, when its last request was over: more is the beginning of another. */
  bytesRead: number;
  leaves: Timer | undefined;
}

export class Crowd {
  readonly #options: CrowdOptions;
  /** By both ends' addresses, which a TLS socket has of the one that it wraps. */
  readonly #connections = new Map<string, Connection>();
  /** Names of those without a request, the longest first. */
  readonly #idle = new Set<string>();
  /** So many there may be while one of them has a descriptor beyond those for visitors: as many as there were then. */
  #mostNow = Number.POSITIVE_INFINITY;
  readonly #beyond = new Set<Socket>();
  draining = false;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  join(socket: Socket): void {
    if (!this.#hasRoom(socket)) {
      socket.destroy();
      return;
    }
    const name = nameOf(socket);
    const connection = { accepted: socket, socket, session: undefined, bytesRead: 0, leaves: undefined };
    this.#connections.set(name, connection);
    this.#rest(name, connection);
    socket.once("close", () => {
      if (this.#connections.get(name) === connection) this.#remove(name, connection);
    });
  }

  /** Its handshake is over. */
  secured(socket: Socket, session?: Http2Session): void {
    const name = nameOf(socket);
    const connection = this.#connections.get(name);
    if (connection === undefined) return;
    connection.socket = socket;
    connection.session = session;
    if (this.draining) session?.drain();
    this.#rest(name, connection);
  }

  /** A request of this connection is under way. */
  busy(socket: Socket): void {
    const name = nameOf(socket);
    this.#idle.delete(name);
    this.#connections.get(name)?.leaves?.cancel();
  }

  /** None is any more. */
  rested(socket: Socket): void {
    const name = nameOf(socket);
    const connection = this.#connections.get(name);
    if (connection !== undefined) this.#rest(name, connection);
  }

  /** Connections end when they have been without a request for GRACE_MS. */
  drain(): void {
    this.draining = true;
    for (const { session } of this.#connections.values()) session?.drain();
    for (const name of this.#idle) {
      const connection = this.#connections.get(name);
      if (connection === undefined) continue;
      // The header of the PROXY protocol is not the beginning of a request.
      if (isSilent(connection.socket)) connection.bytesRead = connection.socket.bytesRead;
      this.#leaveSoon(connection);
    }
  }

  cut(): void {
    for (const { accepted } of this.#connections.values()) accepted.destroy();
  }

  #rest(name: string, connection: Connection): void {
    this.#idle.add(name);
    connection.bytesRead = connection.socket.bytesRead;
    if (this.draining) this.#leaveSoon(connection);
  }

  #leaveSoon(connection: Connection): void {
    // A session has a word for its end, and sees to it.
    if (connection.session !== undefined) return;
    connection.leaves?.cancel();
    connection.leaves = this.#options.clock.after(GRACE_MS, () => {
      // Timers run before sockets are read: a request that lies in one is read first.
      setImmediate(() => {
        const { socket, bytesRead } = connection;
        if (socket.bytesRead === bytesRead) socket.destroySoon();
      });
    });
  }

  #keepAt(size: number, socket: Socket): void {
    this.#mostNow = Math.min(this.#mostNow, size);
    this.#beyond.add(socket);
    socket.once("close", () => {
      this.#beyond.delete(socket);
      if (this.#beyond.size === 0) this.#mostNow = Number.POSITIVE_INFINITY;
    });
  }

  #remove(name: string, connection: Connection): void {
    connection.leaves?.cancel();
    this.#connections.delete(name);
    this.#idle.delete(name);
  }

  #hasRoom(socket: Socket): boolean {
    const { most, mostDescriptors = Number.POSITIVE_INFINITY, full } = this.#options;
    const { size } = this.#connections;
    if (descriptorOf(socket) >= mostDescriptors) this.#keepAt(size, socket);
    if (size < Math.min(most, this.#mostNow)) return true;
    const [longest] = this.#idle;
    full(size < most ? "descriptors" : "limits.visitors", longest === undefined ? "new" : "idle");
    const connection = longest === undefined ? undefined : this.#connections.get(longest);
    if (longest === undefined || connection === undefined) return false;
    connection.accepted.destroy();
    this.#remove(longest, connection);
    return true;
  }
}

/** Asked for with each request, and put together once. */
const NAMES = new WeakMap<Socket, string>();

const nameOf = (socket: Socket): string => {
  const known = NAMES.get(socket);
  if (known !== undefined) return known;
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  const name = `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
  NAMES.set(socket, name);
  return name;
};
