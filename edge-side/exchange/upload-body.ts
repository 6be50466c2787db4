/**
 * The body of a visitor's request, between its connection and whoever asks for it piece by piece. Asking is the flow control:
 * while nobody asks, no more is read of the connection than MOST_AHEAD_BYTES and one piece. SPEC section "Visitors".
 */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { PieceQueue } from "../../protocol/runtime/piece-queue.ts";

/** The body is complete. */
export interface UploadEnd {
  /** Clean already. */
  readonly trailers: HeaderList;
}

/** A visitor's connection, as the body that comes from it needs it. */
export interface UploadConnection {
  /** The next piece is wanted: reads on, and from now on waits for the visitor. */
  readBody(): void;
  /** None is wanted for now: reads nothing, and does not wait for the visitor. */
  restBody(): void;
  /** Nobody wants the rest, and the connection may be used again: reads it and drops it. */
  dropBody(): void;
  /** The exchange that the body went to has ended early. The request may go to another one that asks for the body anew. */
  bodyLost(): void;
}

/** Bytes that may wait here; where more do, the connection rests. @internal */
export const MOST_AHEAD_BYTES = 64 * 1024;

/** Of a request that has none. */
export const noBody = (): UploadBody => {
  const body = new UploadBody({ readBody() {}, restBody() {}, dropBody() {}, bodyLost() {} });
  body.end([]);
  return body;
};

export class UploadBody {
  readonly #connection: UploadConnection;
  readonly #waiting = new PieceQueue<Buffer, UploadEnd>();
  #givenBytes = 0;
  #ended: HeaderList | undefined;
  /** `arrived`: all of it is here. `closed`: nobody asks any more, and what still comes is dropped. */
  #phase: "reading" | "resting" | "arrived" | "closed" = "reading";

  constructor(connection: UploadConnection) {
    this.#connection = connection;
  }

  /** Bytes that were given out. */
  get bytes(): number {
    return this.#givenBytes;
  }

  // For who asks.

  /** What is here already, and comes next; undefined: nothing is, or nothing will come. */
  take(): Buffer | UploadEnd | undefined {
    if (this.#phase === "closed") return undefined;
    const next = this.#options(this.#waiting.take());
    if (this.#phase === "resting" && this.#waiting.costBytes <= MOST_AHEAD_BYTES) {
      this.#phase = "reading";
      this.#connection.readBody();
    }
    return next;
  }

  /** The next piece, or the end; undefined once nobody is to ask any more. One call at a time. */
  async next(): Promise<Buffer | UploadEnd | undefined> {
    const here = this.take();
    if (here !== undefined || this.#phase === "closed") return here;
    const next = await this.#waiting.nextUnlessInterrupted();
    return next === LATE ? undefined : this.#options(next);
  }

  /** As `next`, but LATE where nothing has come after `ms`. */
  async nextWithin(clock: Clock, ms: number): Promise<Buffer | UploadEnd | undefined | typeof LATE> {
    const here = this.take();
    if (here !== undefined || this.#phase === "closed") return here;
    const next = await this.#waiting.nextWithin(clock, ms);
    // The wait may have been ended by `#close`, which has changed the phase meanwhile.
    if (next === LATE) return this.#isClosed ? undefined : LATE;
    return this.#options(next);
  }

  /** Nobody will ask for a while. The next time somebody asks, it goes on. */
  rest(): void {
    if (this.#phase !== "reading") return;
    this.#phase = "resting";
    this.#connection.restBody();
  }

  /** Nobody wants the rest: the origin side has said so. */
  drop(): void {
    const comes = this.#phase !== "arrived" && this.#phase !== "closed";
    this.#close();
    if (comes) this.#connection.dropBody();
  }

  /** The exchange has ended, and nobody asks for it any more. */
  lost(): void {
    this.#close();
    this.#connection.bodyLost();
  }

  // For the connection.

  /** The request goes to another exchange. Nothing of its body has come so far, but perhaps that there is none. */
  begin(): void {
    if (this.#phase !== "closed") return;
    this.#phase = "reading";
    if (this.#ended !== undefined) this.end(this.#ended);
  }

  push(piece: Buffer): void {
    if (this.#phase === "closed") return;
    this.#waiting.push(piece);
    if (this.#waiting.costBytes > MOST_AHEAD_BYTES) this.rest();
  }

  end(trailers: HeaderList): void {
    this.#ended = trailers;
    if (this.#phase === "closed") return;
    this.#phase = "arrived";
    this.#waiting.push({ trailers });
  }

  get #isClosed(): boolean {
    return this.#phase === "closed";
  }

  #options<Item extends Buffer | UploadEnd | undefined>(item: Item): Item {
    if (!Buffer.isBuffer(item)) return item;
    this.#givenBytes += item.length;
    return item;
  }

  #close(): void {
    this.#phase = "closed";
    while (this.#waiting.length > 0) this.#waiting.take();
    this.#waiting.interrupt();
  }
}
