/**
 * The body of a visitor's request, between its connection and whoever asks for it piece by piece. Asking is the flow control:
 * while nobody asks, no more is read of the connection than MOST_AHEAD_BYTES and one piece. Until the web server is known to have
 * the request, a small body is kept for another link. SPEC sections "Visitors" and "Choosing a link".
 */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import { PIECE_BYTES, PieceMerger } from "../../protocol/runtime/piece-merger.ts";
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

/** Bytes of a body that are kept for another link; a longer one goes to one link only. @internal */
export const MOST_KEPT_BYTES = 64 * 1024;

/** What was given out, or came while nobody asked. */
interface Kept {
  readonly pieces: Buffer[];
  readonly merger: PieceMerger;
  readonly lease: Lease;
  bytes: number;
}

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
  #kept: Kept | undefined;
  #ended: HeaderList | undefined;
  /** `arrived`: all of it is here. `closed`: nobody asks any more, and what still comes is dropped. */
  #phase: "reading" | "resting" | "arrived" | "closed" = "reading";
  /** The connection rested when the exchange ended. */
  #rested = false;

  constructor(connection: UploadConnection) {
    this.#connection = connection;
  }

  /** Bytes that were given out. */
  get bytes(): number {
    return this.#givenBytes;
  }

  /** All that was read of it is still here. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  // For who asks.

  /** What is given out from now on is kept, so that another exchange may ask for it, within the bound and this lease. */
  keep(lease: Lease): void {
    this.#kept = { pieces: [], merger: new PieceMerger(), lease, bytes: 0 };
  }

  /** No other exchange will ask for it. */
  forget(): void {
    this.#kept?.lease.release();
    this.#kept = undefined;
  }

  /** What is here already, and comes next; undefined: nothing is, or nothing will come. */
  take(): Buffer | UploadEnd | undefined {
    if (this.#phase === "closed") return undefined;
    const next = this.#given(this.#waiting.take());
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
    return next === LATE ? undefined : this.#given(next);
  }

  /** As `next`, but LATE where nothing has come after `ms`. */
  async nextWithin(clock: Clock, ms: number): Promise<Buffer | UploadEnd | undefined | typeof LATE> {
    const here = this.take();
    if (here !== undefined || this.#phase === "closed") return here;
    const next = await this.#waiting.nextWithin(clock, ms);
    // The wait may have been ended by `#close`, which has changed the phase meanwhile.
    if (next === LATE) return this.#isClosed ? undefined : LATE;
    return this.#given(next);
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
    this.forget();
    this.#close();
    if (comes) this.#connection.dropBody();
  }

  /** The exchange has ended, and nobody asks for it any more. */
  lost(): void {
    this.#rested = this.#phase === "resting";
    this.#close();
    this.#connection.bodyLost();
  }

  // For the connection.

  /** The request goes to another exchange; of its body has come what was kept, and perhaps its end. False: nothing more comes. */
  begin(): boolean {
    if (this.#phase !== "closed") return this.#ended === undefined;
    this.#phase = "reading";
    this.#givenBytes = 0;
    for (const piece of this.#kept?.pieces ?? []) this.#waiting.push(piece);
    this.forget();
    if (this.#ended !== undefined) this.end(this.#ended);
    else if (this.#rested) this.#connection.readBody();
    return this.#ended === undefined;
  }

  push(piece: Buffer): void {
    if (this.#phase === "closed") return this.#keep(piece);
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

  /** It is given out: counted, and kept where it may be asked for again. */
  #given<Item extends Buffer | UploadEnd | undefined>(item: Item): Item {
    if (!Buffer.isBuffer(item)) return item;
    this.#givenBytes += item.length;
    this.#keep(item);
    return item;
  }

  #keep(piece: Buffer): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const { pieces, merger, lease } = kept;
    const last = pieces.at(-1);
    const merged = last && merger.merged(last, piece);
    kept.bytes += piece.length;
    if (kept.bytes > MOST_KEPT_BYTES || !lease.grow(merged ? piece.length : piece.length + PIECE_BYTES))
      return this.forget();
    if (merged) pieces[pieces.length - 1] = merged;
    else pieces.push(piece);
  }

  #close(): void {
    this.#phase = "closed";
    while (this.#waiting.length > 0) {
      const unread = this.#waiting.take();
      if (Buffer.isBuffer(unread)) this.#keep(unread);
    }
    this.#waiting.interrupt();
  }
}
