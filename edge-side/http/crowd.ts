/**
 * Every connection of a visitor, over all listeners. When there are as many as there may be, the one that has been without a request
 * for longest makes room for a new one; while all are busy the new one is closed.
 */
import type { Socket } from "node:net";
import type { Http2Session } from "./http2-session.ts";
import { isSilent } from "./parser/proxied-connections.ts";

export interface CrowdOptions {
  readonly most: number;
  /** A connection was closed, or not taken, because there are `most`. */
  full(closed: "idle" | "new"): void;
}

export class Crowd {
  readonly #options: CrowdOptions;
  readonly #sockets = new Map<string, Socket>();
  /** Without a request, the longest first; by both ends' addresses, which a TLS socket has of the one that it wraps. */
  readonly #idle = new Set<string>();
  readonly #sessions = new Set<Http2Session>();
  draining = false;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  join(socket: Socket): void {
    if (this.draining || !this.#hasRoom()) {
      socket.destroy();
      return;
    }
    const name = nameOf(socket);
    this.#sockets.set(name, socket);
    this.#idle.add(name);
    socket.once("close", () => {
      if (this.#sockets.get(name) !== socket) return;
      this.#sockets.delete(name);
      this.#idle.delete(name);
    });
  }

  /** A request of this connection is under way. */
  busy(socket: Socket): void {
    this.#idle.delete(nameOf(socket));
  }

  /** None is any more. */
  rested(socket: Socket): void {
    const name = nameOf(socket);
    if (this.#sockets.has(name)) this.#idle.add(name);
  }

  speaksHttp2(socket: Socket, session: Http2Session): void {
    this.#sessions.add(session);
    socket.once("close", () => this.#sessions.delete(session));
  }

  drain(): void {
    this.draining = true;
    for (const session of this.#sessions) session.drain();
    // One that has never said anything is idle, though node waits for its first request.
    for (const socket of this.#sockets.values()) if (isSilent(socket)) socket.destroy();
  }

  cut(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #hasRoom(): boolean {
    if (this.#sockets.size < this.#options.most) return true;
    const [longest] = this.#idle;
    this.#options.full(longest === undefined ? "new" : "idle");
    if (longest === undefined) return false;
    this.#sockets.get(longest)?.destroy();
    this.#sockets.delete(longest);
    this.#idle.delete(longest);
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
