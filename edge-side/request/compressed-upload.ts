/**
 * A visitor's body that leaves compressed as it comes: flushed whenever the visitor pauses, in segments that the origin side
 * proves before the web server sees them, and no faster than the link takes it. SPEC section "Request bodies".
 */
import { SegmentedBody, type SegmentSink } from "../../protocol/codec/segment-writer.ts";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { Inbox, LATE } from "../../protocol/runtime/async-queue.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { LentEncoder } from "./compressor-pool.ts";

/**
 * Silence of the visitor that counts as a pause. Flushed at each packet of 1448 bytes, as on a slow line, prose takes 12 %
 * more, proofs included, and rows of JSON 28 %; at each third one 2 and 8 %.
 * @internal
 */
export const PAUSE_MS = 1;
/** A visitor of whose body this much waits for the compressor is fed no more. @internal */
export const MOST_WAITING_BYTES = 64 * 1024;

const NO_TRAILERS: HeaderList = [];

/** The request half of an exchange, as this needs it. */
export interface UploadTarget {
  /** False when the sender should wait for `roomForBody`. */
  sendBody(bytes: Uint8Array): boolean;
  segment(proof: string): void;
  endBody(how: "complete" | "closed", trailers: HeaderList): void;
  roomForBody: () => void;
  /** The compressor failed. */
  cancel(code: "internal"): void;
}

export class CodedUpload {
  readonly #target: UploadTarget;
  readonly #clock: Clock;
  readonly #lent: LentEncoder;
  readonly #waiting = new Inbox<Buffer | HeaderList>();
  /** Called when more may be pushed after `push` gave false. */
  readonly #room: () => void;
  #waitingBytes = 0;
  #over = false;

  constructor(target: UploadTarget, lent: LentEncoder, given: { readonly clock: Clock; room(): void }) {
    this.#target = target;
    this.#clock = given.clock;
    this.#lent = lent;
    this.#room = given.room;
    target.roomForBody = () => {};
    const sink: SegmentSink = {
      data: (coded) => this.#send(coded),
      segment: (proof) => this.#over || target.segment(proof),
    };
    void this.#run(new SegmentedBody(sink, lent.encoder));
  }

  /** False when the sender should wait for room. */
  push(piece: Buffer): boolean {
    if (this.#over) return true;
    this.#waitingBytes += piece.length;
    this.#waiting.push(piece);
    return this.#waitingBytes < MOST_WAITING_BYTES;
  }

  /** After `complete` the rest leaves in its own time; `closed` ends at once. */
  end(how: "complete" | "closed", trailers: HeaderList): void {
    if (this.#over) return;
    if (how === "complete") return this.#waiting.push(trailers);
    this.stop();
    this.#target.endBody("closed", NO_TRAILERS);
  }

  /** Nothing more is sent. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#lent.encoder.destroy();
    this.#waiting.fail(STOPPED);
    this.#target.roomForBody();
  }

  async #run(body: SegmentedBody): Promise<void> {
    try {
      for (;;) {
        const next = await this.#next(body);
        if (!Buffer.isBuffer(next)) {
          await body.finish();
          if (!this.#over) this.#target.endBody("complete", next);
          this.#over = true;
          return;
        }
        await body.write(next);
        this.#taken(next.length);
      }
    } catch {
      // Stopped, mostly; else the compressor failed, and half a body must not look like a whole one.
      if (!this.#over) this.#target.cancel("internal");
    }
  }

  async #next(body: SegmentedBody): Promise<Buffer | HeaderList> {
    const next = await this.#waiting.nextWithin(this.#clock, PAUSE_MS);
    if (next !== LATE) return next;
    await body.mark();
    return this.#waiting.next();
  }

  #taken(bytes: number): void {
    const full = this.#waitingBytes >= MOST_WAITING_BYTES;
    this.#waitingBytes -= bytes;
    if (full && this.#waitingBytes < MOST_WAITING_BYTES && !this.#over) this.#room();
  }

  async #send(coded: Buffer): Promise<void> {
    if (this.#over || this.#target.sendBody(coded)) return;
    await new Promise<void>((resolve) => {
      this.#target.roomForBody = resolve;
    });
  }
}

const STOPPED = new Error("the upload was given up");
