/**
 * Bodies between a link and a web server, pulled piece by piece up to an end. What nobody pulls holds its source back, so
 * memory is bounded by the slowest of both ends.
 */

import type { HeaderList } from "../http/header-list.ts";
import { AsyncQueue } from "../runtime/async-queue.ts";

/** A body of which this much waits to be pulled is paused at its socket. @internal */
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

/**
 * A response body, pulled once: pieces, then its end. A pull says that the piece before it is done with; until then that one
 * counts as waiting. Pulling throws StreamError when the web server failed.
 */
export class UpstreamBody extends AsyncQueue<Buffer | BodyEnd> {
  readonly #source: BodySource;
  #waitingBytes = 0;
  /** Of the piece that was pulled last. */
  #inHandBytes = 0;
  #isHere = false;

  constructor(source: BodySource) {
    super();
    this.#source = source;
  }

  /** Its end has come, though what is before it may not have been pulled. */
  get isHere(): boolean {
    return this.#isHere;
  }

  /** For its producers. */
  get arrived(): this {
    return this;
  }

  override push(next: Buffer | BodyEnd): void {
    const flowed = this.#waitingBytes <= BODY_QUEUE_BYTES;
    if (Buffer.isBuffer(next)) this.#waitingBytes += next.length;
    else this.#isHere = true;
    super.push(next);
    if (flowed && this.#waitingBytes > BODY_QUEUE_BYTES) this.#source.pause();
  }

  override take(): Buffer | BodyEnd | undefined {
    if (this.#inHandBytes > 0) this.#giveBack();
    const next = super.take();
    if (Buffer.isBuffer(next)) this.#inHandBytes = next.length;
    return next;
  }

  #giveBack(): void {
    const paused = this.#waitingBytes > BODY_QUEUE_BYTES;
    this.#waitingBytes -= this.#inHandBytes;
    this.#inHandBytes = 0;
    if (paused && this.#waitingBytes <= BODY_QUEUE_BYTES) this.#source.resume();
  }
}
