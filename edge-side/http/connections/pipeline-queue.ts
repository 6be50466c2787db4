/**
 * Requests that came together on one connection of HTTP/1.1 (pipelining), one at a time: a request with effects may not
 * overtake the one before it (RFC 9112 section 9.3.2). While many bytes of heads wait nothing more is read of the connection; one
 * that sends more than its share ahead is ended, and so is one for whose heads there is no room beside those of all connections.
 */
import type { Socket } from "node:net";
import type { LimitName } from "../../../protocol/daemon/limit-log.ts";
import { Fifo } from "../../../protocol/runtime/fifo.ts";
import type { Lease } from "../../../protocol/runtime/memory-budget.ts";

/** Requests that may wait on one connection. @internal */
export const MOST_WAITING = 256;
/** What one takes while it waits, beside the bytes of its head: node's objects for it and for its response. @internal */
export const REQUEST_BYTES = 4 * 1024;
/** Bytes of requests that may wait on all connections together. */
export const MOST_WAITING_IN_ALL_BYTES = 64 * 1024 * 1024;

/** Bytes of requests that may wait on one connection before it is read no further; what was read with them comes on top. @internal */
export const MOST_WAITING_BYTES = 64 * 1024;

type Turn = (done: () => void) => void;

interface Waiting {
  readonly turn: Turn;
  readonly bytes: number;
}

/** What a connection has to do: a request is under way, or none is any more. */
export interface Attendance {
  busy(): void;
  rested(): void;
  /** What ends a request that is under way when the edge stops waiting for it, so that its response does not look complete. */
  cutBy(cut: () => void): void;
}

/** What a queue tells of its connection. */
export interface PipelineEvents {
  /** Undefined: nobody asks whether a request is under way. */
  readonly attendance: Pick<Attendance, "busy" | "rested"> | undefined;
  /** The connection was ended because of a limit. */
  ended(limit: LimitName): void;
}

export class PipelineQueue {
  readonly #socket: Socket;
  readonly #events: PipelineEvents;
  readonly #waiting = new Fifo<Waiting>();
  /** Of what all connections may have waiting. */
  readonly #lease: Lease;
  readonly #resume: () => void;
  #paused = false;
  #running = false;
  #closed = false;

  constructor(socket: Socket, events: PipelineEvents, lease: Lease) {
    this.#socket = socket;
    this.#lease = lease;
    socket.once("close", () => lease.release());
    const resume = socket.resume.bind(socket);
    this.#resume = resume;
    // Node reads on by itself while it serves a request, once or twice for each, so that more would come than are done.
    socket.resume = () => (this.#paused ? socket : resume());
    this.#events = events;
  }

  get busy(): boolean {
    return this.#running;
  }

  /** Runs `turn` when those before it are done; it says so by calling what it is given. `bytes`: of its head, as it waits. */
  take(turn: Turn, bytes = 0): void {
    if (this.#closed || this.#socket.destroyed) return;
    if (!this.#running) {
      this.#running = true;
      this.#events.attendance?.busy();
      return this.#run(turn);
    }
    if (this.#waiting.length >= MOST_WAITING) return this.#end("requests that wait on a connection");
    const waiting = { turn, bytes: REQUEST_BYTES + bytes };
    if (!this.#lease.grow(waiting.bytes)) return this.#end("requests that wait on all connections");
    this.#waiting.push(waiting);
    this.#flow();
  }

  /** Runs `last` after those that are here, and nothing after it. */
  close(last: () => void): void {
    this.take(() => last());
    this.#closed = true;
  }

  #next(): void {
    const next = this.#waiting.shift();
    this.#running = next !== undefined;
    if (next === undefined) return this.#events.attendance?.rested();
    if (this.#socket.destroyed) return;
    this.#lease.shrink(next.bytes);
    this.#flow();
    this.#run(next.turn);
  }

  #run(turn: Turn): void {
    let over = false;
    turn(() => {
      if (over) return;
      over = true;
      this.#next();
    });
  }

  #end(limit: LimitName): void {
    this.#events.ended(limit);
    this.#socket.destroy();
  }

  #flow(): void {
    const pause = this.#lease.bytes > MOST_WAITING_BYTES;
    if (pause) this.#socket.pause();
    else if (this.#paused) this.#resume();
    this.#paused = pause;
  }
}
