/**
 * Every connection of a visitor, over all listeners. When there are as many as there may be, the one that has been without a request
 * for longest makes room for a new one; while all are busy the new one is closed. When the edge stops, one without a request stays
 * readable for a while: HTTP/1.1 has no word for a connection that ends, and a request may be under way to it.
 */
import type { Socket } from "node:net";
import { runsOn } from "../../protocol/http/break-off.ts";
import type { Clock, Timer } from "../../protocol/runtime/clock.ts";
import { descriptorOf } from "../../protocol/runtime/descriptors.ts";
import { endsOf } from "../../protocol/runtime/ip-address.ts";
import { TurnoverMap } from "../../protocol/runtime/turnover.ts";
import type { Attendance } from "./connections/pipeline-queue.ts";
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

/** One of a visitor, and what its requests are told to: whether any is under way. */
class Connection implements Attendance {
  readonly ends: string;
  /** As it was accepted. */
  readonly accepted: Socket;
  /** What requests are read of; over TLS another socket. */
  socket: Socket;
  session: Http2Session | undefined;
  /** Of `socket`, when its last request was over: more is the beginning of another. */
  bytesRead = 0;
  leaves: Timer | undefined;
  /** Its key among those without a request; undefined while it has one. */
  idleNumber: number | undefined;
  /** Undefined: the crowd knows it no more. */
  crowd: Pick<Crowd, "busy" | "rest"> | undefined;
  #cutRequest = () => {};

  constructor(ends: string, socket: Socket, crowd: Connection["crowd"]) {
    this.ends = ends;
    this.accepted = socket;
    this.socket = socket;
    this.crowd = crowd;
  }

  busy(): void {
    this.crowd?.busy(this);
  }

  rested(): void {
    this.crowd?.rest(this);
  }

  cutBy(cut: () => void): void {
    this.#cutRequest = cut;
  }

  /** Closes it at once, whatever is under way on it. */
  cut(): void {
    if (this.idleNumber === undefined) this.#cutRequest();
    this.accepted.destroy();
  }
}

export class Crowd {
  readonly #options: CrowdOptions;
  /** By `endsOf`: a TLS socket is another one than was accepted. */
  readonly #connections = new Map<string, Connection>();
  /** Those without a request, the longest first. They come and go with every request: numbers are looked up sooner than texts. */
  readonly #idle = new TurnoverMap<number, Connection>();
  #lastIdleNumber = 0;
  /** So many there may be while one of them has a descriptor beyond those for visitors: as many as there were then. */
  #mostNow = Number.POSITIVE_INFINITY;
  readonly #beyond = new Set<Socket>();
  draining = false;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** A connection was accepted; it is closed where there is no room for it. */
  join(socket: Socket): void {
    if (!this.#hasRoom(socket)) {
      socket.destroy();
      return;
    }
    const ends = endsOf(socket);
    const connection = new Connection(ends, socket, this);
    this.#connections.set(ends, connection);
    this.rest(connection);
    socket.once("close", () => this.#remove(connection));
  }

  /** Its handshake is over. */
  secured(socket: Socket, session?: Http2Session): void {
    const connection = this.#connections.get(endsOf(socket));
    if (connection === undefined) return;
    connection.socket = socket;
    runsOn(socket, connection.accepted);
    connection.session = session;
    if (this.draining) session?.drain();
    this.rest(connection);
  }

  /** Whom to tell of the requests of this connection; undefined where it has gone. */
  attendanceOf(socket: Socket): Attendance | undefined {
    return this.#connections.get(endsOf(socket));
  }

  /** For connections. */
  busy(connection: Connection): void {
    this.#leaveIdle(connection);
    connection.leaves?.cancel();
  }

  /** For connections. */
  rest(connection: Connection): void {
    if (connection.idleNumber === undefined) {
      connection.idleNumber = ++this.#lastIdleNumber;
      this.#idle.set(connection.idleNumber, connection);
    }
    connection.bytesRead = connection.socket.bytesRead;
    if (this.draining) this.#leaveSoon(connection);
  }

  /** Connections end when they have been without a request for GRACE_MS. */
  drain(): void {
    this.draining = true;
    for (const { session } of this.#connections.values()) session?.drain();
    for (const connection of this.#idle.values()) {
      // The header of the PROXY protocol is not the beginning of a request.
      if (isSilent(connection.socket)) connection.bytesRead = connection.socket.bytesRead;
      this.#leaveSoon(connection);
    }
  }

  /** All connections are closed at once, whatever is under way on them. */
  cut(): void {
    for (const connection of this.#connections.values()) connection.cut();
  }

  #leaveIdle(connection: Connection): void {
    if (connection.idleNumber === undefined) return;
    this.#idle.delete(connection.idleNumber);
    connection.idleNumber = undefined;
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

  #remove(connection: Connection): void {
    connection.leaves?.cancel();
    connection.crowd = undefined;
    // One that was lost before it was taken up has no addresses, like others.
    if (this.#connections.get(connection.ends) === connection) this.#connections.delete(connection.ends);
    this.#leaveIdle(connection);
  }

  #hasRoom(socket: Socket): boolean {
    const { most, mostDescriptors = Number.POSITIVE_INFINITY, full } = this.#options;
    const { size } = this.#connections;
    if (descriptorOf(socket) >= mostDescriptors) this.#keepAt(size, socket);
    if (size < Math.min(most, this.#mostNow)) return true;
    const [longest] = this.#idle.values();
    full(size < most ? "descriptors" : "limits.visitors", longest === undefined ? "new" : "idle");
    if (longest === undefined) return false;
    longest.accepted.destroy();
    this.#remove(longest);
    return true;
  }
}
