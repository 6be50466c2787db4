/**
 * Bodies between a link and a web server, pulled piece by piece up to an end. What nobody pulls holds its source back, so
 * memory is bounded by the slowest of both ends.
 */

import type { HeaderList } from "../http/header-list.ts";
import { PieceQueue } from "../runtime/piece-queue.ts";

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

/** The first `bytes` of what a visitor sends: what follows is no HTTP, and read once the exchange is upgraded. */
export class BodyBeforeUpgrade implements RequestBody {
  readonly #sent: RequestBody;
  #left: number;

  constructor(sent: RequestBody, bytes: number) {
    this.#sent = sent;
    this.#left = bytes;
  }

  async next(): Promise<Uint8Array | BodyEnd> {
    if (this.#left <= 0) return { how: "complete", trailers: [] };
    const next = await this.#sent.next();
    if (next instanceof Uint8Array) this.#left -= next.length;
    return next;
  }

  taken(bytes: number): void {
    this.#sent.taken(bytes);
  }
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
export class UpstreamBody extends PieceQueue<Buffer, BodyEnd> {
  readonly #source: BodySource;
  /** What the piece that was pulled last counts for. */
  #inHand = 0;
  #paused = false;
  /** Pulled by `ahead`, and to be pulled again. */
  #ahead: Buffer | BodyEnd | undefined;
  /** Its end has come, though what is before it may not have been pulled. Written here alone. */
  isHere = false;

  constructor(source: BodySource) {
    super();
    this.#source = source;
  }

  override push(next: Buffer | BodyEnd): void {
    if (!Buffer.isBuffer(next)) this.isHere = true;
    super.push(next);
    this.#flow();
  }

  /** What the next pull gives, once it is here; it stays to be pulled. */
  async ahead(): Promise<Buffer | BodyEnd> {
    const next = await this.next();
    this.#ahead = next;
    return next;
  }

  override take(): Buffer | BodyEnd | undefined {
    const ahead = this.#ahead;
    if (ahead !== undefined) {
      this.#ahead = undefined; // its bytes count as in hand already
      return ahead;
    }
    this.#inHand = 0;
    const before = this.costBytes;
    const next = super.take();
    this.#inHand = before - this.costBytes;
    this.#flow();
    return next;
  }

  #flow(): void {
    const pause = this.costBytes + this.#inHand > BODY_QUEUE_BYTES;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#source.pause();
    else this.#source.resume();
  }
}
