/**
 * Requests that came together on one connection of HTTP/1.1 (pipelining), one at a time: a request with effects may not
 * overtake the one before it (RFC 9112 section 9.3.2). A connection that sends more than its share ahead is ended.
 */
import type { Socket } from "node:net";

/** Requests that may wait on one connection; each costs some kilobytes before it is looked at. @internal */
export const MOST_WAITING = 256;

type Turn = (done: () => void) => void;

export class PipelineQueue {
  readonly #socket: Socket;
  readonly #waiting: Turn[] = [];
  #running = false;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get busy(): boolean {
    return this.#running;
  }

  /** Runs `turn` when those before it are done; it says so by calling what it is given. */
  take(turn: Turn): void {
    if (this.#closed || this.#socket.destroyed) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#socket.destroy();
      return;
    }
    this.#waiting.push(turn);
    if (!this.#running) this.#next();
  }

  /** Runs `last` after those that are here, and nothing after it. */
  close(last: () => void): void {
    this.take(() => last());
    this.#closed = true;
  }

  #next(): void {
    const turn = this.#waiting.shift();
    this.#running = turn !== undefined;
    if (turn === undefined || this.#socket.destroyed) return;
    let over = false;
    turn(() => {
      if (over) return;
      over = true;
      this.#next();
    });
  }
}
