/**
 * Bodies between a link and a web server, as pieces that wait to be taken and then an end. What nobody takes holds its
 * source back, so memory is bounded by the slowest of both ends.
 */

import type { HeaderList } from "../http/header-list.ts";
import { Inbox } from "../runtime/async-queue.ts";

/** A body of which this much waits to be taken is paused at its socket. */
export const BODY_QUEUE_BYTES = 128 * 1024;

/** What a body ends with. */
export interface BodyEnd {
  /** `closed`: of a response, it had no length and ended with its connection; of a request, the visitor gave it up. */
  readonly how: "complete" | "closed";
  readonly trailers: HeaderList;
}

/** A request's body, read once. Waiting rejects with StreamError when the exchange is over. */
export interface RequestBody {
  next(): Promise<Uint8Array | BodyEnd>;
  /** The web server's socket has taken so many bytes. */
  taken(bytes: number): void;
}

/** Where a response body comes from. */
export interface BodySource {
  pause(): void;
  resume(): void;
}

/** A response body: pieces, then its end. Waiting rejects with StreamError when the origin fails. */
export class OriginBody {
  readonly arrived = new Inbox<Buffer | BodyEnd>();
  #waitingBytes = 0;
  readonly #source: BodySource;

  constructor(source: BodySource) {
    this.#source = source;
  }

  push(piece: Buffer): void {
    const flowed = this.#waitingBytes <= BODY_QUEUE_BYTES;
    this.#waitingBytes += piece.length;
    this.arrived.push(piece);
    if (flowed && this.#waitingBytes > BODY_QUEUE_BYTES) this.#source.pause();
  }

  /** To be called for each piece that was taken out of `arrived`. */
  taken(piece: Buffer): void {
    const paused = this.#waitingBytes > BODY_QUEUE_BYTES;
    this.#waitingBytes -= piece.length;
    if (paused && this.#waitingBytes <= BODY_QUEUE_BYTES) this.#source.resume();
  }
}
