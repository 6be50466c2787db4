/**
 * Requests that came together on one connection of HTTP/1.1 (pipelining), one at a time: a request with effects may not
 * overtake the one before it (RFC 9112 section 9.3.2). While many bytes of heads wait nothing more is read of the connection; one
 * that sends more than its share ahead is ended.
 */
import type { Socket } from "node:net";
import { Fifo } from "../../protocol/runtime/fifo.ts";

/** Requests that may wait on one connection; each costs some kilobytes before it is looked at. @internal */
export const MOST_WAITING = 256;

/** Bytes of heads that may wait on one connection before it is read no further; what was read with them comes on top. @internal */
export const MOST_WAITING_BYTES = 64 * 1024;

type Turn = (done: () => void) => void;

interface Waiting {
  readonly turn: Turn;
  readonly bytes: number;
}

/** What a connection has to do: something, or nothing any more. */
export interface PipelineEvents {
  busy(): void;
  rested(): void;
}

export class PipelineQueue {
  readonly #socket: Socket;
  readonly #events: PipelineEvents;
  readonly #waiting = new Fifo<Waiting>();
  #waitingBytes = 0;
  #paused = false;
  #running = false;
  #closed = false;

  constructor(socket: Socket, events: PipelineEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  get busy(): boolean {
    return this.#running;
  }

  /** Runs `turn` when those before it are done; it says so by calling what it is given. `bytes`: of its head, as it waits. */
  take(turn: Turn, bytes = 0): void {
    if (this.#closed || this.#socket.destroyed) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#socket.destroy();
      return;
    }
    this.#waiting.push({ turn, bytes });
    this.#waitingBytes += bytes;
    if (!this.#running) {
      this.#events.busy();
      this.#next();
    }
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
    if (next === undefined) return this.#events.rested();
    if (this.#socket.destroyed) return;
    this.#waitingBytes -= next.bytes;
    this.#flow();
    let over = false;
    next.turn(() => {
      if (over) return;
      over = true;
      this.#next();
    });
  }

  /** Paused again for each head that comes nevertheless: node reads on by itself when a response is over. */
  #flow(): void {
    const pause = this.#waitingBytes > MOST_WAITING_BYTES;
    if (pause) this.#socket.pause();
    else if (this.#paused) this.#socket.resume();
    this.#paused = pause;
  }
}
